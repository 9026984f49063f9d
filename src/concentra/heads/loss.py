"""The loss of a model on a batch, one sum a sequence, in float32 at least whatever the model computes in."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from concentra.errors import ArgumentError
from concentra.heads._torch import torch
from concentra.heads.batches import main_input

IGNORED = -100
"""The label of a position that does not count."""
FEW = 2
"""Sequences that show whether a model sees the token that it is to predict."""
SAME = 100
"""Logits that differ by at most this many roundings of the largest are the same."""

Loss = Callable[[Any, dict[str, Any]], tuple[Any, Any]]
"""From a model's output and the batch to the summed loss and the number of tokens of each sequence."""


def call_model(model: Any, batch: dict[str, Any]) -> Any:
    """The model's output on a batch: every key but the labels arrives, by its name where the model has it.

    The loss is computed here, one value a sequence, so that labels are handed over only where an encoder-decoder
    makes its decoder's input from them. `use_cache=False` is handed over where the model knows it.

    Raises
    ------
    ArgumentError
        The model does not take a key of the batch.
    """
    names, any_name, first = _parameters(type(model).forward)
    keywords = {name: value for name, value in batch.items() if name != "labels"}
    if is_encoder_decoder(model) and "labels" in batch and "decoder_input_ids" not in batch:
        keywords["labels"] = batch["labels"]
    if "use_cache" in names:
        keywords["use_cache"] = False
    arguments = []
    main = main_input(batch)
    if first is not None and first not in batch and main not in names:
        arguments = [keywords.pop(main)]
    unknown = sorted(set(keywords) - names)
    if unknown and not any_name:
        raise ArgumentError(
            found=f"{unknown} in the batch, which the forward method of {type(model).__name__} does not take",
            expected=f"keys among {sorted(names)}",
            fix="leave the key out; tokens that should not count have the label -100 in 'labels'",
        )
    return model(*arguments, **keywords)


@lru_cache(maxsize=64)
def _parameters(function: Callable[..., Any]) -> tuple[frozenset[str], bool, str | None]:
    """The names of a function's parameters, whether it takes any name, and its first where that is required."""
    parameters = list(inspect.signature(function).parameters.values())[1:]
    named = [one for one in parameters if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)]
    first = next(
        (one for one in parameters if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)), None
    )
    required = first.name if first is not None and first.default is inspect.Parameter.empty else None
    any_name = any(one.kind is one.VAR_KEYWORD for one in parameters)
    return frozenset(one.name for one in named), any_name, required


def is_encoder_decoder(model: Any) -> bool:
    """Whether a model of Hugging Face has an encoder and a decoder."""
    return bool(getattr(getattr(model, "config", None), "is_encoder_decoder", False))


def resolve_loss(loss: str | Loss, model: Any) -> Loss:
    """The loss function of a name: `next_token`, `token` (labels at their own positions), or `auto`.

    `auto` is `token` for masked language models (classes called `...MaskedLM` or `...PreTraining`) and for models
    with an encoder and a decoder, whose decoder's input is already shifted; else `next_token`.

    Raises
    ------
    ArgumentError
        An unknown name, or `next_token` for an encoder-decoder.
    """
    if callable(loss):
        return loss
    shifted = is_encoder_decoder(model)
    if loss == "auto":
        masked = any(word in type(model).__name__ for word in ("MaskedLM", "ForPreTraining"))
        loss = "token" if masked or shifted else "next_token"
    if loss not in ("next_token", "token"):
        raise ArgumentError(
            found=f"loss={loss!r}",
            expected="auto, next_token, token, or in Python a function of the output and the batch",
            fix='loss="next_token"',
        )
    if loss == "next_token" and shifted:
        raise ArgumentError(
            found="loss='next_token' for a model with an encoder and a decoder",
            expected="labels at the positions of the decoder's output: its input is shifted already",
            fix='loss="token"',
        )
    return next_token_loss if loss == "next_token" else token_loss


def next_token_loss(output: Any, batch: dict[str, Any]) -> tuple[Any, Any]:
    """Summed cross-entropy (nats) of each sequence's tokens given those before them, and their number.

    Position t predicts token t + 1; `labels`, where the batch has them, stand for the tokens. Padding
    (`attention_mask` 0) and the label -100 do not count. Shapes (n_sequences,) both, the sums in float64.
    """
    logits, labels = logits_of(output), next_token_labels(batch)
    _check_positions(logits, labels)
    return cross_entropy(logits[:, :-1], labels[:, :-1])


def next_token_labels(batch: dict[str, Any]) -> Any:
    """What each position predicts, (n_sequences, length): the next token, and -100 where nothing counts."""
    if "labels" not in batch and "input_ids" not in batch:
        raise ArgumentError(
            found=f"a batch with {sorted(batch)}",
            expected="labels, or token ids from which they follow",
            fix="add 'labels' to the batch",
        )
    labels = (batch["labels"] if "labels" in batch else batch["input_ids"]).clone()
    mask = batch.get("attention_mask")
    if mask is not None and mask.dim() == 2 and mask.shape == labels.shape:
        labels[mask == 0] = IGNORED
    elif mask is not None and "labels" not in batch:
        raise ArgumentError(
            found=f"an attention_mask of shape {tuple(mask.shape)} for tokens {tuple(labels.shape)}, and no labels",
            expected="labels: such a mask does not tell which tokens count",
            fix="labels = input_ids with -100 at the tokens that do not count",
        )
    return torch.nn.functional.pad(labels[:, 1:], (0, 1), value=IGNORED)


