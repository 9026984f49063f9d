"""Importance of attention heads from tables of ablations, however they were written.

Sign: ``delta = -(perturbed_loss - baseline_loss) / |baseline_loss|``. Where ablating a head *harms* the
model, its loss rises and delta is negative; where delta is positive the model is better without the head.
"""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from concentra.errors import AmountError, ArgumentError, ColumnError, TableError, nearest
from concentra.io.tables import TABLES, file_ending, read_table

Value = Literal["abs", "harm", "help", "signed"]
KEY = ["checkpoint", "layer", "head"]
_OTHER_NAMES = {
    "layer_idx": "layer",
    "head_idx": "head",
    "step": "checkpoint",
    "ablated_loss": "perturbed_loss",
    "subtype": "ablation",
}
_AMOUNTS = ("delta", "baseline_loss", "perturbed_loss", "delta_se")
_STEP = re.compile(r"(?:step[ _-]?)?([0-9]+)(?:\.0+)?", re.IGNORECASE)


class UnequalHeadsWarning(UserWarning):
    """Checkpoints were measured on different heads; only those common to all are kept."""


def read_importance(
    source: str | Path | pd.DataFrame,
    *,
    model: str | None = None,
    ablation: str | None = None,
    method: str | None = None,
) -> pd.DataFrame:
    """A tidy table of head ablations: one row for each checkpoint and head.

    Parameters
    ----------
    source
        A ``.csv``, ``.csv.gz``, ``.tsv``, ``.tsv.gz`` or ``.parquet`` file, or a frame, with the columns

        - ``checkpoint`` (or ``step``): ``3000`` or ``step3000``;
        - ``layer`` and ``head`` (or ``layer_idx`` and ``head_idx``);
        - ``delta``, or ``baseline_loss`` and ``perturbed_loss`` (or ``ablated_loss``), from which it is
        computed; - ``perturbation_type``, if there: rows other than ``head`` are left out. So is head -1, a
        whole layer; - ``model``, ``ablation`` (or ``subtype``) and ``method``, if there: of one value, or
        chosen by the argument.
    model, ablation, method
        Which value to keep.

    Returns
    -------
    DataFrame
        Columns ``checkpoint``, ``layer``, ``head`` (int), ``delta`` (float, relative change of the loss; the
        sign is told at the top of this module), and ``baseline_loss``, ``perturbed_loss`` (nats),
        ``delta_se`` where the source has them. Sorted by checkpoint, layer, head; every checkpoint has the
        same heads.

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
    table = _canonical(_loaded(source))
    table = _heads_only(table)
    for name, wanted in (("model", model), ("ablation", ablation), ("method", method)):
        table = _chosen(table, name, wanted)
    _require(table)
    for name in KEY:
        table[name] = _whole_numbers(table[name])
    table = _numbers(table[table["head"] >= 0])
    if table.empty:
        raise TableError(
            found="no row for a single head",
            expected="rows with head 0, 1, ... (and perturbation_type 'head')",
            mend="name the table of head ablations",
        )
    _refuse_duplicates(table)
    table = _common_heads(table)
    _refuse_all_zero(table)
    columns = [*KEY, *(name for name in _AMOUNTS if name in table)]
    return table[columns].sort_values(KEY).reset_index(drop=True)


def importance_values(
    table: pd.DataFrame, value: Value = "abs"
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Checkpoints, heads, and a nonnegative amount of importance for each pair of them.

    ==========  =============================  ==========================================================
    value       amount of a head               a head without which the model is better (delta > 0)
    ==========  =============================  ==========================================================
    ``abs``     ``|delta|``                    matters as much as any; the published choice
    ``harm``    ``max(-delta, 0)``             matters not at all
    ``help``    ``max(delta, 0)``              is the only one that counts: the rest of ``abs`` beside ``harm``
    ``signed``  ``max_j(delta_j) - delta``     matters less than one without effect
    ==========  =============================  ==========================================================

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
            mend="choose one of the four; the published numbers use 'abs'",
        )
    n_pairs = table["checkpoint"].nunique() * len(table[KEY[1:]].drop_duplicates())
    if table.empty or table.duplicated(KEY).any() or len(table) != n_pairs:
        raise TableError(
            found="not one row for each checkpoint and head",
            expected="the table that read_importance returns",
            mend="pass the table through read_importance",
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
                mend="leave the checkpoint out, or choose value='abs'",
            )


def _loaded(source: str | Path | pd.DataFrame) -> pd.DataFrame:
    if isinstance(source, pd.DataFrame):
        return source.reset_index(drop=True)
    frame = read_table(source, file_ending(source, TABLES))
    return frame.astype(
        {name: object for name in frame if isinstance(frame[name].dtype, pd.CategoricalDtype)}
    )


def _canonical(table: pd.DataFrame) -> pd.DataFrame:
    """The table under this module's names, with the row of the source (from 1) in ``row``."""
    renamed = table.rename(columns={old: new for old, new in _OTHER_NAMES.items() if new not in table})
    for name in renamed.columns[renamed.columns.duplicated()]:
        raise TableError(
            found=f"column {name!r} more than once, or under two names",
            expected="distinct columns",
            mend="remove one of them",
        )
    return renamed.assign(row=np.arange(1, len(table) + 1))


