"""The exact sweep of head importance against the naive loop, in one run, on the same tokens, bit for bit.

The naive loop is what one writes first: for each head a hook that zeroes its slice of the projection's input, and a
whole forward pass. Both are timed alternately, several rounds, and the ratio of the medians is printed.

    python benchmarks/bench_heads.py            # prints a table
    python benchmarks/bench_heads.py --json     # prints it for machines
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("KMP_BLOCKTIME", "0")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import torch
import transformers

from concentra.heads import find_head_sites, head_importance

CASES = {
    "small: 8 layers, width 64, 16 heads, one sequence of 32 tokens a pass": {
        "layers": 8,
        "width": 64,
        "heads": 16,
        "vocabulary": 256,
        "shape": (1, 32),
        "batches": 12,
        "least": 5.0,
    },
    "middle: 6 layers, width 512, 8 heads, four sequences of 128 tokens a pass": {
        "layers": 6,
        "width": 512,
        "heads": 8,
        "vocabulary": 1024,
        "shape": (4, 128),
        "batches": 4,
        "least": 1.7,
    },
}


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
    return transformers.GPTNeoXForCausalLM(config).eval()


def naive(model: Any, batches: list[Any]) -> np.ndarray:
    """The mean loss of a token without each head: one hook and one whole pass a head and batch."""
    losses = []
    for site in find_head_sites(model):
        projection = model.get_submodule(site.name)
        size = projection.in_features // site.n_heads
        for head in range(site.n_heads):

            def hook(module: Any, arguments: Any, start: int = head * size, size: int = size) -> Any:
                changed = arguments[0].clone()
                changed[..., start : start + size] = 0
                return (changed,)

            handle = projection.register_forward_pre_hook(hook)
            sums = np.concatenate([sequence_losses(model, ids) for ids in batches])
            handle.remove()
            losses.append(sums.sum() / sum(ids.numel() - len(ids) for ids in batches))
    return np.array(losses)


def sequence_losses(model: Any, ids: Any) -> np.ndarray:
    """The summed cross-entropy of each sequence."""
    with torch.no_grad():
        logits = model(input_ids=ids, use_cache=False).logits[:, :-1]
        losses = torch.nn.functional.cross_entropy(
            logits.flatten(0, 1), ids[:, 1:].flatten(), reduction="none"
        )
        return losses.view(len(ids), -1).double().sum(dim=1).numpy()


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds, and the result."""
    started = time.perf_counter()
    result = work()
    return time.perf_counter() - started, result


def compare(case: dict[str, Any], rounds: int) -> dict[str, Any]:
    """Time the naive loop and the sweep alternately, and check that they agree to the last bit."""
    model = model_of(case)
    generator = torch.Generator().manual_seed(1)
    batches = [
        torch.randint(case["vocabulary"], case["shape"], generator=generator) for _ in range(case["batches"])
    ]
    head_importance(model, batches[:1], progress=False)
    slow, fast, ratios = [], [], []
    for _ in range(rounds):
        seconds, expected = timed(lambda: naive(model, batches))
        ours, table = timed(lambda: head_importance(model, batches, progress=False))
        slow.append(seconds)
        fast.append(ours)
        ratios.append(seconds / ours)
        if not np.array_equal(table["ablated_loss"].to_numpy(), expected):
            raise SystemExit("the sweep and the naive loop differ")
    return {
        "naive_seconds": statistics.median(slow),
        "sweep_seconds": statistics.median(fast),
        "ratio": statistics.median(ratios),
        "least": case["least"],
        "bit_identical": True,
        "variants_per_pass": table.attrs["variants_per_pass"],
        "peak_mebibytes": table.attrs["peak_bytes"] / 2**20,
    }


def main() -> None:
    """Run all cases and print them; exit 1 where one is slower than it should be."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    results = {name: compare(case, options.rounds) for name, case in CASES.items()}
    if options.json:
        print(json.dumps(results, indent=1))
    else:
        for name, result in results.items():
            print(
                f"{name}: naive {result['naive_seconds']:.2f} s, sweep {result['sweep_seconds']:.2f} s, "
                f"{result['ratio']:.2f} times (at least {result['least']}), bit-identical, "
                f"{result['variants_per_pass']} variants a pass, at most {result['peak_mebibytes']:.0f} MiB"
            )
    raise SystemExit(any(result["ratio"] < result["least"] for result in results.values()))


if __name__ == "__main__":
    main()
