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


class Zarr:
    """The nodes of a Zarr store in a folder; nothing outside the folder is read."""

    def __init__(self, path: str) -> None:
        import zarr

        self._zarr = zarr
        self._folder = Path(path).resolve()
        self._root = zarr.open_group(str(self._folder), mode="r")
        self._found: dict[tuple[str, ...], Any] = {}
        self._whole: dict[tuple[str, ...], str] = {}

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
            coded=CODED in node.attrs,
        )

    def attributes(self, place: Place) -> dict[str, Any]:
        """Those attributes of a node that are asked for."""
        attributes = self.find(place).attrs.asdict()
        return {name: plain(attributes[name]) for name in ATTRIBUTES if name in attributes}

    def read(self, place: Place, rows: slice, field: str | None, constant: bool) -> Arrays:
        """Rows of an array, or of one field of its records; `constant`: it may lack all of its chunks."""
        array = self.find(place)
        key = tuple(place)
        if key not in self._whole:
            _refuse_pickle(array, place)
            self._whole[key] = self._chunks(array, place)
        if self._whole[key] == "some" or (self._whole[key] == "none" and not constant):
            raise Refused(f"chunks of {shown(place)} are missing: the store is incomplete", COPY_AGAIN)
        values = array[rows] if array.shape else array[()]
        values = values if field is None else values[field]
        return numbers_or_text(values, "string" if _is_text(array) else holds_of(values.dtype))

    def _chunks(self, array: Any, place: Place) -> str:
        """Whether all, some or none of the chunks of an array are stored."""
        grid = [
            -(-size // step) for size, step in zip(array.shape, array.shards or array.chunks, strict=True)
        ]
        stored = set(self._files(self._folder.joinpath(*place), place))
        if not prod(grid):
            return "all"
        if not stored:
            return "none"
        if len(stored) < prod(grid):
            return "some"
        keys = list(map(array.metadata.encode_chunk_key, product(*map(range, grid))))
        if not stored.issuperset(keys):
            return "some"
        if _is_blosc(array):
            for key in keys:
                _refuse_cut(self._folder.joinpath(*place, key), place)
        return "all"

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
