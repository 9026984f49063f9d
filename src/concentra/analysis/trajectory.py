"""How does the concentration of head importance change along the training of a model, and what does that rest on?

The support is every head that was measured: a head without importance counts as a part of amount zero. Three spreads
are told apart. *Resampled heads* (`_low`, `_high`) show how sensitive a number is to single heads, whether or not all
were measured. *Sampling* (`_sampling_low`, `_sampling_high`) is there only where the heads measured are a sample of the
model's, and is that of a sample from a finite population. *Noise* of a finite evaluation makes concentration of its
own: where its size is unknown or large the verdict is withheld. Whether *models* concentrate is a question to several
models, `concentra.analysis.across_models`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from concentra.errors import ArgumentError
from concentra.heads.noise import expected_noise_gini, mostly_noise, share_above_noise
from concentra.io.importance import Value, importance_values
from concentra.metrics import hill_number
from concentra.stats.parts import PartDraws, bootstrap_parts, leave_one_part_out, noise_floor, sample_parts
from concentra.stats.trajectory import TrajectoryShift, trajectory_shift
from concentra.stats.verdict import direction

Floats = NDArray[np.float64]
NOISE_DRAWS = 2_000
SHIFT_COLUMNS = ["gini", "gini_low", "gini_high", "hill_q1", "hill_q1_low", "hill_q1_high"]
SAMPLING_COLUMNS = [
    "gini_sampling_low",
    "gini_sampling_high",
    "hill_q1_sampling_low",
    "hill_q1_sampling_high",
]
UNKNOWN, LARGE, SMALL = "unknown", "large", "small"
WITHHELD = "withheld"


@dataclass(frozen=True)
class Followed:
    """What is known of one model.

    Attributes
    ----------
    path
        One row a checkpoint, ascending: `checkpoint`, `n_heads` measured, `model_heads` (missing where unknown),
        `gini` (0 to 1 - 1/n) and `hill_q1` (effective number, 1 to n heads), each with `_low` and `_high` over
        resampled heads, `_sampling_low` and `_sampling_high` (the value itself where all heads were measured),
        `_noise`, what noise alone would show, and `_without` the head that moves the whole shift most; `hill_q1_share`,
        the effective number over the number of heads, by which models compare; `hill_q2`, `top_share` (share of the
        most important head), `top_head`, and `harm_fraction`, the share of heads whose ablation raises the loss.
        Where the table has standard errors, `share_above_noise` (heads beyond two), `gini_evaluation_noise` (expected
        of these errors alone) and `mostly_noise`: "yes" where fewer than half of the heads stand out, so that the
        concentration is largely that of noise; else "no", or "not known".
    firsts
        One row an earlier checkpoint: `first`, `last`, the shifts `gini` and `hill_q1` with `_low` and `_high` and
        with `_sampling_low` and `_sampling_high`, `direction`, `noise` of the evaluation at either end ("small",
        "large", or "unknown"), `verdict`, "withheld" unless the noise is small, `verdict_of_heads`, what the verdict
        would be without noise, and `most_influential`, the head whose absence moves the pair of shifts most.
    influence
        One row a head, the most influential first: `layer`, `head`, the shifts `gini` and `hill_q1` from the first to
        the last checkpoint without it, and `influence`, the length of the change in both, each in standard deviations
        over heads.
    """

    path: pd.DataFrame
    firsts: pd.DataFrame
    influence: pd.DataFrame

    @property
    def sampled(self) -> str:
        """Which heads were measured, in words.

        >>> rows = {"checkpoint": [1, 1, 2, 2], "layer": 0, "head": [0, 1, 0, 1], "delta": [1.0, 2.0, 3.0, 1.0]}
        >>> follow(pd.DataFrame(rows).assign(model_heads=4), rng=1, n_draws=10).sampled
        '2 of 4 heads, a sample'
        """
        measured, whole = self.path[["n_heads", "model_heads"]].iloc[0]
        if pd.isna(whole):
            return f"{measured:.0f} heads, of how many is unknown"
        return (
            f"all {measured:.0f} heads"
            if whole == measured
            else f"{measured:.0f} of {whole:.0f} heads, a sample"
        )


def head_name(layer: int, head: int) -> str:
    """A head as people write it.

    >>> head_name(8, 9)
    'L8H9'
    """
    return f"L{layer}H{head}"


def follow(
    table: pd.DataFrame,
    value: Value = "abs",
    *,
    rng: int | np.random.Generator,
    n_draws: int = 10_000,
    level: float = 0.95,
) -> Followed:
    """The trajectory of one model, its shift from every earlier checkpoint, and the influence of every head.

    Parameters
    ----------
    table
        Head importance, as `concentra.io.importance.read_importance` returns it, of at least two checkpoints.
    value
        What counts as a head's importance; see `concentra.io.importance.importance_values`.
    rng
        A seed or a generator; the same seed gives the same bytes.
    n_draws
        Samples of heads with replacement, the same at every checkpoint.
    level
        Of the intervals.

    Raises
    ------
    ArgumentError
        There is one checkpoint only.

    Notes
    -----
    "more concentrated" or "less concentrated" only where both intervals over resampled heads exclude 0 and leaving out
    any one head changes neither sign; "mixed" where both stand in that way but disagree; else "undecided". "withheld"
    where the noise of the evaluation at one of the two checkpoints is unknown (no `delta_se`), or large: fewer than
    half of the heads beyond two standard errors.

    Examples
    --------
    >>> rows = {"checkpoint": np.repeat([1, 2], 20), "layer": 0, "head": np.tile(np.arange(20), 2)}
    >>> delta = -np.concatenate([np.ones(20), np.where(np.arange(20) < 5, 10.0, 1.0)])
    >>> table = pd.DataFrame(rows | {"delta": delta})
    >>> follow(table, rng=1, n_draws=500).firsts[["verdict", "verdict_of_heads"]].values.tolist()
    [['withheld', 'more concentrated']]
    >>> follow(table.assign(delta_se=0.01), rng=1, n_draws=500).firsts["verdict"].tolist()
    ['more concentrated']
    """
    checkpoints, heads, amounts = importance_values(table, value)
    _require_two(checkpoints)
    draws = bootstrap_parts(amounts, rng=rng, n_draws=n_draws, support="stratum")
    whole = n_model_heads(table)
    samples = _samples(amounts, heads, whole, rng=rng, n_draws=n_draws)
    harm = (table["delta"] < 0).groupby(table["checkpoint"]).mean().reindex(checkpoints).to_numpy()
    noise = _noise(table, checkpoints)
    shifts = [
        trajectory_shift(amounts, rng=rng, first=first, level=level, support="stratum", draws=draws)
        for first in range(len(checkpoints) - 1)
    ]
    without = leave_one_part_out(amounts, support="stratum")
    top = int(_pull(shifts[0]).argmax())
    path = _path(checkpoints, heads, amounts, draws, level).merge(noise, on="checkpoint")
    rows = [
        _shift_row(shift, checkpoints, heads, at, _noise_between(noise, at))
        | _sampled_shift(samples, at, level, shift)
        for at, shift in enumerate(shifts)
    ]
    return Followed(
        path=path.assign(
            model_heads=np.nan if whole is None else float(whole),
            hill_q1_share=path["hill_q1"] / path["n_heads"],
            harm_fraction=harm,
            gini_without=without[0][:, top],
            hill_q1_without=without[1][:, top],
            **_sampled_path(samples, level, path),
        ),
        firsts=pd.DataFrame(rows),
        influence=_influence(shifts[0], heads),
    )


def n_model_heads(table: pd.DataFrame) -> int | None:
    """The heads of the whole model, where the table tells.

    >>> n_model_heads(pd.DataFrame({"model_heads": [384, 384]}))
    384
    """
    return int(table["model_heads"].iloc[0]) if "model_heads" in table else None


def _samples(
    amounts: Floats, heads: NDArray[np.int64], whole: int | None, *, rng: Any, n_draws: int
) -> PartDraws | None:
    """Draws of samples from the model's heads; `None` where all were measured or their number is unknown."""
    if whole is None or whole == amounts.shape[1]:
        return None
    return sample_parts(amounts, whole, rng=rng, strata=heads[:, 0], n_draws=n_draws, support="stratum")


