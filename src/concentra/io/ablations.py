"""Tables of ablations as they are found, made tidy: a function for each step, in their order."""

from __future__ import annotations

import re
import warnings

import numpy as np
import pandas as pd

from concentra.errors import AmountError, ArgumentError, ColumnError, TableError, nearest
from concentra.io.labels import exact_floats

KEY = ["checkpoint", "layer", "head"]
MODEL_HEADS = "model_heads"
LONGEST = 18
"""Digits of a whole number that fits into 64 bits."""
SAME, ROUNDED = 1e-3, 0.01
"""Baselines of a checkpoint may differ by this share, deltas from those of their losses by this much, by rounding."""
AMOUNTS = ("delta", "baseline_loss", "perturbed_loss", "delta_se")
_OTHER_NAMES = {
    "layer_idx": "layer",
    "head_idx": "head",
    "step": "checkpoint",
    "ablated_loss": "perturbed_loss",
    "subtype": "ablation",
}
_STEP = re.compile(
    r"(?:^|[^a-z])(?:global[ _-]?)?steps?[ _=-]?([0-9]+)(?![0-9]*[.]?[0-9]*[a-z])", re.IGNORECASE
)
_LAST = re.compile(
    r"^(?:checkpoint|ckpt|iter|iteration|epoch|model|batch|it)s?[ _=-]?([0-9]+)$", re.IGNORECASE
)
_WHOLE = {
    "checkpoint": re.compile(r"([0-9]+)(?:\.0+)?"),
    "layer": re.compile(r"([0-9]+)(?:\.0+)?"),
    "head": re.compile(r"(-1|[0-9]+)(?:\.0+)?"),
}


class UnequalHeadsWarning(UserWarning):
    """Checkpoints were measured on different heads; only those common to all are kept."""


def canonical(table: pd.DataFrame) -> pd.DataFrame:
    """The table under this module's names; data row r has index r - 1, here and in all that follows."""
    renamed = table.rename(columns={old: new for old, new in _OTHER_NAMES.items() if new not in table})
    for name in renamed.columns[renamed.columns.duplicated()]:
        raise TableError(
            found=f"column {name!r} more than once, or under two names",
            expected="distinct columns",
            fix="remove one of them",
        )
    return renamed.reset_index(drop=True)


def heads_only(table: pd.DataFrame) -> pd.DataFrame:
    """The rows that ablate heads, where a column says what was perturbed."""
    if "perturbation_type" not in table:
        return table
    kept = table[table["perturbation_type"].astype(str).str.strip() == "head"]
    if kept.empty:
        raise TableError(
            found=f"perturbation_type {_shown(table['perturbation_type'])}",
            expected="rows with perturbation_type 'head'",
            fix="name the table of head ablations",
        )
    return kept


def chosen(table: pd.DataFrame, name: str, wanted: str | None) -> pd.DataFrame:
    """The rows of one model, ablation or method."""
    if name not in table:
        if wanted is None:
            return table
        raise ColumnError(
            found=f"no column {name!r}, and {name}={wanted!r} was asked for",
            expected=f"a column {name!r}",
            fix=f"leave {name}= out",
        )
    texts = table[name].astype(str)
    if wanted is None:
        if texts.nunique() > 1:
            raise TableError(
                found=f"several values of {name!r}: {_shown(texts)}",
                expected=f"one {name}",
                fix=f"choose one with {name}=...",
            )
        return table
    if wanted not in set(texts):
        raise ArgumentError(
            found=f"{name}={wanted!r}, which no row has",
            expected=f"one of {_shown(texts)}",
            fix=nearest(wanted, texts),
        )
    return table[texts == wanted]


def _shown(values: pd.Series) -> str:
    return ", ".join(repr(str(value)) for value in sorted(map(str, values.unique()))[:12])


def require(table: pd.DataFrame) -> None:
    """Raise where a needed column is missing."""
    losses = {"baseline_loss", "perturbed_loss"}
    needed = KEY if losses <= {*table.columns} else [*KEY, "delta"]
    for name in needed:
        if name not in table:
            raise ColumnError(
                found=f"no column {name!r} among {', '.join(map(repr, table.columns))}",
                expected="checkpoint, layer, head, and delta or both losses",
                fix=f"rename a column: {nearest(name, table.columns)}",
            )


