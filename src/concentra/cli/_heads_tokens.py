"""The evaluation batches of `concentra heads sweep`, from a text or token ids."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from concentra.errors import ArgumentError


def evaluation_batches(
    source: Any,
    checkpoint: str,
    text: Path | None,
    tokens: Path | None,
    labels: Path | None,
    n_sequences: int,
    length: int,
    batch_size: int,
    bos: str,
    chat: bool,
    mask_token: int | None,
) -> tuple[list[Any], dict[str, str]]:
    """The evaluation batches, and how they were made, for the record."""
    from concentra.heads import masked_batches, read_tokens, token_batches
    from concentra.heads.tokens import BOS, begins_with, load_tokenizer, sequences, text_tokens

    if (text is None) == (tokens is None):
        raise ArgumentError(
            found="both --text and --tokens" if text else "neither --text nor --tokens",
            expected="one of them: what the heads are evaluated on",
            fix="--text held_out.txt, or --tokens held_out.npy",
        )
    if bos not in BOS:
        raise ArgumentError(found=f"--bos {bos}", expected=f"one of {', '.join(BOS)}", fix="--bos auto")
    tokenizer = load_tokenizer(_tokenizer_place(source, checkpoint)) if text or bos == "always" else None
    begin = None
    if tokenizer is not None and bos != "never":
        begin = tokenizer.bos_token_id if bos == "always" else begins_with(tokenizer)
        if begin is None and bos == "always":
            raise ArgumentError(
                found="--bos always, and the tokenizer has no token that begins a text",
                expected="a tokenizer with a bos_token",
                fix="--bos auto",
            )
    stream = text_tokens(text, tokenizer, chat=chat) if text is not None else read_tokens(tokens or Path())
    rows = sequences(stream, n_sequences=n_sequences, length=length, begin=begin)
    batches = token_batches(rows, n_sequences=n_sequences, length=length, batch_size=batch_size)
    how = {
        "bos": f"{bos}: "
        + ("no token before each sequence" if begin is None else f"token {begin} before each"),
        "text": "chat template" if chat else "as it stands" if text else "token ids as they are",
    }
    if labels is not None:
        batches = _labelled(batches, read_tokens(labels), rows.shape, batch_size)
    elif _masked(source, checkpoint):
        hidden = mask_token if mask_token is not None else getattr(tokenizer, "mask_token_id", None)
        if hidden is None:
            raise ArgumentError(
                found="a masked language model, and no token that hides others",
                expected="the tokenizer's mask token, or its number",
                fix="--mask-token 103, or --labels labels.npy",
            )
        batches = masked_batches(batches, mask_token=int(hidden))
        how["masked"] = f"15% of the tokens hidden by token {hidden}"
    return batches, how


def _labelled(batches: list[Any], labels: Any, shape: tuple[int, ...], batch_size: int) -> list[Any]:
    import torch

    if tuple(labels.shape) != shape:
        raise ArgumentError(
            found=f"labels of shape {tuple(labels.shape)} for tokens {shape}",
            expected="a label for each token of each sequence, -100 where it does not count",
            fix="give --sequences and --length that are those of the labels, and --bos never",
        )
    rows = torch.as_tensor(labels.astype("int64")).split(batch_size)
    return [{"input_ids": ids, "labels": one} for ids, one in zip(batches, rows, strict=True)]


def _masked(source: Any, checkpoint: str) -> bool:
    """Whether the class that will be loaded is a masked language model."""
    if source.model_class is not None:
        return "MaskedLM" in source.model_class
    import json

    if not source.local:
        return False
    config = Path(source.config_place(checkpoint)) / "config.json"
    if not config.is_file():
        return False
    named = json.loads(config.read_text(encoding="utf-8")).get("architectures") or [""]
    return "MaskedLM" in str(named[0])


def _tokenizer_place(source: Any, checkpoint: str) -> Path | str:
    if not source.local:
        return str(source.source)
    folder = Path(source.source)
    places = [folder, folder / checkpoint, Path(source.config_place(checkpoint))]
    return next((place for place in places if (place / "tokenizer_config.json").is_file()), folder)
