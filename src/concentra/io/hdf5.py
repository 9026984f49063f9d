"""The nodes of HDF5 files, as the process apart reads them."""

from __future__ import annotations

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

LARGEST_RATIO = 1032  # of deflate: no stream unpacks to more
MOST_LINKS = 32
CACHE_BYTES = 64 << 20  # of unpacked chunks, so that a large one is not unpacked for every stretch of rows


class Hdf5:
    """The nodes of an HDF5 file; no link or storage outside it is followed."""

    def __init__(self, path: str) -> None:
        import h5py

        self._h5py = h5py
        self._bytes = Path(path).stat().st_size
        self._file = h5py.File(path, "r", rdcc_nbytes=CACHE_BYTES)
        self._found: dict[tuple[str, ...], Any] = {}
        self._whole: set[tuple[str, ...]] = set()
        self.filled: dict[str, tuple[int, Any]] = {}  # none: every chunk is stored

    def close(self) -> None:
        """Close the file."""
        self._found.clear()
        self._file.close()

    def find(self, place: Place, links: int = 0) -> Any:
        """The node of a place, None where there is none; links are followed within the file, never out of it."""
        key = tuple(place)
        if key not in self._found:
            self._found[key] = self._follow(key, links) if key else self._file["/"]
        return self._found[key]

    def _follow(self, key: tuple[str, ...], links: int) -> Any:
        parent, name = self.find(key[:-1], links), key[-1]
        link = parent.get(name, getlink=True) if isinstance(parent, self._h5py.Group) else None
        if link is None:
            return None
        if isinstance(link, self._h5py.ExternalLink):
            raise Refused(f"{shown(key)} is a link to another file, {link.filename!r}", INWARDS)
        if isinstance(link, self._h5py.SoftLink):
            if links >= MOST_LINKS:
                raise Refused(f"{shown(key)} is a link that leads back to itself")
            target = [part for part in link.path.split("/") if part not in ("", ".")]
            return self.find(target if link.path.startswith("/") else [*key[:-1], *target], links + 1)
        return parent[name]

    def describe(self, place: Place) -> dict[str, Any] | None:
        """A node without its members."""
        node = self.find(place)
        if node is None:
            return None
        if isinstance(node, self._h5py.Group):
            return {"kind": "group", "names": list(node)}
        if not isinstance(node, self._h5py.Dataset):
            return {"kind": "array", **array_node(None, node.dtype, "other")}
        text = self._h5py.check_string_dtype(node.dtype) is not None
        return array_node(
            node.shape, node.dtype, "string" if text else holds_of(node.dtype), coded=self._coded(node)
        )

    def _coded(self, node: Any) -> str | None:
        """The path of the categories that codes refer to; empty where the attribute does not lead to them."""
        if CODED not in node.attrs:
            return None
        try:
            target = node.attrs[CODED]
            found = node.file[target] if isinstance(target, self._h5py.Reference) else None
            return str((found and found.name) or "")
        except (KeyError, OSError, RuntimeError, TypeError, ValueError):
            return ""

    def attributes(self, place: Place) -> dict[str, Any]:
        """Those attributes of a node that are asked for."""
        attributes = self.find(place).attrs
        return {name: plain(attributes[name]) for name in ATTRIBUTES if name in attributes}

    def read(self, place: Place, rows: slice, field: str | None) -> Arrays:
        """Rows of an array, or of one field of its records."""
        dataset = self.find(place)
        if tuple(place) not in self._whole:
            self._check(place, dataset)
            self._whole.add(tuple(place))
        dtype = dataset.dtype if field is None else dataset.dtype[field]
        text = self._h5py.check_string_dtype(dtype) is not None
        values = (
            dataset[()]
            if not dataset.shape
            else dataset[rows]
            if field is None
            else dataset.fields(field)[rows]
        )
        return numbers_or_text(values, "string" if text else holds_of(dtype))

    def _check(self, place: Place, dataset: Any) -> None:
        """Refuse what lies outside the file, and more values than the file has bytes for."""
        if dataset.external:
            raise Refused(
                f"the values of {shown(place)} lie in another file, {dataset.external[0][0]!r}", INWARDS
            )
        if dataset.is_virtual:
            raise Refused(f"the values of {shown(place)} lie in other datasets", INWARDS)
        claimed = dataset.size * dataset.id.get_type().get_size()
        stored = dataset.id.get_storage_size()
        if not claimed:
            return
        missing = dataset.chunks and not self._has_all_chunks(dataset)
        most = stored * (LARGEST_RATIO if dataset.chunks and _compressed(dataset) else 1)
        offset = None if dataset.chunks else dataset.id.get_offset()
        ends = stored if offset is None else offset + stored
        if missing or claimed > most or ends > self._bytes:
            raise Refused(
                f"{shown(place)} claims {dataset.size:,} values ({claimed:,} bytes), and the file does not hold all"
            )

    def _has_all_chunks(self, dataset: Any) -> bool:
        grid = prod(-(-size // step) for size, step in zip(dataset.shape, dataset.chunks, strict=True))
        return bool(dataset.id.get_num_chunks() >= grid)


def _compressed(dataset: Any) -> bool:
    """Whether a filter may have made the values smaller (shuffle and check sums do not)."""
    plist = dataset.id.get_create_plist()
    return any(plist.get_filter(place)[0] not in (2, 3) for place in range(plist.get_nfilters()))