def whole_numbers(values: pd.Series) -> pd.Series:
    """Whole numbers from numbers or texts; a checkpoint may be a name with its step, and head -1 is a whole layer.

    >>> names = ["step512", "1000", 2000.0, "checkpoint-500", "stage1-step1000-tokens10B", "epoch_0_step_100"]
    >>> whole_numbers(pd.Series(names, name="checkpoint")).tolist()
    [512, 1000, 2000, 500, 1000, 100]
    """
    texts = values.astype(str).str.strip()
    numbers = {text: _whole_number(text, str(values.name)) for text in texts.unique()}
    for index in texts.index[[numbers[text] is None for text in texts]][:1]:
        raise TableError(
            found=f"{values.name} {texts[index]!r} in data row {index + 1}",
            expected="a whole number"
            + (", or a step such as 'step3000'" if values.name == "checkpoint" else ""),
            fix="correct the row, or remove it",
        )
    if values.name == "checkpoint":
        _refuse_same_step(numbers)
    return texts.map(numbers).astype(np.int64)


def _whole_number(text: str, name: str) -> int | None:
    """The number, of a checkpoint also the step in its name; `None` where it is not certain."""
    match = _WHOLE[name].fullmatch(text)
    if match is None and name == "checkpoint":
        steps = _STEP.findall(text)
        if len(steps) > 1:
            return None
        match = _STEP.search(text) if steps else _LAST.search(text)
    return int(match[1]) if match and len(match[1]) <= LONGEST else None


def _refuse_same_step(numbers: dict[str, int | None]) -> None:
    """Two names of one step, such as `stage1-step1000` and `stage2-step1000`, are two checkpoints."""
    names: dict[int | None, str] = {}
    for text, number in numbers.items():
        other = names.setdefault(number, text)
        if (
            other != text
            and not _WHOLE["checkpoint"].fullmatch(text)
            and not _WHOLE["checkpoint"].fullmatch(other)
        ):
            raise TableError(
                found=f"checkpoints {other!r} and {text!r}, both of step {number}",
                expected="one name for each step",
                fix="keep one of them, or write the steps as numbers in one order",
            )


def single_units(table: pd.DataFrame) -> pd.DataFrame:
    """The table, if each row ablates one head: other units are no heads."""
    if "unit" not in table:
        return table
    kinds = set(table["unit"].astype(str))
    if kinds - {"head"}:
        raise TableError(
            found=f"rows of unit {', '.join(sorted(kinds))}",
            expected="one row a head, unit 'head'",
            fix="measure heads: concentra heads sweep --unit head",
        )
    return table


def with_model_heads(table: pd.DataFrame, model_heads: int | None) -> pd.DataFrame:
    """The table with the heads of the whole model, where they are known: given, or in its column."""
    if model_heads is None and MODEL_HEADS not in table:
        return table
    known = {model_heads} if model_heads is not None else set(exact_floats(table[MODEL_HEADS]))
    n_heads = len(table[KEY[1:]].drop_duplicates())
    number = next(iter(known))
    if len(known) > 1 or not float(number or 0).is_integer() or (number or 0) < n_heads:
        raise TableError(
            found=f"model_heads {', '.join(str(one) for one in sorted(map(str, known))[:4])}, {n_heads} heads measured",
            expected="one whole number, at least the heads measured",
            fix="correct it, or leave it out",
        )
    return table.assign(**{MODEL_HEADS: int(number or 0)})


