"""The exact sweep of head importance against the naive loop and four other packages, in one run, on the same tokens.

The naive loop is what one writes first: for each head a hook that zeroes its slice of the projection's input, and a
whole forward pass. The sweep must give its losses to the last bit where all logits are computed at once, and to 1e-6
of the loss over tiles of a large vocabulary. The other packages are used as their documentation shows, one ablation a
pass, and must agree to 1e-4; those that are not installed are left out. All are timed in turn, several rounds, in
seconds of the processor with one thread, and the medians are printed a head, relative to the naive loop. On the large
model the naive loop and the other packages, whose passes are all alike, measure the heads of one of the six layers;
the sweep measures all, its checks and baseline included.

    python benchmarks/bench_heads.py            # prints a table
    python benchmarks/bench_heads.py --json     # prints it for machines
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any

os.environ.setdefault("KMP_BLOCKTIME", "0")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import torch
import transformers

from concentra.heads import find_head_sites, head_importance

CASES: dict[str, dict[str, Any]] = {
    "small: 4 layers, width 64, 4 heads, vocabulary 256, one sequence of 32 tokens a pass": {
        "layers": 4, "width": 64, "heads": 4, "vocabulary": 256, "shape": (1, 32), "batches": 8,
        "every": 1, "least": 1.0,
    },
    "Pythia-70M's shape: 6 layers, width 512, 8 heads, vocabulary 50,304, four sequences of 128 tokens a pass": {
        "layers": 6, "width": 512, "heads": 8, "vocabulary": 50304, "shape": (4, 128), "batches": 4,
        "every": 6, "least": 1.7,
    },
}  # fmt: skip
Way = Callable[[Any, list[Any]], Any]


def model_of(case: dict[str, Any]) -> Any:
    """A GPT-NeoX with random weights."""
    torch.manual_seed(0)
    config = transformers.GPTNeoXConfig(
        vocab_size=case["vocabulary"],
        hidden_size=case["width"],
        intermediate_size=4 * case["width"],
        num_hidden_layers=case["layers"],
        num_attention_heads=case["heads"],
        bos_token_id=0,
        eos_token_id=0,
    )
    model = transformers.GPTNeoXForCausalLM(config).eval()
    model.every = case["every"]
    return model


def some_sites(model: Any) -> list[Any]:
    """The layers that the naive loop and the other packages measure."""
    return find_head_sites(model)[:: model.every]


def slices(model: Any) -> Iterator[tuple[Any, str, int, int]]:
    """The projection, its name, and the first and last column of the heads of some layers."""
    for site in some_sites(model):
        projection = model.get_submodule(site.name)
        size = projection.in_features // site.n_heads
        for head in range(site.n_heads):
            yield projection, site.name, head * size, (head + 1) * size


def mean_loss(sums: list[np.ndarray], batches: list[Any]) -> float:
    return float(np.concatenate(sums).sum() / sum(ids.numel() - len(ids) for ids in batches))


def row_sums(logits: Any, ids: Any) -> np.ndarray:
    """The summed cross-entropy of each sequence."""
    losses = torch.nn.functional.cross_entropy(
        logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten(), reduction="none"
    )
    return losses.view(len(ids), -1).double().sum(dim=1).numpy()


def hooked(model: Any, batches: list[Any]) -> np.ndarray:
    """The naive loop: one hook and one whole pass a head and batch."""
    losses = []
    for projection, _, start, stop in slices(model):

        def hook(module: Any, arguments: Any, start: int = start, stop: int = stop) -> Any:
            changed = arguments[0].clone()
            changed[..., start:stop] = 0
            return (changed,)

        handle = projection.register_forward_pre_hook(hook)
        with torch.no_grad():
            sums = [row_sums(model(input_ids=ids, use_cache=False).logits, ids) for ids in batches]
        handle.remove()
        losses.append(mean_loss(sums, batches))
    return np.array(losses)


def sweep(model: Any, batches: list[Any]) -> np.ndarray:
    """This package."""
    return head_importance(model, batches, progress=False)["ablated_loss"].to_numpy()


def with_nnsight(model: Any, batches: list[Any]) -> np.ndarray:
    """An intervention of nnsight on the projection's input, a trace a head and batch."""
    from nnsight import NNsight

    traced, losses = NNsight(model), []
    for _, name, start, stop in slices(model):
        sums = []
        for ids in batches:
            with torch.no_grad(), traced.trace(input_ids=ids, use_cache=False):
                module = traced
                for piece in name.split("."):
                    module = module[int(piece)] if piece.isdigit() else getattr(module, piece)
                module.input[..., start:stop] = 0
                logits = traced.output.logits.save()
            sums.append(row_sums(logits, ids))
        losses.append(mean_loss(sums, batches))
    return np.array(losses)


