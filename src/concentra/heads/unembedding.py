"""The loss from the last hidden states, without all logits at once: see `concentra.heads.tiles`.

Rows that do not count (padding, tokens that are not masked) need no logits at all. The losses differ from those of all
logits at once by rounding only, some 1e-8 of a sequence's loss in float32; the caller checks that.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from concentra.heads._torch import torch
from concentra.heads.guard import hooked, replaced_forward
from concentra.heads.kernels import Kernels
from concentra.heads.loss import (
    IGNORED,
    call_model,
    next_token_labels,
    next_token_loss,
    token_labels,
)
from concentra.heads.tiles import ROWS_OF_A_KERNEL, Change, changed_losses, tiled_losses


@dataclass(frozen=True)
class Unembedding:
    """The linear module that makes logits of hidden states, which the model returns as they are.

    Parameters
    ----------
    name
        Its path.
    next_token
        Whether labels are the next tokens, or stand at their own positions.
    kernels
        What multiplies hidden states with its weights.
    """

    name: str
    next_token: bool
    kernels: Kernels = field(default_factory=Kernels)

    @contextmanager
    def heard(self, model: Any, kept: list[Any]) -> Iterator[None]:
        """Add the hidden states of each pass to `kept`."""

        def keep(module: Any, arguments: tuple[Any, ...]) -> None:
            kept.extend(arguments[:1])

        with hooked([model.get_submodule(self.name).register_forward_pre_hook(keep)]):
            yield

    def hidden(self, model: Any, batch: dict[str, Any]) -> Any:
        """The last hidden states (n_sequences, length, width) of a pass."""
        kept: list[Any] = []

        def keep(hidden: Any, *_: Any, **__: Any) -> Any:
            kept.append(hidden)
            return hidden[..., :1].clone()

        with replaced_forward(model.get_submodule(self.name), keep):
            call_model(model, batch)
        (hidden,) = kept
        return hidden

    def losses(
        self, model: Any, batch: dict[str, Any], hidden: Any = None, changes: Sequence[Change] = ()
    ) -> tuple[Any, Any]:
        """Summed losses (n_sequences,) in float64 and the counts, of hidden states or of those of a pass.

        With changes of the hidden states the losses are (n_changes, n_sequences).
        """
        hidden = self.hidden(model, batch) if hidden is None else hidden
        labels = next_token_labels(batch) if self.next_token else token_labels(batch)
        rows, flat = hidden.reshape(-1, hidden.shape[-1]), labels.reshape(-1)
        chosen, module = _counted(flat), model.get_submodule(self.name)
        _check_labels(flat, len(module.weight))
        if changes:
            some = [one.of(chosen) for one in changes]
            losses = changed_losses(rows[chosen], some, module, flat[chosen], self.kernels)
        else:
            losses = tiled_losses(rows[chosen], module, flat[chosen], self.kernels)
        whole = losses.new_zeros(*losses.shape[:-1], len(flat))
        whole[..., chosen] = losses
        whole[..., flat == IGNORED] = 0
        return whole.reshape(*losses.shape[:-1], *labels.shape).sum(dim=-1), (labels != IGNORED).sum(dim=1)


def _check_labels(labels: Any, n_words: int) -> None:
    """Refuse labels that are no words, as the cross-entropy of all logits does."""
    unknown = labels[((labels < 0) & (labels != IGNORED)) | (labels >= n_words)]
    if len(unknown):
        raise IndexError(f"Target {int(unknown[0])} is out of bounds.")


def _counted(labels: Any) -> Any:
    """The rows to compute: all, or those that count, filled up for the kernels, where those are fewer than half."""
    counted = (labels != IGNORED).nonzero()[:, 0]
    if 2 * len(counted) >= len(labels) or not len(counted):
        return slice(None if len(counted) else 0, None if len(counted) else 0)
    return torch.cat([counted, counted[:1].expand(-len(counted) % ROWS_OF_A_KERNEL)])


def find_unembedding(model: Any, loss: Any, max_bytes: int = 2**29) -> Unembedding | None:
    """The `Linear` that makes a model's logits, where the loss is one of the two known ones and there is one.

    Its kernels may hold `max_bytes`.
    """
    if getattr(loss, "__module__", "") != next_token_loss.__module__:
        return None
    try:
        module = model.get_output_embeddings()
    except (AttributeError, NotImplementedError, TypeError):
        return None
    if (
        type(module) is not torch.nn.Linear
    ):  # quantised ones, and those with an adapter, compute in their own way
        return None
    name = next((name for name, one in model.named_modules() if one is module), None)
    return Unembedding(name, loss is next_token_loss, Kernels(max_bytes)) if name else None
