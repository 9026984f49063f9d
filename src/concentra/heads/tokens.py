"""The evaluation tokens of a text as a model was trained to read them: its tokenizer, its beginning, its chat."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from concentra.errors import ArgumentError, DataAbsentError, FileFormatError
from concentra.heads._torch import require
from concentra.heads.batches import cut_sequences

BOS = ("auto", "always", "never")


def load_tokenizer(place: str | Path) -> Any:
    """The tokenizer beside a model.

    Raises
    ------
    DataAbsentError
        There is none.
    """
    local = Path(place).is_dir()
    transformers = require("transformers")
    try:
        return transformers.AutoTokenizer.from_pretrained(str(place), local_files_only=local)
    except (
        OSError,
        ValueError,
        ImportError,
    ) as error:  # some versions miss a library before they miss the file
        absent = (
            f"no tokenizer in {place}" if local else f"no folder {str(place)!r}, nor a model of that name"
        )
        raise DataAbsentError(
            found=f"{absent}: {' '.join(str(error).split())[:160]}",
            expected="tokenizer.json beside the weights, in a folder here or at Hugging Face",
            fix="--tokens held_out.npy, with the token ids as whole numbers",
        ) from None


def begins_with(tokenizer: Any) -> int | None:
    """The token that the tokenizer puts before a text, by its own convention; `None` where it puts none."""
    first = tokenizer.bos_token_id
    written = tokenizer("a", verbose=False)["input_ids"]
    return int(first) if first is not None and written[:1] == [first] else None


def text_tokens(path: Path, tokenizer: Any, *, chat: bool = False) -> NDArray[np.int64]:
    """The token ids of a text without special tokens; of chats, a line of JSON each, by the model's template."""
    text = path.read_text(encoding="utf-8")
    if not chat:
        return np.asarray(
            tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"], dtype=np.int64
        )
    if not getattr(tokenizer, "chat_template", None):
        raise DataAbsentError(
            found="the tokenizer has no chat template",
            expected="a model that was trained on chats",
            fix="leave out --chat-template",
        )
    ids: list[int] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            rendered = tokenizer.apply_chat_template(_messages(line, path, number), tokenize=False)
            ids += tokenizer(rendered, add_special_tokens=False, verbose=False)["input_ids"]
    return np.asarray(ids, dtype=np.int64)


def _messages(line: str, path: Path, number: int) -> list[dict[str, str]]:
    try:
        found = json.loads(line)
        messages = found["messages"] if isinstance(found, dict) else found
        return [{"role": str(one["role"]), "content": str(one["content"])} for one in messages]
    except (ValueError, KeyError, TypeError):
        raise FileFormatError(
            found=f"{path}, line {number}: {line[:60]!r}",
            expected='one chat per line: [{"role": "user", "content": "..."}, ...]',
            fix="write the chats as JSON lines, or leave out --chat-template",
        ) from None


def sequences(
    tokens: NDArray[Any], *, n_sequences: int, length: int, begin: int | None = None
) -> NDArray[np.int64]:
    """Sequences (n_sequences, length) of a stream, or the first rows; each after the token `begin`, where it is given.

    >>> sequences(np.arange(8), n_sequences=2, length=3, begin=99).tolist()
    [[99, 0, 1], [99, 6, 7]]
    """
    if begin is None:
        return cut_sequences(tokens, n_sequences=n_sequences, length=length).astype(np.int64)
    if length < 3:
        raise ArgumentError(
            found=f"sequences of {length} tokens, of which the first only begins",
            expected="at least 3 tokens",
            fix="--length 128",
        )
    body = cut_sequences(tokens, n_sequences=n_sequences, length=length - 1).astype(np.int64)
    return np.concatenate([np.full((len(body), 1), begin, dtype=np.int64), body], axis=1)
