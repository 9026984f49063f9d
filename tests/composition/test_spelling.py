"""One label, one spelling: against a slow definition, and what is noted."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from concentra.composition.spelling import spellings
from concentra.errors import ArgumentError


def weights(frame, column):
    return {column: frame.groupby(column)["n_cells"].sum()}


def respelled(frame, found):
    columns = {name: [spelling.get(label) for label in frame[name]] for name, spelling in found.items()}
    return frame.assign(**{name: pd.Series(values, dtype=object) for name, values in columns.items()})


def texts(notes):
    return [note.text for note in notes]


LABEL = st.sampled_from(
    ["T cell", "t cell", " T  cell", "T CELL\t", "B", "b ", "naïve", "NAÏVE", "unknown", None]
)


@given(st.lists(st.tuples(LABEL, st.integers(1, 9)), min_size=1, max_size=30))
def test_what_differs_in_case_or_space_is_what_most_cells_have(rows):
    frame = pd.DataFrame(rows, columns=["part", "n_cells"]).astype({"part": object})
    frame["part"] = frame["part"].where(frame["part"].notna(), None)
    found = respelled(frame, spellings(weights(frame, "part"))[0])["part"]
    weight = {}
    for label, n in rows:
        weight[label] = weight.get(label, 0) + n
    for (label, _), now in zip(rows, found, strict=True):
        if label is None:
            assert now is None
            continue
        alike = [one for one in weight if one is not None and one.lower().split() == label.lower().split()]
        best = max(weight[one] for one in alike)
        assert now in {one.strip() for one in alike if weight[one] == best}


def test_of_donors_only_white_space_is_repaired():
    frame = pd.DataFrame({"donor": ["m1", "M1", "m1 "], "n_cells": 1})
    found, notes = spellings(weights(frame, "donor"))
    assert respelled(frame, found)["donor"].tolist() == ["m1", "M1", "m1"]
    assert texts(notes) == [
        "donor: 'm1 ' is counted as 'm1' (they differ in case, white space or invisible characters)"
    ]


@pytest.mark.parametrize(
    "other", ["Mu\u0308ller", "\ufeffM\u00fcller", "M\u00fcl\u00adler", "M\u00fcller\u00a0"]
)
@pytest.mark.parametrize("column", ["donor", "part"])
def test_what_looks_the_same_is_one_label(column: str, other: str):
    found, notes = spellings({column: pd.Series({"M\u00fcller": 3, other: 1})})
    assert set(found[column].values()) == {"M\u00fcller"}
    assert "invisible characters" in str(notes[0])


def test_doubtful_labels_are_noted_and_left_out_where_asked():
    frame = pd.DataFrame({"part": ["Unknown", "UNKNOWN", "T", "n/a"], "n_cells": [2, 3, 9, 1]})
    _, notes = spellings(weights(frame, "part"))
    assert "part: 'UNKNOWN' (5 cells), 'n/a' (1 cells) counted as a label" in notes[1].text
    found, notes = spellings(weights(frame, "part"), missing=["unknown", "N/A"])
    assert respelled(frame, found)["part"].tolist() == [None, None, "T", None]
    assert notes == []
    with pytest.raises(ArgumentError, match=r"missing label 'unknwon'.*\n.*\n.*did you mean 'Unknown'"):
        spellings(weights(frame, "part"), missing=["unknwon"])


def test_what_means_missing_does_so_with_blanks_around_it():
    frame = pd.DataFrame({"part": ["NA  ", "T", " nan"], "n_cells": 1})
    found, notes = spellings(weights(frame, "part"))
    assert respelled(frame, found)["part"].tolist() == [None, "T", None]
    assert notes == []


def test_clean_labels_stay_as_they_are():
    frame = pd.DataFrame({"part": ["a\nb", "=1+1", "細胞"], "n_cells": 1})
    found, notes = spellings(weights(frame, "part"))
    assert respelled(frame, found).equals(frame)
    assert notes == []
