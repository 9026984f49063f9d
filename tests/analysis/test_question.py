import pandas as pd
import pytest

from concentra.analysis.question import Comparison, contrast_columns, parse_contrast, side_values
from concentra.errors import ArgumentError, ColumnError

AGES = {"age": ["1m", "3m", "24m"]}


def test_sides_of_labels():
    comparison = parse_contrast("age:1m+3m:24m", AGES, within="sex")
    sides = comparison.side(pd.Series(["1m", "3m", "24m", "18m", None])).tolist()
    assert sides[:3] == ["early", "early", "late"]
    assert pd.isna(sides[3])
    assert pd.isna(sides[4])
    assert comparison.name == "age: 1m+3m to 24m, within sex"


def test_colons_and_pluses_in_labels_and_columns():
    values = {"a:b": ["x:y", "z"], "a": ["q"], "t": ["CD4+", "CD8+", "CD4+T+B"]}
    assert parse_contrast("a:b:x:y:z", values).early == ("x:y",)
    assert parse_contrast("a:b:z:x:y", values).late == ("x:y",)
    assert parse_contrast("t:CD4+T+B:CD8+", values).early == ("CD4+T+B",)


def test_what_cannot_be_parsed():
    with pytest.raises(ArgumentError, match="COLUMN:EARLY:LATE"):
        contrast_columns("age:3m", ["age"])
    with pytest.raises(ColumnError, match="did you mean 'age'"):
        contrast_columns("agge:3m:24m", ["age"])
    with pytest.raises(ArgumentError, match="did you mean '24m'"):
        parse_contrast("age:3m:24 m", AGES)
    with pytest.raises(ArgumentError, match="on both sides"):
        parse_contrast("age:3m:3m", AGES)
    with pytest.raises(ArgumentError, match="an empty side"):
        Comparison("age", (), ("24m",))
    with pytest.raises(ArgumentError, match="leave out one of them"):
        Comparison("age", ("3m",), ("24m",), within="sex", paired_by="donor")


def test_sides_given_as_lists():
    assert side_values(["1m", "3m", "1m"], AGES["age"], "age") == ("1m", "3m")
    with pytest.raises(ArgumentError, match="which no cell has"):
        side_values(["1m+3m"], AGES["age"], "age")
