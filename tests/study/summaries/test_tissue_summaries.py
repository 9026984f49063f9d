"""The summaries of drivers and of platforms say what their tables say."""

from __future__ import annotations

import pytest

from concentra.report.markdown import number
from concentra.study.declare import nodes
from study_tables import loaded, table


def written(name):
    node = nodes()[name]
    return node.function(*(loaded(one) for one in node.reads))


@pytest.fixture(scope="module")
def components():
    return written("component_analysis")


@pytest.fixture(scope="module")
def platforms():
    return written("platform_summary")


def test_marrow_rows_are_those_of_the_table(components):
    rows = table("lineage_shift").query("stratum == 'Marrow' and level == 'lineage' and lineage == 'myeloid'")
    for row in rows.query("metric == 'hill_q1'").to_dict("records"):
        line = next(
            line
            for line in components.splitlines()
            if "| myeloid |" in line and f"| {row['n_reference']} / {row['n_other']} |" in line
        )
        assert f"| {number(row['share_change'], sign=True)} |" in line
        assert f"| {row['towards']} |" in line


def test_every_tissue_with_both_groups_is_there(components):
    for title in ("## Tabula Muris Senis, FACS", "## Tabula Muris Senis, Droplet", "## simulated cells"):
        assert title in components
    assert components.count("| eff_N |") == len(table("attributed_shift").query("metric == 'hill_q1'"))


def test_disagreement_is_told_with_what_differs(platforms):
    rows = table("concordance").query("stratum == 'Lung' and metric == 'hill_q1'")
    line = next(line for line in platforms.splitlines() if line.startswith("**Lung**"))
    for row in rows.to_dict("records"):
        assert str(row["direction"]) in line
        assert f"{row['n_cells_reference']:.0f} and {row['n_cells_other']:.0f} cells a donor" in line
    assert "**Kidney**" in platforms


def test_agreement_is_called_technical(platforms):
    assert "technical replication" in platforms
    found = table("platform_agreement").query("what == 'shift' and metric == 'gini_present'").iloc[0]
    assert f"same sign in {found['n_same_sign']} of {found['n_strata']}" in platforms


def test_pairs_are_shown_where_there_are_any(platforms):
    assert "No mouse is known on both platforms" in platforms
    node = nodes()["platform_summary"]
    pair = {"stratum": "Marrow", "donor": "24-M-60", "age_months": 24.0, "metric": "gini_present"}
    pairs = table("concordance_paired").reindex([0]).assign(**pair, facs=0.6, droplet=0.65, difference=0.05)
    text = node.function(table("concordance"), pairs, table("platform_agreement"))
    assert "24-M-60" in text
    assert "0.600 | 0.650 | +0.050" in text
