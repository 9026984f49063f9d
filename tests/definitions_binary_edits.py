"""Damage to binary files and stores: bytes changed anywhere, and what they hold changed with their form kept."""

from __future__ import annotations

import gzip
import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from definitions_binary_files import N_CELLS


def flip(data: bytearray, rng: np.random.Generator) -> bytearray:
    """One to eight bytes replaced, near each other or not."""
    near = int(rng.integers(len(data)))
    for _ in range(int(rng.integers(1, 9))):
        place = (
            (near + int(rng.integers(16))) % len(data) if rng.random() < 0.5 else int(rng.integers(len(data)))
        )
        data[place] = int(rng.choice([0, 255, 1 << int(rng.integers(8)), int(rng.integers(256))]))
    return data


def flip_bit(data: bytearray, rng: np.random.Generator) -> bytearray:
    """One bit."""
    data[int(rng.integers(len(data)))] ^= 1 << int(rng.integers(8))
    return data


def cut(data: bytearray, rng: np.random.Generator) -> bytearray:
    """The end is missing."""
    return data[: int(rng.integers(len(data)))]


def blank(data: bytearray, rng: np.random.Generator) -> bytearray:
    """A stretch of zeros, as a download in several parts leaves it."""
    start, length = int(rng.integers(len(data))), int(rng.integers(1, 600))
    data[start : start + length] = bytes(len(data[start : start + length]))
    return data


def repeat(data: bytearray, rng: np.random.Generator) -> bytearray:
    """A stretch copied over another."""
    length = int(rng.integers(1, min(600, len(data)) + 1))
    source, target = (int(rng.integers(len(data) - length + 1)) for _ in range(2))
    data[target : target + length] = data[source : source + length]
    return data


def large(data: bytearray, rng: np.random.Generator) -> bytearray:
    """A number of eight bytes becomes huge, negative or small."""
    value = int(rng.choice([2**63 - 1, 2**31 - 1, 2**32, 10**8, 10**12, 2**62, 0, 1]))
    start = int(rng.integers(max(1, len(data) - 8)))
    data[start : start + 8] = value.to_bytes(8, "little")
    return data


BYTES = (flip, flip_bit, cut, blank, repeat, large)


def edit_hdf5(path: Path, rng: np.random.Generator) -> str:
    """A change of what an HDF5 file holds, which leaves it an HDF5 file."""
    with h5py.File(path, "r+") as file:
        places: list[str] = []
        file.visit(places.append)
        places = [
            place for place in places if place.startswith(("obs", "X", "var", "uns")) and place != "obs"
        ]
        place = str(rng.choice(places))
        node = file[place]
        other = file[str(rng.choice(places))]
        edits = ["delete", "cycle", "external", "swap", "attribute"]
        if isinstance(node, h5py.Dataset):
            edits += ["shorten", "retype", "huge", "values", "square", "outside", "scalar"] * 2
        what = str(rng.choice(edits))
        if what == "attribute":
            owner = file[str(rng.choice(["obs", "X", "var", place]))] if "X" in file else node
            if not len(owner.attrs):
                return "nothing"
            name = str(rng.choice(list(owner.attrs)))
            value = [
                7,
                "nonsense",
                np.zeros((2, 2)),
                b"\xff\xfe",
                [2**40, 3],
                np.array(["donor"], dtype=object),
                -1,
            ]
            owner.attrs[name] = value[int(rng.integers(len(value)))]
            return f"{owner.name} {what} {name}"
        values = node[()] if isinstance(node, h5py.Dataset) else None
        attributes = dict(node.attrs)
        parent, name = node.parent, node.name.rsplit("/", 1)[1]
        del parent[name]
        if what == "cycle":
            parent[name] = parent
        elif what == "external":
            parent[name] = h5py.ExternalLink("/etc/other.h5", "/x")
        elif what == "swap":
            parent[name] = (
                other if other.name != f"/{place}" and other.id.valid else h5py.SoftLink(f"/{place}")
            )
        elif what == "huge":
            size = (int(rng.choice([10**8, 10**12, 41])),) * max(1, values.ndim)
            parent.create_dataset(
                name, size, dtype=node.dtype, chunks=(1000,) * len(size) if size[0] > 41 else None
            )
        elif what == "outside":
            if values.dtype.kind in "iuf":
                parent.create_dataset(
                    name, values.shape, values.dtype, external=[("/etc/passwd", 0, values.nbytes)]
                )
        elif what != "delete":
            parent[name] = edited(values, what, rng)
            parent[name].attrs.update(attributes)
        if "__categories/" in place and isinstance(parent.get(name), h5py.Dataset) and name in file["obs"]:
            file["obs"][name].attrs["categories"] = parent[name].ref  # which AnnData follows
        return f"{place} {what}"


