"""`concentra metrics`: a table of counts to a table of metrics."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from concentra.cli._options import Json, print_json, print_table
from concentra.cli._terminal import say

EXAMPLE = "Example: concentra metrics counts.csv --unit donor --part cell_type --amount n_cells --json"
PLAIN = ("gini_present", "gini_stratum", "hill_q0", "hill_q1", "hill_q2")
COUNTED = ("hill_q1_corrected", "coverage")  # need counts: they rest on parts seen once


def metrics(
    counts: Annotated[
        Path,
        typer.Argument(
            help="Table (.csv, .tsv, .txt, .xlsx, .rds, .parquet): wide (unit, then parts), or long."
        ),
    ],
    unit: Annotated[str | None, typer.Option(help="Long table: the column of units.")] = None,
    part: Annotated[str | None, typer.Option(help="Long table: the column of parts.")] = None,
    amount: Annotated[str | None, typer.Option(help="Long table: the column of amounts.")] = None,
    transposed: Annotated[
        bool,
        typer.Option("--transposed", help="Wide table with a row for each part, a column for each unit."),
    ] = False,
    about: Annotated[
        list[str] | None,
        typer.Option(help="Wide table: a column that is no part, such as age; repeat for more."),
    ] = None,
    parts: Annotated[
        str | None,
        typer.Option(help="Wide table: the columns that are parts, with commas, such as 'T cell,B cell'."),
    ] = None,
    json: Json = False,
) -> None:
    """Gini coefficient and Hill numbers of every unit of a table. Takes counts, shares or other amounts."""
    named = [name.strip() for name in parts.split(",")] if parts is not None else None
    rows, notes = measured(
        counts, unit=unit, part=part, amount=amount, about=about or (), parts=named, transposed=transposed
    )
    for note in notes:
        say(note, file=sys.stderr)
    if json:
        print_json(rows)
    else:
        print_table(rows)


def measured(
    path: Path,
    *,
    unit: str | None = None,
    part: str | None = None,
    amount: str | None = None,
    about: Sequence[str] = (),
    parts: Sequence[str] | None = None,
    transposed: bool = False,
) -> tuple[list[dict[str, Any]], tuple[str, ...]]:
    """One row a unit: its number of parts, its amount, and its metrics; and notes on how the table was read.

    `hill_q1_corrected` and `coverage` are given for whole numbers only, because they count cells seen once.
    """
    import numpy as np

    from concentra.composition.checks import listed, refuse_covariates, refuse_sums
    from concentra.composition.roles import refuse_turned
    from concentra.io.counts import read_counts
    from concentra.io.tables import TABLES, file_ending, table_columns
    from concentra.metrics import compute, coverage, hill_q1_corrected

    if unit is None and not transposed:
        columns = list(table_columns(path, file_ending(path, TABLES)))
        refuse_turned(columns[0] if columns else "", "--transposed reads it as it is")
    notes: list[str] = []
    if parts is not None:
        about = [*about, *_others(path, unit, parts)]
    units, taken, amounts = read_counts(
        path, unit=unit, part=part, amount=amount, about=about, transposed=transposed, notes=notes
    )
    if part is None and not transposed:
        if parts is None:
            refuse_sums(list(taken), amounts, str(path))
            refuse_covariates(list(taken), str(path))
        notes.append(listed(list(taken)))
    found = compute(amounts, PLAIN)
    whole = bool((amounts == np.floor(amounts)).all())
    for name, function in zip(COUNTED, (hill_q1_corrected, coverage), strict=True):
        found[name] = function(amounts) if whole else np.full(len(units), np.nan)
    present = np.count_nonzero(amounts, axis=1)
    rows = []
    for place, name in enumerate(units):
        values = {metric: float(np.asarray(column)[place]) for metric, column in found.items()}
        row = {"unit": str(name), "n_parts": int(present[place]), "amount": float(amounts[place].sum())}
        rows.append(row | {key: None if np.isnan(value) else value for key, value in values.items()})
    return rows, tuple(notes)


def _others(path: Path, unit: str | None, parts: Sequence[str]) -> list[str]:
    """The columns of a wide table that are neither the unit nor among the parts."""
    from concentra.io.tables import TABLES, file_ending, require_columns, table_columns

    names = list(table_columns(path, file_ending(path, TABLES)))
    require_columns(path, parts, names)
    return [name for name in names if name not in (unit or names[0], *parts)]


COMMANDS = (metrics,)
