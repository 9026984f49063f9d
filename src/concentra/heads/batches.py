"""The evaluation tokens: the same ones, in the same order, at every checkpoint."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from concentra.errors import ArgumentError, FileFormatError
from concentra.heads._torch import torch


def token_batches(
    tokens: NDArray[np.integer[Any]], *, n_sequences: int = 32, length: int = 128, batch_size: int = 8
) -> list[Any]:
    """Batches of token ids (batch_size, length), cut from a stream at equal distances, or from its rows.

    Parameters
    ----------
    tokens
        A stream of token ids (n,), or ready sequences (n, at least `length`), of which the first are taken.
    n_sequences, length
        How many sequences, of how many tokens.
    batch_size
        Sequences in one batch; the last batch may be smaller.

    Examples
    --------
    >>> import numpy as np
    >>> [batch.tolist() for batch in token_batches(np.arange(10), n_sequences=3, length=2, batch_size=2)]
    ... # doctest: +SKIP
    [[[0, 1], [4, 5]], [[8, 9]]]
    """
    sequences = cut_sequences(tokens, n_sequences=n_sequences, length=length)
    whole = torch.as_tensor(sequences.astype(np.int64))
    return list(whole.split(batch_size))


def cut_sequences(
    tokens: NDArray[np.integer[Any]], *, n_sequences: int, length: int
) -> NDArray[np.integer[Any]]:
    """`n_sequences` rows of `length` tokens that do not overlap: equally spaced in a stream, or the first rows.

    >>> import numpy as np
    >>> cut_sequences(np.arange(10), n_sequences=3, length=2).tolist()
    [[0, 1], [4, 5], [8, 9]]
    """
    tokens = np.asarray(tokens)
    if not np.issubdtype(tokens.dtype, np.integer) or tokens.ndim not in (1, 2):
        raise ArgumentError(
            found=f"tokens of type {tokens.dtype} and shape {tokens.shape}",
            expected="whole numbers, one stream or one row a sequence",
            fix="tokens = np.asarray(tokenizer(text)['input_ids'])",
        )
    if n_sequences < 1 or length < 2:
        raise ArgumentError(
            found=f"{n_sequences} sequences of {length} tokens",
            expected="at least one sequence of at least two tokens",
            fix="n_sequences=32, length=128",
        )
    available = tokens.size // length if tokens.ndim == 1 else len(tokens) * (tokens.shape[1] >= length)
    if available < n_sequences:
        raise ArgumentError(
            found=f"{tokens.size} tokens, enough for {available} sequences of {length}",
            expected=f"{n_sequences} sequences that do not overlap",
            fix="give more text, or ask for "
            + (f"at most {available} sequences, or for " if available else "")
            + "shorter ones",
        )
    if tokens.ndim == 2:
        return tokens[:n_sequences, :length]
    starts = np.linspace(0, tokens.size - length, n_sequences).astype(np.int64)
    return tokens[starts[:, None] + np.arange(length)]


def masked_batches(
    batches: Iterable[Any], *, mask_token: int, share: float = 0.15, seed: int = 0
) -> list[dict[str, Any]]:
    """Batches for a masked language model: a share of the tokens masked, and the labels that were there.

    The same `seed` masks the same positions, so that every checkpoint meets the same task.

    >>> masked = masked_batches([np.array([[5, 6, 7, 8]])], mask_token=0, share=0.5)[0]  # doctest: +SKIP
    >>> hidden = masked["input_ids"] == 0  # doctest: +SKIP
    >>> bool((hidden == (masked["labels"] != -100)).all())  # doctest: +SKIP
    True
    """
    rng = np.random.default_rng(seed)
    masked = []
    for batch in (as_batch(batch) for batch in batches):
        ids = batch["input_ids"]
        chosen = torch.as_tensor(rng.random(tuple(ids.shape)) < share)
        chosen[:, 0] |= ~chosen.any(dim=1)
        chosen &= batch.get("attention_mask", torch.ones_like(ids)).bool()
        masked.append(
            {
                **batch,
                "input_ids": ids.masked_fill(chosen, mask_token),
                "labels": ids.masked_fill(~chosen, -100),
            }
        )
    return masked


MAIN_INPUTS = (
    "input_ids", "inputs_embeds", "pixel_values", "input_values", "input_features", "decoder_input_ids",
)  # fmt: skip
TOGETHER = 8
"""Sequences given one by one are put into batches of this many."""


def main_input(batch: dict[str, Any]) -> str:
    """The key of what a batch is about: token ids, else images or sound, else the first key that is no label.

    >>> main_input({"labels": 0, "pixel_values": 1})
    'pixel_values'
    """
    known = [name for name in MAIN_INPUTS if name in batch]
    return (known or [name for name in batch if name != "labels"] or [""])[0]


def n_sequences(batch: dict[str, Any]) -> int:
    """The number of sequences in a batch, the length of its main input."""
    return int(batch[main_input(batch)].shape[0])


def as_batch(batch: Any) -> dict[str, Any]:
    """A batch as a dictionary of tensors: token ids alone, or a mapping."""
    if not hasattr(batch, "keys"):
        batch = {"input_ids": batch}
    tensors = {name: _tensor(name, value) for name, value in batch.items() if value is not None}
    main = tensors.get(main_input(tensors))
    if main is None or main.dim() == 0:
        raise ArgumentError(
            found=f"a batch with {sorted(batch)}",
            expected="token ids (n_sequences, length), or a mapping with input_ids or another input of the model",
            fix="batches = concentra.heads.token_batches(tokens)",
        )
    if "input_ids" in tensors and (main.dim() != 2 or main.is_floating_point()):
        raise ArgumentError(
            found=f"input_ids of type {main.dtype} and shape {tuple(main.shape)}",
            expected="whole numbers (n_sequences, length)",
            fix="input_ids[None] for one sequence",
        )
    return tensors


def _tensor(name: str, value: Any) -> Any:
    try:
        return torch.as_tensor(value)
    except (TypeError, ValueError) as error:
        raise ArgumentError(
            found=f"{name!r} is no array: {str(error)[:120]}",
            expected="numbers, and rows of one length",
            fix="pad the rows, and give attention_mask with 0 at the padding",
        ) from None


def as_batches(batches: Any) -> list[dict[str, Any]]:
    """All batches as dictionaries; one tensor or mapping is one batch; sequences one by one are put together."""
    if hasattr(batches, "keys") or (hasattr(batches, "ndim") and batches.ndim == 2):
        found = [batches]
    else:
        found = list(batches)
        if found and not hasattr(found[0], "keys") and all(np.ndim(one) == 1 for one in found):
            found = [_stacked(found[start : start + TOGETHER]) for start in range(0, len(found), TOGETHER)]
    whole = [as_batch(batch) for batch in found]
    if not whole or any(not n_sequences(batch) for batch in whole):
        raise ArgumentError(
            found="no evaluation sequences",
            expected="at least one batch with at least one sequence",
            fix="batches = concentra.heads.token_batches(tokens)",
        )
    return whole


def _stacked(sequences: list[Any]) -> Any:
    lengths = {len(one) for one in sequences}
    if len(lengths) > 1:
        raise ArgumentError(
            found=f"sequences of {min(lengths)} to {max(lengths)} tokens, one by one",
            expected="sequences of one length",
            fix="cut them to one length, or pad them and give mappings with input_ids and attention_mask",
        )
    return torch.stack([torch.as_tensor(one) for one in sequences])


def fingerprint(batches: Sequence[dict[str, Any]]) -> str:
    """The SHA-256 over names, types, shapes and values of all batches."""
    digest = hashlib.sha256()
    for batch in batches:
        for name in sorted(batch):
            tensor = batch[name].detach().cpu().contiguous()
            digest.update(
                f"{name} {str(tensor.dtype).removeprefix('torch.')} {tuple(tensor.shape)};".encode()
            )
            digest.update(tensor.view(torch.uint8).numpy().tobytes() if tensor.numel() else b"")
    return digest.hexdigest()


def read_tokens(path: str | Path) -> NDArray[np.integer[Any]]:
    """Token ids from a `.npy` file, never unpickling anything.

    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "tokens.npy"
    >>> np.save(path, [3, 1, 2])
    >>> read_tokens(path).tolist()
    [3, 1, 2]
    """
    try:
        tokens = np.load(path, allow_pickle=False)
    except FileNotFoundError:
        raise
    except (ValueError, OSError, EOFError) as error:
        raise _no_tokens(path, str(error).partition(". ")[0]) from None
    if not isinstance(tokens, np.ndarray) or not np.issubdtype(tokens.dtype, np.integer):
        raise _no_tokens(path, f"numbers of type {getattr(tokens, 'dtype', 'of several arrays')}")
    return tokens


def _no_tokens(path: str | Path, why: str) -> FileFormatError:
    return FileFormatError(
        found=f"{path}: {why}", expected="a .npy file of whole numbers", fix="np.save(path, token_ids)"
    )
