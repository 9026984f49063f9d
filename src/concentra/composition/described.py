"""What describes each unit: every column of the rows that has one value in it."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from concentra.composition.labels import about_name, as_labels
from concentra.io.labels import label_text

SEVERAL = " + "
"""Between the values of a unit that has a few."""
Codes = NDArray[np.int64]


def described(
    rows: pd.DataFrame, unit: Codes, n_units: int, missing: Collection[str] = ()
) -> dict[str, NDArray[np.object_]]:
    """Every column that has one value in each unit, as text, (n_units,) each; missing values are None.

    Of a column in which most units have one value and the others a few, these are joined; one with many values in a
    unit is about cells, and left out.

    Parameters
    ----------
    rows
        The columns, one row a cell or count.
    unit
        The unit of each row, -1 for rows left out.
    n_units
        Units.
    missing
        Labels that stand for a missing value.

    Examples
    --------
    >>> rows = pd.DataFrame({"age": ["3m", "3m", "24m"], "barcode": ["x", "y", "z"]})
    >>> {name: values.tolist() for name, values in described(rows, np.array([0, 0, 1]), 2).items()}
    {'age': ['3m', '24m']}
    """
    none = {" ".join(label.split()).casefold() for label in missing}
    found: dict[str, NDArray[np.object_]] = {}
    for column in rows.columns:
        values = _one_a_unit(rows[column], unit, n_units, none)
        if values is not None and any(value is not None for value in values):
            found[about_name(str(column))] = values
    return found


def _one_a_unit(
    column: pd.Series, unit: Codes, n_units: int, none: Collection[str]
) -> NDArray[np.object_] | None:
    """The value of each unit, or None where a unit has several; missing ones are passed over."""
    if isinstance(column.dtype, pd.CategoricalDtype) or column.dtype == object:
        if isinstance(column.dtype, pd.CategoricalDtype) and len(column.cat.categories) > 4 * n_units + 20:
            return None  # more labels than units and their spellings: a column about cells
        labels = as_labels(column)
        texts = [" ".join(str(label).split()) for label in labels.cat.categories]
        keys = [text.casefold() for text in texts]
        place = {key: code for code, key in enumerate(dict.fromkeys(keys))}
        lookup = np.array([-1 if key in none else place[key] for key in keys] + [-1], dtype=np.int64)
        codes = lookup[labels.cat.codes.to_numpy()]
        shown = {place[key]: text for key, text in reversed(list(zip(keys, texts, strict=True)))}
    else:
        numbers = column.to_numpy()
        known = np.flatnonzero(~pd.isna(numbers) & (unit >= 0))
        first = np.full(n_units, -1, dtype=np.int64)
        first[unit[known]] = known
        if (numbers[known] != numbers[first[unit[known]]]).any():
            return None
        kept = first >= 0
        values = np.full(n_units, None, dtype=object)
        values[kept] = [label_text(value) for value in numbers[first[kept]].tolist()]
        return values
    inside = (unit >= 0) & (codes >= 0)
    of_unit = np.full(n_units, -1, dtype=np.int64)
    of_unit[unit[inside]] = codes[inside]
    if (codes[inside] != of_unit[unit[inside]]).any():
        return _joined(codes[inside], unit[inside], n_units, shown) if len(shown) <= 50 else None
    return np.array([shown.get(int(code)) for code in of_unit], dtype=object)


def _joined(codes: Codes, unit: Codes, n_units: int, shown: Mapping[int, str]) -> NDArray[np.object_] | None:
    """The values of units with several, joined, where they are few; else None: a column about cells."""
    pairs = np.unique(np.stack([unit, codes], axis=1), axis=0)
    sizes = np.bincount(pairs[:, 0], minlength=n_units)
    if sizes.max() > 4 or np.median(sizes) > 1:
        return None
    values: list[list[str]] = [[] for _ in range(n_units)]
    for place, code in pairs.tolist():
        values[place].append(shown[code])
    return np.array([SEVERAL.join(sorted(value)) or None for value in values], dtype=object)
