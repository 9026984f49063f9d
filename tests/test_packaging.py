"""The wheel, made from the source distribution, in an environment with the core alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import time
import venv
import zipfile
from pathlib import Path

import pytest

from concentra.simulate import default_plan, simulate_labels

ROOT = Path(__file__).resolve().parents[1]
EXTRAS = ("duckdb", "igraph", "plotly", "scanpy", "sklearn", "snakemake", "tiledbsoma", "torch")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (ROOT / "pyproject.toml").is_file(), reason="not in a checkout"),
]


def ran(*command: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    """A command away from the checkout, with nothing of this environment on its path."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "CONCENTRA"))
    }
    return subprocess.run(
        [str(word) for word in command], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Source distribution, and the wheel that is made from it."""
    folder = tmp_path_factory.mktemp("dist")
    done = ran(sys.executable, "-m", "build", "--outdir", folder, ROOT, cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return next(folder.glob("*.tar.gz")), next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def core(built: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of commands of an environment into which the wheel was installed, without extras."""
    folder = tmp_path_factory.mktemp("core")
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    done = ran(python, "-m", "pip", "install", "-q", "-c", ROOT / "constraints.txt", built[1], cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "bin"


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("cells") / "cells.csv"
    simulate_labels(default_plan(1), n_donors=3, n_cells=120, rng=1).cells.to_csv(path, index=False)
    return path


def test_both_hold_what_a_release_needs(built: tuple[Path, Path]) -> None:
    with tarfile.open(built[0]) as source:
        names = {name.split("/", 1)[1] for name in source.getnames() if "/" in name}
    assert {
        "LICENSE",
        "README.md",
        "CHANGELOG.md",
        "CITATION.cff",
        "pyproject.toml",
        "src/concentra/py.typed",
    } <= names
    with zipfile.ZipFile(built[1]) as wheel:
        held = set(wheel.namelist())
    assert {
        "concentra/py.typed",
        "concentra/report/templates/page.html",
        "concentra/report/sentences/references.toml",
        "concentra/report/vendor/bundle.min.js",
        "concentra/report/vendor/LICENSES.txt",
        "concentra/study/claims.toml",
    } <= held
    assert not [name for name in held if name.startswith(("tests/", "docs/", "benchmarks/"))]


def test_the_core_brings_none_of_the_extras(core: Path, tmp_path: Path) -> None:
    find = "from importlib.util import find_spec; import sys; print(*filter(find_spec, sys.argv[1:]))"
    assert ran(core / "python", "-c", find, *EXTRAS, cwd=tmp_path).stdout == "\n"


def test_import_and_help_are_fast(core: Path, tmp_path: Path) -> None:
    heavy = "import sys, concentra; print(sorted({'numpy', 'pandas', 'anndata', 'matplotlib'} & set(sys.modules)))"
    assert ran(core / "python", "-c", heavy, cwd=tmp_path).stdout.strip() == "[]"
    ran(core / "concentra", "--help", cwd=tmp_path)  # bytecode is written
    start = time.perf_counter()
    done = ran(core / "concentra", "--help", cwd=tmp_path)
    assert done.returncode == 0
    assert time.perf_counter() - start < 2  # a tenth of a second where nothing else runs


def test_doctor_is_green_and_names_what_extras_lack(core: Path, tmp_path: Path) -> None:
    done = ran(core / "concentra", "doctor", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)
    assert {row["state"] == "missing" for row in rows if row["of"] == "core"} == {False}
    fixes = {row["what"]: row["fix"] for row in rows}
    assert fixes["torch"] == 'pip install "concentra[heads]"'


def test_a_cohort_and_a_table_are_analysed(core: Path, cells: Path, tmp_path: Path) -> None:
    asked = ["--contrast", "age:3m:24m", "--draws", 100]
    done = ran(core / "concentra", "analyze", cells, *asked, "--json", "--out", tmp_path / "o", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["verdicts"][0]["direction"] == "more concentrated"
    assert (tmp_path / "o" / "report.html").is_file()
    assert (tmp_path / "o" / "figures" / "forest.svg").is_file()
    (tmp_path / "counts.csv").write_text("donor,T,B\na,75,25\n")
    done = ran(core / "concentra", "metrics", tmp_path / "counts.csv", "--json", cwd=tmp_path)
    assert json.loads(done.stdout)[0]["gini_present"] == pytest.approx(0.25)


@pytest.mark.parametrize(
    "arguments, extra",
    [(["reproduce"], "study"), (["heads", "demo"], "heads")],
)
def test_what_needs_an_extra_names_it(core: Path, tmp_path: Path, arguments: list[str], extra: str) -> None:
    done = ran(core / "concentra", *arguments, cwd=tmp_path)
    assert done.returncode == 1
    assert "is not installed" in done.stderr
    assert f"concentra[{extra}]" in done.stderr


def test_clusters_need_their_extra(core: Path, tmp_path: Path) -> None:
    ran(core / "concentra", "simulate", "--out", tmp_path, "--cells", 300, "--genes", 60, cwd=tmp_path)
    asked = ["--contrast", "age:3m:24m", "--resolutions", "1"]
    done = ran(core / "concentra", "analyze", tmp_path / "simulated_tms_facs.h5ad", *asked, cwd=tmp_path)
    assert done.returncode == 1
    assert "concentra[clustering]" in done.stderr
