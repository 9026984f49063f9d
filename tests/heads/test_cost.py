"""The cost of a sweep against the operations that torch counts in real passes."""

from __future__ import annotations

from typing import Any

import pytest

import definitions_heads as definitions

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytestmark = [pytest.mark.heads, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

from concentra.heads import find_head_sites, sweep_cost  # noqa: E402
from concentra.heads.cost import measured_speed  # noqa: E402

ROWS, LENGTH = 4, 16


def counted(work: Any) -> int:
    """Additions and multiplications of the matrix products and the attention of some work."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter, torch.no_grad():
        work()
    return int(counter.get_total_flops())


def eager(architecture: str) -> Any:
    """A model whose attention is written as matrix products, which the counter sees whole."""
    model = definitions.tiny(architecture).eval()
    model.set_attn_implementation("eager")
    return model


@pytest.mark.parametrize("architecture", ["gpt_neox", "llama", "qwen2", "phi"])
def test_a_whole_pass_takes_the_operations_that_torch_counts(architecture: str) -> None:
    model, ids = eager(architecture), definitions.tokens(ROWS, LENGTH)
    cost = sweep_cost(model, n_sequences=ROWS, length=LENGTH, batch_size=ROWS, operations_a_second=1e9)
    whole = cost.operations / (1 + cost.n_units * cost.forwards_a_unit)
    assert whole == pytest.approx(counted(lambda: model(ids)), rel=0.01)
    assert cost.seconds == pytest.approx(cost.operations / 1e9)


@pytest.mark.parametrize("architecture", ["gpt_neox", "llama"])
def test_an_ablation_takes_what_lies_above_its_projection(architecture: str) -> None:
    """Counted module by module: the projection, the feed-forward part, the blocks above, the logits."""
    model, ids = eager(architecture), definitions.tokens(ROWS, LENGTH)
    blocks = model.gpt_neox.layers if architecture == "gpt_neox" else model.model.layers
    spent: dict[str, int] = {}
    hidden = torch.randn(ROWS, LENGTH, 32)
    whole = counted(lambda: model(ids))
    sites = find_head_sites(model)
    for number, site in enumerate(sites):
        projection, feed = model.get_submodule(site.name), blocks[number].mlp
        spent[site.name] = counted(lambda projection=projection: projection(hidden)) + counted(
            lambda feed=feed: feed(hidden)
        )
    logits = counted(lambda: model.get_output_embeddings()(hidden))
    block = (whole - logits) / len(sites)
    for site in sites:
        cost = sweep_cost(
            model, n_sequences=ROWS, length=LENGTH, layers=[site.layer], operations_a_second=1e9
        )
        expected = spent[site.name] + (len(sites) - 1 - site.layer) * block + logits
        assert cost.forwards_a_unit == pytest.approx(expected / whole, rel=0.01)


def test_passes_are_counted_by_batches_checkpoints_and_units() -> None:
    model = definitions.tiny("llama")
    cost = sweep_cost(
        model, n_sequences=10, length=8, batch_size=4, n_checkpoints=3, unit="kv_group", operations_a_second=1
    )
    assert (cost.n_units, cost.n_passes) == (6, 3 * 3 * (6 + 1))
    layer = sweep_cost(model, n_sequences=10, length=8, unit="layer", layers=[2], operations_a_second=1)
    assert (layer.n_layers, layer.n_units, layer.n_passes) == (1, 1, 4)
    assert cost.memory_bytes > 4 * sum(one.numel() for one in model.parameters())
    assert measured_speed() > 1e6
