"""Every language model class of the installed transformers, built small with random weights, and two naive ways.

A configuration is made small by the names of its attributes; nested ones likewise. A class that cannot be built in
this way is reported as such.
"""

from __future__ import annotations

import signal
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

VOCABULARY, LAYERS, WIDTH, HEADS = 61, 4, 32, 4
MOST_PARAMETERS = 10_000_000
SECONDS = 60

# fmt: off
SIZES: dict[str, Any] = {
    "vocab_size": VOCABULARY, "text_vocab_size": VOCABULARY, "vocab_size_per_layer_input": VOCABULARY,
    "num_embeddings": VOCABULARY,
    "hidden_size": WIDTH, "d_model": WIDTH, "n_embd": WIDTH, "embed_dim": WIDTH, "dim": WIDTH, "emb_dim": WIDTH,
    "embedding_size": WIDTH, "word_embed_proj_dim": WIDTH, "attention_hidden_size": WIDTH, "d_embed": WIDTH,
    "decoder_hidden_size": WIDTH, "lru_width": WIDTH, "true_hidden_size": WIDTH, "hidden_dim": 48,
    "intermediate_size": 48, "ffn_dim": 48, "n_inner": 48, "d_inner": 48, "d_ff": 48, "encoder_ffn_dim": 48,
    "decoder_ffn_dim": 48, "ffn_hidden_size": 48, "intermediate_size_mlp": 48, "feed_forward_size": 48,
    "ffn_intermediate_size": 48, "dense_intermediate_size": 48, "shared_intermediate_size": 24,
    "expert_ffn_hidden_size": 24, "expert_dim": 24, "hidden_size_per_layer_input": 8,
    "moe_intermediate_size": 24, "shared_expert_intermediate_size": 24, "moe_shared_expert_intermediate_size": 24,
    "moe_ffn_hidden_size": 24, "expert_intermediate_size": 24, "moe_latent_size": None,
    "num_hidden_layers": LAYERS, "n_layer": LAYERS, "n_layers": LAYERS, "num_layers": LAYERS,
    "encoder_layers": LAYERS, "decoder_layers": LAYERS, "num_decoder_layers": LAYERS, "num_encoder_layers": LAYERS,
    "num_attention_heads": HEADS, "n_head": HEADS, "n_heads": HEADS, "num_heads": HEADS,
    "encoder_attention_heads": HEADS, "decoder_attention_heads": HEADS, "num_decoder_heads": HEADS,
    "num_key_value_heads": 2, "num_kv_heads": 2, "n_head_kv": 2, "num_query_groups": 2, "kv_heads": 2,
    "head_dim": 8, "attention_head_dim": 8, "d_head": 8, "kv_channels": 8, "global_head_dim": 8, "d_kv": 8,
    "v_head_dim": 8, "qk_nope_head_dim": 8, "qk_rope_head_dim": 8, "qk_head_dim": 16, "q_lora_rank": 16,
    "kv_lora_rank": 16, "swa_head_dim": 8, "swa_v_head_dim": 8, "swa_num_attention_heads": 4,
    "swa_num_key_value_heads": 2, "o_lora_rank": 16, "o_groups": 1,
    "index_n_heads": 2, "index_head_dim": 16, "index_topk": 8, "index_block_size": 4,
    "max_position_embeddings": 64, "n_positions": 64, "n_ctx": 64, "max_sequence_length": 64, "seq_length": 64,
    "max_seq_len": 64, "sliding_window": 8, "attention_chunk_size": 8, "attention_window": 8, "local_attention": 8,
    "local_attention_window_size": 8, "block_size": 8, "rotary_dim": 4, "attention_window_size": 8,
    "num_experts": 4, "num_local_experts": 4, "n_routed_experts": 4, "moe_num_experts": 4, "num_experts_per_tok": 2,
    "num_experts_per_token": 2, "moe_topk": 2, "moe_top_k": 2, "top_k_experts": 2, "n_shared_experts": 1,
    "num_shared_experts": 1, "moe_k": 2, "zero_expert_num": 0, "expert_num": 4,
    "moe_num_shared_experts": 1, "n_group": 1, "topk_group": 1, "first_k_dense_replace": 1,
    "moe_layer_start_index": 1, "num_zero_experts": 0,
    "linear_num_value_heads": 8, "linear_num_key_heads": 4, "linear_key_head_dim": 8, "linear_value_head_dim": 8,
    "mamba_d_state": 8, "mamba_expand": 2, "mamba_n_heads": 8, "mamba_d_head": 8, "mamba_num_heads": 8,
    "mamba_head_dim": 8, "mamba_headdim": 8, "n_mamba_heads": 2, "mamba_dt_rank": 8, "mamba_n_groups": 1,
    "mamba_ngroups": 1, "mamba_d_ssm": 64, "mamba_chunk_size": 8, "state_size": 8, "ssm_state_size": 8,
    "chunk_size": 8, "n_groups": 1, "time_step_rank": 8, "attn_layer_period": 2, "attn_layer_offset": 1,
    "expert_layer_period": 2, "expert_layer_offset": 1, "full_attention_interval": 2, "conv_kernel": 4,
    "num_mem_blocks": 1, "layers_block_type": None, "layer_types": None, "mlp_layer_types": None,
    "no_rope_layers": None, "hybrid_layer_ids": [1, 3], "hybrid_override_pattern": None,
    "attention_types": [[["global", "local"], 2]], "attention_layers": ["global", "local"] * 2,
    "bottleneck_size": 16, "intra_bottleneck_size": 16, "num_feedforward_networks": 1,
    "num_hash_buckets": 64, "num_buckets": 32, "axial_pos_shape": (8, 8), "axial_pos_embds_dim": (16, 16),
    "attn_layers": ["local", "lsh"] * 2, "num_hashes": 1, "lsh_attn_chunk_length": 8, "local_attn_chunk_length": 8,
    "block_sizes": [2, 2], "cutoffs": [20, 40], "type_vocab_size": 2, "num_kv_shared_layers": 0,
    "laurel_rank": 4, "activation_sparsity_pattern": None, "num_nextn_predict_layers": 0, "num_mtp_layers": 0,
    "num_dense_layers": 1, "num_hidden_groups": 1, "inner_group_num": 1, "pad_token_id": 0, "bos_token_id": 1,
    "eos_token_id": 2, "decoder_start_token_id": 0, "is_decoder": True, "pad_token_ids": 0,
    "rescale_every": 0, "max_window_layers": 4, "use_cache": False,
    "tie_word_embeddings": None, "image_size": 32, "patch_size": 16,
    "interleave_moe_layer_step": 2, "attention_group_size": 2, "num_memory_blocks": 1, "ngram": 2,
    "num_codebooks": 2, "share_embeddings": False, "add_cross_attention": False,
}
# fmt: on
BY_CLASS: dict[str, dict[str, Any]] = {
    "HunYuanDenseV1Config": {"head_dim": 8},
    "HunYuanMoEV1Config": {"head_dim": 8},
    "MinistralConfig": {"head_dim": 8},
    "Dots1Config": {"n_routed_experts": 4, "n_shared_experts": 1, "num_experts_per_tok": 2, "head_dim": 8},
    "NemotronConfig": {"num_key_value_heads": 2},
    "ZambaConfig": {"attention_hidden_size": 64, "attention_head_dim": 16},
    "Zamba2Config": {
        "attention_hidden_size": 64,
        "attention_head_dim": 16,
        "n_mamba_heads": 8,
        "hybrid_layer_ids": [1, 3],
    },
    "Lfm2MoeConfig": {"layer_types": ["full_attention", "conv"] * 2},
    "BambaConfig": {"attn_layer_indices": [1, 3]},
    "GraniteMoeHybridConfig": {"layer_types": ["linear_attention", "full_attention"] * 2},
    "CohereCompassConfig": {
        "rope_parameters": {"full_attention": {"rope_type": "default", "rope_theta": 1e4}}
    },
    "DbrxConfig": {
        "attn_config": {"kv_n_heads": 2, "rope_theta": 1e4},
        "ffn_config": {"ffn_hidden_size": 48},
    },
    "EsmConfig": {"vocab_size": 61},
    "MobileBertConfig": {"intra_bottleneck_size": 32},
    "LukeConfig": {"entity_vocab_size": 61, "entity_emb_size": 32},
    "RoCBertConfig": {
        "pronunciation_vocab_size": 61,
        "shape_vocab_size": 61,
        "pronunciation_embed_dim": 16,
        "shape_embed_dim": 16,
    },
    "XmodConfig": {"default_language": "en_XX"},
}  # fmt: skip
KEPT = ("tie_word_embeddings",)
LAYERWISE = ("num_hidden_layers", "n_layer", "n_layers", "num_layers")


