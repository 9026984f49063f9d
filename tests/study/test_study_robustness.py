"""What stands beside a verdict: the interval of the row, and the share of specifications that agree."""

from __future__ import annotations

from pathlib import Path

from concentra.stats.verdict import UNDECIDED
from concentra.study.robustness import robustness
from definitions_documents import write

ROW = {"cohort": "tms_facs", "stratum": "Marrow", "metric": "gini_present"}


def test_interval_of_a_shift(tmp_path: Path) -> None:
    rows = [
        {"metric": "gini_stratum", "effect": 0.08, "low": -0.03, "high": 0.19},
        {"metric": "hill_q1", "effect": 0.7, "low": 0.5, "high": 0.98},
    ]
    place = {"cohort": "tms_facs", "stratum": "Marrow", "verdict": UNDECIDED}
    write(tmp_path, "age_contrast", [place | row for row in rows])
    gini = robustness("age_contrast", "shift", ROW, tmp_path)
    assert gini == "difference in Gini +0.080, interval −0.030 to +0.190 includes no change"
    effective = robustness("age_contrast", "shift", ROW | {"metric": "hill_q1"}, tmp_path)
    assert effective == "ratio of effective numbers 0.70, interval 0.50 to 0.98 excludes no change"


def test_interval_of_a_column(tmp_path: Path) -> None:
    row = {"cohort": "pythia_410m", "gini_low": -0.1, "gini_high": 0.3}
    assert robustness("head_shift", "gini", row, tmp_path) == "interval −0.100 to +0.300 includes 0"


def test_silent_where_nothing_is_known(tmp_path: Path) -> None:
    assert robustness("age_contrast", "shift", ROW, tmp_path) == ""
    assert robustness("overlay", "direction", {"cohort": "x"}, tmp_path) == ""


def test_share_of_the_multiverse(tmp_path: Path) -> None:
    from concentra.study.declare import tables
    from study_tables import table

    frame = table("multiverse_summary")
    tables()["multiverse_summary"].write(frame, tmp_path)
    of_marrow = frame[(frame["cohort"] == "tms_facs") & (frame["stratum"] == "Marrow")].set_index("metric")
    for column, metric in (("shift", "gini"), ("direction", "both")):
        row = of_marrow.loc[metric]
        said = f"{row['share_same_sign']:.0%} of {row['n_specifications']} specifications agree in sign"
        assert robustness("age_contrast", column, ROW, tmp_path).endswith(said)