def _sampled_path(samples: PartDraws | None, level: float, path: pd.DataFrame) -> dict[str, Any]:
    """Sampling intervals of both metrics at each checkpoint; the values themselves, or missing, without a sample."""
    found: dict[str, Any] = {}
    for metric in ("gini", "hill_q1"):
        drawn = None if samples is None else getattr(samples, f"{metric}_draws")
        for end, tail in (("low", (1 - level) / 2), ("high", (1 + level) / 2)):
            found[f"{metric}_sampling_{end}"] = (
                path[metric] if drawn is None else np.nanquantile(drawn, tail, axis=0)
            )
    return found


def _sampled_shift(
    samples: PartDraws | None, first: int, level: float, shift: TrajectoryShift
) -> dict[str, float]:
    found = {}
    for metric in ("gini", "hill_q1"):
        estimate = getattr(shift, metric).estimate
        drawn = np.array([estimate])
        if samples is not None:
            values = getattr(samples, f"{metric}_draws")
            drawn = values[:, -1] - values[:, first]
        for end, tail in (("low", (1 - level) / 2), ("high", (1 + level) / 2)):
            found[f"{metric}_sampling_{end}"] = float(np.nanquantile(drawn, tail))
    return found


def _noise_between(noise: pd.DataFrame, first: int) -> str:
    """The noise of the evaluation at two checkpoints: small, large at one of them, or unknown."""
    ends = set(noise["mostly_noise"].iloc[[first, -1]])
    return LARGE if "yes" in ends else UNKNOWN if "not known" in ends else SMALL