@dataclass(frozen=True)
class Outcome:
    """What became of a class: `exact`, `refused`, `not buildable`, `different` or `crash`, and a few words."""

    name: str
    what: str
    words: str = ""
    n_heads: int = 0


def class_names(kind: str) -> list[str]:
    """The classes of a kind, "causal" or "masked", by the names of the installed transformers."""
    from transformers.models.auto import modeling_auto

    names = {
        "causal": modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
        "masked": modeling_auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES,
    }[kind]
    found = [one for value in names.values() for one in (value if isinstance(value, tuple) else (value,))]
    return sorted(set(found))


def small_config(config_class: Any, *, is_decoder: bool) -> Any:
    """A configuration of the class with every size that is known by name made small."""
    default = config_class()
    wanted = _small_settings(default, is_decoder) | BY_CLASS.get(config_class.__name__, {})
    for _ in range(12):
        try:
            return config_class(**wanted)
        except Exception as error:
            culprit = next((key for key in wanted if f"{key}" in str(error)), None)
            if culprit is None:
                raise
            wanted.pop(culprit)
    return config_class(**wanted)


def _small_settings(default: Any, is_decoder: bool) -> dict[str, Any]:
    written = {key: value for key, value in vars(default).items() if not key.startswith("_")}
    depth = next(
        (getattr(default, key) for key in LAYERWISE if isinstance(getattr(default, key, None), int)), 0
    )
    names = {*written, *getattr(default, "attribute_map", {})}
    settings: dict[str, Any] = {}
    for key in sorted(names):
        value = written.get(key)
        if hasattr(value, "to_dict") and hasattr(value, "model_type"):
            settings[key] = _nested(value)
        elif key in SIZES and key not in KEPT and (value is not None or key.endswith("_id")):
            settings[key] = SIZES[key] if key != "is_decoder" else is_decoder
        elif isinstance(value, list) and depth and len(value) == depth:
            settings[key] = value[:LAYERS]
        elif isinstance(value, dict) and key in ("rope_parameters", "rope_scaling") and value:
            settings[key] = value
    settings.setdefault("pad_token_id", 0)
    if "kv_lora_rank" in written and "num_key_value_heads" in settings:
        settings["num_key_value_heads"] = HEADS  # latent attention shares no heads
    for key in ("layer_types", "layers_block_type"):
        kinds = written.get(key)
        if isinstance(kinds, list) and kinds:
            distinct = list(dict.fromkeys(kinds))
            settings[key] = (distinct * LAYERS)[:LAYERS]
    return {key: value for key, value in settings.items() if value is not None or key in ("sliding_window",)}


