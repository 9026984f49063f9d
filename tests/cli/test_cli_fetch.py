"""`concentra fetch` against a server on this machine."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from concentra.io.fetch import Remote
from concentra.study.cohorts import cohorts
from definitions_fetch import Page, Site, serving
from definitions_study import Ended, assert_error, command, environment, wait_until

Run = Callable[..., Ended]

BODY = b"not a table, but the bytes that were promised\n"
NAME = "pythia/pythia_410m_ablations.csv"
OFFICIAL = "tabula-muris-senis-facs-processed-official-annotations.h5ad"


def promised(site: Site, path: str, file: str, body: bytes | None) -> Remote:
    sha256, size = (None, None) if body is None else (hashlib.sha256(body).hexdigest(), len(body))
    return Remote(site.url(path), file, sha256, size)


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A server, and the cohorts with public files pointed at it; of the atlas no hash is known."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    known = cohorts()
    with serving() as one:
        for name, cohort in list(known.items()):
            remotes = [
                promised(one, f"/{remote.file}", remote.file, BODY if remote.sha256 else None)
                for remote in cohort.remotes
            ]
            one.pages |= {f"/{remote.file}": Page(BODY) for remote in remotes}
            monkeypatch.setitem(known, name, replace(cohort, remotes=tuple(remotes)))
        yield one


def states(ended: Ended) -> dict[str, str]:
    return {row["cohort"]: row["state"] for row in ended.json}


def test_a_cohort_is_fetched_to_where_it_is_looked_for(site: Site, run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "new"
    ended = run("fetch", "pythia_410m", "--data", folder)
    assert ended.code == 0, ended.err
    assert ended.err == ""
    assert ended.out.splitlines() == [
        f"pythia_410m: fetched: {folder / NAME}, {len(BODY)} bytes",
        f"  sha256 {hashlib.sha256(BODY).hexdigest()}, as is known of the public file",
    ]
    assert (folder / NAME).read_bytes() == BODY
    assert cohorts()["pythia_410m"].files(folder) == [folder / NAME]
    again = run("fetch", "pythia_410m", "--data", folder)
    assert again.out.startswith("pythia_410m: already there: ")
    assert len(site.log) == 1


def test_all_that_is_public_and_absent(site: Site, run: Run, tmp_path: Path) -> None:
    ended = run("fetch", "--data", tmp_path, "--json")
    assert ended.code == 0, ended.err
    found = states(ended)
    public = {name for name, cohort in cohorts().items() if cohort.remotes}
    assert {name for name, state in found.items() if state == "fetched"} == public
    assert {name for name, state in found.items() if state == "by hand"} == {
        "tiny_neox",
        "blood_ageing",
        "kimmel2019",
        "rat_cr",
        "tms_facs_activity",
        "tms_droplet_activity",
    }
    assert len(site.log) == 6, "cohorts share files, and each is fetched once"
    assert all(cohorts()[name].files(tmp_path) for name in public)
    verified = {row["cohort"]: row["verified"] for row in ended.json if "verified" in row}
    assert verified["pythia_410m"] == "known"
    assert verified["tms_facs"] == "nothing"
    again = run("fetch", "--data", tmp_path, "--json")
    assert {state for name, state in states(again).items() if name in public} == {"already there"}
    assert len(site.log) == 6


def test_an_unverified_file_is_said_to_be(site: Site, run: Run, tmp_path: Path) -> None:
    ended = run("fetch", "tms_facs", "--data", tmp_path)
    assert f"sha256 {hashlib.sha256(BODY).hexdigest()}, not verified" in ended.out
    assert (tmp_path / f"{OFFICIAL}.sha256").exists()
    assert cohorts()["tms_facs"].files(tmp_path) == [tmp_path / OFFICIAL]
    assert "as when it was fetched" in run("fetch", "tms_facs", "--data", tmp_path).out


def test_what_stands_in_is_not_replaced_unasked(site: Site, run: Run, tmp_path: Path) -> None:
    (tmp_path / "tms").mkdir()
    (tmp_path / "tms" / "tms_facs_cells.csv.gz").write_bytes(b"")
    ended = run("fetch", "--data", tmp_path, "--json")
    assert states(ended)["tms_facs"] == "not needed"
    assert states(ended)["tms_droplet"] == "fetched"
    assert states(run("fetch", "tms_facs", "--data", tmp_path, "--json")) == {"tms_facs": "already there"}, (
        "the cohort with the matrix needs the same file"
    )
    (tmp_path / OFFICIAL).unlink()
    assert states(run("fetch", "tms_facs", "--data", tmp_path, "--json")) == {"tms_facs": "fetched"}


def test_a_file_in_another_accepted_place_is_there(site: Site, run: Run, tmp_path: Path) -> None:
    (tmp_path / Path(NAME).name).write_bytes(BODY)
    ended = run("fetch", "pythia_410m", "--data", tmp_path, "--json")
    assert states(ended) == {"pythia_410m": "already there"}
    assert site.log == []


@pytest.mark.parametrize("name", ["kimmel2019", "rat_cr", "tms_facs_activity"])
def test_what_no_program_can_get_is_said(site: Site, run: Run, tmp_path: Path, name: str) -> None:
    assert_error(run("fetch", name, "--data", tmp_path), name, cohorts()[name].obtain)
    everything = run("fetch", "--data", tmp_path)
    assert everything.code == 0
    assert f"{name}: by hand\n  {cohorts()[name].obtain}\n" in everything.out


def test_what_was_got_by_hand_is_there(site: Site, run: Run, tmp_path: Path) -> None:
    (tmp_path / "kimmel2019.h5ad").write_bytes(b"")
    ended = run("fetch", "kimmel2019", "simulated", "--data", tmp_path)
    assert ended.code == 0
    assert ended.out.splitlines() == [
        f"kimmel2019: already there: {tmp_path / 'kimmel2019.h5ad'}",
        "simulated: simulated in every run",
    ]


@pytest.mark.parametrize("option", ["--list", "--dry-run"])
def test_the_list_asks_nobody_and_writes_nothing(site: Site, run: Run, tmp_path: Path, option: str) -> None:
    ended = run("fetch", option)
    assert ended.code == 0
    for cohort in cohorts().values():
        for remote in cohort.remotes:
            assert f"{cohort.name}: to be fetched: {remote.file}" in ended.out
            assert f"  {remote.url}\n  sha256 {remote.sha256 or 'not known'}\n" in ended.out
    assert run("fetch", "kimmel2019", option).out.startswith("kimmel2019: by hand")
    (tmp_path / OFFICIAL).write_bytes(b"")
    assert states(run("fetch", option, "--json", "--data", tmp_path))["tms_facs"] == "already there"
    assert site.log == []
    assert [path.name for path in tmp_path.iterdir()] == [OFFICIAL]


def test_a_failure_is_three_lines(site: Site, run: Run, tmp_path: Path) -> None:
    other = bytes(len(BODY))
    site.pages[f"/{NAME}"].body = other
    ended = run("fetch", "pythia_410m", "--data", tmp_path)
    assert_error(ended, hashlib.sha256(other).hexdigest(), hashlib.sha256(BODY).hexdigest())
    assert cohorts()["pythia_410m"].files(tmp_path) == []


def test_a_failure_does_not_keep_the_others(site: Site, run: Run, tmp_path: Path) -> None:
    del site.pages[f"/{NAME}"]
    ended = run("fetch", "pythia_410m", "pythia_160m", "--data", tmp_path, "--json")
    assert ended.code == 1
    assert states(ended) == {"pythia_410m": "failed", "pythia_160m": "fetched"}
    failed = ended.json[0]
    assert "answered 404" in failed["found"]
    assert ended.err == f"error: {failed['found']}\nexpected: {failed['expected']}\nfix: {failed['fix']}\n"


def test_a_name_that_no_cohort_has(site: Site, run: Run, tmp_path: Path) -> None:
    ended = run("fetch", "pythia_410m", "pythia_160", "--data", tmp_path)
    assert_error(ended, "'pythia_160'", "did you mean 'pythia_160m'?")
    assert site.log == []


def test_a_folder_has_to_be_named(
    site: Site, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert_error(run("fetch"), "--data DIR", "CONCENTRA_DATA_DIR")
    monkeypatch.setattr(os, "environ", os.environ | {"CONCENTRA_DATA_DIR": str(tmp_path)})
    assert run("fetch", "pythia_410m").code == 0
    assert (tmp_path / NAME).read_bytes() == BODY


def test_usage_and_help(run: Run) -> None:
    assert run("fetch", "--bogus").code == 2
    assert "Example: concentra fetch" in run("fetch", "--help").out
    assert "  fetch " in run("--help").out


PATCHED = """
import dataclasses, sys
from concentra.cli import main
from concentra.io.fetch import Remote
from concentra.study.cohorts import cohorts
url, file, sha256, folder = sys.argv[1:]
known = cohorts()
known["pythia_410m"] = dataclasses.replace(known["pythia_410m"], remotes=(Remote(url, file, sha256),))
sys.argv = ["concentra", "fetch", "pythia_410m", "--data", folder]
main()
"""


def test_an_interrupted_command_goes_on(site: Site, tmp_path: Path) -> None:
    body = np.random.default_rng(4).bytes(6_000_000)
    site.pages["/slow"] = Page(body, pause=0.005)
    wanted = [site.url("/slow"), NAME, hashlib.sha256(body).hexdigest(), str(tmp_path)]
    words = [sys.executable, "-c", PATCHED, *wanted]
    process = subprocess.Popen(
        words,
        env=environment(None),
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    part = tmp_path / f"{NAME}.part"
    try:
        wait_until(lambda: part.exists() and part.stat().st_size > 1_000_000, 60)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "run the same command again" in said
    assert "Traceback" not in said
    kept = part.stat().st_size
    assert 1_000_000 < kept < len(body)
    site.pages["/slow"].pause = 0
    site.log.clear()
    again = subprocess.run(words, env=environment(None), capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr
    assert (tmp_path / NAME).read_bytes() == body
    assert [one.sent for one in site.log] == [len(body) - kept]
    assert [path.name for path in (tmp_path / "pythia").iterdir()] == [Path(NAME).name]


@pytest.mark.data
def test_the_study_reads_what_was_fetched(
    run: Run, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    cohort = cohorts()["pythia_410m"]
    with serving() as one:
        one.pages["/table"] = Page(cohort.files(data)[0].read_bytes())
        remotes = tuple(replace(remote, url=one.url("/table")) for remote in cohort.remotes)
        monkeypatch.setitem(cohorts(), "pythia_410m", replace(cohort, remotes=remotes))
        fetched = run("fetch", "pythia_410m", "--data", tmp_path / "data", "--json")
    assert fetched.code == 0, fetched.err
    assert fetched.json[0]["verified"] == "known"
    assert fetched.json[0]["sha256"] == cohort.remotes[0].sha256
    out = tmp_path / "results"
    ended = command("reproduce", "pythia_overlay", "--data", tmp_path / "data", "--out", out, "--cores", 1)
    assert ended.code == 0, ended.err
    said = {line[:42].strip(): line[42:].strip() for line in ended.err.splitlines()}
    assert said["Pythia-410M"] == "raw data"
    assert said["Pythia-160M"] == "archived tables"
    assert (out / "tables" / "head_shift.csv").is_file()
    notes = [json.loads(path.read_text()) for path in out.rglob("*.json") if ".snakemake" not in path.parts]
    read = [note["inputs"] for note in notes if note.get("node") == "pythia_overlay"]
    assert read
    assert all(one[Path(NAME).name] == cohort.remotes[0].sha256 for one in read)
