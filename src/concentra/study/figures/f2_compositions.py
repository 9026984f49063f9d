"""Figure 2: the composition of every donor as a stacked bar, of marrow on both platforms and of ageing blood."""

from __future__ import annotations

from typing import Any

import pandas as pd

from concentra import pl
from concentra.pl import _style as looks
from concentra.study.cohorts import cohorts
from concentra.study.declare import Drawing, figure
from concentra.study.figures import _style as style

MARROW, PLATFORMS = "Marrow", ("tms_facs", "tms_droplet")
LEVEL = "27 types"
GROUPS = ("young", "old")


@figure("2")
def compositions(composition: pd.DataFrame, donor_counts: pd.DataFrame, type_levels: pd.DataFrame) -> Drawing:
    """The composition of every donor: marrow on two platforms, and ageing blood"""
    marrow = {name: _marrow(composition, name) for name in PLATFORMS}
    blood = _blood(donor_counts, type_levels)
    drawn, axes = style.canvas(1, 1, width=style.PAGE, height=134)
    axes[0, 0].remove()
    left, right = drawn.subfigures(1, 2, width_ratios=[1.08, 1])  # type: ignore[misc]
    sizes = [max(rows["donor"].nunique(), 1) for rows in marrow.values()]
    hues = looks.part_colours(_mean_share(pd.concat(marrow.values())))
    for letter, ax, (cohort, rows) in zip(
        "ab", left.subplots(2, 1, height_ratios=sizes, sharex=True), marrow.items(), strict=True
    ):
        ages = [*cohorts()[cohort].early, *cohorts()[cohort].late]  # type: ignore[attr-defined]
        _bars(ax, rows, f"{letter}   marrow, {_platform(cohort)}", hues, group="age", order=ages)
    _legend(left, hues)
    hues = looks.part_colours(_mean_share(blood))
    _bars(right.subplots(), blood, f"c   blood, {LEVEL}", hues, group="group", order=GROUPS, names=False)
    _legend(right, hues)
    counts = _counts(marrow | {"blood_ageing": blood})
    return Drawing(drawn, _caption(counts, marrow), _alternative(counts))


def _marrow(composition: pd.DataFrame, cohort: str) -> pd.DataFrame:
    """The donors compared, young and old."""
    rows = composition[(composition["cohort"] == cohort) & (composition["stratum"] == MARROW)]
    return rows[rows["group"].isin(GROUPS)]


def _blood(donor_counts: pd.DataFrame, type_levels: pd.DataFrame) -> pd.DataFrame:
    """Cells of every donor at the level shown."""
    names = type_levels[type_levels["level"] == LEVEL].set_index("part")["coarser"]
    by = ["stratum", "donor", "group", "part"]
    counts = donor_counts.assign(part=donor_counts["part"].map(names))
    return counts.groupby(by, observed=True)["n_cells"].sum().reset_index()


def _mean_share(rows: pd.DataFrame) -> pd.Series:
    """The mean share of each part over donors, those of several cohorts together."""
    if rows.empty:
        return pd.Series(dtype=float)
    counts = rows.pivot_table(index="donor", columns="part", values="n_cells", aggfunc="sum", fill_value=0)
    return counts.div(counts.sum(axis=1), axis=0).mean()


def _bars(ax: Any, rows: pd.DataFrame, title: str, hues: dict[str, str], **how: Any) -> None:
    if rows.empty:
        ax.set_axis_off()
    else:
        pl.composition(rows, colours=hues, legend=False, ax=ax, **how)
        ax.set_xlabel("share of the cells" if ax.get_subplotspec().is_last_row() else "")
    ax.set_title("")
    style.panel_title(ax, *title.split("   "))


def _legend(block: Any, hues: dict[str, str]) -> None:
    from matplotlib.patches import Patch

    handles = [Patch(color=hue, label=looks.readable(part, 40)) for part, hue in hues.items()]
    handles.append(Patch(color=looks.REST, label=looks.REST_NAME))
    block.legend(
        handles=handles, loc="outside lower center", ncols=2, fontsize=6, handlelength=1, columnspacing=1
    )


def _platform(cohort: str) -> str:
    return style.title_of(cohort).rpartition(", ")[2]


def _counts(panels: dict[str, pd.DataFrame]) -> dict[str, tuple[int, int]]:
    """The young and old donors of each cohort."""
    return {
        name: tuple(rows.loc[rows["group"] == group, "donor"].nunique() for group in GROUPS)  # type: ignore[misc]
        for name, rows in panels.items()
    }


def _caption(counts: dict[str, tuple[int, int]], marrow: dict[str, pd.DataFrame]) -> str:
    who = "; ".join(
        f"{style.title_of(name)}, {young} young and {old} old" for name, (young, old) in counts.items()
    )
    least = min(
        (int(rows.groupby("donor")["n_cells"].sum().min()) for rows in marrow.values() if len(rows)),
        default=0,
    )
    return (
        f"Each bar is a donor, divided by the shares of its cell types in the order of the legend ({who}). Marrow: "
        "age and mouse, the types with the largest mean shares over both platforms in colour, the same in a and b, "
        f"at least {least:,} cells per mouse. Blood: {LEVEL}, the cells of all visits of a donor together; within a "
        "group donors stand in the order of their names. Other types are grey. The mice of most cells were "
        "inferred, and the two platforms share mice."
    )


def _alternative(counts: dict[str, tuple[int, int]]) -> str:
    return "Stacked bars: " + "; ".join(
        f"{style.title_of(name)}, {young + old} donors" for name, (young, old) in counts.items()
    )
