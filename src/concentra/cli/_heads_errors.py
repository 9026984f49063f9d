"""Errors of the library in the words of the command line: `--heads 0:3` where a script would write `heads=[(0, 3)]`."""

from __future__ import annotations

import inspect
import re
from ast import literal_eval
from collections.abc import Callable, Collection
from functools import wraps
from typing import Any

from concentra.errors import ConcentraError

ARGUMENT = re.compile(r"""\b([a-z_]+)=("[^"]*"|'[^']*'|\[[^\]]*\]|-?[\w.]+|)""")
OTHER_NAMES = {"n_sequences": "sequences", "max_cache_bytes": "cache_memory"}
"""Arguments whose options have other names."""
IN_PYTHON = re.compile(r"\b(sites|part|means|n_groups|prefix_cache|variants_per_pass)=")
"""Arguments that have no option."""


def in_options(command: Callable[..., None]) -> Callable[..., None]:
    """The same command, whose errors name its options."""
    names = frozenset(inspect.signature(command).parameters)

    @wraps(command)
    def told(*arguments: Any, **options: Any) -> None:
        try:
            command(*arguments, **options)
        except ConcentraError as error:
            found, expected, fix = (
                as_options(text, names) for text in (error.found, error.expected, error.fix)
            )
            fix = f"in Python, {fix}" if IN_PYTHON.search(fix) else fix
            raise type(error)(found=found, expected=expected, fix=fix) from error

    return told


def as_options(text: str, names: Collection[str]) -> str:
    """A text in which arguments of these names are options.

    >>> as_options("ablation='mean'; dtype=None; leave out layers=; sites=[]", ("ablation", "dtype", "layers"))
    '--ablation mean; no --dtype; leave out --layers; sites=[]'
    >>> as_options("heads=[(0, 3), (8, 9)], resume=False", ("heads", "resume"))
    '--heads 0:3,8:9, --no-resume'
    """
    return ARGUMENT.sub(lambda found: _option(found, names), text)


def _option(found: re.Match[str], names: Collection[str]) -> str:
    name = OTHER_NAMES.get(found[1], found[1])
    if name not in names:
        return found[0]
    option, value = f"--{name.replace('_', '-')}", found[2]
    if value in ("None", "False"):
        return f"no {option}" if value == "None" else f"--no-{option.removeprefix('--')}"
    return option if value in ("", "True") else f"{option} {_value(value)}"


def _value(written: str) -> str:
    """What is written after an option, of a value in Python."""
    try:
        value = literal_eval(written)
    except (ValueError, SyntaxError):
        return written
    if not isinstance(value, list):
        return str(value)
    items = [":".join(map(str, one)) if isinstance(one, tuple) else str(one) for one in value]
    return ",".join(items)
