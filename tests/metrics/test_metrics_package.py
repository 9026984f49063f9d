"""The registry, and several metrics at once."""

from __future__ import annotations

import numpy as np
import pytest

from concentra import metrics
from concentra.errors import AmountError, ArgumentError
from definitions_metrics import SLOW


def test_names_are_the_columns_of_the_tables() -> None:
    assert {
        "gini_present",
        "gini_stratum",
        "hill_q0",
        "hill_q1",
        "hill_q2",
        "evenness",
        "hill_ratio",
        "largest_share",
        "herfindahl",
        "hill_q1_corrected",
        "hill_q1_miller_madow",
    } <= set(metrics.METRICS)
    assert metrics.METRICS["hill_q1"].label == "effective number (eff_N)"
    assert set(SLOW) == set(metrics.METRICS)


def test_the_registry_cannot_be_changed() -> None:
    with pytest.raises(TypeError, match="does not support item assignment"):
        metrics.METRICS["mine"] = metrics.METRICS["hill_q0"]  # type: ignore[index]


def test_all_public_names_exist() -> None:
    assert all(hasattr(metrics, name) for name in metrics.__all__)


def test_compute_keeps_the_order_asked() -> None:
    values = metrics.compute([[1, 2], [0, 0]], ["hill_q1", "gini_present"])
    assert list(values) == ["hill_q1", "gini_present"]
    assert np.isnan(values["hill_q1"]).tolist() == [False, True]


def test_compute_refuses() -> None:
    with pytest.raises(ArgumentError, match=r"(?s)'gini_presnt'.*did you mean 'gini_present'"):
        metrics.compute([1, 2], ["gini_presnt"])
    with pytest.raises(AmountError, match="whole numbers of cells"):
        metrics.compute([0.5, 0.5], ["gini_present", "hill_q1_corrected"])
    with pytest.raises(AmountError, match="finite amounts"):
        metrics.compute([0.5, -0.5], ["gini_present"])
