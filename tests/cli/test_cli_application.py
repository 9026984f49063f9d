"""The command line as a whole: help, statuses, errors, streams, and what it does not import."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import concentra
from concentra import cli
from concentra.cli import _options, main
from concentra.cli._application import ORDER, application
from definitions_study import COMMAND, Ended, assert_error, command, environment

Run = Callable[..., Ended]
HEAVY = ("numpy", "pandas", "matplotlib", "scipy", "anndata", "snakemake", "torch", "pyarrow", "pandera")


def imported(code: str) -> set[str]:
    """The modules that a fresh interpreter has imported after this code."""
    ending = "\nimport sys, json; print('\\n' + json.dumps(sorted(sys.modules)))"
    ended = subprocess.run(
        [sys.executable, "-c", code + ending],
        capture_output=True,
        text=True,
        check=True,
        env=environment(None),
    )
    return set(json.loads(ended.stdout.splitlines()[-1]))


def test_import_is_light() -> None:
    assert not imported("import concentra") & set(HEAVY)


@pytest.mark.parametrize(
    "arguments", [["--help"], ["metrics", "--help"], ["--version"], ["reproduce", "--help"]]
)
def test_help_is_light(arguments: list[str]) -> None:
    code = (
        f"import sys; sys.argv = ['concentra', *{arguments!r}]\nfrom concentra.cli import main\n"
        "try:\n    main()\nexcept SystemExit as ending:\n    assert not ending.code\n"
    )
    assert not imported(code) & set(HEAVY)


def test_the_package_is_the_program() -> None:
    words = [sys.executable, "-m", "concentra", "--version"]
    shown = subprocess.run(words, capture_output=True, text=True, check=True, env=environment(None)).stdout
    assert concentra.__version__ in shown


@pytest.mark.parametrize("words", [[], ["heads"]])
def test_no_summary_of_a_command_is_cut(run: Run, words: list[str]) -> None:
    assert "..." not in run(*words, "--help").out.split("Commands:")[1]


def test_every_file_of_a_command_is_named() -> None:
    files = {path.stem for path in Path(cli.__file__).parent.glob("[a-z]*.py")}
    assert files == {*ORDER, "heads", "heads_sweep"}  # commands of `concentra heads`


def test_help_names_every_command(run: Run) -> None:
    ended = run("--help")
    assert ended.code == 0
    for name in (*ORDER, "heads"):
        assert f"  {name} " in ended.out
        assert run(name, "--help").code == 0


@pytest.mark.parametrize("words", [*[[name] for name in ORDER], ["heads", "trajectory"]])
def test_help_has_an_example_of_the_command(run: Run, words: list[str]) -> None:
    help_text = " ".join(run(*words, "--help").out.split())
    assert f"Example: concentra {' '.join(words)}" in help_text


def test_version(run: Run) -> None:
    assert run("--version").out.strip() == concentra.__version__


@pytest.mark.parametrize(
    "arguments",
    [
        ["bogus"],
        ["metrics"],
        ["metrics", "a.csv", "--bogus"],
        ["metrics", "a.csv", "b.csv"],
        ["heads", "trajectory", "a.csv", "--value", "bogus"],
        ["heads", "bogus"],
        ["reproduce", "--cores", "0"],
        ["reproduce", "--cores", "many"],
        ["verify", "--out"],
    ],
)
def test_usage_errors_end_with_2(run: Run, arguments: list[str]) -> None:
    ended = run(*arguments)
    assert ended.code == 2
    assert ended.out == ""
    assert "Error: " in ended.err
    assert "Traceback" not in ended.err
    if ended.err.startswith("Usage"):
        assert ended.err.startswith("Usage: concentra ")


def test_debug_shows_the_traceback(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    absent = tmp_path / "absent.csv"
    assert_error(run("metrics", absent))
    monkeypatch.setattr(sys, "argv", ["concentra", "metrics", str(absent), "--debug"])
    with pytest.raises(concentra.errors.DataAbsentError, match=r"absent\.csv"):
        main()
    ended = command("--debug", "metrics", absent)
    assert ended.code == 1
    assert "Traceback" in ended.err


def failing(problem: BaseException) -> Callable[..., None]:
    def fail(**_: object) -> None:
        raise problem

    return fail


def test_a_defect_is_three_lines_too(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("concentra.cli.application", failing(ZeroDivisionError("division\nby zero")))
    assert_error(run("metrics"), "ZeroDivisionError: division by zero", "--debug")


def test_errors_of_the_system_name_the_file(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "concentra.cli.application", failing(PermissionError(13, "Permission denied", "/out/x"))
    )
    assert_error(run("metrics"), "/out/x", "Permission denied", "finished work is kept")


def test_interruption_says_that_one_can_go_on(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    @application.command(name="interrupted")
    def interrupted() -> None:
        raise KeyboardInterrupt

    try:
        ended = run("interrupted")
    finally:
        application.registered_commands.pop()
    assert ended.code == 130
    assert ended.err.startswith("interrupted: nothing half-written is kept")
    assert "Traceback" not in ended.err


def test_a_closed_pipe_is_no_error_message(tmp_path: Path) -> None:
    path = tmp_path / "many.csv"
    path.write_text("u,a,b\n" + "".join(f"unit {row},1,2\n" for row in range(3000)))
    reading, writing = os.pipe()
    os.close(reading)
    ended = subprocess.run([COMMAND, "metrics", str(path), "--json"], stdout=writing, stderr=-1, check=False)
    os.close(writing)
    assert b"Traceback" not in ended.stderr
    assert b"error:" not in ended.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("more", [[], ["--json"]])
def test_a_full_disk_behind_the_output_is_an_error(tmp_path: Path, more: list[str]) -> None:
    path = tmp_path / "few.csv"
    path.write_text("u,a,b\nx,1,2\n")
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run([COMMAND, "metrics", str(path), *more], stdout=full, stderr=-1, check=False)
    assert ended.returncode == 1
    assert b"No space left on device" in ended.stderr
    assert [line.split(b":")[0] for line in ended.stderr.splitlines()[-3:]] == [b"error", b"expected", b"fix"]


@pytest.mark.parametrize("more", [[], ["--json"]])
def test_an_output_that_is_not_unicode_escapes_labels(tmp_path: Path, more: list[str]) -> None:
    path = tmp_path / "emoji.csv"
    path.write_text("u,a,b\n\N{GRINNING FACE},1,2\n", encoding="utf-8")
    ended = subprocess.run(
        [COMMAND, "metrics", str(path), *more],
        env=environment(None) | {"PYTHONIOENCODING": "ascii"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    if more:
        assert json.loads(ended.stdout)[0]["unit"] == "\N{GRINNING FACE}"
    else:
        assert r"\U0001f600" in ended.stdout


def test_json_has_no_nan(capsys: pytest.CaptureFixture[str]) -> None:
    import numpy as np

    values = {
        "a": float("nan"), "b": [float("inf"), -1.5, None, True], "c": np.float64("nan"), "d": np.int64(3),
        "e": (np.bool_(True), "text"),
    }  # fmt: skip
    _options.print_json(values)
    shown = json.loads(capsys.readouterr().out)
    assert shown == {"a": None, "b": [None, -1.5, None, True], "c": None, "d": 3, "e": [True, "text"]}


def test_tables_are_empty_or_aligned(capsys: pytest.CaptureFixture[str]) -> None:
    _options.print_table([])
    assert capsys.readouterr().out.strip() == ""
    _options.print_table(
        [{"name": "a", "n": 1, "x": None}, {"name": "b", "n": 20.123456, "x": None}], title="T"
    )
    title, header, *lines = capsys.readouterr().out.strip().splitlines()
    assert title.strip() == "T"
    assert header.split() == ["name", "n", "x"]
    assert [line.rstrip() for line in lines] == ["a         1", "b     20.12"]


def test_doctor(run: Run, tmp_path: Path) -> None:
    rows = run("doctor", "--json").json
    assert {"of", "what", "state", "fix"} <= set(rows[0])
    states = {row["what"]: row["state"] for row in rows}
    assert states["python"] == ".".join(map(str, sys.version_info[:3]))
    assert states["numpy"] == __import__("numpy").__version__
    assert states["data folder"] == "none"
    assert states["Pythia-410M"] == "archived tables"
    assert states["simulated cells with planted shifts"] == "simulated"
    assert run("doctor", "--data", tmp_path, "--json").code == 0
    assert_error(run("doctor", "--data", tmp_path / "absent"), "absent", "CONCENTRA_DATA_DIR")


def test_doctor_fails_where_the_core_is_incomplete(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from concentra.cli import doctor

    monkeypatch.setattr(
        doctor, "_required", lambda: {("core", "no-such-package"), ("heads", "no-such-extra")}
    )
    ended = run("doctor", "--json")
    assert ended.code == 1
    rows = {row["what"]: row for row in ended.json}
    assert rows["no-such-package"]["state"] == "missing"
    assert rows["no-such-package"]["fix"] == "pip install concentra"
    assert rows["no-such-extra"]["fix"] == 'pip install "concentra[heads]"'


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["reproduce", "explor", "--out", "OUT"], ["'explor'", "did you mean 'explore'?"]),
        (["reproduce", "--data", "OUT/none", "--out", "OUT"], ["none", "--data"]),
        (["steps", "--data", "OUT/none", "--out", "OUT"], ["none", "--data"]),
        (["verify", "--out", "OUT/none"], ["no results", "concentra reproduce --out"]),
    ],
)
def test_commands_of_the_study_refuse(
    run: Run, tmp_path: Path, arguments: list[str], words: list[str]
) -> None:
    ended = run(*[word.replace("OUT", str(tmp_path)) for word in arguments])
    assert_error(ended, *words)
    assert list(tmp_path.iterdir()) == []


def test_output_folder_that_is_a_file(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    ended = run("reproduce", "--out", tmp_path / "file", "explore")
    assert ended.code == 1
    assert "error: " in ended.err
    assert "Traceback" not in ended.err
    assert (tmp_path / "file").read_text() == "mine"


def test_a_missing_extra_is_named(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from importlib import util

    find = util.find_spec
    monkeypatch.setattr(
        util, "find_spec", lambda name, *more: None if name == "snakemake" else find(name, *more)
    )
    ended = run("reproduce", "--out", tmp_path)
    assert ended.code == 1
    assert 'pip install "concentra[study]"' in ended.err
