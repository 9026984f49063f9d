"""One label, one spelling: against a slow definition, and what is said."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from concentra.analysis.spelling import respelled, spellings
from concentra.errors import ArgumentError

LABEL = st.sampled_from(
    ["T cell", "t cell", " T  cell", "T CELL\t", "B", "b ", "naïve", "NAÏVE", "unknown", None]
)


@given(st.lists(st.tuples(LABEL, st.integers(1, 9)), min_size=1, max_size=30))
def test_what_differs_in_case_or_space_is_what_most_cells_have(rows):
    frame = pd.DataFrame(rows, columns=["part", "n_cells"]).astype({"part": object})
    frame["part"] = frame["part"].where(frame["part"].notna(), None)
    found = respelled(frame, spellings(frame, ["part"])[0])["part"]
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


def test_of_donors_only_white_space_is_mended():
    frame = pd.DataFrame({"donor": ["m1", "M1", "m1 "], "n_cells": 1})
    found, said = spellings(frame, ["donor"])
    assert respelled(frame, found)["donor"].tolist() == ["m1", "M1", "m1"]
    assert said == ["donor: case and white space apart, 'm1 ' is 'm1', and counted with it"]


def test_doubtful_labels_are_said_and_left_out_where_asked():
    frame = pd.DataFrame({"part": ["Unknown", "UNKNOWN", "T", "n/a"], "n_cells": [2, 3, 9, 1]})
    _, said = spellings(frame, ["part"])
    assert "part: 'UNKNOWN' (5 cells), 'n/a' (1 cells) counted as labels like others" in said[1]
    found, said = spellings(frame, ["part"], missing=["unknown", "N/A"])
    assert respelled(frame, found)["part"].tolist() == [None, None, "T", None]
    assert said == []
    with pytest.raises(ArgumentError, match=r"missing label 'unknwon'.*\n.*\n.*did you mean 'Unknown'"):
        spellings(frame, ["part"], missing=["unknwon"])


def test_what_means_missing_does_so_with_blanks_around_it():
    frame = pd.DataFrame({"part": ["NA  ", "T", " nan"], "n_cells": 1})
    found, said = spellings(frame, ["part"])
    assert respelled(frame, found)["part"].tolist() == [None, "T", None]
    assert said == []


def test_clean_labels_stay_as_they_are():
    frame = pd.DataFrame({"part": ["a\nb", "=1+1", "細胞"], "n_cells": 1})
    found, said = spellings(frame, ["part"])
    assert respelled(frame, found).equals(frame)
    assert said == []
