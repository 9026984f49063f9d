"""Sweeps over checkpoints: killed and resumed, from a folder, from the command line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import typer
from typer.testing import CliRunner

import definitions_heads as definitions

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytestmark = [pytest.mark.heads, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

from concentra.cli import heads_sweep  # noqa: E402
from concentra.errors import ArgumentError, ConcentraError, DataAbsentError, FileFormatError  # noqa: E402
from concentra.heads import checkpoint_loader, list_checkpoints, noise_by_checkpoint, sweep_checkpoints  # noqa: E402
from concentra.heads.table import read_table, write_table  # noqa: E402

NAMES = ["step1", "step2", "step10"]


def load(checkpoint: str):
    """A model that the checkpoint's name determines."""
    return definitions.tiny("gpt_neox", seed=int(checkpoint.removeprefix("step")))


def swept(out: Path, loader=load, **options) -> pd.DataFrame:
    options = {"timings": False, "progress": False, "name": "tiny", **options}
    return sweep_checkpoints(loader, NAMES, definitions.tokens(), out, **options)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_an_interrupted_sweep_resumes_to_the_same_bytes(tmp_path: Path, suffix: str) -> None:
    whole = swept(tmp_path / f"whole{suffix}")
    loaded = []

    def fails(checkpoint: str):
        if checkpoint == "step10":
            raise KeyboardInterrupt
        return load(checkpoint)

    def counts(checkpoint: str):
        loaded.append(checkpoint)
        return load(checkpoint)

    out = tmp_path / f"broken{suffix}"
    with pytest.raises(KeyboardInterrupt):
        swept(out, fails)
    assert not out.exists()
    resumed = swept(out, counts)
    assert loaded == NAMES  # each is seen to be the same model by its weights
    pd.testing.assert_frame_equal(resumed, whole)
    assert out.read_bytes() == (tmp_path / f"whole{suffix}").read_bytes()
    assert len(whole) == 3 * 12
    assert swept(out, counts)["checkpoint"].unique().tolist() == NAMES


