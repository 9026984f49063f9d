"""The loss of a model on a batch, one sum a sequence."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from concentra.errors import ArgumentError
from concentra.heads._torch import torch

IGNORED = -100
"""The label of a position that does not count."""

Loss = Callable[[Any, dict[str, Any]], tuple[Any, Any]]
"""From a model's output and the batch to the summed loss and the number of tokens of each sequence."""


def call_model(model: Any, batch: dict[str, Any]) -> Any:
    """The model's output on a batch: by keywords where it takes `input_ids`, else on the tokens alone.

    Labels are not handed over (the loss is computed here, one value a sequence), and `use_cache=False` is.
    """
    parameters = _parameters(type(model).forward)
    if "input_ids" not in parameters:
        return model(batch["input_ids"])
    arguments = {name: value for name, value in batch.items() if name != "labels"}
    if "use_cache" in parameters:
        arguments["use_cache"] = False
    return model(**arguments)


@lru_cache(maxsize=64)
def _parameters(function: Callable[..., Any]) -> frozenset[str]:
    return frozenset(inspect.signature(function).parameters)


def resolve_loss(loss: str | Loss, model: Any) -> Loss:
    """The loss function of a name: `next_token`, `token` (labels aligned with positions), or `auto`.

    `auto` is `token` for masked language models (a class called `...MaskedLM`), else `next_token`.
    """
    if callable(loss):
        return loss
    if loss == "auto":
        loss = "token" if "MaskedLM" in type(model).__name__ else "next_token"
    if loss not in ("next_token", "token"):
        raise ArgumentError(
            found=f"loss={loss!r}",
            expected="'auto', 'next_token', 'token' or a function of the output and the batch",
            fix='loss="next_token"',
        )
    return next_token_loss if loss == "next_token" else token_loss


def next_token_loss(output: Any, batch: dict[str, Any]) -> tuple[Any, Any]:
    """Summed cross-entropy (nats) of each sequence's tokens given those before them, and their number.

    Position t predicts token t + 1; `labels`, where the batch has them, stand for the tokens. Padding
    (`attention_mask` 0) and the label -100 do not count. Shapes (n_sequences,) both, the sums in float64.
    """
    labels = batch.get("labels", batch["input_ids"]).clone()
    if "attention_mask" in batch:
        labels[batch["attention_mask"] == 0] = IGNORED
    return _cross_entropy(logits_of(output)[:, :-1], labels[:, 1:])


def token_loss(output: Any, batch: dict[str, Any]) -> tuple[Any, Any]:
    """Summed cross-entropy (nats) of each sequence's `labels` at their own positions, and their number."""
    if "labels" not in batch:
        raise ArgumentError(
            found=f"a batch with {sorted(batch)} and no labels",
            expected="labels: the token at the masked positions, -100 elsewhere",
            fix="concentra.heads.masked_batches(batches, mask_token=..., seed=0)",
        )
    return _cross_entropy(logits_of(output), batch["labels"])


def logits_of(output: Any) -> Any:
    """The logits (n_sequences, length, vocabulary) in what a model returned."""
    if hasattr(output, "logits"):
        return output.logits
    return output[0] if isinstance(output, (tuple, list)) else output


def _cross_entropy(logits: Any, labels: Any) -> tuple[Any, Any]:
    losses = torch.nn.functional.cross_entropy(
        logits.reshape(-1, logits.shape[-1]), labels.reshape(-1), ignore_index=IGNORED, reduction="none"
    )
    counts = (labels != IGNORED).sum(dim=1)
    return losses.reshape(labels.shape).double().sum(dim=1), counts
