"""The calibration itself, in its quick version: rates within what is promised, and the same on any cores."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def calibration():
    spec = importlib.util.spec_from_file_location("calibration", BENCHMARKS / "calibration.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["calibration"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["calibration"]


@pytest.mark.slow
def test_intervals_cover_and_tests_keep_their_level(calibration):
    rows = calibration.calibrate(150, quick=True, n_jobs=1)
    assert [row for row in rows if not row.held] == []
    ours = [r for r in rows if r.question == "coverage" and r.method == "concentra"]
    assert {(r.statistic, r.metric) for r in ours} >= {("mean", "gini_stratum"), ("median", "hill_q1")}
    pooled = [r.rate for r in rows if r.question == "coverage" and r.method == "cells pooled"]
    assert max(pooled) < 0.8
    false_alarms = [r.rate for r in rows if r.question == "level" and r.statistic == "cells"]
    assert min(false_alarms) > 0.2


def test_rows_outside_their_bounds_are_seen(calibration):
    def row(rate, low, high):
        return calibration.Row("coverage", "m", "mean", "g", 3, 3, 9, 9, rate, 0.01, 1.0, 400, low, high)

    assert row(0.95, 0.93, 0.98).held
    assert not row(0.85, 0.93, 0.98).held
    assert not row(0.12, 0.0, 0.05).held
    assert calibration.as_csv([row(0.95, 0.93, 0.98)]).count("\n") == 2


def test_the_planted_shift_is_the_population_difference(calibration):
    early, late = calibration.expected_shares(True)
    assert early.sum() == pytest.approx(1)
    same, again = calibration.expected_shares(False)
    np.testing.assert_array_equal(same, again)
    assert np.exp(-(late * np.log(late)).sum()) < np.exp(-(early * np.log(early)).sum()) - 1
