"""How large a batch is, and how many bytes what is kept of a pass holds."""

from __future__ import annotations

from typing import Any

from concentra.heads._torch import torch
from concentra.heads.batches import main_input
from concentra.heads.prefix import Prefix


def shape_of(batch: dict[str, Any]) -> tuple[int, ...]:
    """The shape of what a batch hands to the model first."""
    return tuple(batch[main_input(batch)].shape)


def prefix_bytes(prefix: Prefix | None) -> int:
    """The bytes of a prefix, 0 without one."""
    if prefix is None:
        return 0
    return n_bytes(prefix.below) + n_bytes(prefix.clean) + n_bytes(prefix.beside)


def n_bytes(value: Any) -> int:
    """The bytes of all tensors in a value, through tuples, lists and mappings."""
    if torch.is_tensor(value):
        return int(value.numel() * value.element_size())
    if isinstance(value, dict):
        return sum(n_bytes(item) for item in value.values())
    return sum(n_bytes(item) for item in value) if isinstance(value, (tuple, list)) else 0
