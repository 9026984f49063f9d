"""What the table says: signs, units, conventions, noise; and the model handed back as it came."""

from __future__ import annotations

import copy

import numpy as np
import pytest

import definitions_heads as definitions

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytestmark = [pytest.mark.heads, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

from concentra.errors import ArgumentError  # noqa: E402
from concentra.heads import ablated, find_head_sites, head_importance, mean_inputs  # noqa: E402
from concentra.heads.ablate import donor_sequences  # noqa: E402
from concentra.heads.importance import COLUMNS  # noqa: E402

WORD = {"progress": False}


def test_the_table_says_what_the_sequences_say() -> None:
    model, batches = (
        definitions.tiny("llama").eval(),
        [definitions.tokens(seed=0), definitions.tokens(seed=1)],
    )
    table = head_importance(model, batches, name="m", checkpoint="step7", **WORD)
    assert list(table) == COLUMNS
    baseline = [loss for ids in batches for loss in definitions.sequence_losses(model, ids)]
    naive = definitions.naive_losses(model, batches, find_head_sites(model))
    for row, losses in zip(table.itertuples(), naive, strict=True):
        delta, error = definitions.jackknife_delta(losses, baseline)
        assert row.delta == pytest.approx(delta, rel=1e-9)
        assert row.delta_se == pytest.approx(error, rel=0.05)
        assert np.sign(row.delta) == -np.sign(row.ablated_loss - row.baseline_loss)
    assert (table["n_sequences"] == 8).all()
    assert (table["n_tokens"] == 8 * 15).all()
    assert set(table["model"] + table["checkpoint"]) == {"mstep7"}


@pytest.mark.parametrize("architecture", ["gpt_neox", "gpt2", "llama", "opt"])
def test_a_layer_without_heads_is_the_bias_of_its_projection(architecture: str) -> None:
    model, ids = definitions.tiny(architecture).eval(), definitions.tokens()
    table = head_importance(model, ids, unit="layer", **WORD)
    assert table["head"].tolist() == [-1, -1, -1]
    for site, loss in zip(find_head_sites(model), table["ablated_loss"], strict=True):
        bias = model.get_submodule(site.name).bias

        def only_bias(module, arguments, output, bias=bias):
            return torch.zeros_like(output) if bias is None else bias.expand_as(output).clone()

        handle = model.get_submodule(site.name).register_forward_hook(only_bias)
        assert loss == sum(definitions.sequence_losses(model, ids)) / 60
        handle.remove()


def test_a_group_is_its_query_heads_together() -> None:
    model, ids = definitions.tiny("llama").eval(), definitions.tokens()
    table = head_importance(model, ids, unit="kv_group", **WORD)
    assert len(table) == 3 * 2
    with ablated(model, [(1, 2), (1, 3)]):
        together = sum(definitions.sequence_losses(model, ids)) / 60
    assert table.loc[(table["layer"] == 1) & (table["head"] == 1), "ablated_loss"].item() == together


def test_only_the_heads_asked_for() -> None:
    model, ids = definitions.tiny("llama"), definitions.tokens()
    whole = head_importance(model, ids, **WORD).set_index(["layer", "head"])["ablated_loss"]
    some = head_importance(model, ids, heads=[(2, 1), (1, 3)], **WORD).set_index(["layer", "head"])
    assert some["ablated_loss"].to_dict() == {(1, 3): whole[1, 3], (2, 1): whole[2, 1]}
    with pytest.raises(ArgumentError, match=r"no head at \(layer, number\) \[\(7, 0\)\]"):
        head_importance(model, ids, heads=[(7, 0)])


@pytest.mark.parametrize("prefix_cache", [True, False])
def test_mean_ablation_puts_the_mean_over_all_tokens(prefix_cache: bool) -> None:
    model, batches = (
        definitions.tiny("gpt_neox").eval(),
        [definitions.tokens(seed=0), definitions.tokens(seed=1)],
    )
    site = find_head_sites(model)[1]
    seen = []
    handle = model.get_submodule(site.name).register_forward_pre_hook(lambda m, a: seen.append(a[0]))
    for ids in batches:
        definitions.sequence_losses(model, ids)
    handle.remove()
    mean = torch.cat([x.flatten(0, 1) for x in seen]).double().mean(dim=0).float()

    def put(module, arguments):
        changed = arguments[0].clone()
        changed[..., 8:16] = mean[8:16]
        return (changed,)

    handle = model.get_submodule(site.name).register_forward_pre_hook(put)
    expected = sum(sum(definitions.sequence_losses(model, ids)) for ids in batches) / 120
    handle.remove()
    table = head_importance(model, batches, ablation="mean", prefix_cache=prefix_cache, **WORD)
    assert table["ablated_loss"][4 + 1] == pytest.approx(expected, rel=1e-6)
    means = mean_inputs(model, [site], [{"input_ids": ids} for ids in batches])
    np.testing.assert_allclose(means[1].numpy(), mean.numpy(), rtol=1e-5, atol=1e-7)


def test_mean_ablation_does_not_count_padding() -> None:
    model, ids = definitions.tiny("gpt_neox").eval(), definitions.tokens()
    mask = torch.ones_like(ids)
    mask[:, 12:] = 0
    padded = head_importance(model, {"input_ids": ids, "attention_mask": mask}, ablation="mean", **WORD)
    short = head_importance(model, ids[:, :12], ablation="mean", **WORD)
    np.testing.assert_allclose(padded["ablated_loss"], short["ablated_loss"], rtol=1e-5)
    assert padded["n_tokens"].tolist() == short["n_tokens"].tolist()


@pytest.mark.parametrize("variants", [1, 4])
def test_resample_ablation_takes_another_sequence(variants: int) -> None:
    model, ids = definitions.tiny("gpt_neox").eval(), definitions.tokens()
    donors = donor_sequences(4, 5, 0)
    assert not (donors == np.arange(4)).any()

    def put(module, arguments):
        changed = arguments[0].clone()
        changed[..., 0:8] = arguments[0][donors][..., 0:8]
        return (changed,)

    handle = model.gpt_neox.layers[2].attention.dense.register_forward_pre_hook(put)
    expected = sum(definitions.sequence_losses(model, ids)) / 60
    handle.remove()
    table = head_importance(model, ids, ablation="resample", seed=5, variants_per_pass=variants, **WORD)
    assert table["ablated_loss"][8] == expected
    with pytest.raises(ArgumentError, match="a batch of 1 sequence"):
        head_importance(model, ids[:1], ablation="resample", **WORD)
    mask = torch.ones_like(ids)
    mask[0, -1] = 0
    with pytest.raises(ArgumentError, match="padded sequences"):
        head_importance(model, {"input_ids": ids, "attention_mask": mask}, ablation="resample", **WORD)


def test_taylor_is_the_slope_of_the_loss_in_a_heads_gate() -> None:
    model, ids = definitions.tiny("gpt_neox").eval().double(), definitions.tokens()
    table = head_importance(model, ids, method="taylor", dtype=None, **WORD)
    site = find_head_sites(model)[1]

    def gated(gate: float) -> float:
        def hook(module, arguments):
            changed = arguments[0].clone()
            changed[..., 16:24] *= gate
            return (changed,)

        handle = model.get_submodule(site.name).register_forward_pre_hook(hook)
        loss = sum(definitions.sequence_losses(model, ids)) / 60
        handle.remove()
        return loss

    slope = (gated(1 + 1e-5) - gated(1 - 1e-5)) / 2e-5
    row = table.iloc[4 + 2]
    assert row["ablated_loss"] - row["baseline_loss"] == pytest.approx(-slope, rel=1e-5)
    assert set(table["method"]) == {"taylor"}
    assert all(parameter.grad is None for parameter in model.parameters())


def test_it_stops_when_sure_enough() -> None:
    model = definitions.tiny("gpt_neox")
    batches = [definitions.tokens(seed=seed) for seed in range(12)]
    whole = head_importance(model, batches, **WORD)
    target = float(whole["delta_se"].max()) * 1.5
    early = head_importance(model, batches, target_se=target, min_sequences=8, **WORD)
    assert 8 <= early["n_sequences"][0] < 48
    assert early["delta_se"].max() <= target
    never = head_importance(model, batches, target_se=0.0, **WORD)
    assert never["n_sequences"][0] == 48


def test_one_sequence_has_no_standard_error() -> None:
    table = head_importance(definitions.tiny("gpt_neox"), definitions.tokens(1), **WORD)
    assert table["delta_se"].isna().all()
    assert table["delta"].notna().all()


def test_a_loss_of_ones_own() -> None:
    def wrong(output, batch):
        misses = (output.logits[:, :-1].argmax(-1) != batch["input_ids"][:, 1:]).double()
        return misses.sum(dim=1), torch.full((len(misses),), misses.shape[1])

    table = head_importance(definitions.tiny("llama"), definitions.tokens(), loss=wrong, **WORD)
    assert ((table["ablated_loss"] >= 0) & (table["ablated_loss"] <= 1)).all()
    assert table["baseline_loss"][0] * 60 == pytest.approx(round(table["baseline_loss"][0] * 60))


def state_of(model) -> dict:
    """Everything that must be as it was."""
    return {
        "modes": [module.training for module in model.modules()],
        "hooks": [(len(m._forward_hooks), len(m._forward_pre_hooks)) for m in model.modules()],
        "patched": [sorted(m.__dict__) for m in model.modules()],
        "grads": [(p.requires_grad, None if p.grad is None else p.grad.tolist()) for p in model.parameters()],
        "tensors": [(id(p), p.data_ptr(), p.dtype, p.tolist()) for p in model.parameters()],
        "random": torch.get_rng_state().tolist(),
        "numpy": np.random.get_state()[1].tolist(),  # noqa: NPY002
        "grad mode": torch.is_grad_enabled(),
    }


def prepared():
    """A model in a state that is easily lost: mixed modes, a frozen parameter, a gradient, a hook of its own."""
    model = definitions.tiny("gpt_neox").train()
    model.gpt_neox.layers[1].eval()
    next(model.parameters()).requires_grad_(False)
    last = model.get_output_embeddings().weight
    last.grad = torch.ones_like(last)
    model.gpt_neox.layers[0].register_forward_hook(lambda *_: None)
    return model


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
@pytest.mark.parametrize("method", ["exact", "taylor"])
def test_the_model_is_handed_back_as_it_came(method: str, dtype: str) -> None:
    model = prepared()
    before = state_of(model)
    head_importance(model, definitions.tokens(), method=method, dtype=dtype, ablation="mean", **WORD)
    assert state_of(model) == before


@pytest.mark.parametrize("fails_at", [1, 2, 3, 5, 9, 17])
def test_the_model_is_handed_back_after_an_exception(fails_at: int) -> None:
    model = prepared()
    before, calls = state_of(model), []

    def fails(output, batch):
        calls.append(torch.rand(3))  # disturbs the random state as well
        if len(calls) == fails_at:
            raise KeyboardInterrupt
        return output.logits.double().sum(dim=(1, 2)), torch.ones(len(output.logits))

    with pytest.raises(KeyboardInterrupt):
        head_importance(model, [definitions.tokens()] * 3, loss=fails, dtype="float64", **WORD)
    assert len(calls) == fails_at
    assert state_of(model) == before


def test_an_exception_inside_a_block_leaves_no_hook() -> None:
    model = prepared()
    original = model.gpt_neox.layers[2].mlp.act.forward

    def explode(x):
        raise RuntimeError("inside")

    model.gpt_neox.layers[2].mlp.act.forward = explode
    before = state_of(model)
    with pytest.raises(RuntimeError, match="inside"):
        head_importance(model, definitions.tokens(), **WORD)
    assert state_of(model) == before
    assert original is not explode


def test_half_precision_models_are_measured_in_float32() -> None:
    model, ids = definitions.tiny("llama"), definitions.tokens()
    half = copy.deepcopy(model).to(torch.bfloat16)
    rounded = copy.deepcopy(half).float()
    np.testing.assert_array_equal(
        head_importance(half, ids, **WORD)["ablated_loss"],
        head_importance(rounded, ids, **WORD)["ablated_loss"],
    )
    assert {p.dtype for p in half.parameters()} == {torch.bfloat16}


@pytest.mark.parametrize(
    "option, message",
    [
        ({"ablation": "none"}, "ablation='none'"),
        ({"method": "guess"}, "method='guess'"),
        ({"unit": "neuron"}, "unit='neuron'"),
        ({"variants_per_pass": 0}, "variants_per_pass=0"),
        ({"prefix_cache": "no"}, "prefix_cache='no'"),
        ({"dtype": "int8"}, "dtype='int8'"),
        ({"loss": "hinge"}, "loss='hinge'"),
        ({"loss": "token"}, "no labels"),
    ],
)
def test_options_outside_their_range(option: dict, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        head_importance(definitions.tiny("llama"), definitions.tokens(), **option, **WORD)


def test_no_tokens() -> None:
    with pytest.raises(ArgumentError, match="no evaluation sequences"):
        head_importance(definitions.tiny("llama"), [])
