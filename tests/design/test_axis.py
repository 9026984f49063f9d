import math

import pandas as pd
import pytest

from concentra.design.axis import months, numeric_axis, numeric_values
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
