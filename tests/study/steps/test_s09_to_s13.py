"""Steps 09 to 13: planted flips and rescues found, hypotheses from the claims, a cohort dropped in is read."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text

from concentra.simulate import simulate_atlas
from concentra.stats.verdict import LESS, MORE
from concentra.study import claims, raw
from concentra.study.cohorts import cohorts
from concentra.study.declare import nodes, tables
from concentra.study.questions import TYPES
from study_tables import table

EXPRESSION = {"kimmel-directions", "kidney-flip", "podocytes", "macrophages", "cr-rescue"}


def one(frame: pd.DataFrame, **where: object) -> pd.Series:
    for name, value in where.items():
        frame = frame[frame[name] == value]
    assert len(frame) == 1
    return frame.iloc[0]


def test_the_planted_flip_of_kidney() -> None:
    row = one(table("kidney_granularity"), cohort="simulated_tms")
    assert (row["direction_annotated"], row["n_less"], row["flips"]) == (MORE, 5, "yes")
    assert row["p_opposite"] < 0.001


def test_a_flip_needs_clusters_finer_than_types() -> None:
    """Where clusters are the annotated types again, kidney does not flip: granularity decides."""
    found = table("kidney_scale")
    found = found[(found["cohort"] == "simulated_kimmel") & (found["metric"] == "hill_q1")]
    counts = table("state_counts")
    here = counts[(counts["cohort"] == "simulated_kimmel") & (counts["stratum"] == "kidney")]
    n_parts = here.groupby("resolution")["state"].nunique()
    assert found["n_parts"].tolist() == n_parts[found["level"].replace(TYPES, "0").astype(float)].tolist()
    coarse = found["n_parts"] <= n_parts[0.0]
    assert set(found.loc[coarse, "direction"]) == {MORE}
    assert set(found.loc[~coarse, "direction"]) == {LESS}


def test_scales_hold_types_clusters_and_states() -> None:
    found = table("substate_scale")
    own = found[found["cohort"] == "simulated_tms"]
    assert set(own["scale"]) == {"types", "clusters", "states"}
    assert set(own["stratum"]) == {"Kidney", "Spleen"}
    clusters = own[(own["scale"] == "clusters") & (own["stratum"] == "Kidney")]
    assert clusters["opposite"].all()
    assert not own.loc[own["scale"] == "types", "opposite"].any()
    assert own.loc[~own["opposite"], "p_opposite"].isna().all()


def test_hypotheses_are_those_of_the_claims() -> None:
    found = table("validation_contrast").drop_duplicates("stratum").set_index("stratum")
    assert found["hypothesis"].dropna().to_dict() == {"lung": LESS, "spleen": LESS}
    known = found[found["hypothesis"].notna()]
    assert (known["agrees"] == "yes").to_list() == (known["direction"] == known["hypothesis"]).to_list()


def test_robustness_counts_resolutions() -> None:
    shifts = table("validation_resolutions")
    for row in table("validation_robustness").to_dict("records"):
        here = shifts[(shifts["cohort"] == row["cohort"]) & (shifts["stratum"] == row["stratum"])]
        directions = here[here["metric"] == "gini_present"]["direction"].to_list()
        assert row["agreement"] == f"{row['counted']} {directions.count(row['counted'])} of 5"
    assert one(table("validation_robustness"), stratum="lung")["agreement"] == "less concentrated 5 of 5"


def test_one_resolution_of_the_validation_is_that_of_the_robustness() -> None:
    first, second = table("validation_contrast"), table("validation_resolutions")
    key = ["cohort", "stratum", "metric"]
    both = first.merge(second[second["level"] == "0.8"], on=key, suffixes=("", "_other"))
    assert len(both) == len(first)
    np.testing.assert_array_equal(both["shift"], both["shift_other"])
    np.testing.assert_array_equal(both["p_exact"], both["p_exact_other"])


def test_the_planted_rescue() -> None:
    found = table("rescue")
    truth = one(table("planted_states"), cohort="simulated_rat", level="types", stratum="BM")
    for metric, name in (("gini_present", "gini_rescue"), ("hill_q1", "hill_q1_rescue")):
        row = one(found, cohort="simulated_rat", metric=metric)
        assert row["rescued_percent"] / 100 == pytest.approx(truth[name], abs=0.25)
        shares = (row["old"] - row["treated"]) / (row["old"] - row["young"])
        assert row["rescued_percent"] == pytest.approx(100 * shares)
        assert row["p_rescue_cells"] > 0.99
        assert row["p_permutation"] >= row["p_attainable"] == pytest.approx(2 / 90)


def test_claims_on_absent_data_stay_absent(tmp_path: Path) -> None:
    """Simulated cohorts answer no claim."""
    for name in ("sources", "substate_contrast", "validation_robustness", "kidney_granularity", "rescue"):
        tables()[name].write(table(name), tmp_path)
    verdicts = {one.id: one.verdict for one in claims.judge(tmp_path)}
    assert {verdicts[name] for name in EXPRESSION} == {"data absent"}


@pytest.fixture(scope="module")
def with_kimmel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tables of a run in whose data folder a file in the layout of the validation cohort lies, as a user's would."""
    data, out = tmp_path_factory.mktemp("data"), tmp_path_factory.mktemp("out")
    simulate_atlas(data / "kimmel2019.h5ad", "kimmel2019", n_cells=3000, n_genes=400, n_counts=500, rng=5)
    with h5py.File(data / "kimmel2019.h5ad", "r+") as file:
        del file["uns/simulated_by"]
    present = raw.RAW["expression"].load(data, out)
    sources = {name: source for name, source in present.items() if name == "kimmel2019"}
    frames: dict[str, pd.DataFrame] = {}
    loaded = {"expression": sources}
    for name in (
        "plan_states", "cluster_cells", "kimmel_validation", "kimmel_robustness", "tms_kidney_leiden",
    ):  # fmt: skip
        node = nodes()[name]
        result = node.function(*({**loaded, **frames}[read] for read in node.reads), **node.parameters())
        for model, frame in zip(node.tables, result, strict=False):
            model.write(frame, out)
            frames[model.name()] = model.read(out)
    tables()["sources"].write(raw.RAW["sources"].load(data, out), out)
    return out


