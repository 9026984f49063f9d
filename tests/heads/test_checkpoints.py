"""Checkpoints of every usual layout, and sweeps that know their models, in shards, killed and interrupted."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import definitions_heads as definitions

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
pytestmark = [pytest.mark.heads, pytest.mark.filterwarnings("ignore")]

from concentra.errors import ArgumentError, DataAbsentError, FileFormatError, HookError  # noqa: E402
from concentra.heads import checkpoint_loader, list_checkpoints, merge_sweep, sweep_checkpoints  # noqa: E402
from concentra.heads.checkpoints import Checkpoints  # noqa: E402
from concentra.io.importance import read_importance  # noqa: E402

NAMES = ["stage1-step1000-tokens10B", "stage1-step2000-tokens20B"]
TABLE = ["checkpoint", "layer", "head", "ablated_loss", "delta"]


def model(seed: int) -> Any:
    return definitions.tiny("gpt_neox", seed=seed)


def same(loaded: Any, seed: int) -> bool:
    ids = definitions.tokens()
    return definitions.sequence_losses(loaded.eval(), ids) == definitions.sequence_losses(
        model(seed).eval(), ids
    )


def save_sharded(folder: Path, name: str, seed: int) -> None:
    model(seed).save_pretrained(folder / name, max_shard_size="20KB")
    assert len(list((folder / name).glob("*.safetensors"))) > 1


def save_nested(folder: Path, name: str, seed: int) -> None:
    model(seed).save_pretrained(folder / name / "hf")


def save_state(folder: Path, name: str, seed: int) -> None:
    model(seed).config.save_pretrained(folder)
    state = {f"module.{key}": value for key, value in model(seed).state_dict().items()}
    torch.save({"model": state, "step": 3}, folder / f"{name}.pt")


def save_state_in_folder(folder: Path, name: str, seed: int) -> None:
    (folder / name).mkdir(parents=True)
    model(seed).config.save_pretrained(folder)
    torch.save(model(seed).state_dict(), folder / name / "pytorch_model.bin")


@pytest.mark.parametrize("save", [save_sharded, save_nested, save_state, save_state_in_folder])
def test_layouts_of_a_folder(tmp_path: Path, save: Any) -> None:
    for seed, name in enumerate(["step10", "step2"]):
        save(tmp_path, name, seed)
    assert list_checkpoints(tmp_path) == ["step2", "step10"]
    load = checkpoint_loader(tmp_path)
    assert same(load("step10"), 0)
    assert same(load("step2"), 1)
    assert load.identity("step2") != load.identity("step10")


def test_adapters_of_peft(tmp_path: Path) -> None:
    peft = pytest.importorskip("peft")
    model(0).save_pretrained(tmp_path / "base")
    base = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "base")
    config = peft.LoraConfig(r=2, target_modules=["dense"], init_lora_weights=False)
    adapted = peft.get_peft_model(base, config)
    adapted.save_pretrained(tmp_path / "runs" / "step5")
    loaded = checkpoint_loader(tmp_path / "runs")("step5")
    ids = definitions.tokens()
    with torch.no_grad():
        assert torch.equal(loaded.eval()(ids).logits, adapted.eval()(ids).logits)


def test_a_masked_model_is_loaded_as_what_it_is(tmp_path: Path) -> None:
    definitions.tiny_bert().save_pretrained(tmp_path / "step1")
    assert type(checkpoint_loader(tmp_path)("step1")).__name__ == "BertForMaskedLM"
    with pytest.raises(ArgumentError, match="AutoModelForCausalLN"):
        checkpoint_loader(tmp_path, model_class="AutoModelForCausalLN")("step1")


def test_weights_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    save_state(tmp_path, "step1", 0)
    torch.save({"other": torch.ones(2)}, tmp_path / "step2.pt")
    torch.save({"state": Path("x")}, tmp_path / "step3.pt")
    load = checkpoint_loader(tmp_path)
    with pytest.raises(FileFormatError, match="unknown"):
        load("step2")
    with pytest.raises(FileFormatError, match="step3"):
        load("step3")
    with pytest.raises(DataAbsentError, match="step1"):
        load("step4")
    transformers.GPTNeoXModel(model(0).config).save_pretrained(tmp_path / "other" / "step1")
    with pytest.raises(DataAbsentError, match="no weights for"):
        checkpoint_loader(tmp_path / "other", model_class="GPTNeoXForCausalLM")("step1")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    for run in range(2):
        for number, name in enumerate(NAMES):
            model(10 * run + number).save_pretrained(folder / f"run{run}" / name)
    return folder


def swept(source: Any, out: Path, **options: Any) -> pd.DataFrame:
    options = {"timings": False, "progress": False, **options}
    return sweep_checkpoints(source, options.pop("checkpoints", None), definitions.tokens(), out, **options)


def test_another_model_is_refused_by_its_place_its_weights_and_its_class(runs: Path, tmp_path: Path) -> None:
    out = tmp_path / "heads.csv"
    first = swept(runs / "run0", out)
    with pytest.raises(ArgumentError, match=r"are of the model .*, and the model asked for is .*"):
        swept(runs / "run1", out)
    moving = tmp_path / "moving"
    shutil.copytree(runs / "run0", moving)
    swept(moving, tmp_path / "moved.csv")
    shutil.copy(runs / "run1" / NAMES[1] / "model.safetensors", moving / NAMES[1] / "model.safetensors")
    with pytest.raises(ArgumentError, match=r"of another model \(other model.safetensors\)"):
        swept(moving, tmp_path / "moved.csv")
    again = swept(runs / "run0", out)
    pd.testing.assert_frame_equal(again, first)
    for seed, matches in ((0, True), (50, False)):
        if matches:
            swept(lambda name: model(0), tmp_path / "f.csv", checkpoints=["1"])
            swept(lambda name: model(0), tmp_path / "f.csv", checkpoints=["1"])
        else:
            with pytest.raises(ArgumentError, match="of another model"):
                swept(lambda name, seed=seed: model(seed), tmp_path / "f.csv", checkpoints=["1"])


def own_loss(output: Any, batch: Any) -> Any:
    """A loss by which parts can be known."""
    return output.logits.double().sum(dim=(1, 2)), torch.ones(len(output.logits))


def test_a_loss_that_cannot_be_identified_is_refused_on_resume(tmp_path: Path) -> None:
    for _ in range(2):
        swept(lambda name: model(0), tmp_path / "own.csv", checkpoints=["1"], loss=own_loss)
    with pytest.raises(ArgumentError, match="other loss"):
        swept(lambda name: model(0), tmp_path / "own.csv", checkpoints=["1"])
    options = {"checkpoints": ["1"], "loss": lambda output, batch: own_loss(output, batch)}
    swept(lambda name: model(0), tmp_path / "lambda.csv", **options)
    with pytest.raises(ArgumentError, match="cannot be identified"):
        swept(lambda name: model(0), tmp_path / "lambda.csv", **options)


def test_parts_that_were_edited_are_measured_again(runs: Path, tmp_path: Path) -> None:
    out = tmp_path / "heads.csv"
    first = swept(runs / "run0", out)
    part = next(Path(f"{out}.parts").rglob("layer_0001.csv"))
    part.write_text(part.read_text().replace("0.", "7.", 1))
    pd.testing.assert_frame_equal(swept(runs / "run0", out), first)


def test_jobs_with_one_table_and_other_checkpoints_add_up(runs: Path, tmp_path: Path) -> None:
    out = tmp_path / "heads.csv"
    for name in NAMES:
        swept(runs / "run0", out, checkpoints=[name])
    whole = swept(runs / "run0", tmp_path / "whole.csv", checkpoints=["stage1-*"])
    pd.testing.assert_frame_equal(pd.read_csv(out)[TABLE], pd.read_csv(tmp_path / "whole.csv")[TABLE])
    assert read_importance(whole)["checkpoint"].unique().tolist() == [1000, 2000]
    some = swept(runs / "run0", tmp_path / "some.csv", layers=[1])
    assert some["layer"].unique().tolist() == [1]
    assert len(swept(runs / "run0", tmp_path / "some.csv")) == len(whole)


@pytest.mark.parametrize("n_shards", [2, 5])
def test_shards_of_checkpoints_and_of_layers_give_the_same_bytes(
    runs: Path, tmp_path: Path, n_shards: int
) -> None:
    swept(runs / "run0", tmp_path / "whole.csv")
    out = tmp_path / "heads.csv"
    order = random.Random(n_shards).sample(range(1, n_shards + 1), n_shards)
    for place in order:
        with pytest.raises(DataAbsentError):
            merge_sweep(out)
        swept(runs / "run0", out, shard=(place, n_shards))
    merge_sweep(out)
    assert out.read_bytes() == (tmp_path / "whole.csv").read_bytes()
    with pytest.raises(ArgumentError, match="shard 3 of 2"):
        swept(runs / "run0", out, shard=(3, 2))


def test_a_checkpoint_that_fails_is_reported_and_left_out(runs: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(runs / "run0", broken)
    (broken / NAMES[0] / "model.safetensors").write_bytes(b"cut")
    with pytest.raises(Exception, match=r".+"):
        swept(broken, tmp_path / "x.csv")
    table = swept(broken, tmp_path / "heads.csv", keep_going=True)
    assert table["checkpoint"].unique().tolist() == NAMES[1:]
    assert list(table.attrs["failed"]) == NAMES[:1]

    def fails(name: str) -> Any:
        raise HookError(found="x", expected="y", fix="z")

    with pytest.raises(ArgumentError, match="every checkpoint failed"):
        swept(fails, tmp_path / "y.csv", checkpoints=["1"], keep_going=True)


PROGRAM = """
import sys; sys.path.insert(0, sys.argv[1])
import definitions_heads as definitions, torch
torch.set_num_threads(1)
from pathlib import Path
from concentra.heads import sweep_checkpoints
i, n = map(int, sys.argv[4].split("/"))
sweep_checkpoints(Path(sys.argv[2]), None, definitions.tokens(), sys.argv[3], shard=(i, n), timings=False,
                  progress=False)
