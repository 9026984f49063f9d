"""Groups and arrays of HDF5 files and Zarr stores, read by a process apart: whatever a file holds, at worst an error.

`opened` gives the root of a file or store; from there on places are paths such as ``obs/donor``. Nothing outside the
file is read, no array is allocated before the file is seen to hold its bytes, and text is checked to be UTF-8.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from concentra.errors import FileFormatError, MissingDependencyError
from concentra.io.child import Child, Ended, borrowed

BLOCK_BYTES = 32 << 20  # that are asked for at a time
BLOCK_ROWS = 1 << 19  # of text
DAMAGED = "fetch or write the file again; it may be truncated, corrupt, or named wrongly"


@dataclass(frozen=True)
class Text:
    """Text as codes.

    Attributes
    ----------
    codes
        A code for each row, -1 where there is no text.
    values
        What the codes 0, 1, ... stand for: distinct texts.
    """

    codes: NDArray[np.int32]
    values: list[str]


@dataclass(frozen=True)
class Store:
    """An open file or store.

    Attributes
    ----------
    path, ending
        Where it is, and what it is.
    notes
        Sentences on what was read although it is not stored; the keys.
    """

    path: str
    ending: str
    _child: Child
    notes: dict[str, None] = field(default_factory=dict)

    def node(self, place: str, depth: int = 0) -> Node | None:
        """The group or array of a place, with members down to a depth; None where there is none.

        Parameters
        ----------
        place
            Such as "obs/donor".
        depth
            0: the node alone; 1: also what lies in it; and so on.
        """
        parts = tuple(part for part in place.split("/") if part)
        answer, _ = self._ask("describe", place=parts, depth=depth)
        return _node(self, parts, answer["node"])

    def has(self, place: str) -> bool:
        """Whether there is anything at a place."""
        return self.node(place) is not None

    def refused(self, found: str, fix: str = "") -> FileFormatError:
        """The error of a file that is not as it should be."""
        return FileFormatError(
            found=f"{self.path!r} cannot be read: {found}",
            expected=f"a whole {self.ending} file",
            fix=fix or DAMAGED,
        )

    def _ask(self, do: str, **what: Any) -> tuple[dict[str, Any], list[bytearray]]:
        try:
            answer, arrays = self._child.ask(do, **what)
        except Ended as problem:
            raise self.refused(str(problem)) from problem
        if "refused" in answer:
            raise self.refused(" ".join(answer["refused"].split()), answer["fix"])
        return answer, arrays

    def _read(self, place: tuple[str, ...], rows: slice, field: str | None) -> dict[str, Any]:
        answer, arrays = self._ask("read", place=place, start=rows.start, stop=rows.stop, field=field)
        if "filled" in answer:
            n_chunks, value = answer["filled"]
            chunks = "1 chunk" if n_chunks == 1 else f"{n_chunks:,} chunks"
            self.notes[f"{chunks} of {'/'.join(place)!r} in {self.path!r} not stored: read as {value!r}, "
                       "since Zarr leaves out chunks of nothing else"] = None  # fmt: skip
        described = zip(answer["arrays"], arrays, strict=True)
        return {
            name: np.frombuffer(data, dtype=kind).reshape(shape) for (name, kind, shape), data in described
        }


@dataclass(frozen=True)
class Group:
    """A group: its attributes, and the members that were asked for.

    Attributes
    ----------
    place
        Where it lies.
    names
        Names of its members.
    members
        Those that were described with it.
    attributes
        Of the node that was asked for, those that say how AnnData stored it; of its members none.
    """

    store: Store
    place: tuple[str, ...]
    names: list[str]
    members: Mapping[str, Node | None] = field(default_factory=dict)
    attributes: Mapping[str, Any] = field(default_factory=dict)

    def array(self, name: str) -> Array | None:
        """The member of that name, if it is an array."""
        node = self.members.get(name)
        return node if isinstance(node, Array) else None


@dataclass(frozen=True)
class Array:
    """An array of numbers, text or records.

    Attributes
    ----------
    place
        Where it lies.
    shape
        Of a single value, or of no value at all, ().
    holds
        integer, float, boolean, string or other.
    type
        As numpy writes it.
    row_bytes
        That a row takes, of text the reference to it.
    fields
        Of records, the type of each field; else None.
    attributes
        As of a group.
    coded
        Where the categories lie for which its values stand, as AnnData 0.7 stored them: a path, empty where it is
        not known; None: they are no codes.
    """

    store: Store
    place: tuple[str, ...]
    shape: tuple[int, ...]
    holds: str
    type: str
    row_bytes: int
    fields: Mapping[str, Array] | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)
    coded: str | None = None

    def numbers(self, start: int = 0, stop: int | None = None, *, column: str | None = None) -> NDArray[Any]:
        """The values of some rows.

        Parameters
        ----------
        start, stop
            Rows, all where left out.
        column
            The field of records that is read.
        """
        parts = [part["numbers"] for part in self._blocks(start, stop, column)]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def texts(self, start: int = 0, stop: int | None = None, *, column: str | None = None) -> Text:
        """The text of some rows, as codes; parameters as of `numbers`."""
        codes, position = [], dict[str, int]()
        for part in self._blocks(start, stop, column):
            places = [position.setdefault(text, len(position)) for text in self._split(part)]
            codes.append(np.array([*places, -1], dtype=np.int32)[part["codes"]])
        return Text(np.concatenate(codes), list(position))

    def _blocks(self, start: int, stop: int | None, column: str | None) -> Iterator[dict[str, Any]]:
        rows = self.shape[0] if self.shape else 1
        last = rows if stop is None else min(stop, rows)
        step = max(
            1,
            min(BLOCK_ROWS if self.holds == "string" else BLOCK_BYTES, BLOCK_BYTES // max(1, self.row_bytes)),
        )
        for first in range(start, max(last, start + 1), step):
            yield self.store._read(self.place, slice(first, min(first + step, last)), column)

    def _split(self, part: dict[str, Any]) -> Iterator[str]:
        data, start = part["text"].tobytes(), 0
        for length in part["lengths"].tolist():
            try:
                yield data[start : start + length].decode("utf-8")
            except UnicodeDecodeError as problem:
                where = "/".join(self.place)
                raise self.store.refused(f"text of {where!r} is not UTF-8 ({problem.reason})") from problem
            start += length


Node = Group | Array


def _node(store: Store, place: tuple[str, ...], found: dict[str, Any] | None) -> Node | None:
    if found is None:
        return None
    attributes = found.get("attributes", {})
    if found["kind"] == "group":
        members = {
            name: _node(store, (*place, name), member) for name, member in found.get("members", {}).items()
        }
        return Group(store, place, found["names"], members, attributes)
    fields = found["fields"] and {
        name: _array(store, place, one, None, {}) for name, one in found["fields"].items()
    }
    return _array(store, place, found, fields, attributes)


def _array(
    store: Store,
    place: tuple[str, ...],
    found: dict[str, Any],
    fields: Mapping[str, Array] | None,
    attributes: Mapping[str, Any],
) -> Array:
    shape = tuple(found["shape"])
    row_bytes = found["bytes"]
    for size in shape[1:]:
        row_bytes *= size
    return Array(
        store, place, shape, found["holds"], found["type"], row_bytes, fields, attributes, found["coded"]
    )


@contextmanager
def opened(path: str | Path, ending: str) -> Iterator[Store]:
    """The file or store, to read from while the context lasts.

    Parameters
    ----------
    path
        An HDF5 file, or the folder of a Zarr store.
    ending
        ".h5ad" or ".zarr".

    Raises
    ------
    FileFormatError
        It cannot be read: damaged, incomplete, linked to other files, larger than it can be, or reading makes no
        progress for 15 seconds.
    MissingDependencyError
        A Zarr store, and zarr is not installed.

    Examples
    --------
    >>> import tempfile, h5py
    >>> path = Path(tempfile.mkdtemp()) / "cells.h5ad"
    >>> with h5py.File(path, "w") as file:
    ...     file["obs/donor"] = ["b", "a", "b"]
    >>> with opened(path, ".h5ad") as store:
    ...     store.node("obs/donor").texts()
    Text(codes=array([0, 1, 0], dtype=int32), values=['b', 'a'])
    """
    if ending == ".zarr" and find_spec("zarr") is None:
        raise MissingDependencyError(
            found=f"zarr is not installed, and {str(path)!r} is a zarr store",
            expected="the package zarr, version 3",
            fix="pip install zarr",
        )
    with borrowed(ending) as child:
        store = Store(str(path), ending, child)
        store._ask("open", path=str(Path(path).absolute()), ending=ending)
        try:
            yield store
        finally:
            if child.usable:
                store._ask("close")
