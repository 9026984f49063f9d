"""A model is handed back as it was received, after success and after an exception alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from concentra.errors import ArgumentError
from concentra.heads._torch import torch

DTYPES = ("float64", "float32", "bfloat16", "float16")


@contextmanager
def evaluating(model: Any) -> Iterator[None]:
    """Put every module in evaluation mode, and give modes and random states back at the end."""
    modes = [(module, module.training) for module in model.modules()]
    devices = list(range(torch.cuda.device_count())) if torch.cuda.is_available() else []
    with torch.random.fork_rng(devices=devices):
        try:
            model.eval()
            yield
        finally:
            for module, mode in modes:
                module.training = mode


@contextmanager
def placed(model: Any, device: str | None, dtype: str | None) -> Iterator[None]:
    """Hold the parameters and buffers on `device` in `dtype`, and give the very same tensors back.

    `None` leaves the device or the type as it is. Only floating-point tensors change type.
    """
    if dtype is not None and dtype not in DTYPES:
        raise ArgumentError(
            found=f"dtype={dtype!r}", expected=f"one of {', '.join(DTYPES)}, or None", fix='dtype="float32"'
        )
    kind = getattr(torch, dtype) if dtype is not None else None
    held = [(tensor, tensor.data) for tensor in (*model.parameters(), *model.buffers())]
    try:
        for tensor, data in held:
            tensor.data = data.to(device=device, dtype=kind if data.is_floating_point() else None)
        yield
    finally:
        for tensor, data in held:
            tensor.data = data


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