def _nested(config: Any) -> dict[str, Any]:
    """A nested configuration made small; one that sees or hears keeps its own vocabulary of names."""
    settings = _small_settings(config, True)
    settings["model_type"] = config.model_type
    return settings


@contextmanager
def time_limit(seconds: int) -> Iterator[None]:
    """Raise `TimeoutError` in the block after so many seconds."""

    def stop(*_: Any) -> None:
        raise TimeoutError(f"{seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def build(name: str, *, masked: bool) -> Any:
    """The model, small and with random weights large enough that every head matters."""
    import torch
    import transformers

    kind = getattr(transformers, name)
    torch.manual_seed(0)
    config = small_config(kind.config_class, is_decoder=not masked)
    with torch.device("meta"):
        size = sum(parameter.numel() for parameter in kind(config).parameters())
    if size > MOST_PARAMETERS:
        raise MemoryError(f"{size} parameters")
    torch.manual_seed(0)
    model = kind(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.is_floating_point():
                parameter.add_(
                    torch.randn(parameter.shape).to(parameter.dtype) * (0.2 if parameter.dim() > 1 else 0.1)
                )
    return model


def tried(name: str, *, masked: bool) -> Outcome:
    """Build one class, measure its heads, and compare with a hook loop and with weights set to zero."""
    from concentra.errors import ConcentraError
    from concentra.heads import find_head_sites, head_importance, masked_batches

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with time_limit(SECONDS):
                model = build(name, masked=masked)
                batch = _batch(masked, masked_batches)
                losses(model, batch, masked)
        except Exception as error:
            return Outcome(name, "not buildable", f"{type(error).__name__}: {str(error)[:100]}")
        try:
            with time_limit(4 * SECONDS):
                if getattr(model.config, "is_encoder_decoder", False):
                    sites = find_head_sites(model, part="decoder")
                else:
                    sites = find_head_sites(model)
                loss = "token" if masked else "auto"
                table = head_importance(model, batch, sites=sites, loss=loss, progress=False)
        except TimeoutError as error:
            return Outcome(name, "not buildable", f"too slow to compare: {error}")
        except ConcentraError as error:
            return Outcome(name, "refused", str(error).splitlines()[0])
        except Exception as error:
            return Outcome(name, "crash", f"{type(error).__name__}: {str(error)[:150]}")
        return _compared(name, model, batch, masked, sites, table)


def _batch(masked: bool, masked_batches: Callable[..., Any]) -> dict[str, Any]:
    import torch

    ids = torch.randint(3, VOCABULARY, (4, 16), generator=torch.Generator().manual_seed(0))
    return masked_batches([ids], mask_token=3, share=0.3)[0] if masked else {"input_ids": ids}


def _compared(name: str, model: Any, batch: Any, masked: bool, sites: Any, table: Any) -> Outcome:
    plain = losses(model, batch, masked)
    ours = {(row.layer, row.head): row.ablated_loss for row in table.itertuples()}
    worst = abs(table["baseline_loss"].iloc[0] - plain)
    moved = 0.0
    for site in sites:
        for head in range(site.n_heads):
            hook = with_hook(model, site, head, lambda: losses(model, batch, masked))
            weight = with_zero_weights(model, site, head, lambda: losses(model, batch, masked))
            here = ours.pop((site.layer, head))
            worst = max(worst, abs(here - hook), abs(here - weight))
            moved = max(moved, abs(here - plain))
    words = f"largest difference {worst:.1e}, largest effect {moved:.1e}; {'; '.join(table.attrs['notes'])}"
    right = not ours and worst <= 2e-6 * max(1.0, abs(plain)) and moved > 1e-4
    return Outcome(name, "exact" if right else "different", words, len(table))


def losses(model: Any, batch: Any, masked: bool) -> float:
    """The mean loss of a counted token, from the model's logits."""
    import torch

    inputs = {key: value for key, value in batch.items() if key != "labels"}
    if getattr(model.config, "is_encoder_decoder", False):
        inputs["labels"] = batch["labels"]
    with torch.no_grad():
        output = model(**inputs)
    logits = output.logits if hasattr(output, "logits") else output.prediction_logits
    labels = batch["labels"] if masked else batch["input_ids"][:, 1:]
    logits = logits if masked else logits[:, :-1]
    flat = torch.nn.functional.cross_entropy(
        logits.flatten(0, 1).float(), labels.flatten(), ignore_index=-100, reduction="none"
    )
    assert flat.numel() == labels.numel()
    value = float(flat.double().sum() / (labels != -100).sum())
    if not np.isfinite(value):
        raise FloatingPointError("a loss that is not finite")
    return value


def with_hook(model: Any, site: Any, head: int, work: Callable[[], float]) -> float:
    """The loss with a head's slice of the projection's input at zero."""

    def hook(module: Any, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        values = list(arguments) or list(keywords.values())
        changed = values[0].clone()
        size = changed.shape[-1] // site.n_heads
        changed[..., head * size : (head + 1) * size] = 0
        if arguments:
            return (changed, *arguments[1:]), keywords
        return arguments, {**keywords, next(iter(keywords)): changed}

    handle = model.get_submodule(site.name).register_forward_pre_hook(hook, with_kwargs=True)
    try:
        return work()
    finally:
        handle.remove()


def with_zero_weights(model: Any, site: Any, head: int, work: Callable[[], float]) -> float:
    """The loss with the head's columns of the projection's weight at zero."""
    import torch

    module = model.get_submodule(site.name)
    axis = 0 if type(module).__name__ == "Conv1D" else 1
    before = module.weight.detach().clone()
    size = before.shape[axis] // site.n_heads
    with torch.no_grad():
        module.weight.narrow(axis, head * size, size).zero_()
    try:
        return work()
    finally:
        with torch.no_grad():
            module.weight.copy_(before)
