"""The model inside what training puts around it.

A wrapper may hide the model's own signature, keep hooks from firing, or change what a pass computes. Wrappers
that leave the function as it is are taken off; the others are refused.
"""

from __future__ import annotations

from typing import Any

from concentra.errors import HookError

_INSIDE = {
    "DistributedDataParallel": "module",
    "DataParallel": "module",
    "AveragedModel": "module",
    "OptimizedModule": "_orig_mod",
}
_SHARDED = ("FullyShardedDataParallel", "FSDPModule", "DeepSpeedEngine", "PipelineStage")


def unwrap(model: Any) -> tuple[Any, str]:
    """The model inside its wrappers, and the prefix that they put before its modules' names.

    `DistributedDataParallel`, `DataParallel`, `AveragedModel`, compiled models and PEFT adapters are taken off:
    the layers of an adapter stay where they are, inside the model.

    Raises
    ------
    HookError
        For sharded models, whose parameters are elsewhere, and for adapters that lengthen the sequence.

    Examples
    --------
    >>> class OptimizedModule:
    ...     def __init__(self, inside): self._orig_mod = inside
    >>> unwrap(OptimizedModule("model"))
    ('model', '_orig_mod.')
    """
    prefix = ""
    while True:
        kinds = {kind.__name__ for kind in type(model).__mro__}
        _refuse_sharded(model, kinds)
        if kinds & {"PeftModel", "PeftMixedModel"}:
            _refuse_virtual_tokens(model)
            model, prefix = model.get_base_model(), f"{prefix}base_model.model."
            continue
        inside = next((_INSIDE[kind] for kind in kinds if kind in _INSIDE), None)
        if inside is None:
            return model, prefix
        model, prefix = getattr(model, inside), f"{prefix}{inside}."


def _refuse_sharded(model: Any, kinds: set[str]) -> None:
    if kinds & set(_SHARDED):
        raise HookError(
            found=f"{type(model).__name__}: the parameters are divided among processes",
            expected="the whole model in one process",
            fix="save the model, and load it without sharding",
        )


def _refuse_virtual_tokens(model: Any) -> None:
    configurations = getattr(model, "peft_config", {})
    virtual = [
        name for name, one in configurations.items() if bool(getattr(one, "is_prompt_learning", False))
    ]
    if virtual:
        raise HookError(
            found=f"the adapter {virtual[0]!r} puts virtual tokens before each sequence",
            expected="a model whose logits belong to the tokens of the batch",
            fix="measure the base model, or an adapter of another kind such as LoRA",
        )
