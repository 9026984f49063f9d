"""Texts, chats and sequences as a model reads them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
tokenizers = pytest.importorskip("tokenizers")
pytestmark = [pytest.mark.heads, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

from concentra.errors import ArgumentError, DataAbsentError, FileFormatError  # noqa: E402
from concentra.heads import checkpoint_loader  # noqa: E402
from concentra.heads.hub import read_config  # noqa: E402
from concentra.heads.tokens import begins_with, load_tokenizer, sequences, text_tokens  # noqa: E402

WORDS = {"<s>": 0, "?": 1, "one": 2, "two": 3, "user": 4, "assistant": 5}


def tokenizer(*, begins: bool, bos: bool = True) -> Any:
    """Words by number, with or without a token that the tokenizer itself puts before a text."""
    inner = tokenizers.Tokenizer(tokenizers.models.WordLevel(WORDS, unk_token="?"))
    inner.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    if begins:
        inner.post_processor = tokenizers.processors.TemplateProcessing(
            single="<s> $A", special_tokens=[("<s>", 0)]
        )
    more = {"bos_token": "<s>"} if bos else {}
    return transformers.PreTrainedTokenizerFast(tokenizer_object=inner, unk_token="?", **more)


def test_a_text_begins_as_its_tokenizer_begins_it() -> None:
    assert begins_with(tokenizer(begins=True)) == 0
    assert begins_with(tokenizer(begins=False)) is None
    assert begins_with(tokenizer(begins=False, bos=False)) is None


def test_the_tokens_of_a_text_hold_no_special_ones(tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_text("one two\nthree one", encoding="utf-8")
    found = text_tokens(path, tokenizer(begins=True))
    assert found.tolist() == [2, 3, 1, 2]
    assert found.dtype == np.int64


def test_chats_go_through_the_template(tmp_path: Path) -> None:
    read, path = tokenizer(begins=False), tmp_path / "chats.jsonl"
    chat = [{"role": "user", "content": "one"}, {"role": "assistant", "content": "two two"}]
    path.write_text(f"{json.dumps(chat)}\n\n{json.dumps({'messages': chat[:1]})}\n", encoding="utf-8")
    with pytest.raises(DataAbsentError, match="no chat template"):
        text_tokens(path, read, chat=True)
    read.chat_template = "{% for m in messages %}{{ m['role'] }} {{ m['content'] }} {% endfor %}"
    assert text_tokens(path, read, chat=True).tolist() == [4, 2, 5, 3, 3, 4, 2]
    for wrong in ("[1]", "{", '{"messages": 3}', '[{"role": "user"}]'):
        path.write_text(f"{json.dumps(chat)}\n{wrong}\n", encoding="utf-8")
        with pytest.raises(FileFormatError, match="line 2"):
            text_tokens(path, read, chat=True)


def test_sequences_keep_their_length_with_a_beginning() -> None:
    stream = np.arange(100, 200)
    plain, begun = (sequences(stream, n_sequences=3, length=10, begin=begin) for begin in (None, 7))
    assert plain.shape == begun.shape == (3, 10)
    assert (begun[:, 0] == 7).all()
    assert (np.diff(plain, axis=1) == 1).all()
    assert (np.diff(begun[:, 1:], axis=1) == 1).all()
    assert (plain[0, 0], begun[0, 1], plain[-1, -1], begun[-1, -1]) == (100, 100, 199, 199)
    with pytest.raises(ArgumentError, match="at least 3 tokens"):
        sequences(stream, n_sequences=1, length=2, begin=7)


def test_a_tokenizer_is_found_beside_the_weights_or_missed_with_a_reason(tmp_path: Path) -> None:
    tokenizer(begins=True).save_pretrained(tmp_path / "there")
    assert begins_with(load_tokenizer(tmp_path / "there")) == 0
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataAbsentError, match="no tokenizer in"):
        load_tokenizer(tmp_path / "empty")


def test_a_name_that_is_neither_a_folder_nor_a_model_is_called_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(*_: object, **__: object) -> None:
        raise OSError("We couldn't connect")

    for kind in (transformers.AutoConfig, transformers.AutoTokenizer):
        monkeypatch.setattr(kind, "from_pretrained", absent)
    for wanted in (load_tokenizer, checkpoint_loader("nosuch/model"), read_config):
        with pytest.raises(
            DataAbsentError, match="no folder 'nosuch/model', nor a model of that name: We couldn't"
        ):
            wanted("nosuch/model")
