r"""Hidden states without a head from those of the baseline, where a head moves them in few directions.

Where nothing but a norm lies behind the output projection of the attention, as in the last block of models whose
feed-forward part stands beside it, a row of the last hidden states with one head of size d changed is

    h' = s h + c B,    B (d + 1, width),

because a norm scales a row, weights its entries and adds a constant: B spans what the norm makes of the head's
columns of the projection, and of zero. Its logits are s (W h) + c (B W'), a product of width d + 1 with what W makes of
B, which all rows share. The number s of each row and c are fitted; they are used where h' follows from them to the
rounding of its type, which no other computation of the norm would do better.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from concentra.heads._torch import torch
from concentra.heads.prefix import Blocks, Prefix, resuming, skipping
from concentra.heads.sites import in_features
from concentra.heads.tiles import Change
from concentra.heads.unembedding import Unembedding

ROUNDINGS = 4
"""The error of a row, relative to its length, in roundings of its type."""
WORTHWHILE = 1.5
"""How many times less work it must be."""


def low_rank_losses(
    model: Any,
    blocks: Blocks,
    unembedding: Unembedding,
    batch: dict[str, Any],
    prefix: Prefix,
    units: Sequence[Any],
    hidden: Callable[[Any], Any],
) -> Any:
    """The summed losses (n_units, n_sequences) without each unit of the prefix's layer, in float64.

    Parameters
    ----------
    units
        The columns of the projection's input that each unit owns.
    hidden
        The last hidden states (n_sequences, length, width) of a pass without a unit.

    Returns
    -------
    `None` where the layer is not that of the last block, where products of low rank are not less work, and where the
    hidden states do not follow from them to rounding.
    """
    below = prefix.below[0] if isinstance(prefix.below, tuple) else prefix.below
    if prefix.depth + 1 < len(blocks.names) or not torch.is_tensor(below):
        return None
    n_rows, ranks = below[..., 0].numel(), [len(columns) + 1 for columns in units]
    fine = below.dtype in (torch.float32, torch.float64)
    if not fine or max(ranks) > n_rows or not _worthwhile(n_rows, below.shape[-1], ranks):
        return None
    with resuming(model, blocks, prefix.site, prefix, 1):
        clean = unembedding.hidden(model, batch)
    changes = []
    for columns in units:
        basis = _directions(model, blocks, unembedding, batch, prefix, columns)
        change = change_of(clean.flatten(0, -2), hidden(columns).flatten(0, -2), basis)
        if change is None:
            return None
        changes.append(change)
    sums = unembedding.losses(model, batch, clean, changes)[0]
    return sums if bool(torch.isfinite(sums).all()) else None


def _worthwhile(n_rows: int, width: int, ranks: list[int]) -> bool:
    """Whether products of low rank are less work than all logits of `len(ranks)` units."""
    fewer = n_rows * width + sum(ranks) * (width + n_rows)
    return WORTHWHILE * fewer < len(ranks) * n_rows * width


def _directions(
    model: Any, blocks: Blocks, unembedding: Unembedding, batch: dict[str, Any], prefix: Prefix, columns: Any
) -> Any:
    """An orthonormal basis (width, d + 1) of the ways in which d inputs of a projection move the last hidden states."""
    projection = model.get_submodule(prefix.site.name)
    whole = isinstance(prefix.below, tuple)
    below = prefix.below[0] if whole else prefix.below
    inputs = below.new_zeros(len(columns) + 1, in_features(projection))
    inputs[torch.arange(len(columns)), torch.as_tensor(columns)] = 1
    outputs = projection(inputs)
    probe = torch.zeros_like(below)
    probe.view(-1, probe.shape[-1])[: len(columns)] = outputs[:-1] - outputs[-1]
    probe = (probe, *prefix.below[1:]) if whole else probe
    with skipping(model, blocks, replace(prefix, below=probe, depth=len(blocks.names))):
        hidden = unembedding.hidden(model, batch)
    moved = hidden.reshape(-1, hidden.shape[-1])[: len(columns) + 1].double()
    moved[:-1] -= moved[-1].clone()
    return torch.linalg.qr(moved.T).Q.to(hidden.dtype)


def change_of(clean: Any, hidden: Any, basis: Any) -> Change | None:
    """What makes the rows `hidden` of the rows `clean`, both (n, width), or `None` where the basis does not."""
    before, after, exact = clean.double(), hidden.double(), basis.double()
    inside, kept = before @ exact, after @ exact
    outside = before - inside @ exact.T
    scale = (outside * (after - kept @ exact.T)).sum(dim=1, keepdim=True) / outside.square().sum(
        dim=1, keepdim=True
    )
    found = Change(scale.to(clean.dtype), (kept - scale * inside).to(clean.dtype), basis)
    error = after - found.scale.double() * before - found.parts.double() @ exact.T
    most = ROUNDINGS * torch.finfo(clean.dtype).eps * (after.norm(dim=1) + (scale * before).norm(dim=1))
    return found if bool((error.norm(dim=1) <= most).all()) else None
