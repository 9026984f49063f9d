"""`concentra power`: which change a study of so many donors and cells would show."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from concentra.cli._figures import save_figure
from concentra.cli._options import (
    About,
    Amount,
    CellType,
    Donor,
    Json,
    Parts,
    Tissue,
    Wide,
    print_json,
    print_table,
)
from concentra.cli._terminal import say
from concentra.errors import ArgumentError

if TYPE_CHECKING:
    import pandas as pd

    from concentra.analysis.power import Spread

EXAMPLE = (
    "Example: concentra power pilot.h5ad --group age --donors 3,6,10 --cells 500,2000 --figure power.png"
)
CHANGES = {"hill_q1": "effective number, ratio {:g}", "gini_stratum": "Gini, difference {:g}"}
METRICS = {"hill_q1": "effective number", "gini_stratum": "Gini"}
MOST_PANELS = 6


def power(
    pilot: Annotated[
        list[str] | None,
        typer.Argument(
            help="Cells or counts of a pilot, as for `analyze`; none: assume.", show_default=False
        ),
    ] = None,
    donor: Donor = None,
    tissue: Tissue = None,
    cell_type: CellType = None,
    amount: Amount = None,
    wide: Wide = False,
    parts: Parts = None,
    about: About = None,
    group: Annotated[str | None, typer.Option(help="Column of the pilot's groups of donors.")] = None,
    min_cells: Annotated[int, typer.Option(help="Fewest cells of a sample in a tissue.")] = 50,
    effective: Annotated[float | None, typer.Option(help="Assumed effective number of cell types.")] = None,
    types: Annotated[int, typer.Option(help="Assumed number of cell types.")] = 15,
    sd: Annotated[
        float | None, typer.Option(help="Assumed standard deviation between donors of ln effective number.")
    ] = None,
    sd_gini: Annotated[
        float | None,
        typer.Option(help="The same for the logit of the Gini coefficient; by default 1.3 times --sd."),
    ] = None,
    donors: Annotated[str, typer.Option(help="Donors of each group, with commas.")] = "3,4,6,8,10,15,20",
    cells: Annotated[str, typer.Option(help="Cells of each donor, with commas.")] = "300,1000,3000",
    ratio: Annotated[float, typer.Option(help="Change of the effective number whose power is given.")] = 0.8,
    difference: Annotated[
        float, typer.Option(help="Change of the Gini coefficient whose power is given.")
    ] = 0.05,
    alpha: Annotated[float, typer.Option(help="Level of the test.")] = 0.05,
    target: Annotated[float, typer.Option(help="Probability of the detectable change.")] = 0.8,
    out: Annotated[Path | None, typer.Option(help="Write the table to this file (.csv).")] = None,
    figure: Annotated[
        Path | None, typer.Option(help="Draw the curves to this file (.png, .pdf, .svg).")
    ] = None,
    long: Annotated[bool, typer.Option("--long", help="Print the power of every study, too.")] = False,
    json: Json = False,
) -> None:
    """What change a study with a given number of donors could detect. Starts from a pilot or from assumptions."""
    from concentra.analysis import power as analysis
    from concentra.files import write_text
    from concentra.outputs import table_text

    if pilot:
        how = {"donor": donor, "tissue": tissue, "cell_type": cell_type, "amount": amount, "wide": wide,
               "parts": tuple(parts.split(",")) if parts else (), "about": tuple(about or ())}  # fmt: skip
        spreads = _of_pilot(pilot, how, group, min_cells)
    elif effective is None or sd is None:
        raise ArgumentError(
            found="neither a pilot nor assumptions",
            expected="a file of a pilot, or --effective and --sd",
            fix="concentra power --effective 8 --types 15 --sd 0.25",
        )
    else:
        spreads = [analysis.assumed_spread(effective, types, sd, sd_gini)]
    found = analysis.Power.check(
        analysis.power(
            spreads, n_donors=_numbers(donors, "--donors"), n_cells=_numbers(cells, "--cells"), ratio=ratio,
            difference=difference, alpha=alpha, target=target,
        ),
        "power",
    )  # fmt: skip
    if out is not None:
        write_text(out, table_text(found))
    if figure is not None:
        _draw(found, figure, target)
    if json:
        print_json(found.to_dict("records"))
    else:
        if long:
            print_table([_shown(row) for row in found.to_dict("records")])  # type: ignore[arg-type]
            print()
        say(f"donors a group, and cells of each, that show a change with a probability of {target:g}:")
        print_table(needs(found, target))


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    """A row of the table in the words of the command line; standard deviations are in the file alone."""
    names = {"stratum": "tissue", "metric": "metric", "n_donors": "donors", "n_cells": "cells", "effect": "effect",
             "power": "power", "detectable": "detectable"}  # fmt: skip
    shown = {
        new: f"{row[name]:.2f}" if name in ("power", "detectable") else row[name]
        for name, new in names.items()
    }
    return shown | {"metric": METRICS[row["metric"]]}


def needs(found: pd.DataFrame, target: float) -> list[dict[str, Any]]:
    """How many donors each tissue needs, a row a tissue: the fewest, and the fewest cells with which they do.

    >>> import pandas as pd
    >>> rows = [("lung", m, n, 300, e, p) for m, e, powers in (("hill_q1", 0.8, (0.5, 0.9)), ("gini_stratum", 0.05,
    ...         (0.1, 0.3))) for n, p in zip((3, 6), powers)]
    >>> table = pd.DataFrame(rows, columns=["stratum", "metric", "n_donors", "n_cells", "effect", "power"])
    >>> needs(table, 0.8)[0]
    {'tissue': 'lung', 'effective number, ratio 0.8': '6 with 300', 'Gini, difference 0.05': 'more than 6'}
    """
    rows = []
    for stratum, of in found.groupby("stratum", sort=False):
        row: dict[str, Any] = {"tissue": stratum}
        for metric, words in CHANGES.items():
            own = of[of["metric"] == metric]
            enough = own[own["power"] >= target].sort_values(["n_donors", "n_cells"])
            row[words.format(own["effect"].iloc[0])] = (
                f"more than {own['n_donors'].max()}" if enough.empty
                else f"{enough['n_donors'].iloc[0]} with {enough['n_cells'].iloc[0]:,}"
            )  # fmt: skip
        rows.append(row)
    return rows


def _of_pilot(pilot: list[str], how: dict[str, Any], group: str | None, min_cells: int) -> list[Spread]:
    from concentra.analysis.power import spread_of
    from concentra.composition import read
    from concentra.design import Settings

    needed = [] if group is None else [group]
    composition = read(pilot, **how, needed=needed)
    for note in composition.notes:
        say(f"{note.kind}: {note}", file=sys.stderr)
    return spread_of(composition, group=group, settings=Settings(min_cells=min_cells))


def _numbers(text: str, option: str) -> list[int]:
    """Whole numbers with commas between them."""
    try:
        return [int(one) for one in text.split(",")]
    except ValueError:
        raise ArgumentError(
            found=f"{option} {text}",
            expected="whole numbers with commas between them",
            fix=f"for example {option} 3,6,10",
        ) from None


def _draw(found: pd.DataFrame, path: Path, target: float) -> None:
    """A row of panels for each tissue, at most six: one panel a metric, a line for each number of cells."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from concentra.pl import power as curve

    strata = found["stratum"].unique()[:MOST_PANELS]
    picture = Figure(figsize=(9, 0.6 + 2.9 * len(strata)), layout="constrained")
    FigureCanvasAgg(picture)
    for row, axes in zip(strata, picture.subplots(len(strata), len(CHANGES), squeeze=False), strict=True):
        for (metric, words), ax in zip(CHANGES.items(), axes, strict=True):
            rows = found[(found["stratum"] == row) & (found["metric"] == metric)]
            curve(rows, by="n_cells", target=target, ax=ax)
            ax.set_title(f"{row}: {words.format(rows['effect'].iloc[0])}", fontsize="medium", loc="left")
    save_figure(picture, path, dpi=150)


COMMANDS = (power,)
