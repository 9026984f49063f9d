"""Options that several commands share."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from concentra.printable import escaped, printable

Data = Annotated[
    Path | None,
    typer.Option(
        help="Folder of raw data; default: the one CONCENTRA_DATA_DIR names, else the archived tables."
    ),
]
Out = Annotated[Path, typer.Option(help="Output folder.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
RESULTS = Path("results")
LONGEST = 2_000  # characters of a cell that are shown


def print_json(value: Any) -> None:
    """Print a value as JSON; NaN and infinite numbers as null; escaped where the output is not UTF-8."""
    ascii_only = (sys.stdout.encoding or "").lower().replace("-", "") != "utf8"
    print(escaped(json.dumps(_plain(value), ensure_ascii=ascii_only, indent=1, allow_nan=False)))


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, str) or value is None or isinstance(value, bool):
        return value
    if isinstance(value, Sequence):
        return [_plain(item) for item in value]
    if hasattr(value, "item"):  # numpy scalars
        return _plain(value.item())
    if isinstance(value, float):
        return value if abs(value) < float("inf") else None
    return value


def print_table(rows: Sequence[Mapping[str, Any]], title: str = "") -> None:
    """Print rows as a table as wide as the terminal; labels are shown as they are, never as markup."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = max(console.width, 160)
    if title:
        print(f"\n{title}")
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in rows[0] if rows else ():
        numeric = all(isinstance(row[name], (int, float)) for row in rows)
        table.add_column(str(name), justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(_cell(value)) for value in row.values()))
    console.print(table)


def _cell(value: Any) -> str:
    """A value on one line: control characters, which could steer a terminal, as spaces; long labels cut."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.4g}"
    text = printable(value)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
