"""Importance of attention heads from tables of ablations, however they were written.

Sign: ``delta = -(perturbed_loss - baseline_loss) / |baseline_loss|``. Where ablating a head *harms* the
model, its loss rises and delta is negative; where delta is positive the model is better without the head.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from concentra.errors import AmountError, ArgumentError, TableError
from concentra.io import ablations
from concentra.io.ablations import AMOUNTS, KEY, MODEL_HEADS, UnequalHeadsWarning
from concentra.io.tables import TABLES, file_ending, read_table

__all__ = ["UnequalHeadsWarning", "Value", "importance_values", "read_importance"]

Value = Literal["abs", "harm", "help", "signed"]


def read_importance(
    source: str | Path | pd.DataFrame,
    *,
    model: str | None = None,
    ablation: str | None = None,
    method: str | None = None,
    model_heads: int | None = None,
) -> pd.DataFrame:
    """A tidy table of head ablations: one row for each checkpoint and head.

    Parameters
    ----------
    source
        A table in any format of `concentra.io.tables`, or a frame, with the columns

        - ``checkpoint`` (or ``step``): ``3000``, or a name with its step, such as ``step3000``, ``checkpoint-500``,
          ``stage1-step1000-tokens10B``, ``epoch_0_step_100``;
        - ``layer`` and ``head`` (or ``layer_idx`` and ``head_idx``);
        - ``delta``, or ``baseline_loss`` and ``perturbed_loss`` (or ``ablated_loss``), from which it is
          computed;
        - ``perturbation_type``, if there: rows other than ``head`` are left out. So is head -1, a whole layer;
          ``unit``, if there, must be ``head``;
        - ``model_heads``, if there: the heads of the whole model, of which those in the table may be a sample;
        - ``model``, ``ablation`` (or ``subtype``) and ``method``, if there: of one value, or chosen by the
          argument.
    model, ablation, method
        Which value to keep.
    model_heads
        The heads of the whole model, where the source does not tell.

    Returns
    -------
    DataFrame
        Columns ``checkpoint``, ``layer``, ``head`` (int), ``delta`` (float, relative change of the loss; the
        sign is told at the top of this module), and ``baseline_loss``, ``perturbed_loss`` (nats),
        ``delta_se``, ``model_heads`` where the source has them. Sorted by checkpoint, layer, head; every checkpoint
        has the same heads.

    Raises
    ------
    TableError
        Duplicate rows, no head in common, a checkpoint or head that is no whole number, the opposite sign of
        delta, several models.
    AmountError
        A value that is no finite number, or a checkpoint at which every delta is zero.

    Warns
    -----
    UnequalHeadsWarning
        Heads that are not in every checkpoint are dropped, and named.

    Examples
    --------
    >>> table = pd.DataFrame({"checkpoint": ["step512", "step1000"], "layer_idx": 0, "head_idx": [3, 3],
    ...                       "baseline_loss": [5.0, 4.0], "perturbed_loss": [5.5, 3.0]})
    >>> read_importance(table)[["checkpoint", "layer", "head", "delta"]]
       checkpoint  layer  head  delta
    0         512      0     3  -0.10
    1        1000      0     3   0.25
    """
    table = ablations.canonical(_loaded(source))
    table = ablations.single_units(ablations.heads_only(table))
    for name, wanted in (("model", model), ("ablation", ablation), ("method", method)):
        table = ablations.chosen(table, name, wanted)
    ablations.require(table)
    for name in KEY:
        table[name] = ablations.whole_numbers(table[name])
    table = ablations.numbers(ablations.single_heads(table))
    ablations.refuse_duplicates(table)
    table = ablations.common_heads(table)
    ablations.refuse_all_zero(table)
    table = ablations.with_model_heads(table, model_heads)
    columns = [*KEY, *(name for name in (*AMOUNTS, MODEL_HEADS) if name in table)]
    return table[columns].sort_values(KEY).reset_index(drop=True)


def importance_values(
    table: pd.DataFrame, value: Value = "abs"
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Checkpoints, heads, and a nonnegative amount of importance for each pair of them.

    ==========  =============================  ===========================================================
    value       amount of a head               a head without which the model is better (delta > 0)
    ==========  =============================  ===========================================================
    ``abs``     ``|delta|``                    matters as much as any; the published choice
    ``harm``    ``max(-delta, 0)``             matters not at all
    ``help``    ``max(delta, 0)``              is the only one that counts; ``harm`` and it make ``abs``
    ``signed``  ``max_j(delta_j) - delta``     matters less than one without effect
    ==========  =============================  ===========================================================

    A composition has no negative amounts, so ``-delta`` itself cannot be one. ``signed`` is the choice that
    keeps the order of the heads and every difference between them: importance counted from the least
    important head of the checkpoint, whose amount is 0. Gini and effective number are not invariant to such a
    shift, and one head sets it: in Pythia-160M, from step 512 to 143,000, it crystallizes (+.43) where both
    ``abs`` (-.07) and ``harm`` disperse. It shows what the choice does; it is no ground for a conclusion.

    Heads without importance have the amount 0: whether they are counted as parts is the choice of support.
    With ``harm`` it matters much (Pythia-410M, step 512 to 143,000: +.0338 over all heads, +.1205 over those
    present).

    Parameters
    ----------
    table
        What `read_importance` returns.
    value
        ``abs``, ``harm``, ``help`` or ``signed``.

    Returns
    -------
    checkpoints : (C,)
        Steps, ascending.
    heads : (H, 2)
        Layer and head, ascending.
    amounts : (C, H)
        Finite, nonnegative, not all zero at any checkpoint; relative change of the loss.

    Raises
    ------
    AmountError
        Every amount of a checkpoint is zero: no head does harm, or under ``signed`` all are equal.

    Examples
    --------
    >>> table = pd.DataFrame({"checkpoint": 512, "layer": 0, "head": [0, 1, 2], "delta": [-0.25, 0.0, 0.5]})
    >>> for value in ("abs", "harm", "help", "signed"):
    ...     print(value, importance_values(table, value)[2].tolist())
    abs [[0.25, 0.0, 0.5]]
    harm [[0.25, 0.0, 0.0]]
    help [[0.0, 0.0, 0.5]]
    signed [[0.75, 0.5, 0.0]]
    """
    if value not in get_args(Value):
        raise ArgumentError(
            found=f"value={value!r}",
            expected="'abs', 'harm', 'help' or 'signed'",
            fix="choose one of the four; the published numbers use 'abs'",
        )
    n_pairs = table["checkpoint"].nunique() * len(table[KEY[1:]].drop_duplicates())
    if table.empty or table.duplicated(KEY).any() or len(table) != n_pairs:
        raise TableError(
            found="not one row for each checkpoint and head",
            expected="the table that read_importance returns",
            fix="pass the table through read_importance",
        )
    ordered = table.sort_values(KEY)
    checkpoints = np.unique(ordered["checkpoint"].to_numpy(dtype=np.int64))
    heads = ordered[KEY[1:]].to_numpy(dtype=np.int64)[: len(ordered) // len(checkpoints)]
    delta = ordered["delta"].to_numpy(dtype=np.float64).reshape(len(checkpoints), -1)
    amounts = _amounts(delta, value)
    _refuse_empty(checkpoints, amounts, value)
    return checkpoints, heads, amounts


def _amounts(delta: NDArray[np.float64], value: Value) -> NDArray[np.float64]:
    if value == "abs":
        return np.abs(delta)
    if value == "harm":
        return np.maximum(-delta, 0.0)
    if value == "help":
        return np.maximum(delta, 0.0)
    return np.asarray(delta.max(axis=1, keepdims=True) - delta)


def _refuse_empty(checkpoints: NDArray[np.int64], amounts: NDArray[np.float64], value: Value) -> None:
    for step, total in zip(checkpoints, amounts.sum(axis=1), strict=True):
        if not total > 0:
            raise AmountError(
                found=f"value={value!r} gives every head of checkpoint {step} the amount 0",
                expected="at least one head with importance",
                fix="leave the checkpoint out, or choose value='abs'",
            )


def _loaded(source: str | Path | pd.DataFrame) -> pd.DataFrame:
    if isinstance(source, pd.DataFrame):
        return source.reset_index(drop=True)
    frame = read_table(source, file_ending(source, TABLES))
    return frame.astype(
        {name: object for name in frame if isinstance(frame[name].dtype, pd.CategoricalDtype)}
    )
