"""What makes two measurements the same: the model by its weights, functions by their code, options by their values."""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Callable
from types import CodeType
from typing import Any

from concentra.heads._torch import torch

CHUNK = 2**26


def model_identity(model: Any) -> dict[str, Any]:
    """The class, the configuration and a hash of all weights and buffers of a model in memory.

    Examples
    --------
    >>> from concentra.heads.demo import small_model
    >>> model_identity(small_model(0)) == model_identity(small_model(0))  # doctest: +SKIP
    True
    >>> model_identity(small_model(0)) == model_identity(small_model(1))  # doctest: +SKIP
    False
    """
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        if not torch.is_tensor(tensor):
            digest.update(f"{name} {tensor!r};".encode())
            continue
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)};".encode())
        _add_bytes(digest, tensor)
    config = getattr(model, "config", None)
    described = config.to_dict() if config is not None and hasattr(config, "to_dict") else {}
    for passing in ("_name_or_path", "transformers_version"):
        described.pop(passing, None)
    text = json.dumps(described, sort_keys=True, default=str)
    return {
        "class": f"{type(model).__module__}.{type(model).__qualname__}",
        "config": hashlib.sha256(text.encode()).hexdigest(),
        "weights": digest.hexdigest(),
    }


def _add_bytes(digest: Any, tensor: Any) -> None:
    try:
        flat = tensor.detach().cpu().contiguous().flatten().view(torch.uint8)
    except (
        RuntimeError,
        TypeError,
        NotImplementedError,
        AttributeError,
    ):  # quantised tensors of their own kinds
        digest.update(repr(tensor.detach().cpu()).encode())
        return
    for start in range(0, len(flat), CHUNK):
        digest.update(memoryview(flat[start : start + CHUNK].numpy()))


def function_identity(function: Callable[..., Any]) -> str | None:
    """The place and a hash of the code of a function, `None` for one that cannot be identified.

    A lambda, a function made inside another, a partial or an object may compute something else under the same name.

    Examples
    --------
    >>> function_identity(function_identity).split(" ")[0]
    'concentra.heads.identity.function_identity'
    >>> function_identity(lambda: 0) is None
    True
    """
    name = getattr(function, "__qualname__", "")
    if not inspect.isfunction(function) or "<" in name or function.__closure__:
        return None
    digest = hashlib.sha256(_written(function.__code__) + repr(function.__defaults__).encode())
    return f"{function.__module__}.{name} {digest.hexdigest()[:16]}"


def _written(code: CodeType) -> bytes:
    """The instructions, names and constants of code, those of functions inside it too."""
    constants = [_written(one) if isinstance(one, CodeType) else repr(one).encode() for one in code.co_consts]
    return b"|".join([code.co_code, repr(code.co_names).encode(), *constants])
