"""Head importance of transformers, measured by ablation at the right place.

`find_head_sites`, `HeadSite`
    Where the heads of a model can be switched off.
`head_importance`
    One row a head: how much the loss worsens without it, with a standard error.
`sweep_checkpoints`, `merge_sweep`, `checkpoint_loader`, `list_checkpoints`
    The same over the checkpoints of a training run, also in shards; killed runs resume.
`sweep_cost`
    What that takes, before it is done.
`token_batches`, `masked_batches`
    Evaluation tokens, the same at every checkpoint.
`ablated`
    Switch heads off for one forward pass of your own.
`noise_by_checkpoint`, and the module `noise`
    How much of a checkpoint's importance is the noise of a finite evaluation.
`run_demo`
    Train a small model, sweep its checkpoints, see the concentration rise and fall: within two minutes.

PyTorch is imported at first use; without it the error names `pip install "concentra[heads]"`.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_WHERE = {
    "HeadSite": "sites",
    "find_head_sites": "sites",
    "head_importance": "importance",
    "sweep_checkpoints": "sweep",
    "merge_sweep": "parts",
    "sweep_cost": "cost",
    "checkpoint_loader": "checkpoints",
    "list_checkpoints": "checkpoints",
    "token_batches": "batches",
    "masked_batches": "batches",
    "read_tokens": "batches",
    "ablated": "ablate",
    "mean_inputs": "ablate",
    "noise_by_checkpoint": "table",
    "run_demo": "demo",
}
_MODULES = ("noise",)

__all__ = sorted([*_WHERE, *_MODULES])


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
    if name in _MODULES:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return list(__all__)
