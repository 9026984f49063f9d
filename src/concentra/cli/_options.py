"""Options that several commands share."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from concentra.printable import escaped

Data = Annotated[
    Path | None,
    typer.Option(
        help="Folder of raw data; default: the one CONCENTRA_DATA_DIR names, else the archived tables."
    ),
]
Out = Annotated[Path, typer.Option(help="Output folder.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
RESULTS = Path("results")
Donor = Annotated[str | None, typer.Option(help="Column of donors; guessed if left out.")]
Tissue = Annotated[
    str | None,
    typer.Option("--tissue", "--stratum", help="Column of tissues (strata); guessed; 'none': all are one."),
]
CellType = Annotated[
    str | None, typer.Option("--cell-type", "--part", help="Column of cell types (parts); guessed.")
]
Amount = Annotated[str | None, typer.Option(help="Each row is a count: its column.")]
Wide = Annotated[
    bool, typer.Option("--wide", help="Each row is a sample, each cell type a column of counts.")
]
Parts = Annotated[
    str | None, typer.Option(help="With --wide: the columns that are cell types, with commas between them.")
]
About = Annotated[
    list[str] | None, typer.Option(help="With --wide: a column of numbers that is no cell type.")
]


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
    """Print rows as a table, or as blocks where the terminal is too narrow; labels are shown as they are."""
    from concentra.cli._terminal import print_rows

    print_rows(rows, title)
