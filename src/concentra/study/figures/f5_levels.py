"""Figure 5: a large cohort at every level of its cell types, and where the change lies."""

from __future__ import annotations

from typing import Any

import pandas as pd

from concentra import pl
from concentra.pl import _style as looks
from concentra.report.markdown import number
from concentra.study.declare import Drawing, figure
from concentra.study.figures import _style as style

ASKED = "adjusted"


@figure("5")
def levels(level_contrast: pd.DataFrame, level_shift: pd.DataFrame) -> Drawing:
    """Old against young blood donors at 7, 27 and 69 types, and the types within which the change lies"""
    shown = level_contrast[
        (level_contrast["asked"] == ASKED)
        & (level_contrast["donors"] == "all")
        & (level_contrast["values"] == "cells of all samples")
    ]
    terms = level_shift[(level_shift["asked"] == ASKED) & (level_shift["metric"] == "entropy")]
    pairs = list(dict.fromkeys(zip(terms["fine"], terms["coarse"], strict=True)))
    fine, coarse = pairs[-1]
    figure, axes = style.canvas(1, 3, width=style.PAGE, height=72, width_ratios=[1, 1, 1.35])
    for ax, metric in zip(axes.flat[:2], ("hill_q1", "gini_stratum"), strict=True):
        pl.levels(shown[shown["metric"] == metric].drop(columns="n_parts"), metric=metric, ax=ax).set_title(
            ""
        )
    axes.flat[1].set_ylabel("difference in Gini coefficients")
    here = terms[(terms["fine"] == fine) & (terms["coarse"] == coarse)]
    _bars(axes.flat[2], here, coarse)
    titles = ("effective number", "Gini coefficient", f"{fine}, nested in {coarse}")
    for ax, letter, title in zip(axes.flat, "abc", titles, strict=True):
        ax.set_title("")
        style.panel_title(ax, letter, title)
    _legend(figure, shown["verdict"])
    return Drawing(figure, _caption(shown, here, fine, coarse), _alternative(shown))


def _legend(figure: Any, verdicts: pd.Series) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], linestyle="", marker=how.marker, color=how.colour, markerfacecolor=how.face, markersize=4.5,
               label=word)
        for word, how in looks.VERDICTS.items() if word in set(verdicts)
    ]  # fmt: skip
    figure.legend(handles=handles, loc="outside lower left", ncols=4)


def _rows(here: pd.DataFrame, coarse: str) -> pd.DataFrame:
    parts = here[here["part"].notna()].sort_values("shift")
    between = here[here["term"] == "between"].assign(part=f"between the {coarse}")
    return pd.concat([parts, between])


def _bars(ax: Any, here: pd.DataFrame, coarse: str) -> None:
    """The terms of the shift in ln effective number, with intervals."""
    rows = _rows(here, coarse)
    places = range(len(rows))
    hues = [
        looks.look("more concentrated" if shift < 0 else "less concentrated").colour
        for shift in rows["shift"]
    ]
    ax.barh(places, rows["shift"], color=hues, height=0.62)
    ax.hlines(places, rows["low"], rows["high"], color=style.INK, linewidth=0.7)
    ax.axvline(0, color=style.FAINT, linewidth=0.6, zorder=0)
    names = [f"within {style.readable(name)}" for name in rows["part"][:-1]] + [rows["part"].iloc[-1]]
    ax.set_yticks(places, names)
    ax.invert_yaxis()
    ax.set_xlabel("term of the change in ln effective number")


def _caption(shown: pd.DataFrame, here: pd.DataFrame, fine: str, coarse: str) -> str:
    first = shown.iloc[0]
    total = here.loc[here["term"] == "total", "shift"].iloc[0]
    between = here.loc[here["term"] == "between", "shift"].iloc[0]
    return (
        f"{style.title_of(first['cohort'])}, {first['n_other']} old against {first['n_reference']} young donors, "
        "each counted once over all its samples, adjusted for sex and CMV. a, b, ratio of effective numbers and "
        "difference of Gini coefficients at each level of the cell types, with 95% intervals. c, the change in the "
        f"logarithm of the effective number over {fine}, {number(total, 3, sign=True)}, is exactly the sum of the "
        f"change between the {coarse}, {number(between, 3, sign=True)}, and of those within them: red "
        "towards more concentrated, blue towards less; lines are 95% intervals."
    )


def _alternative(shown: pd.DataFrame) -> str:
    rows = shown[shown["metric"] == "hill_q1"]
    return "; ".join(
        f"{row['level']}: ratio of effective numbers {row['effect']:.2f}, {row['verdict']}"
        for row in rows.to_dict("records")
    )
