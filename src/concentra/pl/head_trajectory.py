"""Concentration of head importance along training."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from concentra.pl import _style as style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HUE = style.SERIES[0]
LABELS = {"gini": "Gini coefficient over heads", "hill_q1": "effective number of heads"}


def head_trajectory(
    path: pd.DataFrame, *, metric: str = "gini", legend: bool = True, ax: Axes | None = None
) -> Axes:
    """A metric of head importance at each checkpoint, with its interval and the level of noise.

    The band is that over resampled heads; bars, where the heads are a sample, are the interval of sampling; the dotted
    line is what noise alone would show, and open circles are checkpoints whose importances are mostly noise. Steps are
    on a logarithmic axis that holds 0, the model before training.

    Parameters
    ----------
    path
        As `concentra.analysis.trajectory.follow` returns it.
    metric
        "gini" or "hill_q1".
    legend
        Whether to name what is drawn.
    ax
        Axes to draw on; a new figure's if None.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from concentra.analysis.trajectory import follow
    >>> rows = {"checkpoint": [1, 1, 2, 2], "layer": 0, "head": [0, 1, 0, 1], "delta": [1.0, 2.0, 3.0, 1.0]}
    >>> path = follow(pd.DataFrame(rows), rng=1, n_draws=10).path
    >>> head_trajectory(path, ax=Figure().subplots()).get_ylabel()
    'Gini coefficient over heads'
    """
    ax = style.axes_or_new(ax)
    steps, values = path["checkpoint"], path[metric]
    ax.fill_between(
        steps, path[f"{metric}_low"], path[f"{metric}_high"], color=style.FAINT, alpha=0.3, linewidth=0,
        label="95% over resampled heads",
    )  # fmt: skip
    low, high = path[f"{metric}_sampling_low"], path[f"{metric}_sampling_high"]
    if (high - low > 0).any():
        ax.errorbar(
            steps,
            values,
            yerr=[(values - low).clip(lower=0), (high - values).clip(lower=0)],
            color=HUE,
            linewidth=0.8,
            fmt="none",
            label="95% over samples of heads",
        )
    ax.plot(steps, values, color=HUE, marker="o", markersize=4)
    ax.plot(steps, path[f"{metric}_noise"], color=style.GREY, linestyle=":", linewidth=1,
            label="noise alone")  # fmt: skip
    noisy = path["mostly_noise"] == "yes"
    ax.scatter(steps[noisy], values[noisy], s=28, facecolor="white", edgecolor=HUE, zorder=3,
               label="mostly noise" if noisy.any() else None)  # fmt: skip
    ax.set_xscale("symlog", linthresh=1)
    ax.set_xlim(left=-0.2 if steps.min() < 1 else steps.min() / 1.2)
    if legend:
        ax.legend(fontsize="x-small", frameon=False, loc="best")
    ax.set_xlabel("training step")
    ax.set_ylabel(LABELS[metric])
    style.bare(ax)
    return ax