def test_a_cohort_dropped_into_the_data_folder_is_read(with_kimmel: Path) -> None:
    robust = tables()["validation_robustness"].read(with_kimmel)
    assert set(robust["cohort"]) == {"kimmel2019"}
    assert one(tables()["sources"].read(with_kimmel), cohort="kimmel2019")["status"] == "raw data"
    assert one(robust, stratum="lung")["agreement"] == "less concentrated 5 of 5"


def test_its_claims_are_then_computed(with_kimmel: Path) -> None:
    found = {one.id: one for one in claims.judge(with_kimmel)}
    assert found["kimmel-directions"].verdict in ("reproduced", "differs")
    assert "lung less concentrated at 5 of 5 resolutions" in found["kimmel-directions"].observed
    assert found["kidney-flip"].verdict == "data absent"  # the atlas is still needed for both cohorts
    assert "validation cohort" in found["kidney-flip"].observed
    assert "data absent" not in found["kidney-flip"].observed.split(";")[0]


def test_its_tables_outlive_its_file(
    with_kimmel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Archived where the file is, restored where it is not."""
    node, folder = nodes()["cluster_cells"], with_kimmel / "data"
    folder.mkdir()
    (folder / "kimmel2019.h5ad").touch()
    monkeypatch.setattr(raw, "archive_folder", lambda: tmp_path)
    monkeypatch.setattr(raw, "nodes", lambda: {node.name: node})
    written = raw.write_archive(with_kimmel, folder)
    assert {path.name for path in written} == {f"{model.name()}.csv" for model in node.tables}
    assert raw.status(cohorts()["kimmel2019"], None) == "archived tables"
    assert raw.restorable(node, None) == ["kimmel2019"]
    model = tables()["state_counts"]
    again = model.check(raw.restore(model, pd.DataFrame(), ["kimmel2019"]), "restored")
    pd.testing.assert_frame_equal(again, model.read(with_kimmel))


def test_steps_without_any_such_cohort_write_empty_tables(tmp_path: Path) -> None:
    frames: dict[str, object] = {"expression": {}, "activity": {}}
    for name in (
        "plan_states", "cluster_cells", "substate_analysis", "activity_substates", "substate_figure",
        "kimmel_validation", "kimmel_robustness", "calico_cr_marrow", "tms_kidney_leiden",
    ):  # fmt: skip
        node = nodes()[name]
        result = node.function(*(frames[read] for read in node.reads), **node.parameters())
        written = result if isinstance(result, tuple) else (result,)
        for model, frame in zip((*node.tables, *node.kept), written, strict=True):
            model.write(frame, tmp_path)
            frames[model.name()] = model.read(tmp_path)
            assert frames[model.name()].empty  # type: ignore[attr-defined]
    for node in nodes().values():
        if node.kind == "figure" and set(node.reads) <= set(frames):
            drawing = node.function(*(frames[read] for read in node.reads))
            assert drawing.figure.axes


@pytest.mark.parametrize("label", ["S5", "S6", "S7"])
def test_captions_say_what_is_simulated(label: str) -> None:
    node = next(node for node in nodes().values() if node.kind == "figure" and node.label == label)
    drawing = node.function(*(table(name) for name in node.reads))
    assert "simulated" in drawing.caption
    titles = " ".join(text.get_text() for text in drawing.figure.findobj(Text))
    assert "simulated" in titles


def test_summaries_say_what_was_planted() -> None:
    found = {}
    for name in ("substate_summary", "validation_summary"):
        node = nodes()[name]
        found[name] = node.function(*(table(read) for read in node.reads))
    assert "planted" in found["substate_summary"]
    assert "data absent" in found["validation_summary"]
    assert all(
        cohorts()[name].title in found["substate_summary"] for name in ("simulated_tms", "simulated_rat")
    )
