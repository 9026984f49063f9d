"""Slow second definitions of head importance, and small models to try them on."""

from __future__ import annotations

import copy
import os
from typing import Any

os.environ.setdefault("KMP_BLOCKTIME", "0")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

SMALL = {
    "vocab_size": 61,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "max_position_embeddings": 64,
}
GROUPED = dict(SMALL, num_key_value_heads=2)
OWN_WIDTH = dict(GROUPED, head_dim=16)
NO_SPECIAL = {"pad_token_id": None, "bos_token_id": None, "eos_token_id": None}

ARCHITECTURES: dict[str, tuple[str, dict[str, Any]]] = {
    "gpt_neox": ("GPTNeoX", SMALL),
    "llama": ("Llama", GROUPED),
    "olmo2": ("Olmo2", GROUPED | NO_SPECIAL),
    "gpt2": (
        "GPT2LMHeadModel",
        {"vocab_size": 61, "n_embd": 32, "n_layer": 3, "n_head": 4, "n_positions": 64},
    ),
    "mistral": ("Mistral", GROUPED),
    "qwen2": ("Qwen2", GROUPED),
    "qwen3": ("Qwen3", OWN_WIDTH),
    "opt": (
        "OPT",
        {
            "vocab_size": 61,
            "hidden_size": 32,
            "ffn_dim": 48,
            "num_hidden_layers": 3,
            "num_attention_heads": 4,
            "max_position_embeddings": 64,
            "word_embed_proj_dim": 32,
            "pad_token_id": 0,
        },
    ),
    "phi": ("Phi", SMALL),
    "phi3": ("Phi3", GROUPED | NO_SPECIAL),
    "gemma": ("Gemma", OWN_WIDTH | NO_SPECIAL),
    "gemma2": ("Gemma2", OWN_WIDTH | {"sliding_window": 8} | NO_SPECIAL),
    "gptj": (
        "GPTJ",
        NO_SPECIAL
        | {"vocab_size": 61, "n_embd": 32, "n_layer": 3, "n_head": 4, "n_positions": 64, "rotary_dim": 4},
    ),
    "gpt_neo": (
        "GPTNeo",
        {
            "vocab_size": 61,
            "hidden_size": 32,
            "num_layers": 2,
            "num_heads": 4,
            "max_position_embeddings": 64,
            "attention_types": [[["global", "local"], 1]],
        },
    ),
    "bloom": ("Bloom", {"vocab_size": 61, "hidden_size": 32, "n_layer": 3, "n_head": 4}),
    "falcon": (
        "Falcon",
        {"vocab_size": 61, "hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 4},
    ),
    "stablelm": ("StableLm", GROUPED),
    "starcoder2": ("Starcoder2", GROUPED),
}
"""Name, class prefix in transformers, and a small configuration."""


def tiny(architecture: str, seed: int = 0) -> Any:
    """A small causal language model with random weights, biases included."""
    import torch
    import transformers

    prefix, settings = ARCHITECTURES[architecture]
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        config = getattr(transformers, f"{prefix.removesuffix('LMHeadModel')}Config")(**settings)
        name = prefix if prefix.endswith("LMHeadModel") else f"{prefix}ForCausalLM"
        model = getattr(transformers, name)(config)
        return _loud(model)


def tiny_bert(seed: int = 0) -> Any:
    """A small masked language model with random weights."""
    import torch
    import transformers

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return _loud(transformers.BertForMaskedLM(transformers.BertConfig(**SMALL)))


def _loud(model: Any) -> Any:
    """Weights large enough that every head matters, and biases that are not zero."""
    import torch

    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape) * (0.2 if parameter.dim() > 1 else 0.1))
    return model


def tokens(n_sequences: int = 4, length: int = 16, vocabulary: int = 61, seed: int = 0) -> Any:
    """Random token ids (n_sequences, length)."""
    import torch

    return torch.randint(1, vocabulary, (n_sequences, length), generator=torch.Generator().manual_seed(seed))


def sequence_losses(model: Any, ids: Any, labels: Any = None) -> list[float]:
    """Summed cross-entropy of each sequence, from the model's logits, one plain forward pass."""
    import torch

    with torch.no_grad():
        logits = model(ids).logits
    if labels is None:
        logits, labels = logits[:, :-1], ids[:, 1:]
    kept = labels != -100
    flat = torch.nn.functional.cross_entropy(
        logits.flatten(0, 1), labels.flatten().clamp(min=0), reduction="none"
    )
    return [float(flat.view(labels.shape)[i][kept[i]].double().sum()) for i in range(len(ids))]