def token_loss(output: Any, batch: dict[str, Any]) -> tuple[Any, Any]:
    """Summed cross-entropy (nats) of each sequence's `labels` at their own positions, and their number."""
    logits, labels = logits_of(output), token_labels(batch)
    _check_positions(logits, labels)
    return cross_entropy(logits, labels)


def token_labels(batch: dict[str, Any]) -> Any:
    """The labels of a batch, (n_sequences, length), -100 where nothing counts."""
    if "labels" not in batch:
        raise ArgumentError(
            found=f"a batch with {sorted(batch)} and no labels",
            expected="labels: the token at the masked positions, -100 elsewhere; or the target of a decoder",
            fix="concentra.heads.masked_batches(batches, mask_token=..., seed=0)",
        )
    return batch["labels"]


def logits_of(output: Any) -> Any:
    """The logits (n_sequences, length, vocabulary) in what a model returned."""
    for name in ("logits", "prediction_logits", "prediction_scores"):
        found = getattr(output, name, None)
        if found is not None:
            return found
    found = output[0] if isinstance(output, (tuple, list)) else output
    if torch.is_tensor(found):
        return found
    raise ArgumentError(
        found=f"no logits in a {type(output).__name__}",
        expected="a model with a language head",
        fix="load the class with the head, ...ForCausalLM or ...ForMaskedLM (model_class=)",
    )


def cross_entropy(logits: Any, labels: Any) -> tuple[Any, Any]:
    """Summed cross-entropy (nats) of each sequence in float64, from losses of float32 or finer, and the counts."""
    losses = row_losses(logits.reshape(-1, logits.shape[-1]), labels.reshape(-1))
    counts = (labels != IGNORED).sum(dim=1)
    return losses.reshape(labels.shape).double().sum(dim=1), counts


def row_losses(logits: Any, labels: Any) -> Any:
    """The cross-entropy (n,) of each row of logits (n, vocabulary), 0 where the label is -100."""
    fine = logits if logits.dtype in (torch.float32, torch.float64) else logits.float()
    return torch.nn.functional.cross_entropy(fine, labels, ignore_index=IGNORED, reduction="none")


def _check_positions(logits: Any, labels: Any) -> None:
    if logits.dim() != 3 or tuple(logits.shape[:2]) != tuple(labels.shape):
        raise ArgumentError(
            found=f"logits of shape {tuple(logits.shape)} for labels of shape {tuple(labels.shape)}",
            expected="logits (n_sequences, length, vocabulary), one position a label",
            fix="in Python, give the model's own loss, a function of the output and the batch",
        )


def refuse_foresight(
    model: Any, batch: dict[str, Any], states: Callable[[dict[str, Any]], Any] | None = None
) -> None:
    """Refuse the loss of the next token where a model has seen that token: where it attends to what follows.

    The last token of each sequence is exchanged; in a causal model the logits before it (or what `states`
    computes of a batch instead) stay as they are.

    Raises
    ------
    ArgumentError
        They change.
    """
    ids = batch.get("input_ids")
    if ids is None or ids.dim() != 2 or ids.shape[1] < 3:
        return
    if all(value.dim() and value.shape[0] == len(ids) for value in batch.values()):
        batch = {name: value[:FEW] for name, value in batch.items()}
        ids = batch["input_ids"]
    mask = batch.get("attention_mask")
    if mask is None or mask.shape != ids.shape:
        mask = torch.ones_like(ids)
    positions = torch.arange(ids.shape[1], device=ids.device)
    last = (mask.ne(0) * positions).argmax(dim=1)
    changed = ids.clone()
    rows = torch.arange(len(ids), device=ids.device)
    changed[rows, last] = changed[rows, (last - 1).clamp(min=0)]
    same = changed[rows, last] == ids[rows, last]
    changed[rows[same], last[same]] = torch.where(ids[rows[same], last[same]] > 0, 0, 1)
    with torch.no_grad():
        compute = states or (lambda batch: logits_of(call_model(model, batch)))
        before, after = (compute({**batch, "input_ids": one}) for one in (ids, changed))
    if before.dim() != 3 or before.shape[1] != ids.shape[1]:
        return
    earlier = (positions[None] < last[:, None]) & mask.ne(0)
    moved = (before - after).abs().amax(dim=-1)[earlier]
    scale = before[earlier].abs().max() if moved.numel() else 0
    if moved.numel() and bool(moved.max() > SAME * torch.finfo(before.dtype).eps * scale):
        raise ArgumentError(
            found=f"{type(model).__name__} sees the token that it is to predict: its attention is not causal",
            expected="a causal model for the loss of the next token",
            fix='model_class="...ForMaskedLM" and masked tokens, or loss="next_token" to measure it all the same',
        )
