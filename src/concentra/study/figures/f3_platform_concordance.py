"""Figure 3: FACS against Droplet, levels and shifts per tissue."""

from __future__ import annotations

from typing import Any

import pandas as pd

from concentra.analysis.lineages import tissue_name
from concentra.study.declare import Drawing, figure
from concentra.study.figures import _style as style

METRICS = {"gini_present": "Gini coefficient", "hill_q1": "effective number, eff_N (cell types)"}
MARKS = ("o", "s", "^", "D", "v", "P", "X", "h", "<", ">")
HUES = ("#000000", "#E69F00", "#56B4E9", "#009E73", "#0072B2", "#D55E00", "#CC79A7", "#8c8c8c")
FACS, DROPLET = "tms_facs", "tms_droplet"
MEDIANS = ("median_reference", "median_other")
SHIFT = ("shift", "hodges_lehmann_low", "hodges_lehmann_high")


Rows = dict[tuple[str, str], dict[Any, Any]]


@figure("3")
def platform_concordance(concordance: pd.DataFrame, platform_agreement: pd.DataFrame) -> Drawing:
    """FACS against Droplet: levels and shifts per tissue"""
    figure, axes = style.canvas(2, 2, width=style.PAGE, height=178)
    tissues = _comparable(concordance)
    looks = {name: (MARKS[i % len(MARKS)], HUES[i % len(HUES)]) for i, name in enumerate(tissues)}
    for row, (metric, label) in enumerate(METRICS.items()):
        of_metric = concordance[concordance["metric"] == metric].to_dict("records")
        rows: Rows = {(one["stratum"], one["cohort"]): one for one in of_metric}
        _levels(axes[row, 0], rows, looks, label)
        _shifts(axes[row, 1], rows, looks, label)
    for ax, letter in zip(axes.flat, "abcd", strict=True):
        ax.set_title(letter, loc="left", fontweight="bold", fontsize=8)
    _legend(figure, looks)
    return Drawing(
        figure,
        _caption(concordance, platform_agreement),
        "Four scatter plots of FACS against Droplet: levels and shifts of Gini and effective number.",
    )


def _comparable(concordance: pd.DataFrame) -> list[str]:
    """Tissues with a group that both platforms have."""
    known = concordance[concordance["metric"] == "gini_present"].groupby("stratum")[list(MEDIANS)].count()
    return sorted(known.index[(known > 1).any(axis=1)], key=tissue_name)


def _caption(concordance: pd.DataFrame, agreement: pd.DataFrame) -> str:
    gini = agreement[(agreement["what"] == "shift") & (agreement["metric"] == "gini_present")].to_dict(
        "records"
    )
    same = (
        f"the Gini shifts have one sign in {gini[0]['n_same_sign']} of {gini[0]['n_strata']} tissues"
        if gini
        else ""
    )
    donors = concordance[concordance["metric"] == "gini_present"]
    who = "; ".join(
        f"{style.title_of(name)}: {_range(rows['n_reference'])} young and {_range(rows['n_other'])} old donors a tissue"
        for name, rows in ((name, donors[donors["cohort"] == name]) for name in (FACS, DROPLET))
    )
    return (
        "FACS against Droplet per tissue. a, c: medians over donors, open young, filled old, bars from the lowest to "
        "the highest donor; the line is equality. b, d: shifts of medians, old less young, bars the exact intervals of "
        "the median difference (Hodges-Lehmann), where the donors allow one. Shaded: opposite signs; "
        f"{same}. {who}. The platforms share mice, so that agreement is technical replication; ages, sorting and depth "
        "differ."
    )


def _range(values: pd.Series) -> str:
    low, high = values.min(), values.max()
    return f"{low:.0f}" if low == high else f"{low:.0f} to {high:.0f}"


def _levels(ax: Any, rows: Rows, looks: dict[str, tuple[str, str]], label: str) -> None:
    for tissue, (marker, hue) in looks.items():
        for median, fill in zip(MEDIANS, ("white", hue), strict=True):
            names = (median, *(median.replace("median", end) for end in ("lowest", "highest")))
            across, up = ([rows[tissue, side][name] for name in names] for side in (FACS, DROPLET))
            _point(ax, across, up, marker, hue, fill)
    low, high = min(ax.get_xlim()[0], ax.get_ylim()[0]), max(ax.get_xlim()[1], ax.get_ylim()[1])
    ax.axline((low, low), slope=1, color=style.FAINT, linewidth=0.6, zorder=0)
    ax.set_xlim(low, high)
    ax.set_ylim(low, high)
    ax.set_box_aspect(1)
    ax.set_xlabel(f"{label}, FACS")
    ax.set_ylabel(f"{label}, Droplet")


def _shifts(ax: Any, rows: Rows, looks: dict[str, tuple[str, str]], label: str) -> None:
    style.zero_lines(ax)
    for tissue, (marker, hue) in looks.items():
        across, up = ([rows[tissue, side][name] for name in SHIFT] for side in (FACS, DROPLET))
        _point(ax, across, up, marker, hue, hue)
    ax.margins(0.08)
    ax.set_box_aspect(1)
    (left, right), (bottom, top) = ax.get_xlim(), ax.get_ylim()
    for x, y in (((left, 0), (0, top)), ((0, right), (bottom, 0))):
        ax.fill_between(x, *y, color="#f0f0f0", linewidth=0, zorder=-1)
    ax.set_xlim(left, right)
    ax.set_ylim(bottom, top)
    ax.set_xlabel(f"shift in {label}, FACS")
    ax.set_ylabel(f"shift in {label}, Droplet")


def _point(ax: Any, across: list[Any], up: list[Any], marker: str, hue: str, fill: str) -> None:
    """A mark with bars where both ends of a bar are known."""
    if pd.isna(across[0]) or pd.isna(up[0]):
        return
    if not pd.isna(across[1]):
        ax.hlines(up[0], across[1], across[2], color=hue, linewidth=0.6, alpha=0.6, zorder=1)
    if not pd.isna(up[1]):
        ax.vlines(across[0], up[1], up[2], color=hue, linewidth=0.6, alpha=0.6, zorder=1)
    ax.scatter(across[0], up[0], s=20, marker=marker, color=fill, edgecolor=hue, linewidth=0.8, zorder=2)


def _legend(figure: Any, looks: dict[str, tuple[str, str]]) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], linestyle="", marker=marker, color=hue, markersize=4.5, label=tissue_name(tissue))
        for tissue, (marker, hue) in looks.items()
    ]
    handles += [
        Line2D(
            [],
            [],
            linestyle="",
            marker="o",
            color=style.INK,
            markerfacecolor=fill,
            markersize=4.5,
            label=name,
        )
        for name, fill in (("young (open)", "white"), ("old (filled)", style.INK))
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=6)
