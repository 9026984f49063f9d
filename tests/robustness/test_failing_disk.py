"""Every write fails once, with a full disk and with an error of the device: an error, nothing lost, nothing left."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from concentra.study import engine
from definitions_robustness import CASES, ERRORS, Case, failing, unfinished, write_inputs, written
from definitions_study import Ended

MANY = 1_000
FEW = 6  # places that ordinary tests try of one command


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("inputs")
    write_inputs(folder)
    return folder


def places(count: int, most: int) -> list[int]:
    """Places from the first to the last, evenly spread."""
    step = max(1, -(-count // most))
    return sorted({*range(1, count + 1, step), count})


def attempt(case: Case, inputs: Path, out: Path, run, place: int) -> tuple[Ended, int]:  # type: ignore[no-untyped-def]
    with failing(out, place, ERRORS[place % 2]) as disk:
        ended = run(*case.filled(inputs, out))
    return ended, disk.count


@pytest.mark.parametrize("most", [FEW, pytest.param(MANY, marks=pytest.mark.slow)])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_write_that_fails(case: Case, most: int, inputs: Path, tmp_path: Path, run) -> None:  # type: ignore[no-untyped-def]
    whole = tmp_path / "whole"
    ended, count = attempt(case, inputs, whole, run, 0)
    assert ended.code == 0, ended.err
    assert count >= 3, "an opening, a flush and a renaming"
    expected = written(whole)
    for place in places(count, 2 if case.name == "analyze" and most == FEW else most):
        out = tmp_path / "out"
        ended, _ = attempt(case, inputs, out, run, place)
        assert ended.code == 1, f"write {place} of {count}: {ended}"
        assert [line.split(":")[0] for line in ended.err.splitlines()] == ["error", "expected", "fix"], (
            ended.err
        )
        assert unfinished(out) == []
        found = written(out)
        assert {name: expected.get(name) for name in found} == found, "nothing half-written has a name"
        again, _ = attempt(case, inputs, out, run, 0)
        assert again.code == 0, again.err
        assert written(out) == expected
        shutil.rmtree(out)


@pytest.mark.parametrize("most", [3, pytest.param(MANY, marks=pytest.mark.slow)])
def test_a_node_of_the_study(most: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base = tmp_path / "base"
    assert engine.main(["compute_proportions", "--out", str(base)]) == 0
    whole = Path(shutil.copytree(base, tmp_path / "whole"))
    with failing(whole, 0, 0) as disk:
        assert engine.main(["explore", "--out", str(whole)]) == 0
    expected = written(whole)
    for place in places(disk.count, most):
        out = Path(shutil.copytree(base, tmp_path / "out"))
        capsys.readouterr()
        with failing(out, place, ERRORS[place % 2]):
            assert engine.main(["explore", "--out", str(out)]) == 1
        lines = capsys.readouterr().err.splitlines()
        assert [line.split(":")[0] for line in lines] == ["explore", "error", "expected", "fix"]
        assert unfinished(out) == []
        assert engine.main(["explore", "--out", str(out)]) == 0
        assert written(out) == expected
        shutil.rmtree(out)
