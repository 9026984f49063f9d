"""Grouping of blocks: errors of their readers are told as they are, and Ctrl-C is heard."""

from __future__ import annotations

import itertools
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow
import pytest

from concentra.errors import AmountError, ArgumentError, FileFormatError
from concentra.io import grouping
from concentra.io.blocks import Block, Coded, kept
from concentra.io.grouping import Counted, ending_of_output, grouped


def block(*labels: str | None, amounts: list[int] | None = None) -> Block:
    values = sorted({label for label in labels if label is not None})
    codes = np.array([-1 if label is None else values.index(label) for label in labels])
    return Block((Coded(codes, values),), None if amounts is None else np.array(amounts, np.int64))


def rows(blocks: list[Block], *, amounts: bool) -> list[list[object]]:
    with grouped(blocks, ["type"], amounts=amounts) as counts:
        return counts.frame().values.tolist()


def test_rows_stand_for_their_amounts_and_others_for_one() -> None:
    blocks = [block("T", "B", amounts=[5, 2]), block("T", None)]
    assert rows(blocks, amounts=True) == [["B", 2], ["T", 6], [None, 1]]
    assert rows([block("T", "B"), block("T")], amounts=False) == [["B", 1], ["T", 2]]


def test_nothing_is_an_empty_table() -> None:
    with grouped([], ["type"]) as counts:
        assert counts.frame().columns.tolist() == ["type", "n_cells"]
        assert counts.summary() == Counted(0, 0, {"type": 0})


def test_kept_blocks_are_the_same_counts() -> None:
    blocks = [block("T", "B", "T"), block(None, "T"), block("A")]
    with kept(blocks, ["type"]) as again:
        assert rows(list(again), amounts=True) == rows(blocks, amounts=False)


def test_an_error_of_a_reader_is_raised_as_it_is() -> None:
    problem = FileFormatError(found="a", expected="b", fix="c")

    def torn() -> Iterator[Block]:
        yield block("T")
        raise problem

    with pytest.raises(FileFormatError) as raised, grouped(torn(), ["type"]):
        pass
    assert raised.value is problem


def test_ctrl_c_is_heard_while_cells_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    n_read = 0

    def endless() -> Iterator[Block]:
        nonlocal n_read
        for n_read in itertools.count():
            if n_read == 3:
                os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.01)
            yield block("T")

    try:
        with pytest.raises(KeyboardInterrupt), grouped(endless(), ["type"]):
            pass
    finally:
        signal.signal(signal.SIGINT, before)
    assert n_read < 1000


@pytest.mark.parametrize("sizes", [[], [1], [10], [3, 3, 3, 1], [25], [1] * 25, [9, 2, 14]])
def test_tables_of_even_size(sizes: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grouping, "WRITTEN_ROWS", 10)
    numbers = iter(range(sum(sizes)))
    batches = [pyarrow.record_batch({"n": [next(numbers) for _ in range(size)]}) for size in sizes]
    empty = pyarrow.table({"n": pyarrow.array([], pyarrow.int64())})
    tables = list(grouping._even(batches, empty))
    assert [table.num_rows for table in tables[:-1]] == [10] * (len(tables) - 1)
    assert [n for table in tables for n in table.column("n").to_pylist()] == list(range(sum(sizes)))


def test_outputs_are_files_of_two_kinds(tmp_path: Path) -> None:
    assert ending_of_output(tmp_path / "counts.parquet") == ".parquet"
    (tmp_path / "folder.csv").mkdir()
    for name in ("counts.CSV.gz", "counts", "folder.csv"):
        with pytest.raises(ArgumentError, match=r"ending in \.csv or \.parquet"):
            ending_of_output(tmp_path / name)


def test_counts_that_do_not_add_up_to_what_was_read_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    execute = grouping._execute

    def losing(connection, query, stop):  # type: ignore[no-untyped-def]
        execute(connection, query, stop)
        connection.execute("DELETE FROM grouped WHERE n = 1")

    monkeypatch.setattr(grouping, "_execute", losing)
    with (
        pytest.raises(AmountError, match="3 cells read, and 2 counted"),
        grouped([block("T", "B", "T")], ["type"]),
    ):
        pass
