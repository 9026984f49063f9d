"""The report's page: one file, nothing loaded, no label that is markup, every section where its table is."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
import time
from typing import Any

import numpy as np
import pandas as pd
import pytest

from concentra.notes import Note
from concentra.report import bundle
from concentra.report.document import page
from concentra.report.findings import Findings
from concentra.report.page import Cell, Page, columns, pack
from concentra.report.sections.answer import verdict_rows
from concentra.report.sentences import MEANINGS, verdicts
from definitions_report import HOSTILE, Elements, contrast, findings


@pytest.mark.parametrize("label", HOSTILE.values(), ids=HOSTILE)
def test_labels_are_never_markup(label: str) -> None:
    harmless, hostile = Elements(page(findings(label="z"))), Elements(page(findings(label=label)))
    assert hostile.names == harmless.names
    assert [name for name, _ in hostile.attributes] == [name for name, _ in harmless.attributes]


@pytest.mark.parametrize("label", HOSTILE.values(), ids=HOSTILE)
def test_labels_survive_in_the_whole_tables(label: str) -> None:
    found = findings(label=label)
    table = Elements(page(found)).data()["tables"]["composition"]
    assert [row[table["names"].index("part")] for row in table["rows"]] == found.tables["composition"][
        "part"
    ].tolist()


def test_no_expression_holds_text_of_the_user() -> None:
    """Expressions and conditions are code: in them only names and numbers of our own may stand."""

    def walk(value: Any, key: str = "") -> list[str]:
        if isinstance(value, dict):
            return [one for name, item in value.items() if name != "values" for one in walk(item, name)]
        if isinstance(value, list):
            return [one for item in value for one in walk(item, key)]
        return [value] if key in ("expr", "test", "filter", "calculate", "signal") else []

    charts = Elements(page(findings(label="LABEL"))).data()["charts"]
    code = [one for chart in charts.values() for one in walk(chart)]
    assert code
    assert not [one for one in code if "LABEL" in one]


def test_nothing_is_loaded_and_only_our_scripts_may_run() -> None:
    text = page(findings())
    parsed = Elements(text)
    assert not [
        (name, value) for name, value in parsed.attributes
        if name in ("src", "href", "srcset", "action") and not (value or "").startswith("#")
    ]  # fmt: skip
    policy = next(value for name, value in parsed.attributes if value and "default-src" in value)
    scripts = re.findall(r"<script>(.*?)</script>", text, flags=re.DOTALL)
    hashes = [base64.b64encode(hashlib.sha256(one.encode()).digest()).decode() for one in scripts]
    assert len(scripts) == 2
    assert re.search(r"script-src ([^;]*)", policy)[1].split() == [f"'sha256-{one}'" for one in hashes]
    assert "unsafe-eval" not in policy


def test_the_same_findings_give_the_same_bytes() -> None:
    assert page(findings()) == page(findings())


def test_each_table_brings_its_section_and_none_is_empty() -> None:
    whole = Elements(page(findings(tuple(MEANINGS))))
    named = [value for name, value in whole.attributes if name == "id"]
    sections = [
        "answer",
        "tissues",
        "granularity",
        "trend",
        "plane",
        "design",
        "left-out",
        "methods",
        "provenance",
        "tables",
    ]
    assert [one for one in named if one in sections] == sections
    few = findings()
    bare = Findings({name: few.tables[name] for name in ("concentration", "composition")})
    named = [value for name, value in Elements(page(bare)).attributes if name == "id"]
    assert [one for one in named if one in sections] == [
        "answer",
        "tissues",
        "design",
        "methods",
        "provenance",
        "tables",
    ]


def test_tissues_that_changed_come_first() -> None:
    found = findings(("not testable", "undecided", "less concentrated", "more concentrated"))
    assert found.strata == ("Tissue 3", "Tissue 2", "Tissue 1", "Tissue 0")


def test_verdicts_have_six_columns_and_sort_as_numbers() -> None:
    (row,) = verdict_rows(verdicts(contrast(["Marrow"], ["more concentrated"])))
    assert list(map(str, row.values())) == [
        "Marrow", "more concentrated", "3 / 3", "0.77 (0.67 to 0.87)", "+0.100 (0.000 to +0.200)", "0.030",
    ]  # fmt: skip
    assert isinstance(row["effective number, ratio (95%)"], Cell)
    assert 'data-order="0.77"' in str(Page("t").table([row], "c"))


def test_a_chart_shows_the_numbers_of_its_table() -> None:
    found = findings(("more concentrated",))
    charts = Elements(page(found)).data()["charts"].values()
    forest = next(chart for chart in charts if "effect" in chart["data"]["values"][0])
    assert forest["data"]["values"][0]["effect"] == 0.77
    bars = next(chart for chart in charts if "share" in chart["data"]["values"][0])
    shown = pd.DataFrame(bars["data"]["values"])
    assert np.allclose(shown.groupby("donor")["share"].sum(), 1, atol=1e-4)
    assert shown["n_cells"].sum() == found.tables["composition"]["n_cells"].sum()


def test_rare_types_are_one_grey_part() -> None:
    charts = Elements(page(findings(("undecided",), n_parts=15))).data()["charts"].values()
    bars = next(chart for chart in charts if "share" in chart["data"]["values"][0])
    assert bars["encoding"]["color"]["scale"]["domain"][-1] == "all other types"
    assert len(bars["encoding"]["color"]["scale"]["domain"]) == 12
    assert np.allclose(pd.DataFrame(bars["data"]["values"]).groupby("donor")["share"].sum(), 1, atol=1e-4)


def test_several_samples_of_a_donor_are_several_bars() -> None:
    found = findings(("undecided",))
    cells = found.tables["composition"].copy()
    cells["sample"] = cells["donor"] + "_" + cells["part"].map(lambda part: "1" if part == "B cell" else "2")
    charts = Elements(page(Findings(found.tables | {"composition": cells}))).data()["charts"].values()
    bars = next(chart for chart in charts if "share" in chart["data"]["values"][0])
    assert len(bars["encoding"]["y"]["scale"]["domain"]) == 12


def test_twenty_tissues_of_forty_donors_are_small_and_quick() -> None:
    found = findings(("undecided",) * 20, n_donors=20, n_parts=15)
    began = time.process_time()
    text = page(found)
    assert len(text.encode()) < 5_000_000
    assert time.process_time() - began < 10


def test_missing_values_are_null_and_numbers_are_whole() -> None:
    frame = pd.DataFrame({"a": [np.nan, 1 / 3], "b": pd.array([None, 2], dtype="Int64")})
    assert columns(frame)["rows"] == [[None, None], [1 / 3, 2]]
    assert gzip.decompress(base64.b64decode(pack(columns(frame))))


def test_the_bundle_is_what_its_recipe_names_and_brings_its_licences() -> None:
    wanted = json.loads((bundle.FOLDER / "package.json").read_text(encoding="utf-8"))["dependencies"]
    there = dict(one.rsplit(" (", 1)[0].rsplit(" ", 1) for one in bundle.packages())
    direct = {name: version for name, version in wanted.items() if name != "vega"}
    assert {name: there.get(name) for name in direct} == direct
    free = {"MIT", "ISC", "BSD-3-Clause", "BSD-2-Clause", "Apache-2.0"}
    assert {one.rsplit("(", 1)[1].rstrip(")") for one in bundle.packages()} <= free
    text = bundle.LICENCES.read_text(encoding="utf-8")
    assert text.count("Permission is hereby granted") + text.count("Redistribution and use") + text.count(
        "Permission to use"
    ) >= len(there)


def test_labels_that_look_alike_stay_apart() -> None:
    found = findings(("undecided",), n_donors=1)
    cells = found.tables["composition"].replace(
        {"donor": {"m0": "m_1", "m1": "m 1"}, "part": {"T cell": "B_cell"}}
    )
    charts = Elements(page(Findings(found.tables | {"composition": cells}))).data()["charts"].values()
    bars = next(chart for chart in charts if "share" in chart["data"]["values"][0])
    assert [name.split(" · ")[1] for name in bars["encoding"]["y"]["scale"]["domain"]] == ["m_1", "m 1"]
    assert len(bars["encoding"]["color"]["scale"]["domain"]) == 3


def test_several_contrasts_have_charts_of_their_own() -> None:
    one = findings(("undecided",))
    tables = {
        name: pd.concat([frame, frame.assign(contrast="sex: f to m")]) if "contrast" in frame else frame
        for name, frame in one.tables.items()
    }
    text = page(Findings(tables, options=one.options))
    assert text.count("Cell types that drive the shift: sex: f to m") == 1
    assert text.count('data-name="verdicts"') == 2


def test_every_contrast_has_its_verdicts_in_the_plane() -> None:
    first, second = findings(("more concentrated",)).tables, findings(("less concentrated",)).tables
    tables = {
        name: pd.concat([frame, second[name].assign(contrast="sex: f to m")])
        if "contrast" in frame
        else frame
        for name, frame in first.items()
    }
    charts = Elements(page(Findings(tables))).data()["charts"].values()
    words = [chart["data"]["values"][0]["words"] for chart in charts if "words" in chart["data"]["values"][0]]
    assert words == ["more concentrated", "less concentrated"]


def test_the_legend_is_hollow_where_the_points_are() -> None:
    charts = Elements(page(findings(("more concentrated", "undecided")))).data()["charts"].values()
    forest = next(chart for chart in charts if "effect" in chart["data"]["values"][0])
    fill = forest["layer"][-1]["encoding"]["fill"]
    assert fill["scale"]["domain"] == ["more concentrated", "undecided"]
    assert fill["scale"]["range"][1] == "transparent"
    assert fill["legend"] is not None


def test_what_limits_the_answer_stands_below_it() -> None:
    notes = [Note("limits", "age: 3m to 24m: sex differs"), Note("guessed", "donor: column 'a'")]
    one = findings(("undecided",))
    text = page(Findings(one.tables, notes))
    answer = text[text.index('id="answer"') : text.index('id="tissues"')]
    assert answer.index('class="lead"') < answer.index("Limits: sex differs.") < answer.index("<table")
    assert "column &#39;a&#39;" not in answer


def test_all_donors_together_are_one_number() -> None:
    rows = contrast(["Lung"], ["undecided"], title="trend along age").assign(other=None, n_other=0)
    (row,) = verdict_rows(verdicts(rows))
    assert row["donors"] == "3"


def test_names_of_donors_and_options_are_shown_as_they_are() -> None:
    gone = pd.DataFrame(
        {"stratum": ["Lung_left"], "donor": ["3_9_M"], "reason": ["fewer than 50 cells"], "n_cells": [4]}
    )
    one = findings(("undecided",))
    text = page(Findings(one.tables | {"left_out": gone}, options={"amount": "n_cells"}))
    assert all(name in text for name in ("3_9_M", "n_cells", "Lung left"))


def test_drivers_show_their_tests_and_joint_intervals() -> None:
    found = findings(("undecided",))
    parsed = Elements(page(found))
    bars = next(
        chart for chart in parsed.data()["charts"].values() if "joint_low" in chart["data"]["values"][0]
    )
    first = bars["data"]["values"][0]
    assert (first["joint_low"], first["joint_high"], first["p"]) == (-0.3, 0.3, "0.037")
    cells = " ".join(parsed.text)
    assert "+0.100 (−0.300 to +0.300)" in cells
    assert "0.012" in cells


@pytest.mark.parametrize("n_tissues", [1, 2])
def test_every_granularity_is_shown_with_its_verdict(n_tissues: int) -> None:
    text = page(findings(("undecided",) * n_tissues))
    section = text[text.index('<section id="granularity"') :].split("</section>")[0]
    (rows,) = re.findall(r'data-name="granularity".*?</table>', section, flags=re.DOTALL)
    heads = re.findall(r"<th scope=\"col\"[^>]*>(.*?)</th>", rows)
    assert heads == ["tissue", "granularity", "verdict", "effective number (medians)", "ratio (95%)",
                     "Gini, difference (95%)"]  # fmt: skip
    assert rows.count("<tr>") == 1 + 2 * n_tissues
    assert "coarse (3)" in rows
    assert "6.00 to 3.00" in rows
    assert "0.90 (0.80 to 1.00)" in rows
    assert section.count("<figure") == (2 if n_tissues == 1 else 1)
    assert "Within each coarser type" in section
    assert "8 to 9" in section


def test_without_a_comparison_every_granularity_is_measured() -> None:
    bare = findings(compared=False)
    measured = pd.DataFrame({"level": ["0.4", "0.4", "0.8", "0.8"], "stratum": "Tissue 0",
                             "donor": ["a", "b", "a", "b"], "hill_q0": [3, 3, 6, 8],
                             "hill_q1": [2.0, 3.0, 4.0, 5.0], "gini_stratum": 0.4})  # fmt: skip
    text = page(Findings(bare.tables | {"granularity_concentration": measured}))
    section = text[text.index('<section id="granularity"') :].split("</section>")[0]
    cells = re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", section)
    assert cells[-6:] == ["Tissue 0", "0.8", "2", "7", "4.50", "0.400"]


def test_donors_left_out_are_no_points() -> None:
    found = findings(("undecided",))
    units = found.tables["concentration"]
    units.loc[units["donor"] == "m0", "included"] = False
    charts = Elements(page(found)).data()["charts"].values()
    points = next(chart for chart in charts if "shift" in chart["data"]["values"][0])
    assert {row["donor"] for row in points["data"]["values"]} == {f"m{place}" for place in range(1, 6)}


def test_pictures_are_images_on_demand() -> None:
    made = Page("t")
    block = made.picture("<svg onload='window.broken = true'/>", "Figure <1>", "a caption", "what it shows")
    assert "onload" not in block
    assert 'alt="what it shows"' in block
    assert "Figure &lt;1&gt;" in block
    assert made.pictures == {"picture-1": "<svg onload='window.broken = true'/>"}


def test_cells_of_several_lines_and_hidden_characters() -> None:
    text = str(Page("t").table([{"a": "x\u202e", "b": ("one", "two")}], "c"))
    assert "\u202e" not in text
    assert re.findall(r'<span class="line">(.*?)</span>', text) == ["one", "two"]


@pytest.mark.parametrize(
    ("text", "right"),
    [("0.043", True), ("1,200", True), ("5 / 4", True), ("3, 22.4", True), ("2.6e-07", True), ("66%", True),
     ("3m", False), ("3_10_M", False), ("24m+30m", False)],
)  # fmt: skip
def test_numbers_stand_right_and_labels_that_begin_with_digits_left(text: str, right: bool) -> None:
    made = str(Page("t").table([{"a": "x", "b": text}], "c"))
    assert ('<td class="n">' in made) is right


def test_the_sign_of_a_verdict_is_the_same_in_chart_and_table() -> None:
    from concentra.pl import _style as style
    from concentra.report.charts._shared import verdict

    drawn = verdict([{"verdict": word} for word in style.VERDICTS])["shape"]["scale"]["range"]
    assert "cross" not in drawn, "Vega's cross is a plus, and the sign of the table is not"