def edited(values: Any, what: str, rng: np.random.Generator) -> Any:
    """Other values of the same kind, or of another."""
    values = np.asarray(values)
    if what == "scalar":
        return 3
    if what == "shorten" and values.ndim:
        return values[: int(rng.integers(0, len(values) + 1))]
    if what == "square":
        return np.zeros((3, 3))
    if values.dtype.kind not in "iufb" or what == "shorten":
        return values.ravel()[::-1] if values.dtype.names is None else np.arange(N_CELLS)
    if what == "retype":
        return values.astype(str(rng.choice(["f8", "u8", "i2", "c8", ">i4", "S4", "f2", "?"])))
    changed = values.copy().ravel()
    if changed.size:
        limits = np.iinfo(changed.dtype) if changed.dtype.kind in "iu" else np.finfo("f4")
        if changed.dtype.kind != "b":
            changed[int(rng.integers(changed.size))] = rng.choice([limits.max, limits.min, 0])
    return changed.reshape(values.shape)


def unconsolidate(path: Path) -> None:
    """Drop the copy of all metadata that stands at the root of a store, so that each node speaks for itself."""
    (path / ".zmetadata").unlink(missing_ok=True)
    if (root := path / "zarr.json").exists():
        document = json.loads(root.read_text())
        document.pop("consolidated_metadata", None)
        root.write_text(json.dumps(document))


def edit_zarr(path: Path, rng: np.random.Generator) -> str:
    """A change of a file of a store: its JSON, a chunk gone, a chunk of another array."""
    files = sorted(file for file in path.rglob("*") if file.is_file())
    inside = [file for file in files if file.relative_to(path).parts[0] in ("obs", "X", "var")]
    file = inside[int(rng.integers(len(inside)))]
    where = str(file.relative_to(path))
    unconsolidate(path)
    what = str(rng.choice(["delete", "swap", "link", "json", "json", "json"]))
    if what == "delete":
        file.unlink()
    elif what == "swap":
        file.write_bytes(inside[int(rng.integers(len(inside)))].read_bytes())
    elif what == "link":
        file.unlink()
        file.symlink_to("/etc/passwd")
    else:
        documents = [one for one in inside if one.name in ("zarr.json", ".zarray", ".zattrs", ".zgroup")]
        file = documents[int(rng.integers(len(documents)))]
        where = str(file.relative_to(path))
        document = json.loads(file.read_text())
        holders = [document]
        for holder in holders:
            items = holder.values() if isinstance(holder, dict) else holder
            holders += [item for item in items if isinstance(item, dict | list) and item]
        holder = holders[int(rng.integers(len(holders)))]
        if not holder:
            return "nothing"
        key = rng.choice(list(holder)) if isinstance(holder, dict) else int(rng.integers(len(holder)))
        values = [
            0,
            -1,
            10**12,
            10**8,
            41,
            "x",
            None,
            [],
            {},
            [3, 3],
            1.5,
            True,
            "pickle",
            "<f8",
            "int8",
            "|O",
        ]
        holder[key] = values[int(rng.integers(len(values)))]
        file.write_text(json.dumps(document))
        what = f"{what} {key} {holder[key]!r}"
    return f"{where} {what}"


