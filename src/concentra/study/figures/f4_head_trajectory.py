"""Figure 4: concentration of head importance along training, with and without the head that moves it most."""

from __future__ import annotations

from typing import Any

import pandas as pd

from concentra import pl
from concentra.study.cohorts import made_up
from concentra.study.declare import Drawing, figure
from concentra.study.figures import _style as style

METRICS = {"gini": "Gini coefficient over heads", "hill_q1": "effective number of heads"}
VALUE = "abs"
WITHOUT = "#5a5a5a"


@figure("4")
def head_trajectory(head_trajectory: pd.DataFrame, head_shift: pd.DataFrame) -> Drawing:
    """Head importance along training, with and without the most influential head"""
    rows = head_trajectory[(head_trajectory["value"] == VALUE) & ~head_trajectory["cohort"].isin(made_up())]
    rows = rows[rows["checkpoint"] > 0]
    shifts = head_shift[head_shift["value"] == VALUE].set_index("cohort")
    models = list(dict.fromkeys(rows["cohort"]))
    drawn, axes = style.canvas(
        2, max(len(models), 1), width=style.PAGE, height=100, sharex="col", sharey="row"
    )
    for ax in axes.flat[: 0 if models else None]:
        ax.set_axis_off()
    for letter, column, model in zip("abcdefgh", axes.T, models, strict=False):
        path, head = rows[rows["cohort"] == model], str(shifts["most_influential"].get(model, ""))
        style.panel_title(column[0], letter, _title(model, path))
        for ax, metric in zip(column, METRICS, strict=True):
            _drawn(ax, path, metric, head if ax is column[0] else "")
            ax.set_xlabel("training step" if ax is column[-1] else "")
            ax.set_ylabel(METRICS[metric] if model == models[0] else "")
    drawn.legend(handles=_handles(), loc="outside lower center", ncols=5)
    return Drawing(drawn, _caption(rows, shifts), _alternative(shifts.loc[models]))


def _title(model: str, path: pd.DataFrame) -> str:
    n, whole = int(path["n_heads"].iloc[0]), path["model_heads"].iloc[0]
    sampled = "" if pd.isna(whole) or n == whole else f" of {whole:.0f}"
    return f"{style.title_of(model)}\n{n}{sampled} heads"


def _drawn(ax: Any, path: pd.DataFrame, metric: str, head: str) -> None:
    pl.head_trajectory(path, metric=metric, legend=False, ax=ax)  # the figure has one for all
    steps, values = path["checkpoint"], path[f"{metric}_without"]
    ax.plot(steps, values, color=WITHOUT, linestyle=(0, (2, 1.2)), linewidth=1.1, zorder=4)
    moved = (values - path[metric]).abs()
    if head and moved.max() > 0.03 * (path[metric].max() - path[metric].min()):
        at = int(moved.to_numpy().argmax())
        up = values.iloc[at] > path[metric].iloc[at]
        ax.annotate(
            f"without {head}", (steps.iloc[at], values.iloc[at]), (0, 7 if up else -7), textcoords="offset points",
            ha="right", va="bottom" if up else "top", fontsize=6, color=style.INK, zorder=6,
        )  # fmt: skip
    _steps(ax)


def _steps(ax: Any) -> None:
    """Whole numbers at powers of ten."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    ax.xaxis.set_major_locator(FixedLocator([10**power for power in range(7)]))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda step, _: f"{step:,.0f}"))


def _handles() -> list[Any]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    return [
        Line2D([], [], color=style.INK, marker="o", markersize=4, label="heads measured"),
        Line2D([], [], color=WITHOUT, linestyle=(0, (2, 1.2)), label="without the most influential"),
        Patch(color=style.FAINT, alpha=0.3, label="95% over resampled heads"),
        Line2D([], [], color=style.INK, marker="|", markersize=8, linestyle="", label="95% of sampling"),
        Line2D([], [], color="#7a7a7a", linestyle=":", label="noise alone"),
    ]


def _caption(rows: pd.DataFrame, shifts: pd.DataFrame) -> str:
    counts = rows.groupby("cohort").size().to_dict()
    models = "; ".join(
        f"{style.title_of(str(name))}, {counts[name]} checkpoints from step {row['first']:,} to {row['last']:,}"
        for name, row in shifts.iterrows()
        if name in counts
    )
    return (
        "A head's importance is the size of the relative change of loss when it is ablated. Above, the Gini "
        "coefficient over the heads measured; below, their effective number, which cannot exceed the number of "
        f"heads. Models: {models}. Dashed: without the head that moves the shift most. Bands: 95% over resampled "
        "heads, which measure the sensitivity to single heads; bars: 95% intervals of sampling, where not all heads "
        "of a model were measured. Dotted: what independent normal noise alone would show. The noise of the published "
        "importances is not known, so no verdict is given."
    )


def _alternative(shifts: pd.DataFrame) -> str:
    return "; ".join(
        f"{style.title_of(str(name))} from step {row['first']} to {row['last']}: Gini {row['gini_first']:.3f} to "
        f"{row['gini_last']:.3f}, effective number {row['hill_q1_first']:.1f} to {row['hill_q1_last']:.1f}, most "
        f"influential head {row['most_influential']}"
        for name, row in shifts.iterrows()
    )
