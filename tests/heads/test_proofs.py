"""What is shared between passes is proven on batches that can prove it, and weights that change are noticed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import definitions_heads as definitions

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytestmark = [pytest.mark.heads, pytest.mark.filterwarnings("ignore")]

from concentra.errors import HookError  # noqa: E402
from concentra.heads import exact, find_head_sites, head_importance  # noqa: E402


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


def written(kind: str) -> Any:
    """A model whose weights are made anew of each batch's first tokens."""
    model = definitions.tiny("llama")
    layers = [block.mlp.up_proj for block in model.model.layers]
    before = [layer.weight.detach().clone() for layer in layers]

    def write(module: Any, arguments: Any, keywords: dict[str, Any]) -> None:
        ids = keywords["input_ids"] if "input_ids" in keywords else arguments[0]
        scale = 1 + float(ids[:, 0].float().mean()) / 30
        for layer, weight in zip(layers, before, strict=True):
            if kind == "replaced":
                layer.weight.data = scale * weight
            elif kind == "another":
                layer.weight = torch.nn.Parameter(scale * weight)
            else:
                (layer.weight.data if kind == "in place" else layer.weight.detach()).copy_(scale * weight)

    model.register_forward_pre_hook(write, with_kwargs=True)
    return model


@pytest.mark.parametrize("kind", ["replaced", "another", "in place", "detached"])
def test_weights_written_in_each_pass_are_those_multiplied(
    monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(exact, "BYTES_AT_A_TIME", 1)
    ids = [definitions.tokens(seed=seed) for seed in range(5)]
    assert check(written(kind), ids).attrs["tiles"]


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
