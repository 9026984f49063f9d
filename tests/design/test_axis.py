import math

import numpy as np
import pandas as pd
import pytest

from concentra.design.axis import months, numeric_axis, numeric_values, parse_trend
from concentra.errors import ArgumentError


@pytest.mark.parametrize(
    "label, expected",
    [
        ("3m", 3), ("24m", 24), ("18 months", 18), ("1 month", 1), ("30mo", 30), ("2y", 24),
        ("6-week-old stage", 6 * 84 / 365.25),
        ("20-month-old stage", 20), ("65-year-old human stage", 780), ("65-year-old stage", 780),
        ("10 day", 120 / 365.25),
        ("4-month-old", 4), ("2.5 years old", 30),
        ("P90D", 90 * 12 / 365.25), ("P2Y3M", 27), ("p6w", 6 * 84 / 365.25),
    ],
)  # fmt: skip
def test_ages_as_people_write_them(label, expected):
    assert months(label) == pytest.approx(expected)


@pytest.mark.parametrize(
    "label",
    ["adult", "", "3", "Carnegie stage 12", "E12.5", "m3", "3m vs 24m", None, "3 mice", "P", "P9", "PM"],
)
def test_what_says_no_age(label):
    assert math.isnan(months(label))


def test_numbers_stay_numbers_and_gaps_stay_gaps():
    numbers, title = numeric_axis(pd.Series(["1.5", None, "-2"]), "dose")
    assert numbers.tolist()[::2] == [1.5, -2]
    assert math.isnan(numbers[1])
    assert title == "dose"


@pytest.mark.parametrize("labels", [["3m", "old"], ["3m", "3m"], ["1", "inf"], []])
def test_what_is_no_axis(labels):
    with pytest.raises(ArgumentError, match="name a numeric column"):
        numeric_axis(pd.Series(labels, dtype=object), "age")


@pytest.mark.parametrize(
    "labels, expected, title",
    [
        (["P7", "P21"], [7, 21], "x (postnatal day)"),
        (["E12.5", "E18"], [12.5, 18], "x (embryonic day)"),
        (["GW20", "GW24"], [20, 24], "x (gestational week)"),
        (["D0", "D28"], [0, 28], "x (day)"),
        (["25-30", "60-70"], [27.5, 65], "x (middle of the range)"),
        (["2024-01-31", "2024-02-02"], [19753, 19755], "x (days)"),
        (["2-4 m", "20-28 m"], [3, 24], "x (middle of the range)"),
    ],
)
def test_stages_ranges_and_dates(labels, expected, title):
    numbers, found = numeric_axis(pd.Series(labels, dtype=object), "x")
    assert numbers.tolist() == expected
    assert found == title


def test_labels_of_two_kinds_are_no_axis():
    with pytest.raises(ArgumentError, match="several kinds"):
        numeric_axis(pd.Series(["E12.5", "P7"]), "age")
    assert numeric_values(pd.Series(["E12.5", "P7"])) is None


def test_ordered_categories_are_ranks():
    labels = pd.Series(
        pd.Categorical(["mild", "none", "severe"], categories=["none", "mild", "severe"], ordered=True)
    )
    numbers, title = numeric_axis(labels, "grade")
    assert (numbers.tolist(), title) == ([2, 1, 3], "grade (rank)")


@pytest.mark.parametrize("stored", [[3.5, 24.25, None], [3, 24, 30], ["3.5", "24.25", None]])
def test_numbers_are_read_however_they_are_stored(stored):
    labels = pd.Series(stored, dtype=object)
    expected = [np.nan if value is None else float(value) for value in stored]
    np.testing.assert_array_equal(numeric_axis(labels, "age")[0], expected)
    np.testing.assert_array_equal(numeric_values(labels), expected)


def test_an_order_of_labels_is_an_axis():
    labels = pd.Series(["II", "I", "III", None, "unknown", "I"])
    numbers, title = numeric_axis(labels, "stage", ("I", "II", "III"))
    assert (numbers.fillna(0).tolist(), title) == ([2, 1, 3, 0, 0, 1], "stage (rank)")
    with pytest.raises(ArgumentError, match="'IV', which no cell has in column 'stage'"):
        numeric_axis(labels, "stage", ("I", "IV"))
    for order in (("I", "I"), ("I",)):
        with pytest.raises(ArgumentError, match="two or more different labels"):
            numeric_axis(labels, "stage", order)


def test_an_order_is_named_where_labels_are_no_numbers():
    with pytest.raises(ArgumentError, match="--trend stage:I:II:III"):
        numeric_axis(pd.Series(["I", "II", "III"]), "stage")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("stage", ("stage", ())),
        ("stage:I:II", ("stage", ("I", "II"))),
        ("a:b", ("a:b", ())),
        ("a:b:x:y", ("a:b", ("x", "y"))),
        ("absent:I:II", ("absent", ("I", "II"))),
        ("absent", ("absent", ())),
    ],
)
def test_a_trend_is_a_column_with_or_without_an_order(text, expected):
    assert parse_trend(text, ["stage", "a:b"]) == expected
