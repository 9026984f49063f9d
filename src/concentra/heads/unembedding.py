"""The loss from the last hidden states, a few rows of logits at a time.

With a large vocabulary the logits of a batch fill more memory than the processor keeps near, and most of a pass is
spent on writing and reading them. Computed for some rows at a time, and each row's loss at once, they give the same
bits; rows that do not count (padding, tokens that are not masked) need no logits at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from concentra.heads._torch import torch
from concentra.heads.guard import replaced_forward
from concentra.heads.loss import (
    IGNORED,
    call_model,
    next_token_labels,
    next_token_loss,
    row_losses,
    token_labels,
)

BYTES_AT_A_TIME = 16 * 2**20
"""Of logits: about what stays near the processor."""
ROWS_OF_A_KERNEL = 16
"""Matrix kernels treat the rows that are left over by this number in another way, with other last bits."""


@dataclass(frozen=True)
class Unembedding:
    """The module that makes logits of hidden states, which the model returns as they are.

    Parameters
    ----------
    name
        Its path.
    next_token
        Whether labels are the next tokens, or stand at their own positions.
    """

    name: str
    next_token: bool

    def losses(self, model: Any, batch: dict[str, Any]) -> tuple[Any, Any]:
        """Summed losses (n_sequences,) in float64, and the counts, from one pass."""
        module = model.get_submodule(self.name)
        kept: list[Any] = []

        def keep(hidden: Any, *_: Any, **__: Any) -> Any:
            kept.append(hidden)
            return hidden[..., :1].clone()

        with replaced_forward(module, keep):
            call_model(model, batch)
        (hidden,) = kept
        labels = next_token_labels(batch) if self.next_token else token_labels(batch)
        rows, flat = hidden.reshape(-1, hidden.shape[-1]), labels.reshape(-1)
        losses = self._rows(module, rows, flat)
        return losses.reshape(labels.shape).double().sum(dim=1), (labels != IGNORED).sum(dim=1)

    def _rows(self, module: Any, rows: Any, labels: Any) -> Any:
        """The loss (n,) of each row, 0 where it does not count."""
        counted = labels != IGNORED
        n_counted = int(counted.sum())
        some = 2 * n_counted < len(labels)
        if some:
            chosen = counted.nonzero()[:, 0]
            short = -len(chosen) % ROWS_OF_A_KERNEL
            filled = torch.cat([chosen, chosen[:1].expand(short if n_counted else 0)])
            rows, wanted = rows[filled], labels[filled]
        else:
            wanted = labels
        pieces, start, size = [], 0, 0
        while start < len(rows):
            if not size:
                size = self._size(module, rows)
            piece = slice(start, start + size)
            pieces.append(row_losses(module(rows[piece]), wanted[piece]))
            start += size
        losses = torch.cat(pieces) if pieces else rows.new_zeros(0, dtype=torch.float32)
        if not some:
            return losses
        whole = losses.new_zeros(len(labels))
        whole[chosen] = losses[: len(chosen)]
        return whole

    def _size(self, module: Any, rows: Any) -> int:
        width = getattr(module, "out_features", None) or module(rows[:1]).shape[-1]
        fitting = BYTES_AT_A_TIME // (4 * int(width)) // ROWS_OF_A_KERNEL * ROWS_OF_A_KERNEL
        return max(2 * ROWS_OF_A_KERNEL, fitting)


def find_unembedding(model: Any, loss: Any) -> Unembedding | None:
    """The module that makes a model's logits, where its loss is one of the two known ones and it has such a module."""
    if getattr(loss, "__module__", "") != next_token_loss.__module__:
        return None
    try:
        module = model.get_output_embeddings()
    except (AttributeError, NotImplementedError, TypeError):
        return None
    if module is None or not hasattr(module, "weight"):
        return None
    name = next((name for name, one in model.named_modules() if one is module), None)
    return Unembedding(name, loss is next_token_loss) if name else None