def _heads_only(table: pd.DataFrame) -> pd.DataFrame:
    if "perturbation_type" not in table:
        return table
    kept = table[table["perturbation_type"].astype(str).str.strip() == "head"]
    if kept.empty:
        raise TableError(
            found=f"perturbation_type {_shown(table['perturbation_type'])}",
            expected="rows with perturbation_type 'head'",
            mend="name the table of head ablations",
        )
    return kept


def _chosen(table: pd.DataFrame, name: str, wanted: str | None) -> pd.DataFrame:
    """The rows of one model, ablation or method."""
    if name not in table:
        if wanted is None:
            return table
        raise ColumnError(
            found=f"no column {name!r}, and {name}={wanted!r} was asked for",
            expected=f"a column {name!r}",
            mend=f"leave {name}= out",
        )
    texts = table[name].astype(str)
    if wanted is None:
        if texts.nunique() > 1:
            raise TableError(
                found=f"several values of {name!r}: {_shown(texts)}",
                expected=f"one {name}",
                mend=f"choose one with {name}=...",
            )
        return table
    if wanted not in set(texts):
        raise ArgumentError(
            found=f"{name}={wanted!r}, which no row has",
            expected=f"one of {_shown(texts)}",
            mend=nearest(wanted, texts),
        )
    return table[texts == wanted]


def _shown(values: pd.Series) -> str:
    return ", ".join(repr(str(value)) for value in sorted(map(str, values.unique()))[:12])


def _require(table: pd.DataFrame) -> None:
    losses = {"baseline_loss", "perturbed_loss"}
    needed = KEY if losses <= {*table.columns} else [*KEY, "delta"]
    for name in needed:
        if name not in table:
            raise ColumnError(
                found=f"no column {name!r} among {', '.join(map(repr, table.columns.drop('row')))}",
                expected="checkpoint, layer, head, and delta or both losses",
                mend=f"rename a column: {nearest(name, table.columns.drop('row'))}",
            )


def _whole_numbers(values: pd.Series) -> pd.Series:
    """Whole numbers from numbers or texts such as ``step3000``; -1 is a head or a seed that is none."""
    texts = values.astype(str).str.strip()
    found = texts.map({text: _whole_number(text, str(values.name)) for text in texts.unique()})
    for index in found.index[found.isna()][:1]:
        raise TableError(
            found=f"{values.name} {texts[index]!r} in data row {_row(values, index)}",
            expected="a whole number, or a step such as 'step3000'",
            mend="correct the row, or remove it",
        )
    return found.astype(np.int64)


def _row(values: pd.Series, index: Any) -> int:
    return int(index) + 1


