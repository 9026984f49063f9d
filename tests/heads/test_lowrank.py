"""Heads of the last block by products of low rank, against all logits of each."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import definitions_heads as definitions

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytestmark = [pytest.mark.heads, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

from concentra.heads import exact, head_importance, lowrank, tiles  # noqa: E402


@pytest.fixture
def used(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether each layer of each batch came from products of low rank, over tiles of 32 words."""
    found: list[bool] = []

    def heard(*given: Any) -> Any:
        sums = lowrank.low_rank_losses(*given)
        found.append(sums is not None)
        return sums

    monkeypatch.setattr(exact, "low_rank_losses", heard)
    monkeypatch.setattr(exact, "BYTES_AT_A_TIME", 1)
    monkeypatch.setattr(tiles, "BYTES_OF_A_TILE", 1)
    return found


def plain(model: Any, batches: Any, **options: Any) -> Any:
    return head_importance(model, batches, prefix_cache=False, progress=False, **options)


@pytest.mark.parametrize("ablation", ["zero", "mean", "resample"])
@pytest.mark.parametrize("architecture", ["gpt_neox", "phi", "gptj"])
def test_the_last_of_parallel_blocks_needs_no_logits_of_each_head(
    used: list[bool], architecture: str, ablation: str
) -> None:
    model = definitions.tiny(architecture)
    batches = [definitions.tokens(4, 48, seed=seed) for seed in (0, 1)]
    expected = plain(model, batches, ablation=ablation)
    found = head_importance(model, batches, ablation=ablation, progress=False)
    last = found["layer"].max()
    assert used == [False] * last + [True] * 2  # one trial a layer below, then both batches
    np.testing.assert_allclose(found["ablated_loss"], expected["ablated_loss"], rtol=2e-7)
    np.testing.assert_allclose(found["delta_se"], expected["delta_se"], rtol=1e-3)
    assert np.ptp(found.loc[found["layer"] == last, "delta"]) > 1e-3
    assert found.attrs["notes"] == []


@pytest.mark.parametrize("architecture", ["llama", "gpt2"])
def test_a_feed_forward_part_behind_the_attention_is_told_by_its_hidden_states(
    used: list[bool], architecture: str
) -> None:
    model = definitions.tiny(architecture)
    batches = [definitions.tokens(4, 48, seed=seed) for seed in (0, 1)]
    found = head_importance(model, batches, progress=False)
    assert used == [False] * (1 + found["layer"].max())  # one trial a layer
    np.testing.assert_allclose(found["ablated_loss"], plain(model, batches)["ablated_loss"], rtol=2e-7)


def test_padding_has_no_part_in_the_sums(used: list[bool]) -> None:
    model, ids = definitions.tiny("gpt_neox"), definitions.tokens(4, 48)
    mask = torch.ones_like(ids)
    mask[0, 20:] = mask[1, 7:] = mask[2, 30:] = 0
    batch = {"input_ids": ids, "attention_mask": mask}
    found = head_importance(model, batch, progress=False)
    assert used[-1]
    np.testing.assert_allclose(found["ablated_loss"], plain(model, batch)["ablated_loss"], rtol=2e-7)


def test_few_heads_and_whole_layers_are_not_worth_it(used: list[bool]) -> None:
    model, ids = definitions.tiny("gpt_neox"), definitions.tokens(4, 48)
    head_importance(model, ids, unit="layer", progress=False)
    head_importance(model, ids, heads=[(0, 0), (1, 0)], progress=False)
    assert not any(used)


def test_a_failure_is_noted_and_costs_nothing_else(used: list[bool], monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any) -> Any:
        raise RuntimeError("no such product")

    monkeypatch.setattr(lowrank, "change_of", fails)
    model, ids = definitions.tiny("gpt_neox"), definitions.tokens(4, 48)
    found = head_importance(model, ids, progress=False)
    np.testing.assert_allclose(found["ablated_loss"], plain(model, ids)["ablated_loss"], rtol=2e-7)
    assert found.attrs["notes"] == ["no products of low rank (RuntimeError: no such product)"]


def test_a_first_prefix_that_fails_leaves_right_losses(used: list[bool]) -> None:
    model, ids = definitions.tiny("gpt_neox"), definitions.tokens(4, 48)
    expected = plain(model, ids, layers=[1])
    seen: list[Any] = []
    base = model.gpt_neox
    base.embed_in.register_forward_hook(lambda module, given, output: seen.clear())
    base.layers[0].mlp.register_forward_hook(lambda module, given, output: seen.append(0 * output))
    base.final_layer_norm.register_forward_pre_hook(lambda module, given: (given[0] + seen[0],))
    found = head_importance(model, ids, layers=[1], progress=False)
    assert (found.attrs["prefix_cache"], found.attrs["tiles"]) == (False, True)
    np.testing.assert_allclose(found["ablated_loss"], expected["ablated_loss"], rtol=2e-7)
    assert used == []


@pytest.mark.parametrize("amount, known", [(0.0, True), (1e-4, False)])
def test_a_change_outside_the_directions_is_refused(amount: float, known: bool) -> None:
    generator = torch.Generator().manual_seed(2)
    clean, other = (torch.randn(30, 24, generator=generator) for _ in range(2))
    basis = torch.linalg.qr(torch.randn(24, 5, generator=generator)).Q
    scale = 1 + 0.1 * torch.randn(30, 1, generator=generator)
    parts = torch.randn(30, 5, generator=generator)
    change = lowrank.change_of(clean, scale * clean + parts @ basis.T + amount * other, basis)
    assert (change is not None) is known
    if change is not None:
        np.testing.assert_allclose(change.scale, scale, rtol=1e-5)
        np.testing.assert_allclose(change.parts, parts, atol=1e-5)
