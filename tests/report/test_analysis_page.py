import pandas as pd

from concentra.report import analysis
from concentra.report.analysis import Picture

SCRIPT = "<script>alert('x')</script>"


def tables():
    both = pd.DataFrame({
        "contrast": f"age: {SCRIPT}", "stratum": f"lung|{SCRIPT}", "metric": ["gini_present", "hill_q1"],
        "verdict": "cannot reach",
        "direction": ["crystallizes", "crystallizes"], "n_early": 3, "n_late": 3, "interval": "range",
        "shift": [0.1, -2.0],
        "corrected": [0.11, -2.1], "low": [0.0, -3.0], "high": [0.2, -1.0], "p_value": 0.1, "p_adjusted": [0.2, 0.3],
        "p_attainable": 0.1,
    })  # fmt: skip
    units = pd.DataFrame({"stratum": ["lung"], "donor": ["a"], "included": [True]})
    composition = pd.DataFrame({"part": ["T"], "n_cells": [1234]})
    left_out = pd.DataFrame({"stratum": [], "reason": [], "n_cells": []})
    return {"contrast": both, "concentration": units, "composition": composition, "left_out": left_out}


def test_verdict_rows_bring_both_metrics_together():
    (row,) = analysis.verdict_rows(tables())
    assert (row["gini_shift"], row["hill_q1_shift"], row["p_attainable"]) == (0.1, -2.0, 0.1)
    (shown,) = analysis.shown([row])
    assert shown["shift in eff_N"] == "−2.00"
    assert shown["corrected (interval)"] == "+0.110 (range +0.000 to +0.200)"
    assert shown["p adjusted"] == "0.3"


def test_strata_without_donors_on_a_side_are_named_below_the_table():
    both = tables()
    rest = both["contrast"].assign(stratum=f"Aorta{SCRIPT}", shift=float("nan"), n_late=0, verdict="no test")
    both["contrast"] = pd.concat([both["contrast"], rest])
    rows = analysis.verdict_rows(both)
    assert [row["stratum"] for row in analysis.by_contrast(rows)[f"age: {SCRIPT}"]] == [f"lung|{SCRIPT}"]
    for text in (analysis.page("t", both, [], [], "m", "1"), analysis.summary("t", both, [], [], "m")):
        assert "for want of donors on both sides: Aorta" in text
        assert "<script>" not in text.replace("\\<", "")


def test_labels_are_text_in_the_page_and_in_markdown():
    picture = Picture("forest", SCRIPT, SCRIPT, f"<svg><text>{SCRIPT}</text></svg>")
    page = analysis.page(SCRIPT, tables(), [SCRIPT], [picture], "method", "1")
    assert "<script" not in page
    assert page.count("&lt;script&gt;") >= 6
    text = analysis.summary(SCRIPT, tables(), [SCRIPT], [picture], "method")
    assert "<script" not in text.replace("\\<", "")


def test_the_picture_is_inside_the_page():
    picture = Picture("forest", "t", "c", "<svg/>")
    assert picture.source == "data:image/svg+xml;base64,PHN2Zy8+"
    assert picture.source in analysis.page("t", tables(), [], [picture], "m", "1")


def test_long_labels_are_cut_and_control_characters_gone():
    assert analysis.cut("a\x1b[31mb" + "c" * 200) == "a [31mb" + "c" * 72 + "…"
