"""Layers of several kinds, projections of other modules, groups under other names, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import definitions_heads as definitions

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
pytestmark = [pytest.mark.heads, pytest.mark.filterwarnings("ignore")]

from concentra.errors import ArgumentError, HookError  # noqa: E402
from concentra.heads import ablated, find_head_sites, head_importance, mean_inputs  # noqa: E402

HYBRID = {
    "vocab_size": 61, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 4,
    "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8, "max_position_embeddings": 64,
    "linear_num_key_heads": 3, "linear_num_value_heads": 6, "linear_key_head_dim": 8, "linear_value_head_dim": 8,
    "num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 24, "shared_expert_intermediate_size": 24,
    "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2,
}  # fmt: skip


def test_layers_of_linear_attention_have_their_own_heads() -> None:
    model = transformers.Qwen3NextForCausalLM(transformers.Qwen3NextConfig(**HYBRID))
    assert [(s.n_heads, s.n_groups) for s in find_head_sites(model)] == [(6, 3)] * 3 + [(4, 2)]


class Attention(torch.nn.Module):
    """Attention whose values have fewer heads, under an attribute of any name; the sequence may come second."""

    def __init__(self, width: int, n_heads: int, n_groups: int, name: str, *, length_first: bool) -> None:
        super().__init__()
        self.n_heads, self.length_first, self.n = n_heads, length_first, n_groups
        if name:
            setattr(self, name, n_groups)
        size = width // n_heads
        self.q_proj, self.o_proj = torch.nn.Linear(width, width), torch.nn.Linear(width, width)
        self.key_value = torch.nn.Linear(width, 2 * n_groups * size)

    def forward(self, x: Any) -> Any:
        x = x.transpose(0, 1) if self.length_first else x
        n, length, width = x.shape
        size = width // self.n_heads
        q = self.q_proj(x).view(n, length, self.n_heads, size).transpose(1, 2)
        k, v = self.key_value(x).view(n, length, 2, self.n, size).permute(2, 0, 3, 1, 4)
        k, v = (one.repeat_interleave(self.n_heads // self.n, dim=1) for one in (k, v))
        mixed = torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        mixed = mixed.transpose(1, 2).reshape(n, length, width)
        return self.o_proj(mixed.transpose(0, 1) if self.length_first else mixed)


class PlainAttentionBlock(torch.nn.Module):
    """A block whose class speaks of attention, with a projection of the usual name in its feed-forward part."""

    def __init__(self, **options: Any) -> None:
        super().__init__()
        self.attn = Attention(32, 4, 2, **options)
        self.mlp = torch.nn.ModuleDict({"c_fc": torch.nn.Linear(32, 64), "c_proj": torch.nn.Linear(64, 32)})

    def forward(self, x: Any) -> Any:
        x = x + self.attn(x)
        return x + self.mlp["c_proj"](torch.nn.functional.gelu(self.mlp["c_fc"](x)))


class Grouped(torch.nn.Module):
    """A causal model of two such blocks."""

    def __init__(self, name: str = "kv_heads", *, length_first: bool = False) -> None:
        super().__init__()
        self.length_first = length_first
        self.embedding, self.head = torch.nn.Embedding(61, 32), torch.nn.Linear(32, 61)
        self.blocks = torch.nn.ModuleList(
            [PlainAttentionBlock(name=name, length_first=length_first) for _ in range(2)]
        )

    def forward(self, input_ids: Any, attention_mask: Any = None) -> Any:
        x = self.embedding(input_ids)
        x = x.transpose(0, 1) if self.length_first else x
        for block in self.blocks:
            x = block(x)
        return self.head(x.transpose(0, 1) if self.length_first else x)


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


@pytest.mark.parametrize(
    "name", ["kv_heads", "n_query_groups", "num_query_groups", "n_local_heads", "kv_n_heads"]
)
def test_groups_under_every_usual_name(name: str) -> None:
    sites = find_head_sites(Grouped(name))
    assert [(s.name, s.n_heads, s.n_groups) for s in sites] == [
        (f"blocks.{i}.attn.o_proj", 4, 2) for i in range(2)
    ]


def test_groups_by_the_width_of_the_values() -> None:
    model = definitions.tiny("llama")
    for layer in model.model.layers:
        layer.self_attn.config = None
        layer.self_attn.num_key_value_groups = 1
    assert {site.n_groups for site in find_head_sites(model)} == {2}


@pytest.mark.parametrize("ablation", ["zero", "mean", "resample"])
def test_length_first_gives_what_batch_first_gives(ablation: str) -> None:
    one, other = Grouped().eval(), Grouped(length_first=True).eval()
    other.load_state_dict(one.state_dict())
    batch: dict[str, Any] = {"input_ids": definitions.tokens(4, 16)}
    if ablation == "mean":
        batch["attention_mask"] = torch.ones(4, 16, dtype=torch.long)
        batch["attention_mask"][:, 12:] = 0
    tables = [head_importance(model, batch, ablation=ablation, progress=False) for model in (one, other)]
    np.testing.assert_allclose(tables[1]["ablated_loss"], tables[0]["ablated_loss"], rtol=1e-6)
    square = {"input_ids": definitions.tokens(4, 4)}  # as many sequences as tokens
    tables = [head_importance(model, square, ablation="resample", progress=False) for model in (one, other)]
    np.testing.assert_allclose(tables[1]["ablated_loss"], tables[0]["ablated_loss"], rtol=1e-6)


def test_a_layer_without_its_projection_is_refused() -> None:
    model = Grouped()
    model.blocks[1].attn.strange = model.blocks[1].attn.o_proj
    del model.blocks[1].attn.o_proj
    with pytest.raises(HookError, match=r"attention at .blocks\.1\.attn. without an output projection"):
        find_head_sites(model)


def test_layers_that_share_weights_are_refused() -> None:
    model = Grouped()
    model.blocks[1].attn.o_proj.weight = model.blocks[0].attn.o_proj.weight
    with pytest.raises(HookError, match="share their weights"):
        find_head_sites(model)


def test_attention_beside_the_stack_is_refused() -> None:
    model = Grouped()
    model.extra_attention = Attention(32, 4, 4, "", length_first=False)
    with pytest.raises(HookError, match="several stacks"):
        find_head_sites(model)


def test_the_part_that_reads_is_taken_of_a_model_that_sees() -> None:
    model = Grouped()
    model.vision_tower = Grouped().blocks
    assert len(find_head_sites(model)) == 2


def t5() -> Any:
    settings = {"vocab_size": 61, "d_model": 32, "d_kv": 8, "d_ff": 48, "num_layers": 2, "num_heads": 4}
    config = transformers.T5Config(**settings, decoder_start_token_id=0, pad_token_id=0)
    return definitions._loud(transformers.T5ForConditionalGeneration(config)).eval()


@pytest.mark.parametrize("part", ["encoder", "decoder", "cross"])
def test_an_encoder_decoder_has_the_models_own_loss(part: str) -> None:
    model, ids, labels = t5(), definitions.tokens(4, 16), definitions.tokens(4, 8, seed=3)
    labels[0, 5:] = -100
    sites = find_head_sites(model, part=part)
    table = head_importance(model, {"input_ids": ids, "labels": labels}, sites=sites, progress=False)
    with torch.no_grad():
        own = float(model(input_ids=ids, labels=labels).loss)
        assert table["baseline_loss"][0] == pytest.approx(own, rel=1e-6)
        with ablated(model, [(1, 2)], sites=sites):
            without = float(model(input_ids=ids, labels=labels).loss)
    assert table["ablated_loss"][4 + 2] == pytest.approx(without, rel=1e-6)
    assert abs(without - own) > 1e-3
    with pytest.raises(ArgumentError, match="decoder"):
        head_importance(model, {"input_ids": ids, "labels": labels}, sites=sites, loss="next_token")


def test_a_model_that_sees_the_next_token_is_refused() -> None:
    config = transformers.BertConfig(**definitions.SMALL)
    model = transformers.BertLMHeadModel(config)
    with pytest.raises(ArgumentError, match="not causal"):
        head_importance(model, definitions.tokens(), progress=False)
    assert len(head_importance(model, definitions.tokens(), loss="next_token", progress=False)) == 12


@pytest.mark.parametrize("heads", [[(0, 99)], [(0, -1)], [(0, 1), (0, 99)], [(77, 0)]])
def test_heads_that_do_not_exist_are_refused(heads: list[tuple[int, int]]) -> None:
    with pytest.raises(ArgumentError, match="no head"), ablated(definitions.tiny("llama"), heads):
        pass


def test_ablated_works_in_generate_and_asks_for_means() -> None:
    model, ids = definitions.tiny("llama").eval(), definitions.tokens(1, 8)
    with torch.no_grad(), ablated(model, [(0, 0)]):
        assert model.generate(ids, max_new_tokens=3, do_sample=False).shape == (1, 11)
    with pytest.raises(ArgumentError, match="no means for layers"), ablated(model, [(0, 0)], ablation="mean"):
        pass
    means = mean_inputs(model, find_head_sites(model), [{"input_ids": ids}])
    with ablated(model, [(0, 0)], ablation="mean", means=means):
        model(ids)


def test_losses_are_float32_whatever_the_model_computes_in() -> None:
    model, ids = definitions.tiny("llama").bfloat16().eval(), definitions.tokens()
    table = head_importance(model, ids, dtype=None, progress=False)
    with torch.no_grad():
        logits = model(ids).logits.float()[:, :-1]
    expected = torch.nn.functional.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten()).item()
    assert table["baseline_loss"][0] == pytest.approx(expected, rel=1e-6)


def test_rotary_frequencies_are_not_rounded() -> None:
    model, seen = definitions.tiny("llama"), set()

    def look(output: Any, batch: Any) -> Any:
        seen.add(model.model.rotary_emb.inv_freq.dtype)
        return output.logits.double().sum(dim=(1, 2)), torch.ones(4)

    head_importance(model, definitions.tokens(), dtype="bfloat16", loss=look, heads=[(0, 0)], progress=False)
    assert seen == {torch.float32}


def test_quantised_weights_are_used_as_loaded() -> None:
    model = torch.ao.quantization.quantize_dynamic(
        definitions.tiny("llama"), {torch.nn.Linear}, dtype=torch.qint8
    )
    table = head_importance(model, definitions.tokens(), progress=False)
    with torch.no_grad():
        logits = model(definitions.tokens()).logits[:, :-1]
    expected = torch.nn.functional.cross_entropy(
        logits.flatten(0, 1), definitions.tokens()[:, 1:].flatten()
    ).item()
    assert table["baseline_loss"][0] == pytest.approx(expected, rel=1e-6)
    assert "computed in the types that were loaded" in table.attrs["notes"][0]


BATCHES: dict[str, tuple[Any, str]] = {
    "no array": ({"input_ids": [[5, 6, 7], [5, 6]]}, "no array"),
    "not in the vocabulary": (np.full((2, 8), 99), "token ids from 99 to 99"),
    "one row": ({"input_ids": [1, 2, 3]}, r"shape \(3,\)"),
    "unequal": ([[1, 2, 3], [1, 2]], "2 to 3 tokens"),
    "four axes of mask": (
        {"input_ids": np.ones((2, 4), dtype=int), "attention_mask": np.ones((2, 1, 4, 4), dtype=bool)},
        "no labels",
    ),
}


@pytest.mark.parametrize("name", BATCHES)
def test_batches_that_are_refused(name: str) -> None:
    batch, message = BATCHES[name]
    with pytest.raises(ArgumentError, match=message):
        head_importance(definitions.tiny("llama"), batch, progress=False)


@pytest.mark.parametrize("variants", [1, 4, "auto"])
def test_batches_of_other_forms_give_the_same_numbers(variants: Any) -> None:
    model, ids = definitions.tiny("llama"), definitions.tokens()
    expected = head_importance(model, ids, progress=False)["delta"]
    for batch in (
        ids.tolist(),
        list(ids),
        {"input_ids": ids, "position_ids": torch.arange(16)[None]},
        torch.utils.data.DataLoader([{"input_ids": row} for row in ids], batch_size=2),
    ):
        found = head_importance(model, batch, variants_per_pass=variants, progress=False)["delta"]
        np.testing.assert_allclose(found, expected, atol=2e-6)


@pytest.mark.parametrize("architecture", ["gpt_neox", "llama", "phi"])
def test_losses_over_tiles_of_the_vocabulary_are_those_of_all_logits(
    monkeypatch: pytest.MonkeyPatch, architecture: str
) -> None:
    from concentra.heads import exact, tiles

    model = definitions.tiny(architecture)
    batches = [definitions.tokens(4, 48, seed=seed) for seed in (0, 1)] + [definitions.tokens(2, 48)]
    plain = head_importance(model, batches, progress=False)
    monkeypatch.setattr(exact, "BYTES_AT_A_TIME", 61 * 4 * 32)
    monkeypatch.setattr(tiles, "BYTES_OF_A_TILE", 1)
    found = head_importance(model, batches, progress=False)
    assert (plain.attrs["tiles"], found.attrs["tiles"]) == (False, True)
    np.testing.assert_allclose(found["ablated_loss"], plain["ablated_loss"], rtol=2e-7)
    assert found.attrs["notes"] == plain.attrs["notes"] == []
    capped = definitions.tiny("gemma2")
    table = head_importance(capped, batches, progress=False)
    assert table.attrs["tiles"] is False  # the logits are capped after their module
    assert any("all at once" in note for note in table.attrs["notes"])


def test_an_interrupted_measurement_leaves_no_hook() -> None:
    model = definitions.tiny("llama")

    class Stop(Exception):
        pass

    def loss(output: Any, batch: Any) -> Any:
        model.model.layers[0].mlp.register_forward_hook(lambda *_: None)  # as if one were left behind
        raise Stop

    with pytest.raises(HookError, match="Stop"):
        head_importance(model, definitions.tokens(), loss=loss, progress=False)
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())
