"""Running Snakemake in a folder that one run holds at a time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from concentra import workflow
from concentra.errors import ArgumentError, DesignError, MissingDependencyError

SNAKEFILE = """
rule made:
    output: "made.txt"
    shell: "echo done > {output}"

rule failing:
    output: "failed.txt"
    shell: "exit 3"
"""


def test_what_is_missing_is_made(tmp_path: Path) -> None:
    snakefile = tmp_path / "Snakefile"
    snakefile.write_text(SNAKEFILE)
    folder = tmp_path / "out"
    with workflow.alone(folder) as lock:
        assert workflow.run_snakemake(workflow.snakemake_command(snakefile, folder), lock) == 0
        assert (folder / "made.txt").read_text() == "done\n"
        failing = workflow.snakemake_command(snakefile, folder, targets=["failed.txt"])
        assert workflow.run_snakemake(failing, lock) != 0


def test_a_profile_without_config_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match=r"no config\.yaml in"):
        workflow.snakemake_command(tmp_path / "Snakefile", tmp_path, profile=tmp_path)
    (tmp_path / "config.yaml").touch()
    assert str(tmp_path) in workflow.snakemake_command(tmp_path / "Snakefile", tmp_path, profile=tmp_path)


def test_a_folder_is_held_as_long_as_a_process_that_inherits_it(tmp_path: Path) -> None:
    with workflow.alone(tmp_path) as lock:
        child = subprocess.Popen(
            [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=[lock.fileno()]
        )
        with pytest.raises(DesignError, match="another run is working in"), workflow.alone(tmp_path):
            pass
    with pytest.raises(DesignError), workflow.alone(tmp_path):
        pass
    child.communicate(b"\n")
    with workflow.alone(tmp_path):
        pass


def test_without_snakemake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workflow, "find_spec", lambda name: None)
    with pytest.raises(MissingDependencyError, match=r"concentra\[study\]"):
        workflow.snakemake_command(tmp_path / "Snakefile", tmp_path)
