"""`concentra heads sweep`: every option changes what it names, and nothing else."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import definitions_heads as definitions
from definitions_study import Ended, assert_error

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
tokenizers = pytest.importorskip("tokenizers")
pytestmark = [pytest.mark.heads, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

from concentra.heads import head_importance  # noqa: E402
from concentra.heads.table import read_table  # noqa: E402

Run = Callable[..., Ended]
SHAPE = ("--sequences", "4", "--length", "16", "--batch-size", "4")
CHAT = "{% for m in messages %}{{ m['role'] }} {{ m['content'] }} {% endfor %}"


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Any:
    """Threads that wait for each other cost more than such models compute."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two checkpoints of a model of three layers of four heads, with a tokenizer and a token for beginnings."""
    path = tmp_path_factory.mktemp("models")
    words = {f"w{i}": i for i in range(58)} | {"user": 58, "assistant": 59, "<s>": 60}
    inner = tokenizers.Tokenizer(tokenizers.models.WordLevel(words, unk_token="w0"))
    inner.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=inner, unk_token="w0", bos_token="<s>")
    tokenizer.chat_template = CHAT
    for seed, name in enumerate(("step1", "step2")):
        definitions.tiny("llama", seed=seed).save_pretrained(path / name)
        tokenizer.save_pretrained(path / name)
    return path