def test_a_killed_sweep_resumes_to_the_same_bytes(tmp_path: Path) -> None:
    whole, out = tmp_path / "whole.csv", tmp_path / "killed.csv"
    swept(whole)
    tests = str(Path(definitions.__file__).parent)
    program = (
        f"import sys, time; sys.path.insert(0, {tests!r})\n"
        "import definitions_heads as definitions, torch\n"
        "torch.set_num_threads(1)\n"
        "from concentra.heads import sweep_checkpoints\n"
        "def load(checkpoint):\n"
        "    if checkpoint == 'step10': time.sleep(600)\n"
        "    return definitions.tiny('gpt_neox', seed=int(checkpoint.removeprefix('step')))\n"
        f"sweep_checkpoints(load, {NAMES!r}, definitions.tokens(), {str(out)!r}, timings=False, name='tiny')\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program], env=dict(os.environ))
    try:
        deadline = time.monotonic() + 90
        while (
            not (Path(f"{out}.parts") / "step2" / "layer_0002.json").exists() and time.monotonic() < deadline
        ):
            assert process.poll() is None
            time.sleep(0.05)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert not out.exists()
    swept(out)
    assert out.read_bytes() == whole.read_bytes()


def test_other_tokens_or_options_are_not_mixed_in(tmp_path: Path) -> None:
    out = tmp_path / "heads.csv"
    swept(out)
    with pytest.raises(ArgumentError, match="measured with other options"):
        swept(out, ablation="mean")
    with pytest.raises(ArgumentError, match="measured with other tokens"):
        sweep_checkpoints(load, NAMES, definitions.tokens(seed=3), out, timings=False, name="tiny")
    again = swept(out, ablation="mean", resume=False)
    assert set(again["ablation"]) == {"mean"}


@pytest.mark.parametrize("names", [[], ["a", "a"]])
def test_checkpoints_must_be_there_and_differ(tmp_path: Path, names: list[str]) -> None:
    with pytest.raises(ArgumentError, match="checkpoints"):
        sweep_checkpoints(load, names, definitions.tokens(), tmp_path / "x.csv")
    with pytest.raises(ArgumentError, match=r"ends in \.csv or \.parquet"):
        sweep_checkpoints(load, ["a"], definitions.tokens(), tmp_path / "x.txt")


@pytest.mark.parametrize("options", [{"layers": []}, {"layers": [1], "heads": [(0, 3)]}])
def test_a_sweep_of_no_layer_is_refused(tmp_path: Path, options: dict) -> None:
    with pytest.raises(ArgumentError, match="no layer to measure"):
        swept(tmp_path / "none.csv", **options)


def test_names_with_slashes_and_case_stay_apart(tmp_path: Path) -> None:
    names = ["a/b", "a_b", "A/b", "=1+1", 'q"\n<script>']
    table = sweep_checkpoints(
        lambda name: load("step1"), names, definitions.tokens(), tmp_path / "x.csv", name="m", progress=False
    )
    assert read_table(tmp_path / "x.csv")["checkpoint"].unique().tolist() == names
    assert len(table) == 12 * len(names)


def test_noise_is_told_by_checkpoint(tmp_path: Path) -> None:
    table = swept(tmp_path / "heads.csv")
    quiet = table.assign(delta=np.where(table["checkpoint"] == "step2", 0.0, table["delta"]))
    summary = noise_by_checkpoint(quiet).set_index("checkpoint")
    assert summary.index.tolist() == NAMES
    assert bool(summary.loc["step2", "mostly_noise"])
    assert summary.loc["step2", "share_above_noise"] == 0
    assert summary["n_heads"].tolist() == [12, 12, 12]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three checkpoints on disk with a tokenizer made here."""
    tokenizers, transformers = pytest.importorskip("tokenizers"), pytest.importorskip("transformers")
    path = tmp_path_factory.mktemp("checkpoints")
    words = {f"w{i}": i for i in range(61)}
    model = tokenizers.Tokenizer(tokenizers.models.WordLevel(words, unk_token="w0"))
    model.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=model, unk_token="w0")
    for name in NAMES:
        load(name).save_pretrained(path / name)
        tokenizer.save_pretrained(path / name)
    (path / "notes").mkdir()
    return path


def test_checkpoints_of_a_folder_are_in_the_order_of_their_steps(folder: Path, tmp_path: Path) -> None:
    assert list_checkpoints(folder) == NAMES
    assert list_checkpoints(folder / "step1") == [""]
    assert list_checkpoints(tmp_path) == []
    loaded = checkpoint_loader(folder)("step2")
    assert definitions.sequence_losses(loaded.eval(), definitions.tokens()) == definitions.sequence_losses(
        load("step2").eval(), definitions.tokens()
    )
    with pytest.raises(DataAbsentError, match="step1, step2, step10"):
        checkpoint_loader(folder)("step3")


def application() -> typer.Typer:
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(heads_sweep.sweep)
    app.command()(heads_sweep.demo)
    return app


def run(*arguments: str):
    return CliRunner().invoke(application(), list(arguments), catch_exceptions=True)


def test_the_command_sweeps_a_folder_on_token_ids(folder: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "tokens.npy", definitions.tokens(1, 400)[0].numpy())
    out = tmp_path / "heads.csv"
    options = ("--sequences", "4", "--length", "16", "--batch-size", "4", "--json")
    done = run(
        "sweep", "--model", str(folder), "--tokens", str(tmp_path / "tokens.npy"), "--out", str(out), *options
    )
    assert done.exit_code == 0, done.output
    summary = json.loads(done.stdout)
    assert [row["checkpoint"] for row in summary["checkpoints"]] == NAMES
    table = read_table(out)
    assert len(table) == 36
    assert (table["n_tokens"] == 60).all()


def test_a_model_by_itself_is_named_and_leads_to_no_trajectory(folder: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "tokens.npy", definitions.tokens(1, 300)[0].numpy())
    done = run("sweep", "--sequences", "4", "--length", "16", "--model", str(folder / "step2"),
               "--tokens", str(tmp_path / "tokens.npy"), "--out", str(tmp_path / "one.csv"))  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "step2" in done.stdout
    assert "nan" not in done.stdout.lower()
    assert "concentra heads trajectory" not in done.stdout


def test_the_command_reads_text_with_the_models_tokenizer(folder: Path, tmp_path: Path) -> None:
    words = definitions.tokens(1, 300)[0].tolist()
    (tmp_path / "text.txt").write_text(" ".join(f"w{word}" for word in words), encoding="utf-8")
    np.save(tmp_path / "tokens.npy", np.array(words))
    options = ("--checkpoints", "step2", "--sequences", "4", "--length", "16", "--model", str(folder))
    one = run("sweep", *options, "--text", str(tmp_path / "text.txt"), "--out", str(tmp_path / "a.parquet"))
    other = run(
        "sweep", *options, "--tokens", str(tmp_path / "tokens.npy"), "--out", str(tmp_path / "b.parquet")
    )
    assert one.exit_code == other.exit_code == 0, one.output
    assert (
        "concentra heads trajectory" not in one.stdout
    )  # there is no shift between fewer than two checkpoints
    a, b = read_table(tmp_path / "a.parquet"), read_table(tmp_path / "b.parquet")
    pd.testing.assert_frame_equal(a.drop(columns="seconds"), b.drop(columns="seconds"))


@pytest.mark.parametrize(
    "arguments, message",
    [
        (("--model", "{folder}"), "neither --text nor --tokens"),
        (("--model", "{folder}", "--tokens", "{text}"), "whole numbers"),
        (("--model", "{empty}", "--tokens", "{text}"), "no model in"),
    ],
)
def test_the_commands_errors(folder: Path, tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    (tmp_path / "text.npy").write_text("not an array", encoding="utf-8")
    (tmp_path / "empty").mkdir()
    places = {"folder": folder, "text": tmp_path / "text.npy", "empty": tmp_path / "empty"}
    filled = [argument.format(**places) for argument in arguments]
    done = run("sweep", *filled, "--out", str(tmp_path / "x.csv"))
    assert isinstance(done.exception, ConcentraError)
    assert message in str(done.exception)


def test_tokens_are_checked(tmp_path: Path) -> None:
    from concentra.heads import read_tokens, token_batches

    (tmp_path / "cut.npy").write_bytes(b"\x93NUMPY")
    with pytest.raises(FileFormatError, match=r"cut\.npy"):
        read_tokens(tmp_path / "cut.npy")
    with pytest.raises(ArgumentError, match="enough for 2 sequences of 4"):
        token_batches(np.arange(10), n_sequences=3, length=4)
    with pytest.raises(ArgumentError, match="float64"):
        token_batches(np.ones(10))
    rows = token_batches(np.arange(12).reshape(3, 4), n_sequences=2, length=3, batch_size=1)
    assert [row.tolist() for row in rows] == [[[0, 1, 2]], [[4, 5, 6]]]


def test_tables_come_back_to_the_last_bit(tmp_path: Path) -> None:
    table = swept(tmp_path / "heads.csv")
    for suffix in (".csv", ".parquet"):
        write_table(table, tmp_path / f"again{suffix}")
        table.attrs["clock"] = suffix  # is no part of the table's bytes
        write_table(table, tmp_path / f"other{suffix}")
        assert (tmp_path / f"again{suffix}").read_bytes() == (tmp_path / f"other{suffix}").read_bytes()
        pd.testing.assert_frame_equal(read_table(tmp_path / f"again{suffix}"), table, check_exact=True)
