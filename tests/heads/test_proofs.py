"""What is shared between passes is proven on batches that can prove it, and weights that change are noticed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import definitions_heads as definitions

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytestmark = [pytest.mark.heads, pytest.mark.filterwarnings("ignore")]

from concentra.errors import HookError  # noqa: E402
from concentra.heads import exact, find_head_sites, head_importance, sweep_checkpoints  # noqa: E402
from concentra.heads.parts import Parts  # noqa: E402


def check(model: Any, ids: list[Any], labels: list[Any] | None = None, *, rtol: float = 1e-6) -> Any:
    """Compare with the naive loop; return the table."""
    model.eval()
    naive = definitions.naive_losses(model, ids, find_head_sites(model), labels_ahead(labels)).sum(axis=1)
    batches: list[Any] = ids
    if labels is not None:
        batches = [{"input_ids": one, "labels": other} for one, other in zip(ids, labels, strict=True)]
    table = head_importance(model, batches, loss="next_token", progress=False)
    np.testing.assert_allclose(table["ablated_loss"] * table["n_tokens"], naive, rtol=rtol)
    return table


def labels_ahead(labels: list[Any] | None) -> list[Any] | None:
    """What each position predicts."""
    if labels is None:
        return None
    return [torch.nn.functional.pad(one[:, 1:], (0, 1), value=-100) for one in labels]


def first_counts_nothing(ids: list[Any]) -> list[Any]:
    return [torch.full_like(ids[0], -100), *[one.clone() for one in ids[1:]]]


@pytest.mark.parametrize("at_a_time", [1, 2**24])
def test_a_first_batch_in_which_nothing_counts_proves_nothing(
    monkeypatch: pytest.MonkeyPatch, at_a_time: int
) -> None:
    monkeypatch.setattr(exact, "BYTES_AT_A_TIME", at_a_time)
    ids = [definitions.tokens(seed=seed) for seed in range(3)]
    scaled = definitions.tiny("llama")
    scaled.lm_head.register_forward_hook(lambda module, arguments, output: 1.7 * output)
    assert not check(scaled, ids, first_counts_nothing(ids)).attrs["tiles"]
    assert not check(passing_aside(lambda x: True), ids, first_counts_nothing(ids)).attrs["prefix_cache"]


def passing_aside(when: Any) -> Any:
    """A model whose last block also uses the output of the first, wherever `when` is true of its own output."""
    model, kept = definitions.tiny("llama"), {}

    def keep(module: Any, arguments: Any, output: Any) -> None:
        kept["first"] = output

    def use(module: Any, arguments: Any, output: Any) -> Any:
        return output + 0.3 * kept["first"] if when(output) else output

    model.model.layers[0].register_forward_hook(keep)
    model.model.layers[2].register_forward_hook(use)
    return model


@pytest.mark.parametrize("long", [12, 16])
def test_blocks_that_pass_on_more_at_one_length_are_noticed(long: int) -> None:
    ids = [definitions.tokens(length=length, seed=length) for length in (12, 16)]
    table = check(passing_aside(lambda x: x.shape[1] == long), ids)
    assert table.attrs["prefix_cache"] is False
    assert "each pass starts at the bottom" in table.attrs["notes"][0]


def passing_aside_for_data(batch: Any, first: str, last: str) -> Any:
    """A model whose module `last` also uses the output of `first`, for one batch alone."""
    model, kept = definitions.tiny("llama"), {}

    def see(module: Any, arguments: Any, keywords: dict[str, Any]) -> None:
        ids = keywords["input_ids"] if "input_ids" in keywords else arguments[0]
        kept["now"] = torch.equal(ids[: len(batch)], batch)

    def keep(module: Any, arguments: Any, output: Any) -> None:
        kept["first"] = output

    def use(module: Any, arguments: Any, output: Any) -> Any:
        return output + 0.3 * kept["first"] if kept["now"] else output

    model.register_forward_pre_hook(see, with_kwargs=True)
    model.model.get_submodule(first).register_forward_hook(keep)
    model.model.get_submodule(last).register_forward_hook(use)
    return model


@pytest.mark.parametrize("last", ["layers.2", "norm"])
@pytest.mark.parametrize("first", ["layers.0", "layers.0.mlp", "layers.0.self_attn.q_proj"])
@pytest.mark.parametrize("at_a_time", [1, 2**24])
def test_blocks_that_pass_on_more_for_some_data_are_noticed(
    monkeypatch: pytest.MonkeyPatch, first: str, last: str, at_a_time: int
) -> None:
    monkeypatch.setattr(exact, "BYTES_AT_A_TIME", at_a_time)
    ids = [definitions.tokens(seed=seed) for seed in range(4)]
    model = passing_aside_for_data(ids[2], first, last)
    table = check(model, ids)
    assert table.attrs["prefix_cache"] is False
    assert "all was measured again" in table.attrs["notes"][0]
    for variants in (1, 3):  # by default their number depends on how long a pass takes
        one = head_importance(model, ids, variants_per_pass=variants, progress=False)
        assert (one["ablated_loss"] == table["ablated_loss"]).all()
    with pytest.raises(HookError, match="whole"):
        head_importance(model, ids, prefix_cache=True, progress=False)


@pytest.mark.parametrize("variants", [1, 3, "auto"])
def test_a_pass_that_fails_without_a_head_is_an_error_whatever_is_shared(variants: Any) -> None:
    """Not measured again without end: whole passes fail as well."""
    model = definitions.tiny("llama")

    def break_down(module: Any, arguments: Any, output: Any) -> None:
        if (arguments[0].reshape(-1, 4, 8) == 0).all(-1).any():
            raise RuntimeError("broken down")

    model.model.layers[1].self_attn.o_proj.register_forward_hook(break_down)
    with pytest.raises(RuntimeError, match="broken down"):
        head_importance(model, [definitions.tokens()], variants_per_pass=variants, progress=False)


def test_a_sweep_keeps_no_part_from_before_a_difference_was_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [definitions.tokens(seed=seed) for seed in range(4)]
    model, out = passing_aside_for_data(ids[2], "layers.0", "norm"), tmp_path / "heads.csv"

    def sweep(**options: Any) -> Any:
        return sweep_checkpoints(
            lambda name: model, ["a"], ids, out, timings=False, progress=False, **options
        )

    with monkeypatch.context() as patch:  # killed between the difference and the first part after it
        patch.setattr(Parts, "measure_instead", then_killed(Parts.measure_instead))
        with pytest.raises(KeyboardInterrupt):
            sweep()
    assert list(Path(f"{out}.parts").glob("*/layer_0000.csv"))
    table = sweep()
    expected = head_importance(model, ids, prefix_cache=False, variants_per_pass=1, progress=False)
    assert (table["ablated_loss"] == expected["ablated_loss"]).all()
    assert sweep().equals(table)
    assert (sweep(resume=False, variants_per_pass=1)["ablated_loss"] == expected["ablated_loss"]).all()


def then_killed(work: Any) -> Any:
    def killed(*arguments: Any) -> None:
        work(*arguments)
        raise KeyboardInterrupt

    return killed


def written(kind: str) -> Any:
    """A model whose weights are made anew of each batch's first tokens."""
    model = definitions.tiny("llama")
    layers = [block.mlp.up_proj for block in model.model.layers]
    before = [layer.weight.detach().clone() for layer in layers]

    def write(module: Any, arguments: Any, keywords: dict[str, Any]) -> None:
        ids = keywords["input_ids"] if "input_ids" in keywords else arguments[0]
        scale: Any = 1 + float(ids[:, 0].float().mean()) / 30
        if kind == "one entry":
            scale = torch.ones_like(before[0])
            scale[1, 1] = 100 * float(ids[:, 0].float().mean())
        for layer, weight in zip(layers, before, strict=True):
            if kind == "replaced":
                layer.weight.data = scale * weight
            elif kind == "another":
                layer.weight = torch.nn.Parameter(scale * weight)
            else:
                (layer.weight.detach() if kind == "detached" else layer.weight.data).copy_(scale * weight)

    model.register_forward_pre_hook(write, with_kwargs=True)
    return model


@pytest.mark.parametrize("kind", ["replaced", "another", "in place", "detached", "one entry"])
def test_weights_written_in_each_pass_are_those_multiplied(
    monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(exact, "BYTES_AT_A_TIME", 1)
    ids = [definitions.tokens(seed=seed) for seed in range(5)]
    table = check(written(kind), ids)
    assert table.attrs["tiles"]
    assert not table.attrs["notes"]


@pytest.mark.parametrize("at_a_time", [1, 2**24])
@pytest.mark.parametrize("label", [-1, 61])
def test_labels_that_are_no_words_are_refused(
    monkeypatch: pytest.MonkeyPatch, label: int, at_a_time: int
) -> None:
    monkeypatch.setattr(exact, "BYTES_AT_A_TIME", at_a_time)
    ids = [definitions.tokens(seed=seed) for seed in range(2)]
    batches = [{"input_ids": one, "labels": one.clone()} for one in ids]
    batches[1]["labels"][0, 4] = label
    with pytest.raises(HookError, match=f"Target {label} is out of bounds"):
        head_importance(definitions.tiny("llama"), batches, progress=False)