def single_heads(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of one head each: head -1 is a whole layer."""
    kept = table[table["head"] >= 0]
    if kept.empty:
        raise TableError(
            found="no row for a single head",
            expected="rows with head 0, 1, ...",
            fix="name the table of head ablations",
        )
    return kept


def numbers(table: pd.DataFrame) -> pd.DataFrame:
    """The amounts as finite floats, delta computed where it is absent; a standard error may be missing."""
    table = table.assign(**{name: _floats(table, name) for name in AMOUNTS if name in table})
    if not {"baseline_loss", "perturbed_loss"} <= {*table.columns}:
        return table
    for index in table.index[table["baseline_loss"] == 0][:1]:
        raise AmountError(
            found=f"baseline_loss 0 in data row {_place(table, index)}",
            expected="a loss above 0, relative to which delta is told",
            fix="measure this checkpoint again, or remove it",
        )
    _refuse_several_baselines(table)
    expected = -(table["perturbed_loss"] - table["baseline_loss"]) / table["baseline_loss"].abs()
    if "delta" not in table:
        return table.assign(delta=expected)
    _refuse_opposite_sign(table, expected)
    _refuse_contradiction(table, expected)
    return table


def _floats(table: pd.DataFrame, name: str) -> pd.Series:
    floats = exact_floats(table[name])
    bad = ~np.isfinite(floats)
    if name == "delta_se":
        bad &= ~table[name].isna() & (table[name].astype(str).str.strip() != "")
    for index in floats.index[bad][:1]:
        raise AmountError(
            found=f"{name} {str(table[name][index])!r} in data row {_place(table, index)}",
            expected="a finite number",
            fix="measure this head again, or remove it at every checkpoint",
        )
    return floats


def _place(table: pd.DataFrame, index: int) -> str:
    row = table.loc[index]
    return f"{index + 1} (checkpoint {row['checkpoint']}, layer {row['layer']}, head {row['head']})"


def _refuse_several_baselines(table: pd.DataFrame) -> None:
    """The loss without ablation is one number a checkpoint, but for rounding."""
    bounds = table.groupby("checkpoint")["baseline_loss"].agg(["min", "max"])
    apart = bounds["max"] - bounds["min"] > SAME * bounds.abs().max(axis=1)
    for step in bounds.index[apart][:1]:
        raise AmountError(
            found=f"baseline_loss from {bounds['min'][step]:g} to {bounds['max'][step]:g} at checkpoint {step}",
            expected="one loss without ablation a checkpoint",
            fix="measure all heads of a checkpoint on the same tokens",
        )


def _refuse_contradiction(table: pd.DataFrame, expected: pd.Series) -> None:
    """Deltas may be computed from finer losses than those that are written, and not from others."""
    last_digit = max(_last_digit(table[name]) for name in ("baseline_loss", "perturbed_loss"))
    allowed = ROUNDED + 0.1 * expected.abs() + 2 * last_digit / table["baseline_loss"].abs()
    apart = (table["delta"] - expected).abs() > allowed
    for index in table.index[apart][:1]:
        raise TableError(
            found=f"delta {table['delta'][index]:g} where the losses give {expected[index]:g}, data row "
            f"{_place(table, index)}",
            expected="delta = -(perturbed_loss - baseline_loss) / |baseline_loss|",
            fix="remove the column delta, or correct the losses",
        )


def _last_digit(values: pd.Series) -> float:
    """The place to which numbers were rounded, 1e-12 at least.

    >>> _last_digit(pd.Series([4.25, 3.5]))
    0.01
    """
    numbers = values.to_numpy(dtype=float)
    digits = next(
        (one for one in range(12) if np.allclose(numbers, np.round(numbers, one), rtol=0, atol=1e-13)), 12
    )
    return float(10.0**-digits)


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
        fix="multiply delta by -1, or remove the column",
    )


def refuse_duplicates(table: pd.DataFrame) -> None:
    """Raise where a checkpoint and head have several rows."""
    doubled = table[table.duplicated(KEY, keep=False)]
    if doubled.empty:
        return
    first = doubled.iloc[0]
    same = doubled[(doubled[KEY] == first[KEY]).all(axis=1)]
    names = ", ".join(f"{name} {first[name]}" for name in KEY)
    rows = ", ".join(str(index + 1) for index in same.index)
    others = f"; {len(doubled)} such rows in all" if len(doubled) > len(same) else ""
    raise TableError(
        found=f"{names} in data rows {rows}{others}",
        expected="one row for each checkpoint and head",
        fix="remove the duplicates, or average them if they are repeats",
    )


def common_heads(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of heads that are in every checkpoint; a warning names the others."""
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
            fix="measure the same heads everywhere, or keep the checkpoints that share them",
        )
    names = [f"L{layer}H{head}" for layer, head in dropped.itertuples(index=False)]
    shown = ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "")
    warnings.warn(
        f"{len(names)} {'head is' if len(names) == 1 else 'heads are'} not in every checkpoint and left out: {shown}",
        UnequalHeadsWarning,
        stacklevel=3,
    )
    return kept


def refuse_all_zero(table: pd.DataFrame) -> None:
    """Raise where every delta of a checkpoint is zero."""
    largest = table.groupby("checkpoint")["delta"].agg(lambda delta: delta.abs().max())
    for step in largest.index[largest == 0]:
        raise AmountError(
            found=f"every delta of checkpoint {step} is 0",
            expected="at least one head whose ablation changes the loss",
            fix="check that the ablation took effect there, or leave the checkpoint out",
        )
