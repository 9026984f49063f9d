"""Blocks of codes: every row once, whatever the size of a block and the number of shares."""

from __future__ import annotations

from itertools import chain, pairwise
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pytest

from concentra.io import blocks
from concentra.io.blocks import Coded, Codes, label_blocks, stretch


def rows_of(path: Path, labels: list[str], **options: Any) -> list[tuple[Any, ...]]:
    """The labels of every row, in the order of the blocks."""
    found: list[tuple[Any, ...]] = []
    codes = [Codes() for _ in labels]
    for block in label_blocks(path, labels, **options):
        numbers = [one.of(column).tolist() for one, column in zip(codes, block.labels, strict=True)]
        found += zip(*numbers, strict=True)
    texts = []
    for one in codes:
        ranked, ranks = one.ranked()
        texts.append([ranked[rank] for rank in ranks])
    return [tuple(text[code] for text, code in zip(texts, row, strict=True)) for row in found]


def table(n: int = 137) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"a": rng.choice(["x", "y", "z"], n), "b": rng.integers(0, 5, n)})
    frame.loc[::7, "a"] = None
    return frame


def expected(frame: pd.DataFrame) -> list[tuple[Any, ...]]:
    return [(None if a is None else a, str(b)) for a, b in frame.itertuples(index=False)]


@pytest.mark.parametrize("rows", [1, 10, 1 << 20])
@pytest.mark.parametrize("groups", [1, 20, 1000])
def test_parquet_gives_every_row_in_order(
    tmp_path: Path, rows: int, groups: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "BLOCK_ROWS", rows)
    path = tmp_path / "cells.parquet"
    table().to_parquet(path, row_group_size=groups)
    assert rows_of(path, ["a", "b"]) == expected(table())
    shares = [rows_of(path, ["a", "b"], share=(place, 5)) for place in range(1, 6)]
    assert list(chain.from_iterable(shares)) == expected(table()), "shares are stretches of rows"


def test_delimited_shares_are_all_rows_once(tmp_path: Path) -> None:
    path = tmp_path / "cells.csv"
    table().to_csv(path, index=False)
    shares = [rows_of(path, ["a", "b"], share=(place, 5)) for place in range(1, 6)]
    for place, share in enumerate(shares):
        assert share == expected(table())[place::5]


def test_rows_of_an_old_file_in_stretches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """AnnData 0.6: one compound dataset, codes in it, categories in `uns`."""
    monkeypatch.setattr(blocks, "BLOCK_ROWS", 10)
    path = tmp_path / "cells.h5ad"
    frame = table()
    codes = frame["a"].map({"x": 0, "y": 1, "z": 2}).fillna(-1).to_numpy()
    stored = np.zeros(len(frame), dtype=[("index", "S8"), ("a", "i1"), ("b", "i8")])
    stored["a"], stored["b"] = codes, frame["b"]
    with h5py.File(path, "w") as file:
        file["obs"] = stored
        file["uns/a_categories"] = np.array(["x", "y", "z"], dtype=h5py.string_dtype())
    assert rows_of(path, ["a", "b"]) == expected(frame)


def test_a_changed_dictionary_is_seen() -> None:
    codes = Codes()
    first = codes.of(Coded(np.array([0, 1]), pd.Index(["a", "b"])))
    second = codes.of(Coded(np.array([0, 1]), pd.Index(["b", "c"])))
    assert first.tolist() == [1, 2]
    assert second.tolist() == [2, 3]
    assert codes.ranked()[0] == ["a", "b", "c", None]


@pytest.mark.parametrize("n_rows", [0, 1, 7, 100])
@pytest.mark.parametrize("shares", [1, 2, 8])
def test_stretches_meet(n_rows: int, shares: int) -> None:
    edges = [stretch(n_rows, (place, shares)) for place in range(1, shares + 1)]
    assert edges[0][0] == 0
    assert edges[-1][1] == n_rows
    assert all(one[1] == other[0] for one, other in pairwise(edges))
