"""`concentra heads sweep` after a mistake: the message names options, and the corrected command goes on."""

from __future__ import annotations

import ast
import inspect
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import definitions_heads as definitions
from definitions_cli import Run
from definitions_study import Ended, assert_error

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytestmark = [pytest.mark.heads, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

from concentra.cli._heads_errors import IN_PYTHON, as_options  # noqa: E402
from concentra.cli.heads_sweep import sweep as command  # noqa: E402
from concentra.heads import importance  # noqa: E402
from concentra.heads.table import read_table  # noqa: E402

SHAPE = ("--sequences", "4", "--length", "16", "--batch-size", "4", "--layers", "0")
OPTIONS = (*inspect.signature(command).parameters, "steps")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two checkpoints and a stream of tokens."""
    path = tmp_path_factory.mktemp("models")
    for seed, name in enumerate(("step1", "step2")):
        definitions.tiny("llama", seed=seed).save_pretrained(path / name)
    np.save(path / "tokens.npy", definitions.tokens(1, 400)[0].numpy())
    return path


def sweep(run: Run, folder: Path, out: Path, *options: Any) -> Ended:
    words = ["--model", folder, "--tokens", folder / "tokens.npy", "--out", out, *SHAPE, *options]
    return run("heads", "sweep", *words)


@pytest.mark.parametrize(
    "mistake",
    [
        ("--model", "{folder}/step9"),
        ("--model", "{folder}/step1", "--model-class", "GPT2LMHeadModel"),
        ("--checkpoints", "step9"),
        ("--checkpoints", "step1,step9"),
        ("--heads", "0:99"),
        ("--layers", "9"),
        ("--device", "cuda:9"),
        ("--ablation", "none"),
        ("--batch-size", "1", "--ablation", "resample"),
    ],
)
def test_after_a_mistake_that_made_nothing_the_same_table_is_measured(
    run: Run, folder: Path, tmp_path: Path, mistake: tuple[str, ...]
) -> None:
    out = tmp_path / "heads.csv"
    assert_error(sweep(run, folder, out, *[word.format(folder=folder) for word in mistake]))
    ended = sweep(run, folder, out)
    assert ended.code == 0, ended.err
    assert read_table(out)["checkpoint"].unique().tolist() == ["step1", "step2"]


def test_parts_of_another_request_are_refused_by_what_differs(run: Run, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "heads.csv"
    assert sweep(run, folder, out).code == 0
    before = out.read_bytes()
    ended = sweep(run, folder, out, "--ablation", "mean", "--heads", "0:1")
    assert_error(
        ended,
        "--ablation zero there, --ablation mean now",
        "no --heads there, --heads 0:1 now",
        "--no-resume",
    )
    assert_error(sweep(run, folder, out, "--length", "12"), "(4, 16)", "(4, 12)")
    assert_error(sweep(run, folder, out, "--loss", "token"), "loss (auto there, token now)")
    assert out.read_bytes() == before
    assert sweep(run, folder, out, "--ablation", "mean", "--no-resume").code == 0
    assert set(read_table(out)["ablation"]) == {"mean"}


def test_a_run_that_others_replaced_before_its_first_part_ends(
    run: Run, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, record = tmp_path / "heads.csv", tmp_path / "heads.csv.parts" / "asked.json"
    original = importance.importance_by_layer

    def meanwhile(*arguments: Any, **options: Any) -> Iterator[Any]:
        other = json.loads(record.read_text())
        other["options"]["ablation"] = "'mean'"
        record.write_text(json.dumps(other))
        yield from original(*arguments, **options)

    monkeypatch.setattr("concentra.heads.sweep.importance_by_layer", meanwhile)
    assert_error(sweep(run, folder, out), "--ablation mean there, --ablation zero now")
    assert not out.exists()


def test_no_resume_removes_parts_and_nothing_else(run: Run, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "heads.csv"
    assert sweep(run, folder, out).code == 0
    own = Path(f"{out}.parts") / "notes" / "mine.json"
    own.parent.mkdir()
    own.write_text("{}")
    assert sweep(run, folder, out, "--no-resume").code == 0
    assert own.read_text() == "{}"


@pytest.mark.parametrize(
    "options, words",
    [
        (("--heads", "0:99"), "--heads 0:3,8:9"),
        (("--layers", "3-1"), "--layers 1-3"),
        (("--layers", "0", "--heads", "1:1"), "--layers 0 and --heads 1:1"),
        (("--dtype", "float12"), "--dtype float12"),
        (("--device", "cuda:9"), "--device cuda:9"),
        (("--ablation", "none"), "--ablation zero"),
        (("--method", "none"), "--method exact"),
        (("--unit", "none"), "--unit head"),
        (("--loss", "none"), "--loss next_token"),
        (("--checkpoints", ","), "--checkpoints step512,step1000"),
        (("--ablation", "resample", "--batch-size", "1"), "--batch-size"),
        (("--dry-run", "--heads", "0:99"), "--heads 0:3,8:9"),
        (("--dry-run", "--layers", "9"), "--layers 0,1"),
        (("--dry-run", "--unit", "none"), "--unit head"),
        (("--dry-run", "--method", "taylor"), "leave out --dry-run"),
    ],
)
def test_messages_name_options(
    run: Run, folder: Path, tmp_path: Path, options: tuple[str, ...], words: str
) -> None:
    ended = sweep(run, folder, tmp_path / "heads.csv", *options)
    assert_error(ended, words)
    assert not re.search(r"\b[a-z_]+=", ended.err), ended.err


def test_every_argument_in_a_message_is_an_option_or_python() -> None:
    for path in Path(importance.__file__).parent.glob("*.py"):
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            texts = {one.arg: ast.unparse(one.value) for one in getattr(call, "keywords", ())}
            if not {"found", "expected", "fix"} <= set(texts):
                continue
            for text in map(texts.get, ("found", "expected", "fix")):
                outside = re.sub(r"\([^()]*\)", "", text.replace("\\'", "'"))  # of calls, which are Python
                named = re.findall(r"\b[a-z_]+=(?=[\w'\"\[{])", as_options(outside, OPTIONS))
                assert not named or IN_PYTHON.search(text), (path.name, text)


def test_a_dry_run_counts_the_heads_asked_for(run: Run, folder: Path, tmp_path: Path) -> None:
    ended = sweep(run, folder, tmp_path / "heads.csv", "--dry-run", "--heads", "0:1,0:2", "--json")
    assert (ended.json["n_units"], ended.json["n_passes"]) == (2, 2 * (2 + 1))


@pytest.mark.parametrize("kind", ["cut", "absent", "shard"])
def test_a_checkpoint_that_cannot_be_loaded_is_named(
    run: Run, folder: Path, tmp_path: Path, kind: str
) -> None:
    broken = tmp_path / "models"
    shutil.copytree(folder, broken)
    weights = broken / "step2" / "model.safetensors"
    if kind == "shard":
        weights.unlink()
        definitions.tiny("llama").save_pretrained(broken / "step2", max_shard_size="10KB")
        weights = sorted(weights.parent.glob("*.safetensors"))[1]
    weights.write_bytes(b"cut") if kind == "cut" else weights.unlink()
    out = tmp_path / "heads.csv"
    assert_error(sweep(run, broken, out), f"{broken / 'step2'} cannot be loaded", "--keep-going")
    ended = sweep(run, broken, out, "--keep-going")
    assert ended.code == 0, ended.err
    assert "failed: step2" in ended.err
    assert str(broken / "step2") in ended.err
    assert sweep(run, broken, out, "--checkpoints", "step1").code == 0
    assert read_table(out)["checkpoint"].unique().tolist() == ["step1"]


@pytest.mark.parametrize("ids", [np.ones(400), np.ones(400, dtype=bool), np.array(["a"] * 400)])
def test_tokens_that_are_no_ids_are_named_by_their_file(
    run: Run, folder: Path, tmp_path: Path, ids: Any
) -> None:
    np.save(tmp_path / "ids.npy", ids)
    ended = sweep(run, folder, tmp_path / "heads.csv", "--tokens", tmp_path / "ids.npy")
    assert_error(ended, f"ids.npy: numbers of type {ids.dtype}")
    (tmp_path / "ids.npy").write_text("1 2 3")
    ended = sweep(run, folder, tmp_path / "heads.csv", "--tokens", tmp_path / "ids.npy")
    assert_error(ended, "ids.npy: This file")
    assert "allow_pickle" not in ended.err


def test_nothing_to_merge_is_reported(run: Run, tmp_path: Path) -> None:
    assert_error(run("heads", "merge", tmp_path / "heads.csv"), "no parts in")