"""


@pytest.mark.slow
def test_a_sharded_sweep_killed_at_random_twenty_times_gives_the_same_table(
    runs: Path, tmp_path: Path
) -> None:
    swept(runs / "run0", tmp_path / "whole.csv")
    out, rng = tmp_path / "heads.csv", random.Random(1)
    words = [
        sys.executable,
        "-c",
        PROGRAM,
        str(Path(definitions.__file__).parent),
        str(runs / "run0"),
        str(out),
    ]
    kills, longest = 0, 20.0
    while kills < 20:
        started = time.monotonic()
        running = [subprocess.Popen([*words, f"{i}/3"], env=dict(os.environ)) for i in (1, 2, 3)]
        time.sleep(rng.uniform(0.1, longest))
        for process in running:
            if process.poll() is None:
                process.kill()
                kills += 1
            process.wait()
        longest = min(longest, 1.5 * (time.monotonic() - started) + 1)
        if out.exists():
            assert out.read_bytes() == (tmp_path / "whole.csv").read_bytes()
            shutil.rmtree(Path(f"{out}.parts"))
            out.unlink()
    for i in (1, 2, 3):
        subprocess.run([*words, f"{i}/3"], check=True)
    assert out.read_bytes() == (tmp_path / "whole.csv").read_bytes()


def test_a_revisions_files_are_freed_unless_they_were_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The hub stands here as what the loader asks of it."""
    freed: list[str] = []
    there = {"main"}
    monkeypatch.setattr(Checkpoints, "__call__", lambda self, name: model(len(name)))
    monkeypatch.setattr(Checkpoints, "identity", lambda self, name: {"commit": name})
    monkeypatch.setattr(Checkpoints, "cached", lambda self, name: name in there)
    monkeypatch.setattr(Checkpoints, "free", lambda self, name: freed.append(name))
    monkeypatch.setattr(Checkpoints, "names", lambda self: ["main", "step1", "step2000"])
    table = swept("someone/some-model", tmp_path / "heads.csv", checkpoints=["main", "step*"])
    assert table["checkpoint"].unique().tolist() == ["main", "step1", "step2000"]
    assert freed == ["step1", "step2000"]
    assert json.loads((tmp_path / "heads.csv.parts" / "asked.json").read_text())["source"].startswith(
        "someone/"
    )
    assert np.isfinite(table["delta"]).all()
