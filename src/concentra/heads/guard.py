"""A model is handed back as it was received, after success and after an exception alike."""

from __future__ import annotations

import re
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from concentra.errors import ArgumentError
from concentra.heads._torch import torch

DTYPES = ("float64", "float32", "bfloat16", "float16")


@contextmanager
def evaluating(model: Any) -> Iterator[None]:
    """Put every module in evaluation mode, run compiled modules as they are written, and give all back at the end.

    Hooks do not fire inside compiled code; the random states are given back too.
    """
    states = [(module, module.training, _state(module)) for module in model.modules()]
    devices = list(range(torch.cuda.device_count())) if torch.cuda.is_available() else []
    with torch.random.fork_rng(devices=devices), ExitStack() as stack:
        if any(_compiled(module) for module, *_ in states):
            stack.enter_context(torch.compiler.set_stance("force_eager"))
        try:
            model.eval()
            yield
        finally:
            with uninterrupted():
                for module, mode, state in states:
                    module.training = mode
                    _restore(module, state)


_HOOKS = (
    "_forward_pre_hooks",
    "_forward_pre_hooks_with_kwargs",
    "_forward_hooks",
    "_forward_hooks_with_kwargs",
    "_forward_hooks_always_called",
)


def _state(module: Any) -> tuple[dict[str, list[Any]], Any]:
    hooks = {name: list(getattr(module, name, ())) for name in _HOOKS}
    return hooks, module.__dict__.get("forward")


def _restore(module: Any, state: tuple[dict[str, list[Any]], Any]) -> None:
    """Remove the hooks and the `forward` that an interruption left behind between their making and their guard."""
    hooks, forward = state
    for name, keys in hooks.items():
        there = getattr(module, name, {})
        for key in [key for key in there if key not in keys]:
            del there[key]
    if forward is None:
        module.__dict__.pop("forward", None)
    else:
        module.__dict__["forward"] = forward


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Put Ctrl-C off to the end of the block, where this is the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    arrived: list[Any] = []
    before = signal.signal(signal.SIGINT, lambda *caught: arrived.append(caught))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if arrived and callable(before):
            before(*arrived[0])


def _compiled(module: Any) -> bool:
    """Whether a module, its call or its `forward` alone was compiled."""
    whole = type(module).__name__ == "OptimizedModule" or getattr(module, "_compiled_call_impl", None)
    return bool(whole or hasattr(getattr(module, "forward", None), "_torchdynamo_orig_callable"))


def check_dtype(dtype: str | None) -> None:
    """Refuse a type that is not one to compute in."""
    if dtype is not None and dtype not in DTYPES:
        raise ArgumentError(
            found=f"dtype={dtype!r}", expected=f"one of {', '.join(DTYPES)}, or None", fix='dtype="float32"'
        )


def _check_device(device: str | None) -> None:
    """Refuse a device that is not there."""
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ArgumentError(
            found=f"device={device!r}: {str(error).splitlines()[0]}",
            expected="a device of this machine that torch can use",
            fix='device="cpu"',
        ) from None


@contextmanager
def placed(model: Any, device: str | None, dtype: str | None) -> Iterator[list[str]]:
    """Hold the parameters and buffers on `device` in `dtype`, and give the very same tensors back.

    `None` leaves the device or the type as it is. Only floating-point tensors change type; the frequencies of
    rotary positions never do, because rounded they turn far positions into others. Quantised weights and weights that
    lie elsewhere are used as they were loaded.

    Yields
    ------
    Notes on what was left as it was.
    """
    check_dtype(dtype)
    _check_device(device)
    kind = getattr(torch, dtype) if dtype is not None else None
    notes = []
    as_loaded = kind is not None and (why := quantised(model) or _elsewhere(model))
    if as_loaded:
        kind = None
        notes.append(f"{why}: computed in the types that were loaded, not in {dtype}")
    rotary = {id(buffer) for buffer in _rotary_buffers(model)}
    held = []
    try:
        for tensor in (*model.parameters(), *model.buffers()):
            data = tensor.data
            changes = kind is not None and data.is_floating_point() and id(tensor) not in rotary
            moved = data.to(device=device, dtype=kind if changes else None)
            if moved is not data:
                held.append((tensor, data))
                tensor.data = moved
        yield notes
    finally:
        with uninterrupted():
            for tensor, data in held:
                tensor.data = data


def quantised(model: Any) -> str:
    """How a model's weights are quantised, "" where they are not."""
    for name, module in model.named_modules():
        kind = f"{type(module).__module__}.{type(module).__name__}"
        if re.search(r"quantized|bitsandbytes|finegrained_fp8|torchao|awq|gptq|hqq|FP8|4bit|8bit", kind):
            return f"{name!r} is a {type(module).__name__}"
    for name, parameter in model.named_parameters():
        plain = type(parameter.data) is torch.Tensor and parameter.dtype.itemsize > 1
        if not plain and parameter.dtype is not torch.bool:
            return f"{name!r} is quantised ({type(parameter.data).__name__}, {parameter.dtype})"
    return ""


def _elsewhere(model: Any) -> str:
    """Whether some parameters are not in memory, so that they cannot be converted."""
    absent = next((name for name, one in model.named_parameters() if one.device.type == "meta"), None)
    return f"{absent!r} is loaded when it is needed" if absent else ""


def _rotary_buffers(model: Any) -> Iterator[Any]:
    for module in model.modules():
        rotary = re.search("rotary|rope", type(module).__name__.lower())
        for name, buffer in module.named_buffers(recurse=False):
            if rotary or "inv_freq" in name:
                yield buffer


@contextmanager
def replaced_forward(module: Any, forward: Callable[..., Any]) -> Iterator[None]:
    """Let `module` compute `forward` instead of its own."""
    own = module.__dict__.get("forward")
    module.forward = forward
    try:
        yield
    finally:
        if own is None:
            del module.__dict__["forward"]
        else:
            module.forward = own


@contextmanager
def hooked(handles: list[Any]) -> Iterator[None]:
    """Remove the hooks behind `handles` at the end."""
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
