"""The bytes of a file, whichever compression its name states: `.gz`, `.bz2`, `.xz`, `.zst` or none."""

from __future__ import annotations

import bz2
import gzip
import lzma
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

from concentra.errors import FileFormatError

COMPRESSIONS = ("", ".gz", ".bz2", ".xz", ".zst")
_MAGIC = {
    b"\x89HDF": (".h5ad", "an HDF5 file"),
    b"PAR1": (".parquet", "a Parquet file"),
    b"PK\x03\x04": (".xlsx", "a ZIP archive, as spreadsheets are"),
    b"\x1f\x8b": (".gz", "gzip"),
    b"BZh": (".bz2", "bzip2"),
    b"\xfd7zXZ\x00": (".xz", "xz"),
    b"\x28\xb5\x2f\xfd": (".zst", "Zstandard"),
}


def _zstandard(path: Path, mode: str) -> Any:
    import pyarrow

    return pyarrow.input_stream(path, compression="zstd")


_OPENERS: dict[str, Callable[..., Any]] = {
    ".gz": gzip.open,
    ".bz2": bz2.open,
    ".xz": lzma.open,
    ".zst": _zstandard,
}


@contextmanager
def opened(path: str | Path) -> Iterator[BinaryIO]:
    """The decompressed bytes of a file, as a stream; a file cut short raises where its end is missed.

    Examples
    --------
    >>> import tempfile
    >>> place = Path(tempfile.mkdtemp()) / "cells.csv.bz2"
    >>> _ = place.write_bytes(bz2.compress(b"donor"))
    >>> with opened(place) as stream:
    ...     stream.read()
    b'donor'
    """
    place = Path(path)
    opener = _OPENERS.get(place.suffix.lower(), open)
    with opener(place, "rb") as stream:
        yield cast("BinaryIO", stream)


def refuse_disguise(path: str | Path, ending: str) -> None:
    """Raise where the first bytes of a file belong to another format than its ending states.

    Files of R may be compressed in any way, whatever they are called.
    """
    if ending.startswith(".r"):
        return
    with Path(path).open("rb") as handle:
        start = handle.read(6)
    for magic, (suffix, what) in _MAGIC.items():
        if start.startswith(magic) and not ending.endswith(suffix):
            raise FileFormatError(
                found=f"{str(path)!r} is {what}, not {ending}",
                expected=f"the format that {ending} says",
                fix=f"rename it so that it ends in {suffix}",
            )
