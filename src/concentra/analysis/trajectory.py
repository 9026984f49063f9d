"""How does the concentration of head importance change along the training of a model?

The support is every head that was measured: a head without importance counts as a part of amount zero.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from concentra.errors import ArgumentError
from concentra.io.importance import Value, importance_values
from concentra.metrics import gini, hill_number

Floats = NDArray[np.float64]


def head_name(layer: int, head: int) -> str:
    """A head as people write it.

    >>> head_name(8, 9)
    'L8H9'
    """
    return f"L{layer}H{head}"


def measure(amounts: Floats) -> tuple[Floats, Floats]:
    """Gini coefficient over all parts and effective number, of amounts (..., H)."""
    return (
        np.asarray(gini(amounts, support="stratum", check=False)),
        np.asarray(hill_number(amounts, 1.0, check=False)),
    )


def trajectory(table: pd.DataFrame, value: Value = "abs") -> pd.DataFrame:
    """Concentration of head importance at every checkpoint.

    Parameters
    ----------
    table
        Head importance, as `concentra.io.importance.read_importance` returns it.
    value
        What counts as a head's importance: `"abs"`, `"harm"` or `"signed"`; see
        `concentra.io.importance.importance_values`.

    Returns
    -------
    One row a checkpoint, ascending: `checkpoint`, `n_heads`, `gini` (0 to 1 - 1/n), `hill_q1` (1 to n heads),
    `hill_q2`, `top_share` (share of the most important head), `top_head`, and `harm_fraction`, the share of heads
    whose ablation raises the loss.
    """
    checkpoints, heads, amounts = importance_values(table, value)
    ginis, effective = measure(amounts)
    top = amounts.argmax(axis=1)
    harm = (table["delta"] < 0).groupby(table["checkpoint"]).mean()
    return pd.DataFrame(
        {
            "checkpoint": checkpoints,
            "n_heads": len(heads),
            "gini": ginis,
            "hill_q1": effective,
            "hill_q2": np.asarray(hill_number(amounts, 2.0, check=False)),
            "top_share": amounts.max(axis=1) / amounts.sum(axis=1),
            "top_head": [head_name(*heads[place]) for place in top],
            "harm_fraction": harm.reindex(checkpoints).to_numpy(),
        }
    )


def first_checkpoints(along: pd.DataFrame) -> pd.DataFrame:
    """The shift to the last checkpoint from each earlier one.

    Parameters
    ----------
    along
        As `trajectory` returns it, with at least two checkpoints.

    Returns
    -------
    One row an earlier checkpoint: `first`, `last`, and the shifts `gini` and `hill_q1`.
    """
    require_two(along["checkpoint"].to_numpy())
    last, earlier = along.iloc[-1], along.iloc[:-1]
    return pd.DataFrame(
        {
            "first": earlier["checkpoint"].to_numpy(),
            "last": int(last["checkpoint"]),
            "gini": last["gini"] - earlier["gini"].to_numpy(),
            "hill_q1": last["hill_q1"] - earlier["hill_q1"].to_numpy(),
        }
    )


def influence(table: pd.DataFrame, value: Value = "abs") -> pd.DataFrame:
    """The shift from the first to the last checkpoint when one head is left out, for every head.

    Returns
    -------
    One row a head, the most influential first: `layer`, `head`, the shifts `gini` and `hill_q1` without it, and
    `influence`, by how much leaving it out moves the pair of shifts: the Euclidean length of the two changes, each
    divided by its standard deviation over heads (0 where there is none).
    """
    checkpoints, heads, amounts = importance_values(table, value)
    require_two(checkpoints)
    ends = amounts[[0, -1]]
    n_heads = len(heads)
    others = np.nonzero(~np.eye(n_heads, dtype=bool))[1].reshape(n_heads, n_heads - 1)
    without = np.stack([found[1] - found[0] for found in measure(ends[:, others])], axis=-1)
    whole = np.array([found[1] - found[0] for found in measure(ends)])
    spread = without.std(axis=0)
    change = np.divide(without - whole, spread, out=np.zeros_like(without), where=spread > 0)
    frame = pd.DataFrame(
        {
            "layer": heads[:, 0],
            "head": heads[:, 1],
            "gini": without[:, 0],
            "hill_q1": without[:, 1],
            "influence": np.hypot(change[:, 0], change[:, 1]),
        }
    )
    return frame.sort_values(["influence", "layer", "head"], ascending=[False, True, True], ignore_index=True)


def require_two(checkpoints: NDArray[np.int64]) -> None:
    """Refuse a table with a single checkpoint: it has no shift."""
    if len(checkpoints) < 2:
        raise ArgumentError(
            found=f"one checkpoint, {int(checkpoints[0])}",
            expected="at least two checkpoints, so that there is a shift",
            mend="measure the heads at another checkpoint and add its rows",
        )
