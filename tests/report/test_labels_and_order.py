"""Labels of the plane do not lie on each other; donors of a trend stand in its order."""

from __future__ import annotations

import pandas as pd

from concentra.report import charts
from concentra.report.findings import Findings
from concentra.report.sections.design import _compared


def test_of_two_close_points_the_established_one_keeps_its_label() -> None:
    near = {"axes": 0, "gini": 0.1, "label": "a long name of a tissue", "words": ""}
    rows = [
        {**near, "name": name, "hill_q1": height, "verdict": verdict}
        for name, height, verdict in (
            ("one", -0.31, "undecided"),
            ("two", -0.305, "undecided"),
            ("three", -0.3, "more concentrated"),
        )
    ]
    cloud = [{"axes": 0, "gini": gini, "hill_q1": 1.0} for gini in (-0.2, 0.4)]
    spec = charts.plane(rows, cloud, axes=["raw"])
    sides = {row["name"]: row["narrow"] for row in spec["data"]["values"]}
    assert sides["three"] is not None
    assert None in sides.values()


def test_places_along_a_trend_are_those_of_its_labels() -> None:
    units = pd.DataFrame(
        {"stratum": "lung", "donor": ["a", "b", "c"], "age": ["24m", "3m", None], "hill_q1": 1.0}
    )
    found = Findings({"concentration": units, "composition": units}, options={"trend": "age"})
    assert found.axis == ("age", {"24m": 24.0, "3m": 3.0})
    assert pd.isna(found.along({"age": None}))
    assert Findings({"concentration": units, "composition": units}).axis == ("", {})


def test_a_trend_has_no_second_group_of_donors() -> None:
    one = pd.DataFrame({"stratum": ["lung"], "n_reference": [9], "n_other": [0], "cells_other": [None]})
    assert _compared(one).columns.tolist() == ["stratum", "n_donors"]