def without_weights(model: Any, name: str, head: int, n_heads: int) -> Any:
    """A copy of the model whose projection `name` has the weight columns of a head set to zero."""
    import torch

    changed = copy.deepcopy(model)
    weight = changed.get_submodule(name).weight
    inputs = 0 if type(changed.get_submodule(name)).__name__ == "Conv1D" else 1
    size = weight.shape[inputs] // n_heads
    with torch.no_grad():
        weight.narrow(inputs, head * size, size).zero_()
    return changed


def naive_losses(model: Any, batches: Any, sites: Any, labels: Any = None) -> Any:
    """Sequence losses (n_heads_in_all, n_sequences), a hook and a whole forward pass for each head."""
    import numpy as np

    rows = []
    for site in sites:
        for head in range(site.n_heads):

            def hook(module: Any, arguments: Any, head: int = head, n_heads: int = site.n_heads) -> Any:
                changed = arguments[0].clone()
                size = changed.shape[-1] // n_heads
                changed[..., head * size : (head + 1) * size] = 0
                return (changed,)

            handle = model.get_submodule(site.name).register_forward_pre_hook(hook)
            rows.append(
                [
                    loss
                    for i, ids in enumerate(batches)
                    for loss in sequence_losses(model, ids, None if labels is None else labels[i])
                ]
            )
            handle.remove()
    return np.array(rows)


def jackknife_delta(ablated: Any, baseline: Any) -> tuple[float, float]:
    """The delta of summed losses and its standard error by leaving out one sequence at a time."""
    import numpy as np

    def delta(kept: Any) -> float:
        return -(sum(ablated[i] for i in kept) - sum(baseline[i] for i in kept)) / abs(
            sum(baseline[i] for i in kept)
        )

    n = len(baseline)
    left_out = np.array([delta([j for j in range(n) if j != i]) for i in range(n)])
    return delta(range(n)), float(np.sqrt((n - 1) / n * np.sum((left_out - left_out.mean()) ** 2)))


def _plain_class() -> Any:
    import torch

    class SelfAttention(torch.nn.Module):
        def __init__(self, width: int, n_heads: int) -> None:
            super().__init__()
            self.n_heads = n_heads
            self.qkv, self.proj = torch.nn.Linear(width, 3 * width), torch.nn.Linear(width, width)

        def forward(self, x: Any) -> Any:
            n, length, width = x.shape
            q, k, v = self.qkv(x).view(n, length, 3, self.n_heads, -1).permute(2, 0, 3, 1, 4)
            mixed = torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
            return self.proj(mixed.transpose(1, 2).reshape(n, length, width))

    class Block(torch.nn.Module):
        def __init__(self, width: int, n_heads: int) -> None:
            super().__init__()
            self.mixer = SelfAttention(width, n_heads)
            self.norm, self.up = torch.nn.LayerNorm(width), torch.nn.Linear(width, width)

        def forward(self, x: Any) -> Any:
            x = x + self.mixer(self.norm(x))
            return x + torch.nn.functional.gelu(self.up(x))

    class Plain(torch.nn.Module):
        """A transformer in plain PyTorch: no config, no `input_ids`, logits returned as they are."""

        def __init__(self, n_layers: int = 3, width: int = 32, n_heads: int = 4) -> None:
            super().__init__()
            self.embedding = torch.nn.Embedding(61, width)
            self.dropout = torch.nn.Dropout(0.5)
            self.blocks = torch.nn.ModuleList([Block(width, n_heads) for _ in range(n_layers)])
            self.head = torch.nn.Linear(width, 61)
            self.way_in = self.way_out = None
            self.remember = False

        def forward(self, tokens: Any) -> Any:
            x = self.dropout(self.embedding(tokens) * 3)
            x = self.way_in(x) if self.way_in else x
            kept = []
            for block in self.blocks:
                x = block(x)
                kept.append(x)
            x = self.way_out(x) if self.way_out else x
            return self.head(x + 3 * kept[0] if self.remember else x)

    return Plain


def plain_transformer(seed: int = 0) -> Any:
    """A small transformer in plain PyTorch with random weights."""
    import torch

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return _loud(_plain_class()())


def naive_plain(model: Any, ids: Any, sites: Any) -> Any:
    """Summed losses (n_heads_in_all,) of a model that returns logits, a whole pass for each head."""

    class Output:
        def __init__(self, logits: Any) -> None:
            self.logits = logits

    class Wrapped:
        def __call__(self, ids: Any) -> Any:
            return Output(model(ids))

        def get_submodule(self, name: str) -> Any:
            return model.get_submodule(name)

    return naive_losses(Wrapped(), [ids], sites).sum(axis=1)
