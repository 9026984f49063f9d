"""`concentra example`: a small table of real counts to try the other commands on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from concentra.cli._options import Json, print_json

EXAMPLE = "Example: concentra example --out mice.csv"


def example(
    out: Annotated[Path, typer.Option(help="Where the table is written.")] = Path("mice.csv"),
    name: Annotated[str, typer.Option(help="Which of the tables of concentra.datasets.")] = "mouse_ageing",
    json: Json = False,
) -> None:
    """Write a small table of real counts, to try everything with. It holds young and old mice in eleven tissues."""
    from concentra.datasets import path
    from concentra.files import write_text

    write_text(out, path(name).read_text(encoding="utf-8"))
    if json:
        print_json({"table": str(out)})
    else:
        print(out)


COMMANDS = (example,)
