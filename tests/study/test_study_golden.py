"""The golden numbers, end to end: the command, the tables, the verdicts."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pandas as pd
import pytest

from concentra.stats.verdict import DIRECTIONS, LESS, MORE
from definitions_study import Ended, command, file_bytes

CLAIMS = {
    "pythia-shift",
    "models-shift",
    "marrow-facs",
    "marrow-droplet",
    "same-quadrant",
    "marrow-drivers",
    "kidney-limb-coarse",
    "lung-spleen",
    "kimmel-directions",
    "kidney-flip",
    "podocytes",
    "macrophages",
    "cr-rescue",
}
KEYS = {"id", "statement", "expected", "observed", "verdict", "note"}
VERDICTS = {"reproduced", "close", "differs", "data absent", "not yet computed"}
# Known numbers: shifts as they were measured, at the digits that are stated
SHIFTS = {
    ("tms_facs", "Marrow"): ("+0.0873", "-2.180"),
    ("tms_droplet", "Marrow"): ("+0.0383", "-0.532"),
    ("tms_facs", "Lung"): ("+0.040", "-1.90"),
    ("tms_droplet", "Kidney"): ("+0.030", "-0.11"),
    ("tms_droplet", "Limb_Muscle"): ("+0.019", "-0.12"),
    ("tms_droplet", "Lung"): ("-0.038", "-0.10"),
    ("tms_droplet", "Spleen"): ("-0.064", "+1.05"),
}


def shown(value: float, like: str) -> str:
    return f"{value:+.{len(like.partition('.')[2])}f}"


def contrasts(out: Any) -> pd.DataFrame:
    return pd.read_csv(out / "tables" / "age_contrast.csv").set_index(["cohort", "stratum", "metric"])


def verify(out: Any) -> Ended:
    return command("verify", "--out", out, "--json")


def check_goldens(out: Any) -> None:
    judged = {row["id"]: row for row in verify(out).json}
    verdicts = {name: row["verdict"] for name, row in judged.items()}
    assert verdicts["pythia-shift"] == "reproduced"
    assert verdicts["marrow-facs"] == "close"
    assert verdicts["marrow-droplet"] == "close"
    assert verdicts["same-quadrant"] == "reproduced"
    assert verdicts["models-shift"] == "differs"
    assert verdicts["kidney-limb-coarse"] == "differs"
    assert verdicts["lung-spleen"] == "differs"
    for number in ("+0.1449", "0.6003 to 0.7452", "-45.54", "71.02 to 25.48"):
        assert number in judged["pythia-shift"]["observed"]
    for number in ("+0.0873", "-2.180"):
        assert number in judged["marrow-facs"]["observed"]
    for number in ("+0.0383", "-0.532"):
        assert number in judged["marrow-droplet"]["observed"]
    found = contrasts(out)
    for (cohort, stratum), (gini, effective) in SHIFTS.items():
        assert shown(found.loc[(cohort, stratum, "gini_present"), "shift"], gini) == gini
        assert shown(found.loc[(cohort, stratum, "hill_q1"), "shift"], effective) == effective
    marrow = found.loc[("tms_facs", "Marrow", "gini_present")]
    assert (marrow["n_reference"], marrow["n_other"]) == (5, 4)
    assert (round(marrow["median_reference"], 4), round(marrow["median_other"], 4)) == (0.5570, 0.6443)
    assert round(found.loc[("tms_facs", "Marrow", "gini_stratum"), "shift"], 4) == 0.0993
    assert marrow["p_exact_attainable"] == pytest.approx(2 / 126)
    droplet = found.loc[("tms_droplet", "Marrow", "gini_present")]
    assert (droplet["n_reference"], droplet["n_other"]) == (4, 7)


def test_goldens_from_archived_tables(archive_run: Any) -> None:
    check_goldens(archive_run.out)
    restored = archive_run.ended.out.partition("restored from archived tables, raw data absent: ")[2]
    assert {"Pythia-410M", "tiny GPT-NeoX"} <= set(restored.splitlines()[0].split(", "))


@pytest.mark.data
@pytest.mark.slow
def test_goldens_from_raw_data(data_run: Any) -> None:
    check_goldens(data_run.out)
    assert "raw data absent: tiny GPT-NeoX\n" in data_run.ended.out, "only the model measured by this package"
    sources = pd.read_csv(data_run.out / "tables" / "sources.csv").set_index("cohort")
    assert set(sources.loc[["tms_facs", "tms_droplet", "pythia_410m", "pythia_160m"], "status"]) == {
        "raw data"
    }


@pytest.mark.data
@pytest.mark.slow
def test_archived_tables_give_the_bytes_of_raw_data(archive_run: Any, data_run: Any) -> None:
    archived, raw = (file_bytes(one.out / "tables", ".csv") for one in (archive_run, data_run))
    assert set(archived) == set(raw)
    assert [name for name in raw if archived[name] != raw[name]] == ["sources.csv"]


def test_form_of_verify(archive_run: Any) -> None:
    ended = verify(archive_run.out)
    assert ended.code == 0
    assert ended.err == ""
    assert isinstance(ended.json, list)
    assert {row["id"] for row in ended.json} >= CLAIMS
    assert len({row["id"] for row in ended.json}) == len(ended.json)
    for row in ended.json:
        assert set(row) >= KEYS
        assert all(isinstance(row[key], str) for key in KEYS)
        assert row["verdict"] in VERDICTS
        assert row["statement"]
        assert row["expected"]
        assert row["observed"]


def test_what_is_absent_says_how_to_get_it(archive_run: Any) -> None:
    absent = [row for row in verify(archive_run.out).json if row["verdict"] == "data absent"]
    assert {row["id"] for row in absent} >= {"kimmel-directions", "cr-rescue", "podocytes", "macrophages"}
    assert all("data absent" in row["observed"] for row in absent)


def test_verify_for_people(archive_run: Any) -> None:
    said = command("verify", "--out", archive_run.out).out
    assert all(name in said for name in CLAIMS)
    judged = verify(archive_run.out).json
    for published in (True, False):
        verdicts = [row["verdict"] for row in judged if row["published"] is published]
        tally = Counter(verdicts)
        counts = {f"{n} {'differ' if name == 'differs' and n > 1 else name}" for name, n in tally.items()}
        assert counts in [set(line.split(", ")) for line in said.splitlines()]


def test_planted_shifts_are_found_and_nulls_are_not(archive_run: Any) -> None:
    planted = pd.read_csv(archive_run.out / "tables" / "planted.csv").set_index("stratum")
    found = contrasts(archive_run.out).loc["simulated"]
    assert {MORE, LESS, "none"} <= set(planted["direction"])
    for tissue, truth in planted.iterrows():
        gini, effective = found.loc[(tissue, "gini_present")], found.loc[(tissue, "hill_q1")]
        if truth["direction"] == "none":
            assert gini["verdict"] not in DIRECTIONS, tissue
        if truth["direction"] in (MORE, LESS):
            assert gini["shift"] * truth["gini_shift"] > 0, tissue
            assert effective["shift"] * truth["hill_q1_shift"] > 0, tissue
            assert gini["direction"] == truth["direction"], tissue
            assert gini["verdict"] == truth["direction"], tissue


def test_the_folder_holds_what_is_promised(archive_run: Any) -> None:
    out = archive_run.out
    assert {"tables", "figures", "summaries"} <= {path.name for path in out.iterdir()}
    for svg in (out / "figures").glob("*.svg"):
        assert svg.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
        assert b"<svg" in svg.read_bytes()
    for path in (out / "summaries").glob("*.md"):
        text = path.read_text(encoding="utf-8")
        assert text.startswith("# ")
        assert "nan" not in text.lower().split()


def test_output_is_of_the_project_alone(archive_run: Any) -> None:
    """No table, figure or summary names a path of the machine that made it."""
    for name, content in file_bytes(archive_run.out, ".csv", ".svg", ".md").items():
        assert str(archive_run.out).encode() not in content, name
        assert b"/home/" not in content, name
