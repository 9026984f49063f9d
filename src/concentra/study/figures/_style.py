"""One style for every figure: sizes in millimetres, colours that differ in hue, lightness and marker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from concentra.pl._style import label_points as label_points
from concentra.stats.verdict import LESS, MIXED, MORE
from concentra.study.cohorts import cohorts

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MILLIMETRE = 1 / 25.4
COLUMN, PAGE = 89, 183  # widths in millimetres
INK, FAINT = "#222222", "#9a9a9a"
# Okabe & Ito 2008, ordered so that neighbours also differ in lightness
COLOURS = {
    "tms_facs": "#0072B2",
    "tms_droplet": "#E69F00",
    "simulated": "#8c8c8c",
    "pythia_410m": "#000000",
    "pythia_160m": "#CC79A7",
    "pythia_1p4b": "#5C1F00",
    "olmo2_1b": "#82C5F0",
    "tiny_neox": "#00664B",
}
SPARE = ("#F0E442", "#999933", "#882255")
MARKERS = {"female": "o", "male": "s"}
COHORT_MARKERS = {
    "tms_facs": "o",
    "tms_droplet": "s",
    "pythia_410m": "^",
    "pythia_160m": "v",
    "pythia_1p4b": "<",
    "olmo2_1b": ">",
    "tiny_neox": "D",
    "simulated": "X",
}
DIRECTIONS = {MORE: "#B2182B", LESS: "#2166AC", MIXED: "#7f7f7f"}
RULES: dict[str, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 7,
    "axes.titlesize": 7,
    "axes.labelsize": 7,
    "xtick.labelsize": 6,
    "ytick.labelsize": 6,
    "legend.fontsize": 6.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "lines.linewidth": 1.0,
    "legend.frameon": False,
    "figure.dpi": 100,
    "svg.fonttype": "none",
    "svg.hashsalt": "concentra",
    "axes.unicode_minus": True,
}


def canvas(rows: int, columns: int, *, width: float, height: float, **more: Any) -> tuple[Figure, Any]:
    """A figure of `width` by `height` millimetres and its grid of axes (rows, columns)."""
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    mpl.rcParams.update(RULES)  # type: ignore[arg-type]
    figure = Figure(figsize=(width * MILLIMETRE, height * MILLIMETRE), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots(rows, columns, squeeze=False, **more)


def colour(cohort: str) -> str:
    """The colour of a cohort; cohorts without one of their own share the spare ones in order."""
    if cohort in COLOURS:
        return COLOURS[cohort]
    others = [name for name in cohorts() if name not in COLOURS]
    return SPARE[others.index(cohort) % len(SPARE)] if cohort in others else INK


def title_of(cohort: str) -> str:
    """The cohort's name as people read it."""
    return cohorts()[cohort].title if cohort in cohorts() else cohort


def readable(label: str, limit: int = 28) -> str:
    """A label for a picture: underscores as spaces, line breaks gone, long ones cut with an ellipsis.

    >>> readable("Limb_Muscle")
    'Limb Muscle'
    """
    text = " ".join(str(label).replace("_", " ").split())
    return (text if len(text) <= limit else text[: limit - 1] + "…").replace("$", r"\$")


def log_steps(ax: Axes) -> None:
    """A logarithmic axis of training steps with whole numbers at its ticks."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    ax.set_xscale("log")
    ax.xaxis.set_major_locator(LogLocator(base=10))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda step, _: f"{step:,.0f}"))
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.set_xlabel("training step")


def zero_lines(ax: Axes) -> None:
    """Faint lines at no shift."""
    ax.axhline(0, color=FAINT, linewidth=0.6, zorder=0)
    ax.axvline(0, color=FAINT, linewidth=0.6, zorder=0)


def marker(cohort: str) -> str:
    """The marker of a cohort: differs where colours are alike in grey."""
    return COHORT_MARKERS.get(cohort, "P")
