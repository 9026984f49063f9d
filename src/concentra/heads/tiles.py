"""Cross-entropies of rows of hidden states, a few words of the vocabulary at a time.

With a large vocabulary the logits of a batch fill more memory than the processor keeps near, and much of a pass is
spent on writing and reading them. Here the cross-entropy of a row with hidden state h and label y,

    log sum_v exp(w_v . h) - w_y . h,

is summed over tiles of the vocabulary whose logits never leave the processor's cache: the products, those of
`concentra.heads.kernels`, in the type of the model, the exponentials in float32 at least, their sum over tiles in
float64. Where rows differ from others in few directions, so do their logits, and only the difference is multiplied:
see `concentra.heads.lowrank`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from concentra.heads._torch import torch
from concentra.heads.kernels import Kernels
from concentra.heads.loss import row_losses

BYTES_AT_A_TIME = 16 * 2**20
"""Of logits: what a pass may write at once before tiles are tried."""
BYTES_OF_A_TILE = 2 * 2**20
"""Of logits: about what stays near a processor; other devices take BYTES_AT_A_TIME."""
ROWS_OF_A_TILE = 1024
ROWS_OF_A_KERNEL = 16
"""Matrix kernels treat the rows that are left over by this number in another way, with other last bits."""


@dataclass(frozen=True)
class Change:
    """Of rows h (n, width) to scale * h + parts @ basis.T: scale (n, 1), parts (n, r), basis (width, r)."""

    scale: Any
    parts: Any
    basis: Any

    def of(self, rows: Any) -> Change:
        """The change of some of the rows."""
        return Change(self.scale[rows], self.parts[rows], self.basis)


def tiled_losses(rows: Any, module: Any, labels: Any, kernels: Kernels) -> Any:
    """The cross-entropy (n,) in float64 of hidden states (n, width) under a `Linear`; of no meaning without a label."""
    found = [_losses(rows[some], module, labels[some], kernels) for some in _pieces(len(rows))]
    return torch.cat(found) if found else rows.new_zeros(0, dtype=torch.float64)


def changed_losses(rows: Any, changes: Sequence[Change], module: Any, labels: Any, kernels: Kernels) -> Any:
    """The cross-entropies (n_changes, n) of hidden states (n, width) under each of the changes."""
    found = [
        _changed(rows[some], [one.of(some) for one in changes], module, labels[some], kernels)
        for some in _pieces(len(rows))
    ]
    return torch.cat(found, dim=1) if found else rows.new_zeros(len(changes), 0, dtype=torch.float64)


def _pieces(n_rows: int) -> list[slice]:
    return [slice(start, start + ROWS_OF_A_TILE) for start in range(0, n_rows, ROWS_OF_A_TILE)]


def _losses(rows: Any, module: Any, labels: Any, kernels: Kernels) -> Any:
    found = _Sum()
    for words, holders, places in _tiles(rows, labels, len(module.weight)):
        found.add(kernels.product(rows, module, words), holders, places)
    losses = found.losses()
    if bool(torch.isfinite(losses).all()):
        return losses
    logits = torch.nn.functional.linear(rows, module.weight, module.bias)
    return row_losses(logits, labels).double()  # a later tile is far larger


def _changed(rows: Any, changes: Sequence[Change], module: Any, labels: Any, kernels: Kernels) -> Any:
    found = [_Sum() for _ in changes]
    bases = torch.cat([one.basis.T for one in changes])
    ranks = [one.basis.shape[1] for one in changes]
    for words, holders, places in _tiles(rows, labels, len(module.weight)):
        before = kernels.product(rows, module, words, bias=False)
        moves = kernels.product(bases, module, words, bias=False).split(ranks)
        for one, move, total in zip(changes, moves, found, strict=True):
            logits = (before * one.scale).addmm_(one.parts, move)
            total.add(logits if module.bias is None else logits.add_(module.bias[words]), holders, places)
    return torch.stack([total.losses() for total in found])


class _Sum:
    """The cross-entropy of rows whose logits come tile by tile; not finite where later ones are far larger."""

    def __init__(self) -> None:
        self.shift: Any = None
        self.total: Any = None
        self.holders: list[Any] = []
        self.picked: list[Any] = []

    def add(self, logits: Any, holders: Any, places: Any) -> None:
        """One tile, which is overwritten, with the rows whose label is in it and its place there."""
        logits = logits if logits.dtype in (torch.float32, torch.float64) else logits.float()
        if self.shift is None:
            self.shift = logits.amax(dim=1, keepdim=True)
            self.total = torch.zeros(len(logits), dtype=torch.float64, device=logits.device)
        if len(holders):
            self.holders.append(holders)
            self.picked.append(logits[holders, places])
        self.total += logits.sub_(self.shift).exp_().sum(dim=1)

    def losses(self) -> Any:
        losses = self.total.log() + self.shift[:, 0].double()
        if self.holders:
            losses[torch.cat(self.holders)] -= torch.cat(self.picked).double()
        return losses


def _tiles(rows: Any, labels: Any, n_words: int) -> Iterator[tuple[slice, Any, Any]]:
    """The words of each tile, the rows whose label is one of them, and its place there."""
    ordered, order = labels.sort()
    size = _words(rows)
    starts = list(range(0, n_words, size))
    edges = torch.searchsorted(ordered, torch.tensor([*starts, n_words], device=labels.device)).tolist()
    for start, (first, last) in zip(starts, pairwise(edges), strict=True):
        yield slice(start, start + size), order[first:last], ordered[first:last] - start


def _words(rows: Any) -> int:
    """How many words a tile holds: alike for similar numbers of rows, so that arranged weights serve them all."""
    size = BYTES_OF_A_TILE if rows.device.type == "cpu" else BYTES_AT_A_TIME
    most = 1 << (len(rows) - 1).bit_length()
    fitting = size // (4 * most) // ROWS_OF_A_KERNEL * ROWS_OF_A_KERNEL
    return max(2 * ROWS_OF_A_KERNEL, fitting)
