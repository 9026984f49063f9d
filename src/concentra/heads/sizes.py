"""How large a batch is, how many bytes what is kept of a pass holds, and a sum over bits that tells two apart."""

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


def checksum(value: Any) -> int:
    """The sum, as whole numbers, over the bits of all tensors in a value, through tuples and lists.

    >>> checksum(torch.tensor([1, 2])), checksum((torch.tensor([1.0]), None))  # doctest: +SKIP
    (3, 1065353216)
    """
    if torch.is_tensor(value):
        return int(_as_integers(value.detach().contiguous()).sum(dtype=torch.int64)) if value.numel() else 0
    return sum(map(checksum, value)) if isinstance(value, (tuple, list)) else 0


def _as_integers(tensor: Any) -> Any:
    """The bits of a tensor, eight bytes at a time where they are a multiple of eight, which is fastest."""
    flat = tensor.reshape(-1)
    even = (
        flat.numel() * flat.element_size() % 8 == 0 and flat.storage_offset() * flat.element_size() % 8 == 0
    )
    return flat.view(torch.int64 if even else torch.uint8)


def n_bytes(value: Any) -> int:
    """The bytes of all tensors in a value, through tuples, lists and mappings."""
    if torch.is_tensor(value):
        return int(value.numel() * value.element_size())
    if isinstance(value, dict):
        return sum(n_bytes(item) for item in value.values())
    return sum(n_bytes(item) for item in value) if isinstance(value, (tuple, list)) else 0
