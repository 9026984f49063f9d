"""Bars of small studies: their lengths are the shares, each direction in its own colour and place."""

from __future__ import annotations

import pandas as pd
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from concentra import pl
from concentra.pl._style import VERDICTS


@pytest.fixture
def found() -> pd.DataFrame:
    rows = [
        (3, "signs of both shifts", 0.7, 0.2, 0.1),
        (3, "verdict", 0.25, 0.0, 0.0),
        (6, "verdict", 0.5, 0.03, 0.0),
    ]
    return pd.DataFrame(rows, columns=["n_donors", "rule", "more", "less", "mixed"]).assign(stratum="Blood")


def bars(ax, word):
    hue = VERDICTS[word].colour
    return [bar for bar in ax.patches if to_hex(bar.get_facecolor()) == hue and bar.get_width() > 0]


def test_lengths_and_places_are_the_shares(found):
    ax = pl.few_donors(found, ax=Figure().subplots())
    assert [bar.get_width() for bar in bars(ax, "more concentrated")] == [0.7, 0.25, 0.5]
    assert [bar.get_x() for bar in bars(ax, "more concentrated")] == [0, 0, 0]
    less = bars(ax, "less concentrated")
    assert [bar.get_x() + bar.get_width() for bar in less] == pytest.approx([1, 1])
    assert [bar.get_x() for bar in bars(ax, "mixed")] == [0.7]


def test_numbers_are_written_where_there_is_room(found):
    ax = pl.few_donors(found, ax=Figure().subplots())
    assert {text.get_text() for text in ax.texts} == {
        "3 v 3 donors",
        "6 v 6 donors",
        "70",
        "20",
        "10",
        "25",
        "50",
    }


def test_rules_are_named_and_the_title_may_be_given(found):
    ax = pl.few_donors(found, title="27 types", ax=Figure().subplots())
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert labels == ["published: both signs", "verdict", "verdict"]
    assert ax.get_title() == "27 types"