def edit_book(path: Path, rng: np.random.Generator) -> str:
    """A change of a file within a workbook, which leaves it a ZIP archive."""
    with zipfile.ZipFile(path) as packed:
        inside = {name: packed.read(name) for name in packed.namelist()}
    sheets = [name for name in inside if "sheet" in name or "shared" in name.lower()]
    name = str(rng.choice(sheets if rng.random() < 0.7 else list(inside)))
    numbers = list(re.finditer(rb"\d+", inside[name]))
    what = str(rng.choice(["delete", "number", "number", "number", "cell", "bytes", "bytes"]))
    if what == "delete":
        del inside[name]
    elif what == "number" and numbers:
        found = numbers[int(rng.integers(len(numbers)))]
        other = str(
            rng.choice(["0", "1", "7", "61", "1048576", "99999999", "-1", "4294967297", "1e300", "x"])
        )
        inside[name] = inside[name][: found.start()] + other.encode() + inside[name][found.end() :]
        what = f"{found.group().decode()} becomes {other}"
    elif what == "cell":
        places = list(re.finditer(rb'r="[A-Z]+\d+"', inside[name])) or numbers
        found = places[int(rng.integers(len(places)))] if places else None
        other = str(rng.choice(["XFD1048576", "A1", "ZZZZZZZ9", "B0", "C61", "F1000000"]))
        if found is not None:
            inside[name] = (
                inside[name][: found.start()] + f'r="{other}"'.encode() + inside[name][found.end() :]
            )
            what = f"{found.group().decode()} becomes {other}"
    else:
        change = BYTES[int(rng.integers(len(BYTES)))]
        inside[name], what = bytes(change(bytearray(inside[name]), rng)), change.__name__
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for one, data in inside.items():
            packed.writestr(one, data)
    return f"{name} {what}"


def edit_r(path: Path, rng: np.random.Generator) -> str:
    """A change of what R saved, compressed again."""
    data = bytearray(gzip.decompress(path.read_bytes()))
    if rng.random() < 0.4:
        start = int(rng.integers(len(data) // 4)) * 4  # where R's numbers of four bytes are likely to begin
        value = int(rng.choice([0, 1, 2, 7, 60, 61, 10**6, 2**31 - 1, 2**32 - 1, 2**32 - 2, 0xFE, 0xFF]))
        place = start + int(rng.integers(4)) if rng.random() < 0.5 else start
        data[place : place + 4] = value.to_bytes(4, "big")
        what = f"{value} at {place}"
    else:
        change = BYTES[int(rng.integers(len(BYTES)))]
        data, what = change(data, rng), change.__name__
    path.write_bytes(gzip.compress(bytes(data), 1))
    return f"inside {what}"


EDITS: dict[str, tuple[float, Callable[[Path, np.random.Generator], str]]] = {
    ".h5ad": (0.4, edit_hdf5),
    ".zarr": (0.5, edit_zarr),
    ".xlsx": (0.8, edit_book),
    ".rds": (0.8, edit_r),
    ".RData": (0.8, edit_r),
}
"""How often what a file holds is changed, rather than its bytes."""


def mutate(path: Path, rng: np.random.Generator) -> str:
    """Damage a file or store in place; what was done, in words."""
    often, edit = EDITS.get(path.suffix, (0.0, None))
    if edit is not None and rng.random() < often:
        return edit(path, rng)
    file = path
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.is_file() and file.stat().st_size)
        inside = [file for file in files if file.relative_to(path).parts[0] in ("obs", "X", "var")]
        file = inside[int(rng.integers(len(inside)))]
    data = bytearray(file.read_bytes())
    change = BYTES[int(rng.integers(len(BYTES)))]
    file.write_bytes(change(data, rng))
    return f"{file.name} {change.__name__}"