@pytest.fixture(scope="module")
def stream(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tokens") / "tokens.npy"
    np.save(path, definitions.tokens(1, 400)[0].numpy())
    return path


def sweep(run: Run, folder: Path, out: Path, *options: Any) -> Ended:
    return run("heads", "sweep", "--model", folder, "--out", out, *SHAPE, "--json", *options)


def measured(run: Run, folder: Path, out: Path, *options: Any) -> pd.DataFrame:
    """The table of a sweep of the first checkpoint."""
    ended = sweep(run, folder, out, "--checkpoints", "step1", *options)
    assert ended.code == 0, ended.err
    return read_table(out)


def record(out: Path) -> dict[str, Any]:
    return json.loads((Path(f"{out}.parts") / "asked.json").read_text(encoding="utf-8"))


def model(seed: int = 0) -> Any:
    return definitions.tiny("llama", seed=seed)


def rows(stream: Path, length: int = 16) -> Any:
    """Four sequences at equal distances, as the command cuts them, by another way."""
    ids = np.load(stream)
    starts = [round((len(ids) - length) * k // 3) for k in range(4)]
    return torch.as_tensor(np.stack([ids[start : start + length] for start in starts]))


def same(table: pd.DataFrame, expected: pd.DataFrame) -> None:
    columns = ["layer", "head", "baseline_loss", "ablated_loss", "n_tokens"]
    pd.testing.assert_frame_equal(table[columns], expected[columns], check_dtype=False)


def test_heads_and_layers_choose_rows(run: Run, folder: Path, stream: Path, tmp_path: Path) -> None:
    whole = measured(run, folder, tmp_path / "all.csv", "--tokens", stream)
    some = measured(run, folder, tmp_path / "heads.csv", "--tokens", stream, "--heads", "0:3,L2H1")
    assert some[["layer", "head"]].values.tolist() == [[0, 3], [2, 1]]
    layers = measured(run, folder, tmp_path / "layers.csv", "--tokens", stream, "--layers", "1-2")
    assert sorted(layers["layer"].unique()) == [1, 2]
    assert len(layers) == 8
    indexed = whole.set_index(["layer", "head"])["ablated_loss"]
    for part in (some, layers):
        found = part.set_index(["layer", "head"])["ablated_loss"]
        assert (found == indexed.loc[found.index]).all()
    same(whole, head_importance(model(), rows(stream), progress=False))
    for option, wrong in (("--heads", "3"), ("--layers", "1-x"), ("--heads", "9:9"), ("--layers", "7")):
        assert_error(sweep(run, folder, tmp_path / "x.csv", "--tokens", stream, option, wrong))


def test_bos_begins_each_sequence(run: Run, folder: Path, stream: Path, tmp_path: Path) -> None:
    options = ("--tokens", stream)
    table = measured(run, folder, tmp_path / "always.csv", *options, "--bos", "always")
    first = torch.full((4, 1), 60)
    same(table, head_importance(model(), torch.cat([first, rows(stream, 15)], dim=1), progress=False))
    assert "token 60 before each" in record(tmp_path / "always.csv")["about_tokens"]["bos"]
    never = measured(run, folder, tmp_path / "never.csv", *options, "--bos", "never")
    same(never, head_importance(model(), rows(stream), progress=False))
    assert_error(sweep(run, folder, tmp_path / "x.csv", *options, "--bos", "often"), "--bos often")


def test_chats_are_rendered_by_the_models_template(run: Run, folder: Path, tmp_path: Path) -> None:
    ids = definitions.tokens(1, 100, vocabulary=58)[0].tolist()
    words = " ".join(f"w{one}" for one in ids[:50]), " ".join(f"w{one}" for one in ids[50:])
    chat = [{"role": "user", "content": words[0]}, {"role": "assistant", "content": words[1]}]
    (tmp_path / "chats.jsonl").write_text(json.dumps(chat) + "\n\n" + json.dumps({"messages": chat}) + "\n")
    np.save(tmp_path / "ids.npy", np.array(2 * [58, *ids[:50], 59, *ids[50:]]))
    table = measured(
        run, folder, tmp_path / "chat.csv", "--text", tmp_path / "chats.jsonl", "--chat-template"
    )
    same(table, head_importance(model(), rows(tmp_path / "ids.npy"), progress=False))
    (tmp_path / "bad.jsonl").write_text('{"role": "user"}\n')
    bad = sweep(run, folder, tmp_path / "x.csv", "--text", tmp_path / "bad.jsonl", "--chat-template")
    assert_error(bad, "line 1")


def test_labels_choose_the_tokens_that_count(run: Run, folder: Path, tmp_path: Path) -> None:
    ids = definitions.tokens(4, 16)
    labels = ids.clone()
    labels[:, :10] = -100
    np.save(tmp_path / "ids.npy", ids.numpy())
    np.save(tmp_path / "labels.npy", labels.numpy())
    options = ("--tokens", tmp_path / "ids.npy", "--labels", tmp_path / "labels.npy")
    table = measured(run, folder, tmp_path / "labels.csv", *options)
    assert (table["n_tokens"] == 24).all()
    same(table, head_importance(model(), {"input_ids": ids, "labels": labels}, progress=False))
    np.save(tmp_path / "labels.npy", labels[:, :9].numpy())
    assert_error(sweep(run, folder, tmp_path / "x.csv", *options), "labels of shape (4, 9)")


def test_dtype_is_that_of_the_computing(run: Run, folder: Path, stream: Path, tmp_path: Path) -> None:
    options = ("--tokens", stream, "--layers", "0", "--dtype")
    fine = measured(run, folder, tmp_path / "f64.csv", *options, "float64")
    half = measured(run, folder, tmp_path / "bf16.csv", *options, "bfloat16")
    kept = measured(run, folder, tmp_path / "model.csv", *options, "model")
    exact = head_importance(model().double(), rows(stream), layers=[0], dtype=None, progress=False)
    same(fine, exact)
    same(kept, head_importance(model(), rows(stream), layers=[0], progress=False))
    assert 1e-4 < np.abs(half["ablated_loss"] - fine["ablated_loss"]).max() < 0.1
    assert_error(sweep(run, folder, tmp_path / "x.csv", *options, "float12"), "float12")


def test_model_class_is_the_class_that_loads(run: Run, folder: Path, stream: Path, tmp_path: Path) -> None:
    options = ("--tokens", stream, "--layers", "0", "--model-class")
    table = measured(run, folder, tmp_path / "own.csv", *options, "LlamaForCausalLM")
    same(table, head_importance(model(), rows(stream), layers=[0], progress=False))
    assert record(tmp_path / "own.csv")["source"].endswith("as LlamaForCausalLM")
    assert_error(sweep(run, folder, tmp_path / "x.csv", *options, "LlamaForNothing"), "LlamaForNothing")


def test_little_cache_memory_gives_the_same_table(
    run: Run, folder: Path, stream: Path, tmp_path: Path
) -> None:
    much = measured(run, folder, tmp_path / "much.csv", "--tokens", stream)
    little = measured(run, folder, tmp_path / "little.csv", "--tokens", stream, "--cache-memory", "1KB")
    same(little, much)
    assert_error(sweep(run, folder, tmp_path / "x.csv", "--tokens", stream, "--cache-memory", "much"), "much")


def test_a_dry_run_counts_and_measures_nothing(run: Run, folder: Path, stream: Path, tmp_path: Path) -> None:
    out = tmp_path / "heads.csv"
    ended = sweep(run, folder, out, "--dry-run")
    assert ended.code == 0, ended.err
    assert (ended.json["n_checkpoints"], ended.json["n_units"], ended.json["n_layers"]) == (2, 12, 3)
    assert ended.json["n_passes"] == 2 * (12 + 1)
    assert ended.json["forwards_a_unit"] < 1
    assert not out.exists()
    assert not Path(f"{out}.parts").exists()
    shown = run("heads", "sweep", "--model", folder, "--dry-run", "--unit", "layer", *SHAPE)
    assert "3 in 3 layers" in shown.out


def test_keep_going_leaves_out_what_fails(run: Run, folder: Path, stream: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(folder, broken)
    (broken / "step2" / "model.safetensors").write_bytes(b"cut")
    out = tmp_path / "heads.csv"
    options = ("--tokens", stream, "--layers", "0")
    assert_error(sweep(run, broken, out, *options))
    ended = sweep(run, broken, out, *options, "--keep-going")
    assert ended.code == 0, ended.err
    assert list(ended.json["failed"]) == ["step2"]
    assert read_table(out)["checkpoint"].unique().tolist() == ["step1"]


def test_shards_one_by_one_and_merge_give_the_whole_table(
    run: Run, folder: Path, stream: Path, tmp_path: Path
) -> None:
    whole, out = tmp_path / "whole.csv", tmp_path / "shards.csv"
    assert sweep(run, folder, whole, "--tokens", stream).code == 0
    for share in (3, 1, 2):
        ended = sweep(run, folder, out, "--tokens", stream, "--shards", f"{share}/3")
        assert ended.code == 0, ended.err
        if share == 3:
            assert "not complete" in ended.err
            assert_error(run("heads", "merge", out), "not complete")
    assert run("heads", "merge", out, "--json").code == 0
    drop = {"columns": "seconds"}
    pd.testing.assert_frame_equal(read_table(out).drop(**drop), read_table(whole).drop(**drop))
    for wrong in ("4/3", "0/2", "x"):
        assert_error(sweep(run, folder, tmp_path / "x.csv", "--tokens", stream, "--shards", wrong), "shard")


@pytest.mark.parametrize("how", ["--devices", "--shards"])
def test_all_shares_at_once_give_the_whole_table(
    run: Run, folder: Path, stream: Path, tmp_path: Path, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two simulated devices of this machine, or two jobs of Snakemake: processes of their own."""
    if how == "--shards":
        pytest.importorskip("snakemake")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    out = tmp_path / "shares.csv"
    words = ["heads", "sweep", "--model", folder, "--out", out, *SHAPE, "--tokens", stream, "--layers", "0-1"]
    words += [how, "cpu,cpu" if how == "--devices" else "2"]
    ended = run(*words)
    assert ended.code == 0, ended.err
    whole = tmp_path / "whole.csv"
    assert sweep(run, folder, whole, "--tokens", stream, "--layers", "0-1").code == 0
    drop = {"columns": "seconds"}
    pd.testing.assert_frame_equal(read_table(out).drop(**drop), read_table(whole).drop(**drop))


def test_devices_and_shards_exclude_each_other(run: Run, folder: Path, stream: Path, tmp_path: Path) -> None:
    options = ("--tokens", stream, "--devices", "cpu", "--shards", "2")
    assert_error(sweep(run, folder, tmp_path / "x.csv", *options), "--devices with --shards")
