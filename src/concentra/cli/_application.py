"""The tree of commands."""

from __future__ import annotations

from importlib import import_module
from typing import Annotated

import typer

from concentra import __version__
from concentra.cli import heads

ORDER = (
    "analyze", "example", "power", "metrics", "count", "simulate", "doctor", "fetch", "reproduce", "verify", "steps",
    "paper",
)  # fmt: skip
"""The files of commands, in the order in which the help names them; groups of commands are after them."""
application = typer.Typer(
    name="concentra",
    help="How concentrated is a composition, does that change, and how confident can one be?",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _version(wanted: bool) -> None:
    if wanted:
        print(__version__)
        raise typer.Exit


@application.callback(epilog="`--debug` after any command shows the traceback of an error.")
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """How concentrated is a composition, does that change, and how confident can one be?"""


for name in ORDER:
    module = import_module(f"concentra.cli.{name}")
    for command in module.COMMANDS:
        example = getattr(module, "EXAMPLES", {}).get(command.__name__, module.EXAMPLE)
        application.command(epilog=example)(command)
application.add_typer(heads.application, name="heads")
