"""The steps of the multiverse on the archived tables, and the figure made from them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from concentra.study.declare import all_parameters, nodes
from concentra.study.figures.s4_specification_curves import specification_curves
from concentra.study.steps.s04b_multiverse import Multiverse, MultiverseSummary, multiverse
from concentra.study.steps.s07b_head_multiverse import HeadMultiverse, HeadMultiverseSummary, head_multiverse

ARCHIVE = Path(__file__).parents[3] / "archive"
HEAD_TABLES = (HeadMultiverse, HeadMultiverseSummary)


@pytest.fixture(scope="module")
def tissues():
    composition = pd.read_csv(ARCHIVE / "composition.csv")
    given = nodes()["multiverse"].parameters() | {"strata": ["Marrow", "Spleen"], "n_random": 99}
    frames = multiverse(composition, **given)
    return [
        table.check(frame, "here")
        for table, frame in zip((Multiverse, MultiverseSummary), frames, strict=True)
    ]


def test_tables_hold_what_they_declare(tissues):
    found, summary = tissues
    assert set(map(tuple, found[["cohort", "stratum"]].drop_duplicates().to_numpy())) == {
        (cohort, stratum) for cohort in ("tms_facs", "tms_droplet") for stratum in ("Marrow", "Spleen")
    }
    assert found.groupby(["cohort", "stratum"])["published"].sum().eq(1).all()
    for (cohort, stratum, metric), row in summary.set_index(["cohort", "stratum", "metric"]).iterrows():
        mine = found[(found["cohort"] == cohort) & (found["stratum"] == stratum)]
        if metric != "both":
            mine = mine[mine[f"counts_{metric}"]]
            published = mine.loc[mine["published"], metric].iloc[0]
            assert row["share_same_sign"] == (np.sign(mine[metric]) == np.sign(published)).mean()
        assert row["n_specifications"] == len(mine) <= row["n_combinations"]


def test_head_tables_without_models_are_empty():
    given = all_parameters()["head_multiverse"]
    for table, frame in zip(HEAD_TABLES, head_multiverse({}, **given), strict=True):
        assert table.check(frame, "here").empty


def test_figure_states_its_numbers_and_stays_within_the_page(tissues):
    heads = [table.read_file(ARCHIVE / f"{table.name()}.csv") for table in HEAD_TABLES]
    drawn = specification_curves(*tissues, *heads)
    counts = tissues[0].groupby(["cohort", "stratum"]).size()
    assert f"FACS: {counts['tms_facs', 'Marrow']}" in drawn.caption
    assert f"Droplet: {counts['tms_droplet', 'Marrow']}" in drawn.caption
    canvas = FigureCanvasAgg(drawn.figure)
    canvas.draw()
    width, height = canvas.get_width_height()
    renderer = canvas.get_renderer()
    for ax in drawn.figure.findobj(lambda artist: hasattr(artist, "get_yticklabels")):
        boxes = [label.get_window_extent(renderer) for label in ax.get_yticklabels() if label.get_visible()]
        tall = sorted(box.y0 for box in boxes)
        assert all(box.x0 >= -1 and box.x1 <= width + 1 and box.y1 <= height + 1 for box in boxes)
        if len(boxes) > 8:  # rows of words do not overlap
            assert np.diff(tall).min() >= 0.7 * min(box.height for box in boxes)


def test_figure_without_data_is_drawn():
    empty = [table.check(pd.DataFrame(), "here") for table in (Multiverse, MultiverseSummary, *HEAD_TABLES)]
    drawn = specification_curves(*empty)
    assert "(0 in all)" in drawn.caption
    FigureCanvasAgg(drawn.figure).draw()
