"""`concentra metrics`: a table of counts to a table of metrics."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from concentra.cli._options import Json, print_json, print_table

EXAMPLE = "Example: concentra metrics counts.csv --unit donor --part cell_type --amount n_cells --json"
PLAIN = ("gini_present", "gini_stratum", "hill_q0", "hill_q1", "hill_q2")
COUNTED = ("hill_q1_corrected", "coverage")  # need counts: they rest on parts seen once


def metrics(
    counts: Annotated[
        Path,
        typer.Argument(
            help="Table (.csv, .csv.gz, .tsv, .parquet): wide, first column the unit, the others parts; or long."
        ),
    ],
    unit: Annotated[str | None, typer.Option(help="Long table: the column of units.")] = None,
    part: Annotated[str | None, typer.Option(help="Long table: the column of parts.")] = None,
    amount: Annotated[str | None, typer.Option(help="Long table: the column of amounts.")] = None,
    transposed: Annotated[
        bool,
        typer.Option("--transposed", help="Wide table with a row for each part, a column for each unit."),
    ] = False,
    json: Json = False,
) -> None:
    """Gini coefficient and Hill numbers of every unit of a table of counts, shares or other amounts."""
    rows = measured(counts, unit=unit, part=part, amount=amount, transposed=transposed)
    if json:
        print_json(rows)
    else:
        print_table(rows)


def measured(
    path: Path, *, unit: str | None, part: str | None, amount: str | None, transposed: bool = False
) -> list[dict[str, Any]]:
    """One row a unit: its number of parts, its amount, and its metrics.

    `hill_q1_corrected` and `coverage` are given for whole numbers only, because they count cells seen once.
    """
    import numpy as np

    from concentra.io.counts import read_counts
    from concentra.metrics import compute, coverage, hill_q1_corrected

    units, _, amounts = read_counts(path, unit=unit, part=part, amount=amount, transposed=transposed)
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
    return rows


COMMANDS = (metrics,)
