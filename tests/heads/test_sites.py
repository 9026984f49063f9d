"""Where the heads are found, and what is refused."""

from __future__ import annotations

import pytest

import definitions_heads as definitions

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytestmark = [pytest.mark.heads, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

from concentra.errors import ArgumentError, HookError  # noqa: E402
from concentra.heads import HeadSite, find_head_sites, head_importance  # noqa: E402

EXPECTED = {
    "gpt_neox": ("gpt_neox.layers.1.attention.dense", 4, 4),
    "llama": ("model.layers.1.self_attn.o_proj", 4, 2),
    "gpt2": ("transformer.h.1.attn.c_proj", 4, 4),
    "qwen3": ("model.layers.1.self_attn.o_proj", 4, 2),
    "opt": ("model.decoder.layers.1.self_attn.out_proj", 4, 4),
    "phi": ("model.layers.1.self_attn.dense", 4, 4),
    "falcon": ("transformer.h.1.self_attention.dense", 4, 1),
    "gpt_neo": ("transformer.h.1.attn.attention.out_proj", 4, 4),
}


@pytest.mark.parametrize("architecture", sorted(EXPECTED))
def test_sites_of_architectures(architecture: str) -> None:
    assert find_head_sites(definitions.tiny(architecture))[1] == HeadSite(1, *EXPECTED[architecture])


def test_sites_of_bert_and_of_plain_pytorch() -> None:
    assert find_head_sites(definitions.tiny_bert())[2].name == "bert.encoder.layer.2.attention.output.dense"
    assert find_head_sites(definitions.plain_transformer())[0] == HeadSite(0, "blocks.0.mixer.proj", 4, 4)


class Fused(torch.nn.Module):
    """A model around torch.nn.MultiheadAttention, which never calls its out_proj."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.head = torch.nn.Embedding(61, 32), torch.nn.Linear(32, 61)
        self.self_attn = torch.nn.MultiheadAttention(32, 4, batch_first=True)

    def forward(self, tokens):
        x = self.embedding(tokens)
        return self.head(x + self.self_attn(x, x, x, need_weights=False)[0])


def test_multihead_attention_is_refused_by_name() -> None:
    with pytest.raises(HookError, match=r"MultiheadAttention at 'self_attn'.*hooks do not fire"):
        find_head_sites(Fused())


@pytest.mark.parametrize("method", ["exact", "taylor"])
def test_a_hook_that_never_fires_is_refused(method: str) -> None:
    sites = [HeadSite(0, "self_attn.out_proj", 4, 4)]
    with pytest.raises(HookError, match="called 0 times"):
        head_importance(Fused(), definitions.tokens(), sites=sites, method=method, progress=False)


def test_layers_that_share_a_projection_are_refused() -> None:
    model = definitions.plain_transformer()
    model.blocks[1].mixer.proj = model.blocks[0].mixer.proj
    sites = [HeadSite(0, "blocks.0.mixer.proj", 4, 4)]
    with pytest.raises(HookError, match="called 2 times"):
        head_importance(model, definitions.tokens(), sites=sites, progress=False)


def test_projections_whose_weights_are_computed_are_not_taken_for_one() -> None:
    model = definitions.tiny("llama")
    for block in model.model.layers:
        torch.nn.utils.parametrizations.weight_norm(block.self_attn.o_proj)
    assert len(find_head_sites(model)) == 3
    first, second = (block.self_attn.o_proj.parametrizations.weight for block in model.model.layers[:2])
    second.original1 = first.original1
    with pytest.raises(HookError, match="share their weights"):
        find_head_sites(model)


def test_what_has_no_heads_is_refused() -> None:
    with pytest.raises(HookError, match="no attention output projection in Sequential"):
        find_head_sites(torch.nn.Sequential(torch.nn.Linear(3, 3)))


def test_what_is_no_model_is_refused() -> None:
    with pytest.raises(ArgumentError, match="a dict for a model"):
        find_head_sites({})


def test_an_unknown_number_of_heads_is_refused_and_can_be_given() -> None:
    model = definitions.plain_transformer()
    for block in model.blocks:
        del block.mixer.n_heads
    with pytest.raises(HookError, match=r"number of heads of 'blocks.0.mixer' is not written"):
        find_head_sites(model)
    for block in model.blocks:
        block.mixer.n_heads = 5
    with pytest.raises(HookError, match="5 heads for the 32 inputs"):
        find_head_sites(model)


def test_sites_given_are_checked() -> None:
    model, ids = definitions.plain_transformer(), definitions.tokens()
    with pytest.raises(HookError, match=r"no module 'blocks.9.proj'"):
        head_importance(model, ids, sites=[HeadSite(0, "blocks.9.proj", 4, 4)])
    with pytest.raises(HookError, match="3 heads for the 32 inputs"):
        head_importance(model, ids, sites=[HeadSite(0, "blocks.0.mixer.proj", 3, 3)])
    with pytest.raises(ArgumentError, match="a multiple of the groups"):
        HeadSite(0, "x", 4, 3)


def test_an_encoder_with_a_decoder_is_refused() -> None:
    import transformers

    settings = {"vocab_size": 61, "d_model": 16, "d_kv": 4, "d_ff": 16, "num_layers": 1, "num_heads": 4}
    model = transformers.T5ForConditionalGeneration(transformers.T5Config(**settings))
    with pytest.raises(HookError, match="an encoder and a decoder"):
        find_head_sites(model)


@pytest.mark.parametrize("device", ["nowhere", "cuda:99"])
def test_a_device_that_is_not_there_is_refused(device: str) -> None:
    with pytest.raises(ArgumentError, match=f"device='{device}'"):
        head_importance(definitions.tiny("llama"), definitions.tokens(), device=device, progress=False)