def _path(
    checkpoints: NDArray[np.int64], heads: NDArray[np.int64], amounts: Floats, draws: PartDraws, level: float
) -> pd.DataFrame:
    tails = [(1 - level) / 2, (1 + level) / 2]
    noise = noise_floor(len(heads), rng=0, n_draws=NOISE_DRAWS, level=level)
    gini_low, gini_high = np.nanquantile(draws.gini_draws, tails, axis=0)
    hill_low, hill_high = np.nanquantile(draws.hill_q1_draws, tails, axis=0)
    top = amounts.argmax(axis=1)
    return pd.DataFrame(
        {
            "checkpoint": checkpoints,
            "n_heads": len(heads),
            "gini": draws.gini,
            "gini_low": gini_low,
            "gini_high": gini_high,
            "gini_noise": noise.gini,
            "hill_q1": draws.hill_q1,
            "hill_q1_low": hill_low,
            "hill_q1_high": hill_high,
            "hill_q1_noise": noise.hill_q1,
            "hill_q2": np.asarray(hill_number(amounts, 2.0, check=False)),
            "top_share": amounts.max(axis=1) / amounts.sum(axis=1),
            "top_head": [head_name(*heads[place]) for place in top],
        }
    )


def _noise(table: pd.DataFrame, checkpoints: NDArray[np.int64]) -> pd.DataFrame:
    """How far heads stand out of the noise of their evaluation; missing where the table has no standard errors."""
    rows = []
    for checkpoint in checkpoints:
        here = table[table["checkpoint"] == checkpoint]
        known = "delta_se" in here and bool(here["delta_se"].notna().all() and (here["delta_se"] > 0).any())
        delta, error = (
            (here[name].to_numpy(dtype=float) for name in ("delta", "delta_se")) if known else ([], [])
        )
        rows.append(
            {
                "checkpoint": checkpoint,
                "share_above_noise": share_above_noise(delta, error) if known else np.nan,
                "gini_evaluation_noise": expected_noise_gini(error) if known else np.nan,
                "mostly_noise": ("yes" if mostly_noise(delta, error) else "no") if known else "not known",
            }
        )
    return pd.DataFrame(rows)


def _shift_row(
    shift: TrajectoryShift, checkpoints: NDArray[np.int64], heads: NDArray[np.int64], first: int, noise: str
) -> dict[str, Any]:
    return {
        "first": int(checkpoints[first]),
        "last": int(checkpoints[-1]),
        "gini": shift.gini.estimate,
        "gini_low": shift.gini.low,
        "gini_high": shift.gini.high,
        "hill_q1": shift.hill_q1.estimate,
        "hill_q1_low": shift.hill_q1.low,
        "hill_q1_high": shift.hill_q1.high,
        "direction": direction(shift.gini.estimate, shift.hill_q1.estimate),
        "noise": noise,
        "verdict": shift.verdict if noise == SMALL else WITHHELD,
        "verdict_of_heads": shift.verdict,
        "most_influential": head_name(*heads[int(_pull(shift).argmax())]),
    }


def _pull(shift: TrajectoryShift) -> Floats:
    """By how much each head moves the pair of shifts, in standard deviations over heads."""
    moved = []
    for one in (shift.gini, shift.hill_q1):
        spread = one.without.std()
        moved.append((one.without - one.estimate) / spread if spread > 0 else np.zeros_like(one.without))
    return np.hypot(*moved)


def _influence(shift: TrajectoryShift, heads: NDArray[np.int64]) -> pd.DataFrame:
    frame = pd.DataFrame(
        {
            "layer": heads[:, 0],
            "head": heads[:, 1],
            "gini": shift.gini.without,
            "hill_q1": shift.hill_q1.without,
            "influence": _pull(shift),
        }
    )
    return frame.sort_values(["influence", "layer", "head"], ascending=[False, True, True], ignore_index=True)


def _require_two(checkpoints: NDArray[np.int64]) -> None:
    if len(checkpoints) < 2:
        raise ArgumentError(
            found=f"one checkpoint, {int(checkpoints[0])}",
            expected="at least two checkpoints, so that there is a shift",
            fix="measure the heads at another checkpoint and add its rows",
        )
