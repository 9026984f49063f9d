"""What all pictures share: axes, colours of directions, labels made harmless."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pandas as pd

from concentra.errors import ArgumentError, nearest

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK, FAINT, ACCENT = "#222222", "#9a9a9a", "#0072B2"
# red and blue of equal lightness; grey for what is neither (distinct also without colour: markers differ)
COLOURS = {"crystallizes": "#B2182B", "disperses": "#2166AC", "mixed": "#7f7f7f"}
MARKERS = {"crystallizes": "^", "disperses": "v", "mixed": "s"}
METRIC_LABELS = {
    "gini": "Gini coefficient",
    "gini_present": "Gini coefficient",
    "gini_stratum": "Gini coefficient, absent parts counted",
    "gini_rarefied": "Gini coefficient, rarefied",
    "hill_q0": "number of parts",
    "hill_q1": "effective number (eff_N)",
    "hill_q2": "effective number of order 2",
    "hill_q1_corrected": "effective number, corrected for depth",
    "hill_q1_rarefied": "effective number, rarefied",
}


def metric_label(name: str) -> str:
    """A metric as people read it."""
    return METRIC_LABELS.get(name, readable(name))


def axes_or_new(ax: Axes | None) -> Axes:
    """The axes given, or those of a new figure."""
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    made: Axes = plt.subplots(layout="constrained")[1]
    return made


def frame_of(data: Any, getter: Callable[..., pd.DataFrame], **how: Any) -> pd.DataFrame:
    """The frame itself, or what the getter finds in an AnnData."""
    return data if isinstance(data, pd.DataFrame) else getter(data, **how)


def readable(label: object, limit: int = 32) -> str:
    """A label for a picture: underscores as spaces, line breaks gone, cut with an ellipsis, never mathematics.

    >>> readable("Limb_Muscle"), readable("$x$")
    ('Limb Muscle', '\\\\$x\\\\$')
    """
    letters = "".join(one if one.isprintable() else " " for one in str(label).replace("_", " "))
    text = " ".join(letters.split())
    return (text if len(text) <= limit else text[: limit - 1] + "…").replace("$", r"\$")


def only(frame: pd.DataFrame, column: str, value: str | None) -> tuple[pd.DataFrame, str]:
    """The rows with this value of the column, and the value; None: the only one there is, or the first."""
    values = list(dict.fromkeys(frame[column].astype(str)))
    if value is None:
        if not values:
            raise ArgumentError(
                found="no rows to draw", expected="a result with rows", fix="look at the table"
            )
        value = values[0]
    if value not in values:
        raise ArgumentError(
            found=f"{column}={value!r}", expected=f"a {column} of the result", fix=nearest(value, values)
        )
    return frame[frame[column].astype(str) == value], value


def zero_line(ax: Axes, *, vertical: bool = True, horizontal: bool = False) -> None:
    """Faint lines at no shift."""
    if vertical:
        ax.axvline(0, color=FAINT, linewidth=0.6, zorder=0)
    if horizontal:
        ax.axhline(0, color=FAINT, linewidth=0.6, zorder=0)


def bare(ax: Axes) -> None:
    """No frame at the top and the right."""
    ax.spines[["top", "right"]].set_visible(False)
