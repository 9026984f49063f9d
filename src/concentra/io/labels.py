"""Labels as pandas categoricals: text, missing as NaN, unused labels gone."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

MISSING = frozenset({"nan", "NaN", "NA", "<NA>"})
"""Texts that mean missing, beside the empty one and white space: how pandas and R print a missing value, and
what AnnData 0.6 stored for it."""

_WHOLE = re.compile(r"(-?(?:0|[1-9][0-9]*))\.0+")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,17})(\.[0-9]+)?([eE][-+][0-9]+)?")


def label_text(value: object) -> str | None:
    """The text of one label, None where it means missing; a whole number is one label however it was written.

    >>> label_text(b"T cell"), label_text(" "), label_text(float("nan")), label_text(None)
    ('T cell', None, None, None)
    >>> label_text(3), label_text(3.0), label_text("3"), label_text("3.0"), label_text("003"), label_text("3.10")
    ('3', '3', '3', '3', '003', '3.10')
    """
    if value is None or value is pd.NA:
        return None
    if isinstance(value, bytes):
        value = value.decode("utf-8")
    text = repr(float(value)).removesuffix(".0") if isinstance(value, float | np.floating) else str(value)
    if not text.strip() or text in MISSING:
        return None
    whole = _WHOLE.fullmatch(text)
    return text if whole is None else whole[1]


def one_spelling(text: str) -> str:
    """The text without characters that cannot be seen, accents composed, and single spaces for any white space.

    >>> one_spelling("Mu\\u0308ller\\u00a0 1\\u200b") == "M\\u00fcller 1"
    True
    """
    if not text.isascii():
        composed = unicodedata.normalize("NFC", text)
        text = "".join(one for one in composed if unicodedata.category(one) != "Cf")
    return " ".join(text.split())


def label_categorical(
    codes: NDArray[np.integer], categories: Sequence[object], *, sort: bool = False
) -> pd.Categorical:
    """A categorical of text from codes (-1: missing) and their categories, in the stored order or sorted.

    Categories of the same text are one; those that are missing or unused are gone.

    >>> label_categorical(np.array([1, 0, -1, 2]), ["old", "young", ""])
    ['young', 'old', NaN, NaN]
    Categories (2, object): ['old', 'young']
    """
    if codes.size and not (int(codes.min()) >= -1 and int(codes.max()) < len(categories)):
        raise ValueError(f"codes {codes.min()} to {codes.max()} for {len(categories)} categories")
    texts = [label_text(category) for category in categories]
    used = np.zeros(len(texts) + 1, dtype=bool)
    used[codes] = True
    names = list(
        dict.fromkeys(text for text, one in zip(texts, used, strict=False) if one and text is not None)
    )
    if sort:
        names.sort()
    position = {name: place for place, name in enumerate(names)}
    lookup = np.array(
        [position.get(text, -1) if text is not None else -1 for text in texts] + [-1], dtype=np.int32
    )
    return pd.Categorical.from_codes(lookup[codes], pd.Index(names, dtype=object))


def merge_blocks(blocks: Iterable[NDArray[np.object_]]) -> pd.Categorical:
    """A categorical, labels sorted, from text in blocks; no more than one is held as objects.

    >>> merge_blocks([np.array(["b", None], dtype=object), np.array(["a", "b"], dtype=object)])
    ['b', NaN, 'a', 'b']
    Categories (2, object): ['a', 'b']
    """
    codes: list[NDArray[np.int32]] = [np.zeros(0, dtype=np.int32)]
    position: dict[object, int] = {}
    for block in blocks:
        local, found = pd.factorize(block)
        places = [position.setdefault(value, len(position)) for value in found]
        codes.append(np.array([*places, -1], dtype=np.int32)[local])
    return label_categorical(np.concatenate(codes), list(position), sort=True)


def label_column(values: pd.Series) -> pd.Series:
    """A column of a frame as a categorical of labels; numbers and truth values stay as they are.

    >>> label_column(pd.Series(["b", "", "a"])).cat.categories.tolist()
    ['a', 'b']
    """
    if isinstance(values.dtype, pd.CategoricalDtype):
        sort = not values.cat.ordered
        kept = label_categorical(values.cat.codes.to_numpy(), list(values.cat.categories), sort=sort)
    elif pd.api.types.is_numeric_dtype(values.dtype):
        return values
    else:
        kept = merge_blocks([values.to_numpy(dtype=object)])
    return pd.Series(kept, index=values.index, name=values.name)


def text_column(values: pd.Series) -> pd.Series:
    """A column of text as numbers where every text is one plainly written, else as a categorical of labels.

    Plainly written: no leading zeros, no plus, an exponent only with its sign, and no two texts for one
    number. So ``001``, the plate wells ``1E5`` and ``2E3``, and the samples ``3.1`` and ``3.10`` stay labels.

    >>> text_column(pd.Series(["3", "24", ""], dtype="category")).tolist()
    [3.0, 24.0, nan]
    >>> text_column(pd.Series(["03", "24"], dtype="category")).tolist()
    ['03', '24']
    """
    labels = label_column(values)
    texts = list(labels.cat.categories)
    if not texts or not all(_NUMBER.fullmatch(text) for text in texts):
        return labels
    whole = all(text.lstrip("-").isdigit() for text in texts)
    numbers = np.array([int(text) if whole else float(text) for text in texts])
    if len(np.unique(numbers)) < len(texts) or not np.isfinite(numbers).all():
        return labels
    codes = labels.cat.codes.to_numpy()
    if (codes < 0).any():
        numbers = np.append(numbers.astype(float), np.nan)
    return pd.Series(numbers[codes], index=values.index, name=values.name)


def exact_floats(values: pd.Series) -> pd.Series:
    """The nearest float of each number or text, else NaN; `pandas.to_numeric` errs in the last digit.

    >>> exact_floats(pd.Series(["1e-3", " 2 ", "-inf", "1_000", "few", None], dtype=object)).tolist()
    [0.001, 2.0, -inf, nan, nan, nan]
    """
    if pd.api.types.is_numeric_dtype(values.dtype):
        return values.astype(float)
    floats = {value: _float(value) for value in values.unique()}
    return values.astype(object).map(floats).astype(float)


def _float(value: object) -> float:
    text = str(value)
    try:
        return float(text) if text.isascii() and "_" not in text else np.nan
    except ValueError:
        return np.nan
