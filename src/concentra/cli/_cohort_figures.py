"""The figures of an analysis, from its tables, as SVG."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from concentra.report.analysis import Picture, cut

RULES = {"font.size": 8, "svg.fonttype": "none", "svg.hashsalt": "concentra", "font.family": "DejaVu Sans"}
PANELS = 6


def pictures(tables: Mapping[str, pd.DataFrame], trend: str | None) -> list[Picture]:
    """Every figure for which there is a table, in the order of the report."""
    made = []
    names = list(dict.fromkeys(tables["contrast"]["contrast"])) if "contrast" in tables else []
    for number, name in enumerate(names):
        suffix = f"_{number + 1}" if number else ""
        of = {key: frame[frame["contrast"] == name] for key, frame in tables.items() if "contrast" in frame}
        made += [one for one in _of_contrast(of, name, suffix) if one is not None]
    if trend is not None and "trend" in tables:
        made.append(_trend(tables, trend))
    return made


def _of_contrast(of: Mapping[str, pd.DataFrame], name: str, suffix: str) -> list[Picture | None]:
    title = cut(name)
    return [
        _forest(of["contrast"], title, suffix),
        _plane(of, title, suffix) if "plane" in of and len(of["plane"]) else None,
        _panels(
            of, "drivers", title, suffix,
            "Parts that drive the shift in effective number, bars; lines are intervals over donors. The strata "
            "with the largest shifts.",
        ) if "drivers" in of and len(of["drivers"]) else None,
        _panels(
            of, "multiverse", title, suffix,
            "The shift in effective number under every defensible choice (groups, sex, fewest cells, depth, average); "
            "the choice made is the diamond.",
        ) if "multiverse" in of and len(of["multiverse"]) else None,
        _panels(
            of, "granularity", title, suffix,
            "The shift in effective number over annotated types and over clusters at every Leiden resolution, all "
            "donors of a stratum clustered together; lines are intervals over donors; filled: significant after "
            "adjustment; triangles up crystallize, down disperse.",
        ) if "granularity" in of and len(of["granularity"]) else None,
    ]  # fmt: skip


def _forest(contrast: pd.DataFrame, title: str, suffix: str) -> Picture:
    from concentra import pl

    contrast = contrast.dropna(subset=["shift"])
    n_strata = contrast["stratum"].nunique()

    def draw(axes: Any) -> None:
        pl.forest(contrast, metric="gini_present", ax=axes.flat[0])
        pl.forest(contrast, metric="hill_q1", ax=axes.flat[1]).set_yticklabels([])

    caption = (
        "Shift of every stratum, corrected for depth, with its interval (thin: the range at two donors). Numbers are "
        "donors on either side. Filled: significant after adjustment; triangles up crystallize, down disperse."
    )
    return _picture(f"forest{suffix}", f"Shifts, {title}", caption, draw, 1, 2, 7.2, 1.0 + 0.22 * n_strata)


def _plane(of: Mapping[str, pd.DataFrame], title: str, suffix: str) -> Picture:
    from concentra import pl

    def draw(axes: Any) -> None:
        for ax, which in zip(axes.flat, ("raw", "normalised"), strict=True):
            if (of["plane"]["axes"] == which).any():
                pl.plane(of["plane"], of["plane_points"], axes=which, ax=ax)
            else:
                ax.set_axis_off()

    caption = (
        "Strata in the plane of the two shifts. Grey: what exchanged labels of donors give; lying along it is "
        "arithmetic. Ellipses are joint regions; filled points have one without zero."
    )
    return _picture(f"plane{suffix}", f"Plane of shifts, {title}", caption, draw, 1, 2, 7.2, 3.6)


def _panels(of: Mapping[str, pd.DataFrame], key: str, title: str, suffix: str, caption: str) -> Picture:
    from concentra import pl

    shifts = of["contrast"][of["contrast"]["metric"] == "hill_q1"].set_index("stratum")["shift"].abs()
    there = [name for name in shifts.sort_values(ascending=False).index if name in set(of[key]["stratum"])][
        :PANELS
    ]
    function, word = {
        "drivers": (pl.drivers, "Drivers"),
        "multiverse": (pl.specification_curve, "Specification curves"),
        "granularity": (pl.granularity, "Granularity"),
    }[key]
    columns = min(2 if key == "drivers" else 3, len(there))  # names of parts are long
    rows = -(-len(there) // columns)

    def draw(axes: Any) -> None:
        for place, (ax, stratum) in enumerate(zip(axes.flat, there, strict=False)):
            function(of[key], stratum=str(stratum), ax=ax).set_xlabel("")
            if place % columns:
                ax.set_ylabel("")
        for ax in axes.flat[len(there) :]:
            ax.set_axis_off()

    return _picture(
        f"{key}{suffix}",
        f"{word}, {title}",
        caption,
        draw,
        rows,
        columns,
        7.2 if columns > 1 else 3.6,
        2.4 * rows,
    )


def _trend(tables: Mapping[str, pd.DataFrame], trend: str) -> Picture:
    from concentra import pl
    from concentra.analysis.ages import numeric_axis
    from concentra.analysis.tally import about_name

    units = tables["concentration"][tables["concentration"]["included"]]
    numbers, title = numeric_axis(units[about_name(trend)], trend)
    along = pd.Series(numbers.to_numpy(), index=units["donor"], name=title)
    along = along[~along.index.duplicated()]
    found = tables["trend"][tables["trend"]["metric"] == "hill_q1"]
    there = (
        found.reindex(found["correlation"].abs().sort_values(ascending=False).index)["stratum"]
        .head(PANELS)
        .tolist()
    )
    columns = min(3, len(there))
    rows = -(-len(there) // columns)

    def draw(axes: Any) -> None:
        for place, (ax, stratum) in enumerate(zip(axes.flat, there, strict=False)):
            pl.trend(units, along=along, stratum=str(stratum), ax=ax)
            if place % columns:
                ax.set_ylabel("")
        for ax in axes.flat[len(there) :]:
            ax.set_axis_off()

    caption = (
        "Effective number of every donor along the axis; the strata with the strongest rank correlations."
    )
    return _picture(
        "trend", f"Trend along {cut(title)}", caption, draw, rows, columns, 2.4 * columns + 0.6, 2.2 * rows
    )


def _picture(
    name: str,
    title: str,
    caption: str,
    draw: Callable[[Any], None],
    rows: int,
    columns: int,
    width: float,
    height: float,
) -> Picture:
    import matplotlib as mpl
    from matplotlib.figure import Figure

    target = io.StringIO()
    with mpl.rc_context(RULES), warnings.catch_warnings():  # type: ignore[arg-type]
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        figure = Figure(figsize=(width, height), layout="constrained", dpi=150)
        draw(figure.subplots(rows, columns, squeeze=False))
        figure.savefig(target, format="svg", metadata={"Date": None, "Creator": None})
    return Picture(name, title, caption, target.getvalue())
