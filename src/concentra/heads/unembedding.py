"""The loss from the last hidden states, a few words of the vocabulary at a time.

With a large vocabulary the logits of a batch fill more memory than the processor keeps near, and much of a pass is
spent on writing and reading them. Here the cross-entropy of a row with hidden state h and label y,

    log sum_v exp(w_v . h) - w_y . h,

is summed over tiles of the vocabulary whose logits never leave the processor's cache: the products in the type of
the model, the exponentials in float32 at least, their sum over tiles in float64. Rows that do not count (padding,
tokens that are not masked) need no logits at all. The losses differ from those of all logits at once by rounding
only, some 1e-8 of a sequence's loss in float32; the caller checks that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from concentra.heads._torch import torch
from concentra.heads.guard import hooked, replaced_forward
from concentra.heads.loss import (
    IGNORED,
    call_model,
    next_token_labels,
    next_token_loss,
    row_losses,
    token_labels,
)

BYTES_AT_A_TIME = 16 * 2**20
"""Of logits: what a pass may write at once before tiles are tried."""
BYTES_OF_A_TILE = 4 * 2**20
"""Of logits: about what stays near a processor; other devices take BYTES_AT_A_TIME."""
ROWS_OF_A_TILE = 1024
ROWS_OF_A_KERNEL = 16
"""Matrix kernels treat the rows that are left over by this number in another way, with other last bits."""


@dataclass(frozen=True)
class Unembedding:
    """The linear module that makes logits of hidden states, which the model returns as they are.

    Parameters
    ----------
    name
        Its path.
    next_token
        Whether labels are the next tokens, or stand at their own positions.
    """

    name: str
    next_token: bool

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

    def losses(self, model: Any, batch: dict[str, Any], hidden: Any = None) -> tuple[Any, Any]:
        """Summed losses (n_sequences,) in float64 and the counts, of hidden states or of those of a pass."""
        hidden = self.hidden(model, batch) if hidden is None else hidden
        labels = next_token_labels(batch) if self.next_token else token_labels(batch)
        rows, flat = hidden.reshape(-1, hidden.shape[-1]), labels.reshape(-1)
        chosen = _counted(flat)
        losses = tiled_losses(rows[chosen], model.get_submodule(self.name), flat[chosen])
        whole = losses.new_zeros(len(flat))
        whole[chosen] = losses
        whole[flat == IGNORED] = 0
        return whole.reshape(labels.shape).sum(dim=1), (labels != IGNORED).sum(dim=1)


def _counted(labels: Any) -> Any:
    """The rows to compute: all, or those that count, filled up for the kernels, where those are fewer than half."""
    counted = (labels != IGNORED).nonzero()[:, 0]
    if 2 * len(counted) >= len(labels) or not len(counted):
        return slice(None if len(counted) else 0, None if len(counted) else 0)
    return torch.cat([counted, counted[:1].expand(-len(counted) % ROWS_OF_A_KERNEL)])


def tiled_losses(rows: Any, module: Any, labels: Any) -> Any:
    """The cross-entropy (n,) in float64 of hidden states (n, width) under a `Linear`; of no meaning without a label."""
    pieces = zip(rows.split(ROWS_OF_A_TILE), labels.split(ROWS_OF_A_TILE), strict=True)
    found = [_losses_of_rows(some, module.weight, module.bias, wanted) for some, wanted in pieces]
    return torch.cat(found) if found else rows.new_zeros(0, dtype=torch.float64)


def _losses_of_rows(rows: Any, weight: Any, bias: Any, labels: Any) -> Any:
    linear, size = _linear(rows, weight), _words(rows)
    shift: Any = None
    own: Any = 0.0
    total: Any = 0.0
    for start in range(0, len(weight), size):
        words = slice(start, start + size)
        logits = linear(rows, weight[words], None if bias is None else bias[words])
        logits = logits if logits.dtype in (torch.float32, torch.float64) else logits.float()
        place = labels - start
        picked = logits.gather(1, place.clamp(0, logits.shape[1] - 1)[:, None])[:, 0]
        picked = torch.where((place >= 0) & (place < logits.shape[1]), picked, 0)
        shift = logits.amax(dim=1, keepdim=True) if shift is None else shift
        own = own + picked
        total = total + logits.sub_(shift).exp_().sum(dim=1).double()
    losses = total.log() + shift[:, 0].double() - own.double()
    if bool(torch.isfinite(losses).all()):
        return losses
    return row_losses(linear(rows, weight, bias), labels).double()  # a later tile holds far larger logits


def _linear(rows: Any, weight: Any) -> Callable[[Any, Any, Any], Any]:
    """The product with a matrix of weights; on a processor that of oneDNN, which is the faster for a few words."""
    plain = rows.device.type == "cpu" and rows.dtype == weight.dtype == torch.float32
    if plain and torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise"):
        return lambda rows, weight, bias: torch.ops.mkldnn._linear_pointwise(
            rows, weight, bias, "none", [], ""
        )
    return torch.nn.functional.linear


def _words(rows: Any) -> int:
    """How many words a tile holds."""
    size = BYTES_OF_A_TILE if rows.device.type == "cpu" else BYTES_AT_A_TIME
    fitting = size // (4 * len(rows)) // ROWS_OF_A_KERNEL * ROWS_OF_A_KERNEL
    return max(2 * ROWS_OF_A_KERNEL, fitting)


def find_unembedding(model: Any, loss: Any) -> Unembedding | None:
    """The `Linear` that makes a model's logits, where the loss is one of the two known ones and there is one."""
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
    return Unembedding(name, loss is next_token_loss) if name else None
