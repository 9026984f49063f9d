"""The service of stored nodes gives in this process what it gives in its own: every format, every odd node."""

from __future__ import annotations

import io
import json
import os
import sys
from pathlib import Path
from typing import Any

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest

import definitions_binary_files as files
import fuzz_binary
from concentra.errors import ConcentraError
from concentra.io import child, store_server
from concentra.io.cells import read_labels
from definitions_stores import chunk_of, sorted_store

FORMATS = {name: made for name, made in files.FORMATS.items() if made[0] in fuzz_binary.STORES}


class Here(child.Child):
    """Requests answered in this process, over the same bytes."""

    def __init__(self, ending: str) -> None:
        self.ending, self.usable = ending, True
        self.service = store_server.Service()

    def ask(self, do: str, **what: Any) -> tuple[dict[str, Any], list[bytearray]]:
        answers = io.BytesIO()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(store_server, "Service", lambda: Lasting(self.service))
            store_server.serve(io.BytesIO(json.dumps({"do": do, **what}).encode() + b"\n"), answers)
        answers.seek(0)
        head = json.loads(answers.read(int.from_bytes(answers.read(8), "little")))
        self.usable = "refused" not in head
        return head, [bytearray(answers.read(child._size(kind, shape))) for _, kind, shape in head["arrays"]]

    def end(self) -> None:
        self.service.close()


class Lasting:
    """A service that does not close its store when requests end."""

    def __init__(self, service: store_server.Service) -> None:
        self.answer = service.answer

    def close(self) -> None:
        """Nothing."""


@pytest.fixture
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> Any:
    def begin() -> None:
        child.end_idle()
        monkeypatch.setattr(child, "Child", Here)

    yield begin
    child.end_idle()


@pytest.mark.parametrize("name", FORMATS)
def test_every_format(name: str, tmp_path: Path, in_this_process: Any) -> None:
    ending, write = FORMATS[name]
    if ending == ".zarr":
        pytest.importorskip("zarr")
    write(tmp_path / f"cells{ending}")
    apart = fuzz_binary.ours(str(tmp_path / f"cells{ending}"))
    assert "counts" in apart
    in_this_process()
    assert fuzz_binary.ours(str(tmp_path / f"cells{ending}")) == apart


def odd(path: Path, kind: str) -> None:
    """A file with one node that is not what it should be."""
    obs = pd.DataFrame({"donor": list("aabb"), "type": list("xyxy"), "n": [1, 2, 3, 4]}, index=list("1234"))
    anndata.AnnData(obs=obs).write_h5ad(path)
    with h5py.File(path, "r+") as file:
        column = {
            "complex": np.zeros(4, complex),
            "matrix": np.zeros((4, 2)),
            "short": np.zeros(3, "i4"),
            "void": np.zeros(4, "V3"),
            "compound": np.zeros(4, [("a", "i4"), ("b", "f4")]),
            "booleans": np.array([True, False, True, True]),
            "bytes": np.array([b"a", b"b", b"\xff", b"d"]),
            "halves": np.zeros(4, "f2"),
        }.get(kind)
        del file["obs/donor"]
        if column is not None:
            file["obs/donor"] = column
        elif kind == "scalar":
            file["obs/donor"] = 3
        elif kind == "external":
            file["obs/donor"] = h5py.ExternalLink("elsewhere.h5", "/x")
        elif kind == "soft":
            file["obs/donor"] = h5py.SoftLink("/nowhere")
        elif kind == "reference":
            file.create_dataset("obs/donor", data=[file["obs"].ref] * 4, dtype=h5py.ref_dtype)
        elif kind == "empty":
            file.create_dataset("obs/donor", data=h5py.Empty("i4"))
        elif kind == "no index":
            del file["obs"].attrs["_index"]
        elif kind == "enumerated":
            file.create_dataset("obs/donor", data=[0, 1, 1, 0], dtype=h5py.enum_dtype({"f": 0, "m": 1}))
        elif kind == "long text":
            file.create_dataset("obs/donor", data=["é" * 9, "b", "c", "d"], dtype=h5py.string_dtype())
        elif kind == "filtered":
            file.create_dataset("obs/donor", data=[1, 2, 3, 4], chunks=(2,), compression="lzf", shuffle=True)


KINDS = ("complex", "matrix", "short", "void", "compound", "booleans", "bytes", "halves", "scalar", "external", "soft",
         "reference", "empty", "no index", "enumerated", "long text", "filtered", "missing")  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_every_odd_node(kind: str, tmp_path: Path, in_this_process: Any) -> None:
    path = tmp_path / "odd.h5ad"
    odd(path, kind)
    apart = said(path, ["donor", "type", "n"])
    in_this_process()
    assert said(path, ["donor", "type", "n"]) == apart


def said(path: Path, columns: list[str]) -> object:
    """The labels and what is noted of them, or the reason why they are refused."""
    notes: list[str] = []
    try:
        return read_labels(path, columns, notes=notes).astype(str).values.tolist(), notes
    except ConcentraError as problem:
        return str(problem)


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("change", ["none", "lost", "one category", "stored zeros", "cut", "link", "no file"])
def test_every_state_of_the_chunks(version: int, change: str, tmp_path: Path, in_this_process: Any) -> None:
    path, obs = sorted_store(tmp_path, version, kept=change == "stored zeros")
    chunk = chunk_of(path, "obs/donor/codes", 5)
    if change == "cut":
        chunk.write_bytes(chunk.read_bytes()[:5])
    elif change == "link":
        chunk.rename(tmp_path / "elsewhere")
        chunk.symlink_to(tmp_path / "elsewhere")
    elif change == "no file":
        chunk.with_name("fifo").unlink(missing_ok=True)
        os.mkfifo(chunk.with_name("fifo"))
    elif change == "one category":
        for number in range(10):
            chunk_of(path, "obs/tissue/codes", number).unlink(missing_ok=True)
    elif change in ("lost", "stored zeros"):
        chunk.unlink()
    apart = said(path, list(obs))
    assert isinstance(apart, str) is (change != "none")
    in_this_process()
    assert said(path, list(obs)) == apart


def test_what_is_no_store_is_refused_alike(tmp_path: Path, in_this_process: Any) -> None:
    (tmp_path / "text.h5ad").write_text("no HDF5")
    (tmp_path / "empty.zarr").mkdir()
    words = []
    for begin in (lambda: None, in_this_process):
        begin()
        for name in ("text.h5ad", "empty.zarr"):
            with pytest.raises(ConcentraError) as caught:
                read_labels(tmp_path / name, ["donor"])
            words.append(str(caught.value))
    assert words[:2] == words[2:]


def test_an_unforeseen_error_is_an_answer() -> None:
    answers = io.BytesIO()
    store_server.serve(io.BytesIO(b'{"do": "describe", "place": [], "depth": 1}\nnonsense\n'), answers)
    assert answers.getvalue().count(b'"refused"') == 2
    assert sys.exc_info() == (None, None, None)