def with_captum(model: Any, batches: list[Any]) -> np.ndarray:
    """`LayerFeatureAblation` of captum on the projection's input, a mask of all heads of a layer."""
    from captum.attr import LayerFeatureAblation

    losses = []
    for site in some_sites(model):
        projection = model.get_submodule(site.name)
        size = projection.in_features // site.n_heads
        total = np.zeros(site.n_heads)
        for ids in batches:

            def forward(ids: Any) -> Any:
                logits = model(input_ids=ids, use_cache=False).logits
                return torch.as_tensor(row_sums(logits, ids).sum())[None]

            with torch.no_grad():
                baseline = float(forward(ids))
                mask = (torch.arange(projection.in_features) // size).expand(1, 1, -1)
                ablation = LayerFeatureAblation(forward, projection)
                found = ablation.attribute(
                    ids, layer_baselines=0, layer_mask=mask, attribute_to_layer_input=True
                )
            total += baseline - found.reshape(-1, projection.in_features)[0, ::size].double().numpy()
        losses += list(total / sum(ids.numel() - len(ids) for ids in batches))
    return np.array(losses)


def with_pyvene(model: Any, batches: list[Any]) -> np.ndarray:
    """A zero intervention of pyvene on the projection's input, a pass a head and batch."""
    import pyvene

    losses = []
    for _, name, start, stop in slices(model):

        def zero(base: Any, source: Any, start: int = start, stop: int = stop) -> Any:
            base[..., start:stop] = 0
            return base

        intervened = pyvene.IntervenableModel(
            {"component": f"{name}.input", "intervention": zero}, model=model
        )
        with torch.no_grad():
            sums = [
                row_sums(intervened({"input_ids": ids, "use_cache": False})[1].logits, ids) for ids in batches
            ]
        losses.append(mean_loss(sums, batches))
    return np.array(losses)


def with_transformer_lens(model: Any, batches: list[Any]) -> np.ndarray:
    """A hook of TransformerLens on `hook_z`, on its own copy of the model."""
    lens = _lens_of(model)
    losses = []
    for layer in range(0, lens.cfg.n_layers, model.every):
        for head in range(lens.cfg.n_heads):

            def hook(z: Any, hook: Any, head: int = head) -> Any:
                z[:, :, head] = 0
                return z

            with torch.no_grad():
                name = f"blocks.{layer}.attn.hook_z"
                sums = [row_sums(lens.run_with_hooks(ids, fwd_hooks=[(name, hook)]), ids) for ids in batches]
            losses.append(mean_loss(sums, batches))
    return np.array(losses)


def _lens_of(model: Any) -> Any:
    """The model in TransformerLens, made once."""
    from transformer_lens import HookedTransformer, HookedTransformerConfig
    from transformer_lens.pretrained.weight_conversions import convert_neox_weights

    if not hasattr(model, "_lens"):
        config = model.config
        size = config.hidden_size // config.num_attention_heads
        settings = HookedTransformerConfig(
            n_layers=config.num_hidden_layers, d_model=config.hidden_size, n_ctx=2048, d_head=size,
            n_heads=config.num_attention_heads, d_mlp=config.intermediate_size, d_vocab=config.vocab_size,
            act_fn="gelu", eps=config.layer_norm_eps, normalization_type="LN", parallel_attn_mlp=True,
            positional_embedding_type="rotary", rotary_dim=size // 4, rotary_adjacent_pairs=False,
            default_prepend_bos=False, device="cpu",
        )  # fmt: skip
        lens = HookedTransformer(settings)
        lens.load_state_dict(convert_neox_weights(model, settings), strict=False)
        object.__setattr__(model, "_lens", lens.eval())
    return model._lens


PEERS: dict[str, Way] = {
    "nnsight": with_nnsight,
    "captum": with_captum,
    "pyvene": with_pyvene,
    "transformer_lens": with_transformer_lens,
}


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds of the processor, over all threads, and the result: other work on the machine adds little to them."""
    started = time.process_time()
    result = work()
    return time.process_time() - started, result


def compare(case: dict[str, Any], rounds: int) -> dict[str, Any]:
    """Time all ways in turn, and check that they agree with the naive loop."""
    model = model_of(case)
    generator = torch.Generator().manual_seed(1)
    batches = [
        torch.randint(case["vocabulary"], case["shape"], generator=generator) for _ in range(case["batches"])
    ]
    ways: dict[str, Way] = {"naive loop": hooked, "concentra": sweep}
    ways |= {name: way for name, way in PEERS.items() if find_spec(name) is not None}
    expected, seconds, notes = hooked(model, batches), {name: [] for name in ways}, {}
    for _ in range(rounds):
        for name, way in ways.items():
            if name in notes:
                continue
            try:
                spent, found = timed(lambda way=way: way(model, batches))
            except Exception as error:
                notes[name] = f"fails: {type(error).__name__}: {str(error)[:80]}"
                continue
            seconds[name].append(spent / len(found))
            if name == "concentra":
                found = found.reshape(case["layers"], -1)[:: case["every"]].ravel()
                if (np.abs(found - expected) > (1e-6 * expected if case["vocabulary"] > 1000 else 0)).any():
                    raise SystemExit("the sweep and the naive loop differ")
            apart = float(np.abs(found - expected).max())
            if apart > 1e-4:
                notes[name] = f"differs by {apart:.1e}"
    medians = {name: statistics.median(values) for name, values in seconds.items() if values}
    return {
        "seconds_a_head": medians,
        "relative": {name: value / medians["naive loop"] for name, value in medians.items()},
        "times_the_naive_loop": medians["naive loop"] / medians["concentra"],
        "seconds_of_a_pass": medians["naive loop"] / case["batches"],
        "least": case["least"],
        "notes": notes,
    }


def main() -> None:
    """Run all cases and print them; exit 1 where the sweep is slower than a peer or than it should be."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    results = {name: compare(case, options.rounds) for name, case in CASES.items()}
    if options.json:
        print(json.dumps(results, indent=1))
    else:
        for name, result in results.items():
            print(f"{name}: the sweep is {result['times_the_naive_loop']:.2f} times the naive loop")
            for way, relative in result["relative"].items():
                spent, note = result["seconds_a_head"][way], result["notes"].get(way, "")
                print(f"  {way:<18} {spent:8.4f} s a head  {relative:6.2f}  {note}")
            for way, note in result["notes"].items():
                if way not in result["relative"]:
                    print(f"  {way:<18} {note}")
    slow = [
        result
        for result in results.values()
        if result["times_the_naive_loop"] < result["least"]
        or any(value < result["relative"]["concentra"] for value in result["relative"].values())
    ]
    raise SystemExit(bool(slow))


if __name__ == "__main__":
    main()
