"""Columns of labels as codes: how each label is spelled, and the combinations of labels that occur."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from concentra.composition.spelling import Spellings, spellings
from concentra.notes import Note

Codes = NDArray[np.int64]


def spelled(
    labels: Mapping[str, pd.Series], amounts: NDArray[np.float64] | None, missing: Collection[str]
) -> tuple[Spellings, list[Note]]:
    """How every label is spelled, most cells deciding, and notes on what was repaired."""
    cells = {}
    for key, values in labels.items():
        known = values.cat.codes.to_numpy()
        weights = None if amounts is None else amounts[known >= 0]
        counts = np.bincount(known[known >= 0], weights=weights, minlength=len(values.cat.categories))
        cells[key] = pd.Series(counts.astype(np.int64), index=values.cat.categories)
    return spellings(cells, missing=missing)


def recoded(values: pd.Series, spelling: Mapping[str, str | None]) -> pd.Categorical:
    """The labels as they are spelled, as a categorical."""
    texts = [spelling[str(label)] for label in values.cat.categories]
    names = sorted({text for text in texts if text is not None})
    place = {text: code for code, text in enumerate(names)}
    lookup = np.array([-1 if text is None else place[text] for text in texts] + [-1], dtype=np.int64)
    return pd.Categorical.from_codes(lookup[values.cat.codes.to_numpy()], pd.Index(names, dtype=object))


def combinations(codes: Mapping[str, pd.Categorical]) -> tuple[pd.DataFrame, Codes]:
    """The combinations that occur, as text, and the place of each row among them."""
    key = np.zeros(len(next(iter(codes.values()))), dtype=np.int64)
    for column in codes.values():
        width = len(column.categories) + 1
        key = np.unique(key, return_inverse=True)[1] * width + column.codes.astype(np.int64) + 1
    _, first, place = np.unique(key, return_index=True, return_inverse=True)
    frame = pd.DataFrame({name: np.asarray(column[first], dtype=object) for name, column in codes.items()})
    return frame.where(frame.notna(), None), place
