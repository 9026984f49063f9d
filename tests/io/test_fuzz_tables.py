"""Mutated tables: read as an independent reader has them, or refused by an error of the project's own; never else.

`CONCENTRA_FUZZ` states the number of mutated inputs for each reader; a file that once failed is kept in `corpus`.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from concentra.errors import ConcentraError
from concentra.io.dialect import find_dialect
from concentra.io.tables import DELIMITED, TABLES, file_ending, read_table
from definitions_tables import as_text, ours, theirs

CORPUS = Path(__file__).parent / "corpus"
TEXTS = sorted(path for path in CORPUS.iterdir() if path.name.endswith((".csv", ".tsv", ".txt")))
PACKED = sorted(path for path in CORPUS.iterdir() if path.name.endswith((".gz", ".bz2", ".xz", ".zst")))
BINARY = [CORPUS / f"plain.{ending}" for ending in ("xlsx", "rds", "RData", "parquet")]
REFUSED = sorted(CORPUS.glob("refused_*"))  # found by mutation
N_EXAMPLES = int(os.environ.get("CONCENTRA_FUZZ", "60"))
ODD = [b'"', b'""', b",", b";", b"\t", b"\n", b"\r", b"\r\n", b"#", b"\0", b"\xff", b"\xe9", b"\xc3\xa9",
       b"\xef\xbb\xbf", b"4O", b"1,800", b"1.5", b" ", b"\\", b"'", b"sep=;\n", b"nan"]  # fmt: skip

Mutation = tuple[str, int, int, bytes]
mutations = st.lists(
    st.tuples(
        st.sampled_from(["insert", "delete", "replace", "repeat", "cut"]),
        st.integers(0, 400),
        st.integers(1, 40),
        st.one_of(st.sampled_from(ODD), st.binary(min_size=1, max_size=3)),
    ),
    min_size=1,
    max_size=4,
)


def mutated(data: bytes, changes: list[Mutation]) -> bytes:
    for what, at, length, some in changes:
        at %= len(data) + 1
        stretch = data[at : at + length]
        data = {
            "insert": data[:at] + some + data[at:],
            "delete": data[:at] + data[at + length :],
            "replace": data[:at] + some + data[at + len(some) :],
            "repeat": data[:at] + stretch + data[at:],
            "cut": data[:at] or data,
        }[what]
    return data


def check_text(path: Path) -> str:
    """Whether a table was accepted, and then as pandas reads it, or refused."""
    notes: list[str] = []
    try:
        found = ours(path, notes)
    except ConcentraError:
        return "refused"
    ending = file_ending(path, DELIMITED)
    dialect = find_dialect(path, DELIMITED[ending])
    expected = theirs(path, dialect, windows=any("Windows-1252" in note for note in notes))
    pd.testing.assert_frame_equal(
        found.reset_index(drop=True), expected.reset_index(drop=True), check_dtype=False
    )
    return "accepted"


@pytest.mark.parametrize("path", REFUSED, ids=lambda path: path.name)
def test_what_was_found_by_mutation_is_refused(path: Path) -> None:
    with pytest.raises(ConcentraError):
        ours(path)


quickly = settings(
    max_examples=N_EXAMPLES,
    deadline=20_000,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    print_blob=True,
)


@pytest.mark.parametrize("path", [*TEXTS, *PACKED], ids=lambda path: path.name)
def test_the_corpus_itself(path: Path) -> None:
    assert check_text(path) == "accepted"


@pytest.mark.parametrize("path", BINARY, ids=lambda path: path.name)
def test_the_binary_corpus_itself(path: Path) -> None:
    pd.testing.assert_frame_equal(ours(path), ours(CORPUS / "plain.csv"))


@quickly
@given(seed=st.sampled_from(TEXTS), changes=mutations)
def test_mutated_text(tmp_path: Path, seed: Path, changes: list[Mutation]) -> None:
    place = tmp_path / f"mutated{seed.suffix}"
    place.write_bytes(mutated(seed.read_bytes(), changes))
    check_text(place)


@quickly
@given(seed=st.sampled_from([*PACKED, *BINARY]), changes=mutations)
def test_mutated_bytes(tmp_path: Path, seed: Path, changes: list[Mutation]) -> None:
    """Compressed text, spreadsheets and files of R: whatever is wrong is an error of the project's own."""
    if seed.suffix in (".rds", ".RData"):
        pytest.importorskip("rdata")
    place = tmp_path / f"mutated{''.join(seed.suffixes)}"
    place.write_bytes(mutated(seed.read_bytes(), changes))
    try:
        read_table(place, file_ending(place, TABLES))
    except ConcentraError:
        return


def test_what_is_unchanged_is_accepted(tmp_path: Path) -> None:
    """The fuzzer's own check can fail: a changed cell is noticed."""
    place = tmp_path / "plain.csv"
    shutil.copy(CORPUS / "plain.csv", place)
    assert check_text(place) == "accepted"
    dialect = find_dialect(place, ",")
    place.write_bytes(place.read_bytes().replace(b"spleen", b"kidney"))
    assert not as_text(read_table(CORPUS / "plain.csv", ".csv")).equals(theirs(place, dialect, windows=False))