def _whole_number(text: str, name: str) -> int | None:
    if name == "head" and re.fullmatch(r"-1(\.0+)?", text):
        return -1
    match = _STEP.fullmatch(text)
    return int(match[1]) if match else None


def _numbers(table: pd.DataFrame) -> pd.DataFrame:
    """The amounts as finite floats, delta computed where it is absent."""
    table = table.copy()
    for name in (name for name in _AMOUNTS if name in table):
        numbers = pd.to_numeric(table[name], errors="coerce").astype(float)
        for index in numbers.index[~np.isfinite(numbers)][:1]:
            raise AmountError(
                found=f"{name} {str(table[name][index])!r} in data row {_place(table, index)}",
                expected="a finite number",
                mend="measure this head again, or remove it at every checkpoint",
            )
        table[name] = numbers
    if not {"baseline_loss", "perturbed_loss"} <= {*table.columns}:
        return table
    expected = -(table["perturbed_loss"] - table["baseline_loss"]) / table["baseline_loss"].abs()
    if "delta" not in table:
        return table.assign(delta=expected)
    _refuse_opposite_sign(table, expected)
    return table


def _place(table: pd.DataFrame, index: Any) -> str:
    row = table.loc[index]
    return f"{row['row']} (checkpoint {row['checkpoint']}, layer {row['layer']}, head {row['head']})"


def _refuse_opposite_sign(table: pd.DataFrame, expected: pd.Series) -> None:
    """Losses may be rounded, so the sign is judged over the table."""
    agreement = np.sign(table["delta"]) * np.sign(expected)
    if agreement.sum() >= 0:
        return
    index = agreement.index[agreement < 0][0]
    raise TableError(
        found=f"delta {table['delta'][index]:g} where the loss changes by {-expected[index]:+.2%}, "
        f"data row {_place(table, index)}; so in most rows",
        expected="delta = -(perturbed_loss - baseline_loss) / |baseline_loss|, negative where the loss rises",
        mend="multiply delta by -1, or remove the column",
    )


def _refuse_duplicates(table: pd.DataFrame) -> None:
    doubled = table[table.duplicated(KEY, keep=False)]
    if doubled.empty:
        return
    first = doubled.iloc[0]
    same = doubled[(doubled[KEY] == first[KEY]).all(axis=1)]
    names = ", ".join(f"{name} {first[name]}" for name in KEY)
    rows = ", ".join(map(str, same["row"]))
    others = f"; {len(doubled)} such rows in all" if len(doubled) > len(same) else ""
    raise TableError(
        found=f"{names} in data rows {rows}{others}",
        expected="one row for each checkpoint and head",
        mend="remove the duplicates, or average them if they are repeats",
    )


def _common_heads(table: pd.DataFrame) -> pd.DataFrame:
    n_checkpoints = table["checkpoint"].nunique()
    present = table.groupby(KEY[1:])["checkpoint"].transform("size")
    if (present == n_checkpoints).all():
        return table
    dropped = table.loc[present < n_checkpoints, KEY[1:]].drop_duplicates().sort_values(KEY[1:])
    kept = table[present == n_checkpoints]
    if kept.empty:
        raise TableError(
            found=f"no head in all {n_checkpoints} checkpoints",
            expected="the same heads at every checkpoint",
            mend="measure the same heads everywhere, or keep the checkpoints that share them",
        )
    names = [f"L{layer}H{head}" for layer, head in dropped.itertuples(index=False)]
    shown = ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "")
    warnings.warn(
        f"{len(names)} heads are not in every checkpoint and are left out: {shown}",
        UnequalHeadsWarning,
        stacklevel=3,
    )
    return kept


def _refuse_all_zero(table: pd.DataFrame) -> None:
    largest = table.groupby("checkpoint")["delta"].agg(lambda delta: delta.abs().max())
    for step in largest.index[largest == 0]:
        raise AmountError(
            found=f"every delta of checkpoint {step} is 0",
            expected="at least one head whose ablation changes the loss",
            mend="check that the ablation took effect there, or leave the checkpoint out",
        )
