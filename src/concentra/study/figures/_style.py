"""What figures of the study share beside `concentra.pl`: millimetres, and the colour and marker of each cohort."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from concentra.pl._style import FAINT as FAINT
from concentra.pl._style import INK as INK
from concentra.pl._style import REPEATABLE
from concentra.pl._style import label_points as label_points
from concentra.pl._style import look as look
from concentra.pl._style import readable as readable
from concentra.pl._style import verbatim as verbatim
from concentra.pl._style import zero_line as zero_line
from concentra.study.cohorts import cohorts

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MILLIMETRE = 1 / 25.4
PAGE, TALLEST = 180, 207  # of a figure, in millimetres: below a taller one there is no room for its caption
# None is the colour of a direction or of a group of donors; in grey, cohorts of one kind differ by 0.15 in lightness
COLOURS = {
    "tms_facs": "#12355b",
    "tms_droplet": "#b07a12",
    "blood_ageing": "#973a69",
    "simulated": "#8c8c8c",
    "pythia_410m": "#000000",
    "pythia_1p4b": "#5c1f00",
    "pythia_160m": "#6b6b00",
    "olmo2_1b": "#8a94a8",
}
OTHER = "#5a5a5a"
MARKERS = {"female": "o", "male": "s"}
COHORT_MARKERS = {
    "tms_facs": "o",
    "tms_droplet": "s",
    "blood_ageing": "h",
    "pythia_410m": "D",
    "pythia_160m": "d",
    "pythia_1p4b": "p",
    "olmo2_1b": "P",
    "simulated": "X",
}
"""No triangles: they are directions."""
RULES: dict[str, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 7.25,  # of which small text is 6 points
    "axes.titlesize": 7,
    "mathtext.fontset": "dejavusans",
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
    "figure.constrained_layout.w_pad": 0.06,  # inches; with less, long labels reach beyond the edge
    "svg.fonttype": "none",
    **REPEATABLE,
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
    """The colour of a cohort; cohorts without one of their own share a grey.

    >>> colour("tms_facs"), colour("another")
    ('#12355b', '#5a5a5a')
    """
    return COLOURS.get(cohort, OTHER)


def title_of(cohort: str) -> str:
    """The cohort's name as people read it."""
    return cohorts()[cohort].title if cohort in cohorts() else cohort


def marker(cohort: str) -> str:
    """The marker of a cohort: differs where colours are alike in grey."""
    return COHORT_MARKERS.get(cohort, "*")


def panel_title(ax: Axes, letter: str, title: str = "") -> None:
    """The letter of a panel, bold, and what the panel shows, on one line or more."""
    first, *others = title.split("\n")
    lines = [f"$\\mathbf{{{letter}}}$   {first}".rstrip(), *(f"     {line}" for line in others)]
    ax.set_title("\n".join(lines), loc="left")
