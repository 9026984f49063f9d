"""Losses over tiles of the vocabulary against logits in float64, and parts beside the attention computed once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import definitions_heads as definitions

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytestmark = [pytest.mark.heads, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

from concentra.heads import find_head_sites, head_importance, tiles, unembedding  # noqa: E402
from concentra.heads.kernels import Kernels  # noqa: E402
from concentra.heads.tiles import tiled_losses  # noqa: E402


def by_hand(rows: Any, module: Any, labels: Any) -> np.ndarray:
    """log sum exp minus the label's logit, word by word in float64."""
    weight = module.weight.detach().double().numpy()
    bias = np.zeros(len(weight)) if module.bias is None else module.bias.detach().double().numpy()
    losses = []
    for row, label in zip(rows.double().numpy(), labels.tolist(), strict=True):
        logits = weight @ row + bias
        largest = logits.max()
        losses.append(largest + np.log(np.exp(logits - largest).sum()) - logits[label])
    return np.array(losses)


def linear(width: int, words: int, *, bias: bool) -> Any:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        return torch.nn.Linear(width, words, bias=bias)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("words", [31, 32, 700])
@pytest.mark.parametrize("n_rows", [1, 33, 1500])
def test_tiles_give_the_losses_of_all_logits(
    monkeypatch: pytest.MonkeyPatch, bias: bool, words: int, n_rows: int
) -> None:
    monkeypatch.setattr(tiles, "BYTES_OF_A_TILE", 4 * 64 * 128)
    module = linear(24, words, bias=bias)
    generator = torch.Generator().manual_seed(1)
    rows = 4 * torch.randn(n_rows, 24, generator=generator)
    labels = torch.randint(words, (n_rows,), generator=generator)
    with torch.no_grad():
        found = tiled_losses(rows, module, labels, Kernels())
    assert found.dtype == torch.float64
    np.testing.assert_allclose(found.numpy(), by_hand(rows, module, labels), rtol=2e-6, atol=2e-6)


def test_logits_of_later_tiles_may_be_far_larger(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiles, "BYTES_OF_A_TILE", 1)
    module = linear(4, 320, bias=False)
    with torch.no_grad():
        module.weight[200:] *= 1000
        rows, labels = torch.randn(8, 4, generator=torch.Generator().manual_seed(0)), torch.arange(8) * 40
        found = tiled_losses(rows, module, labels, Kernels())
    np.testing.assert_allclose(found.numpy(), by_hand(rows, module, labels), rtol=1e-5)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_tiles_keep_the_products_in_the_models_type(dtype: Any) -> None:
    module = linear(24, 500, bias=True).to(dtype)
    rows = torch.randn(40, 24, generator=torch.Generator().manual_seed(1)).to(dtype)
    labels = torch.arange(40)
    with torch.no_grad():
        found = tiled_losses(rows, module, labels, Kernels())
        logits = module(rows)
        expected = torch.nn.functional.cross_entropy(logits.double(), labels, reduction="none")
    np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=1e-6)


def test_rows_without_a_label_need_no_logits(monkeypatch: pytest.MonkeyPatch) -> None:
    computed: list[int] = []
    real = unembedding.tiled_losses
    monkeypatch.setattr(
        unembedding, "tiled_losses", lambda *given: computed.append(len(given[0])) or real(*given)
    )
    model, ids = definitions.tiny("llama"), definitions.tokens(4, 32)
    labels = ids.clone()
    labels[:, :27] = -100
    batch = {"input_ids": ids, "labels": labels}
    found = unembedding.find_unembedding(model, _next_token())
    with torch.no_grad():
        sums, counts = found.losses(model.eval(), batch)
    assert counts.tolist() == [5] * 4
    assert computed == [32]  # 20 rows, filled up to a multiple of 16
    expected = [np.sum(row) for row in _plain_losses(model, ids)[:, 26:]]
    np.testing.assert_allclose(sums.numpy(), expected, rtol=1e-6)


def _next_token() -> Any:
    from concentra.heads.loss import next_token_loss

    return next_token_loss


def _plain_losses(model: Any, ids: Any) -> np.ndarray:
    with torch.no_grad():
        logits = model(ids).logits[:, :-1]
    flat = torch.nn.functional.cross_entropy(
        logits.flatten(0, 1).double(), ids[:, 1:].flatten(), reduction="none"
    )
    return flat.view(len(ids), -1).numpy()


@pytest.mark.parametrize(
    "architecture, passes",
    [
        ("gpt_neox", 5),
        ("phi", 5),
        ("llama", 9),
    ],  # baseline, two against foresight, the proof, the sample; the heads
)
def test_a_feed_forward_part_beside_the_attention_is_computed_once(architecture: str, passes: int) -> None:
    model, calls = definitions.tiny(architecture), []
    block = (model.gpt_neox if architecture == "gpt_neox" else model.model).layers[0]
    first = next(module for module in block.mlp.modules() if isinstance(module, torch.nn.Linear))
    first.register_forward_hook(lambda *_: calls.append(1))
    head_importance(model, definitions.tokens(), layers=[0], variants_per_pass=1, progress=False)
    assert len(calls) == passes


def test_an_output_that_is_changed_in_place_is_computed_again() -> None:
    model = definitions.plain_transformer().eval()

    def parallel(block: Any) -> Any:
        def forward(x: Any) -> Any:
            beside = block.up(block.norm(x))
            beside += block.mixer(block.norm(x))
            return x + beside

        return forward

    for block in model.blocks:
        block.forward = parallel(block)
    ids = definitions.tokens()
    naive = definitions.naive_plain(model, ids, find_head_sites(model))
    table = head_importance(model, ids, variants_per_pass=1, progress=False)
    np.testing.assert_array_equal(table["ablated_loss"], naive / 60)
    assert table.attrs["prefix_cache"] is True
