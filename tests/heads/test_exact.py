"""Five ways to the same bits: hook, weights set to zero, naive loop, variants in one pass, kept prefix."""

from __future__ import annotations

import numpy as np
import pytest

import definitions_heads as definitions

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytestmark = [pytest.mark.heads, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

from concentra.errors import HookError  # noqa: E402
from concentra.heads import find_head_sites, head_importance, masked_batches  # noqa: E402

WAYS = [(False, 1), (False, "auto"), (True, 1), (True, "auto"), (True, 2)]


def check_all_ways(model, batches, labels=None) -> None:
    """Every way gives the losses of the naive loop, and those of a copy with the head's weights at zero."""
    model.eval()
    sites = find_head_sites(model)
    ids = [batch["input_ids"] if labels else batch for batch in batches]
    naive = definitions.naive_losses(model, ids, sites, labels)
    first = None if labels is None else labels[0]
    for site in sites[:2]:
        head = site.n_heads - 1
        copy = definitions.without_weights(model, site.name, head, site.n_heads)
        row = [(s.layer, h) for s in sites for h in range(s.n_heads)].index((site.layer, head))
        assert naive[row, : len(ids[0])].tolist() == definitions.sequence_losses(copy, ids[0], first)
    n_tokens = sum(int((x[:, 1:] > 0).sum()) if labels is None else 0 for x in ids)
    n_tokens = n_tokens or sum(int((x != -100).sum()) for x in labels)
    for prefix_cache, variants in WAYS:
        table = head_importance(
            model, batches, prefix_cache=prefix_cache, variants_per_pass=variants, progress=False
        )
        np.testing.assert_array_equal(table["ablated_loss"], naive.sum(axis=1) / n_tokens)
        assert table.attrs["prefix_cache"] is prefix_cache
    assert np.ptp(naive.sum(axis=1)) > 0.1


@pytest.mark.parametrize("architecture", sorted(definitions.ARCHITECTURES))
def test_every_way_gives_the_same_bits(architecture: str) -> None:
    model = definitions.tiny(architecture)
    check_all_ways(model, [definitions.tokens(seed=0), definitions.tokens(seed=1)])


def test_every_way_gives_the_same_bits_for_a_masked_model() -> None:
    batches = masked_batches(
        [definitions.tokens(seed=0), definitions.tokens(seed=1)], mask_token=3, share=0.3
    )
    check_all_ways(definitions.tiny_bert(), batches, [batch["labels"] for batch in batches])


@pytest.mark.parametrize("shape", [(3, 17), (1, 7), (5, 13)])
@pytest.mark.parametrize("architecture", ["gemma", "gpt2", "gpt_neox"])
def test_shapes_that_kernels_treat_unevenly_keep_their_bits(
    architecture: str, shape: tuple[int, int]
) -> None:
    model = definitions.tiny(architecture).eval()
    ids = definitions.tokens(*shape)
    naive = definitions.naive_losses(model, [ids], find_head_sites(model))
    table = head_importance(model, ids, progress=False)
    np.testing.assert_array_equal(table["ablated_loss"], naive.sum(axis=1) / ids[:, 1:].numel())


def test_two_threads_keep_the_bits() -> None:
    import torch

    torch.set_num_threads(2)
    check_all_ways(definitions.tiny("llama"), [definitions.tokens(8, 32)])


def test_a_number_of_variants_given_changes_at_most_the_last_bits() -> None:
    model, ids = definitions.tiny("gpt_neox"), definitions.tokens(1, 7)
    one = head_importance(model, ids, variants_per_pass=1, progress=False)
    four = head_importance(model, ids, variants_per_pass=4, progress=False)
    np.testing.assert_allclose(four["ablated_loss"], one["ablated_loss"], rtol=2e-6)


def test_little_memory_gives_the_same_bits_and_holds_less() -> None:
    model, ids = definitions.tiny("gpt_neox"), definitions.tokens(4, 16)
    much = head_importance(model, ids, progress=False, variants_per_pass="auto")
    little = head_importance(model, ids, progress=False, max_cache_bytes=1)
    np.testing.assert_array_equal(much["ablated_loss"], little["ablated_loss"])
    assert little.attrs["variants_per_pass"] == 1
    assert little.attrs["prefix_cache"] is True
    assert little.attrs["peak_bytes"] < much.attrs["peak_bytes"]


@pytest.mark.parametrize("limit", [2 * 10**5, 10**6, 10**8])
def test_no_more_is_held_than_allowed(limit: int) -> None:
    model, ids = definitions.tiny("gpt_neox"), definitions.tokens(4, 16)
    table = head_importance(model, ids, progress=False, max_cache_bytes=limit)
    assert 0 < table.attrs["peak_bytes"] <= limit


def test_a_block_that_does_not_take_what_the_one_below_returns() -> None:
    import torch

    class Skip(torch.nn.Module):
        """Hands its input on beside its output, by a way round the next block."""

        def __init__(self, inner):
            super().__init__()
            self.inner = inner

        def forward(self, pair):
            first, second = pair
            return second, self.inner(first)

    model = definitions.plain_transformer()
    model.blocks = torch.nn.Sequential(*[Skip(block) for block in model.blocks])
    model.way_in = lambda x: (x, x * 2)
    model.way_out = lambda pair: pair[0] + pair[1]
    ids = definitions.tokens()
    sites = find_head_sites(model)
    assert len(sites) == 3
    naive = definitions.naive_plain(model.eval(), ids, sites)
    table = head_importance(model, ids, progress=False)
    np.testing.assert_array_equal(table["ablated_loss"], naive / 60)


def test_a_prefix_that_is_demanded_and_wrong_is_an_error() -> None:
    model = definitions.plain_transformer()
    model.remember = (
        True  # adds what the first block returned to what the last returns, and the blocks' inputs
    )
    ids = definitions.tokens()
    naive = definitions.naive_plain(model.eval(), ids, find_head_sites(model))
    table = head_importance(model, ids, progress=False)
    np.testing.assert_array_equal(table["ablated_loss"], naive / 60)
    assert table.attrs["prefix_cache"] is False
    with pytest.raises(HookError, match="differs from that of a whole pass"):
        head_importance(model, ids, prefix_cache=True, progress=False)
