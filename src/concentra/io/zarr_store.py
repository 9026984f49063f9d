"""The nodes of Zarr stores, as the process apart reads them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import product
from math import prod
from pathlib import Path
from typing import Any

from concentra.io.nodes import (
    ATTRIBUTES,
    CODED,
    INWARDS,
    Arrays,
    Place,
    Refused,
    array_node,
    holds_of,
    numbers_or_text,
    plain,
    shown,
)

COPY_AGAIN = (
    "copy or fetch the store again; if it is whole, and its writer left out the chunks that hold nothing but zeros, "
    'write it again under zarr.config.set({"array.write_empty_chunks": True})'
)
MOST_CHUNKS = 1_000_000  # of an array some of whose chunks are not stored
OLD_CATEGORIES = "__categories"  # of AnnData 0.7


class Zarr:
    """The nodes of a Zarr store in a folder; nothing outside the folder is read.

    Attributes
    ----------
    filled
        For each array that was read without all of its chunks, how many are not stored, and what they are read as.
    """

    def __init__(self, path: str) -> None:
        import zarr

        self._zarr = zarr
        self._folder = Path(path).resolve()
        self._root = zarr.open_group(str(self._folder), mode="r")
        self._found: dict[tuple[str, ...], Any] = {}
        self._whole: set[tuple[str, ...]] = set()
        self.filled: dict[str, tuple[int, Any]] = {}

    def close(self) -> None:
        """Nothing is held open."""

    def find(self, place: Place) -> Any:
        """The node of a place, None where there is none."""
        key = tuple(place)
        if key not in self._found:
            self._found[key] = self._follow(key) if key else self._root
        return self._found[key]

    def _follow(self, key: tuple[str, ...]) -> Any:
        parent, name = self.find(key[:-1]), key[-1]
        if name in ("", ".", "..") or "/" in name or not isinstance(parent, self._zarr.Group):
            return None
        folder = self._folder.joinpath(*key)
        if folder.is_symlink():
            _refuse_outside(folder, self._folder, key)
        try:
            return parent[name]
        except KeyError:
            return None

    def describe(self, place: Place) -> dict[str, Any] | None:
        """A node without its members."""
        node = self.find(place)
        if node is None:
            return None
        if isinstance(node, self._zarr.Group):
            return {"kind": "group", "names": sorted(node.keys())}
        return array_node(
            node.shape,
            node.dtype,
            "string" if _is_text(node) else holds_of(node.dtype),
            coded=str(node.attrs[CODED]) if CODED in node.attrs else None,
        )

    def attributes(self, place: Place) -> dict[str, Any]:
        """Those attributes of a node that are asked for."""
        attributes = self.find(place).attrs.asdict()
        return {name: plain(attributes[name]) for name in ATTRIBUTES if name in attributes}

    def read(self, place: Place, rows: slice, field: str | None) -> Arrays:
        """Rows of an array, or of one field of its records."""
        array = self.find(place)
        key = tuple(place)
        if key not in self._whole:
            _refuse_pickle(array, place)
            absent = self._absent(array, place)
            if absent:
                self._refuse_lost(array, key, absent)
                if key[-1] != "mask" and self._categories(key) != 1:  # of which nothing else is expected
                    self.filled["/".join(key)] = len(absent), _plain_fill(array)
            self._whole.add(key)
        values = array[rows] if array.shape else array[()]
        values = values if field is None else values[field]
        return numbers_or_text(values, "string" if _is_text(array) else holds_of(values.dtype))

    def _absent(self, array: Any, place: Place) -> list[tuple[int, ...]]:
        """The chunks of an array that are not stored, by their places in its grid."""
        stored = set(self._files(self._folder.joinpath(*place), place))
        if len(stored) < _n_chunks(array) > MOST_CHUNKS:
            raise Refused(f"chunks of {shown(place)} are missing: the store is incomplete", COPY_AGAIN)
        grid = [-(-size // step) for size, step in zip(array.shape, _steps(array), strict=True)]
        keys = {array.metadata.encode_chunk_key(where): where for where in product(*map(range, grid))}
        if _is_blosc(array):
            for key in stored.intersection(keys):
                _refuse_cut(self._folder.joinpath(*place, key), place)
        return [where for key, where in keys.items() if key not in stored]

    def _refuse_lost(self, array: Any, place: tuple[str, ...], absent: list[tuple[int, ...]]) -> None:
        """Refuse chunks that are absent, unless they are labels of cells and may hold nothing but the fill value.

        A writer that leaves such chunks out has stored no chunk of nothing else, the rows beside them hold that value
        too where cells are in any order by it, and every category occurs.
        """
        label = place[0] == "obs" and len(array.shape) == 1 and array.metadata.fill_value is not None
        blank = _is_text(array) and array.shape != (1,) and len(absent) == _n_chunks(array)
        if not label or blank:
            why = "the store is incomplete"
        else:
            why = _lost(array, {where[0] for where in absent}, self._categories(place))
        if why:
            raise Refused(f"chunks of {shown(place)} are missing: {why}", COPY_AGAIN)

    def _categories(self, place: tuple[str, ...]) -> int | None:
        """How many categories the codes of a place stand for; None where it holds no codes."""
        if len(place) < 2:
            return None
        beside = (
            (*place[:-1], "categories") if place[-1] == "codes" else (place[0], OLD_CATEGORIES, *place[1:])
        )
        node = self.find(beside)
        node = node["values"] if isinstance(node, self._zarr.Group) and "values" in node else node
        return int(node.shape[0]) if isinstance(node, self._zarr.Array) and node.shape else None

    def _files(self, folder: Path, place: Place) -> Iterator[str]:
        for inner, _, names in os.walk(folder):
            for name in names:
                path = Path(inner, name)
                if name.startswith(".") or name == "zarr.json":
                    continue
                if path.is_symlink():
                    _refuse_outside(path, self._folder, place)
                if not path.is_file():
                    raise Refused(f"{path.name!r} of {shown(place)} is no file")
                yield path.relative_to(folder).as_posix()


def _steps(array: Any) -> tuple[int, ...]:
    """The size of what is one file of an array."""
    return tuple(array.shards or array.chunks)


def _n_chunks(array: Any) -> int:
    return prod(-(-size // step) for size, step in zip(array.shape, _steps(array), strict=True))


def _lost(array: Any, absent: set[int], categories: int | None) -> str:
    """How the rows that are stored show that absent chunks were lost; empty where nothing shows it."""
    size, step = array.shape[0], _steps(array)[0]
    codes = set[Any]()
    for number in range(-(-size // step)):
        if number in absent:
            continue
        values = array[number * step : min((number + 1) * step, size)]
        empty = _is_fill(values, array.metadata.fill_value)
        if empty.all():
            return (
                f"the store is incomplete (its writer stored chunk {number}, which holds nothing but zeros)"
            )
        if (number - 1 in absent and not empty[0]) or (number + 1 in absent and not empty[-1]):
            return f"the store is incomplete (the rows beside them, in chunk {number}, are no zeros)"
        if categories is not None:
            codes |= set(values.tolist())
    if categories is not None and not codes.issuperset(range(1, categories)):
        return "the store is incomplete (a category would occur nowhere)"
    return ""


def _is_fill(values: Any, fill: Any) -> Any:
    same = values == fill
    return same | (values != values) if fill != fill else same


def _plain_fill(array: Any) -> Any:
    fill = array.metadata.fill_value
    return fill.item() if hasattr(fill, "item") else fill


def _refuse_outside(path: Path, folder: Path, place: Place) -> None:
    if not path.resolve().is_relative_to(folder):
        raise Refused(f"{shown(place)} is a link out of the store, to {str(path.resolve())!r}", INWARDS)


def _is_text(array: Any) -> Any:
    return array.dtype.kind in "OTSU"  # Zarr has no objects but text


def _codecs(array: Any) -> list[Any]:
    """The codecs of an array, the one that wrote the bytes last."""
    metadata = array.metadata
    return list(getattr(metadata, "codecs", None) or [*(metadata.filters or ()), metadata.compressor])


def _is_blosc(array: Any) -> bool:
    return "blosc" in type(_codecs(array)[-1]).__name__.lower()


def _refuse_cut(chunk: Path, place: Place) -> None:
    """Blosc reads as many bytes as a chunk announces, beyond its end if it was cut short."""
    with chunk.open("rb") as file:
        announced = int.from_bytes(file.read(16)[12:16], "little")
    if announced != chunk.stat().st_size or announced < 16:
        raise Refused(f"a chunk of {shown(place)} is cut short: it announces {announced:,} bytes", COPY_AGAIN)


def _refuse_pickle(array: Any, place: Place) -> None:
    """A codec that runs what it reads is none for data."""
    if any("pickle" in repr(codec).lower() for codec in _codecs(array)):
        raise Refused(
            f"{shown(place)} is pickled, which may run any program", "write it again as text or numbers"
        )
