"""What the process that reads HDF5 files and Zarr stores tells of a node: its kind, its shape, its values as bytes.

It, `hdf5` and `zarr_store` import nothing but numpy, so that the process is ready in the time that h5py takes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

ATTRIBUTES = (
    "_index", "column-order", "encoding-type", "shape", "h5sparse_format", "h5sparse_shape",
)  # fmt: skip
SECONDS = 15  # that one request may take: it reads a bounded stretch of rows
MEGABYTES = 768  # of memory that the process may fill (Linux)
INWARDS = "read it where those files are, with anndata, and write it again as one file"
KINDS = {
    "i": "integer", "u": "integer", "f": "float", "b": "boolean", "S": "string", "U": "string", "T": "string",
}  # fmt: skip
Place = Sequence[str]
Arrays = dict[str, Any]


class Refused(Exception):
    """What is wrong with the file, and what to do about it."""

    def __init__(self, found: str, fix: str = "") -> None:
        self.found, self.fix = found, fix
        super().__init__(found)


def shown(place: Place) -> str:
    """A place as people write it.

    >>> shown(["obs", "donor"])
    "'obs/donor'"
    """
    return repr("/".join(place))


def array_node(
    shape: Sequence[int] | None, dtype: Any, holds: str, *, coded: str | None = None
) -> dict[str, Any]:
    """The description of an array; of records, that of each field too; without a shape, of what cannot be read.

    `coded`: where an attribute says that the categories lie for which its values stand (AnnData 0.7).
    """
    names = getattr(dtype, "names", None)
    fields = names and {name: array_node(shape, dtype[name], holds_of(dtype[name])) for name in names}
    return {
        "kind": "array",
        "shape": [] if shape is None else [int(size) for size in shape],
        "holds": "other" if shape is None or fields else holds,
        "type": str(dtype),
        "bytes": getattr(dtype, "itemsize", 0),
        "fields": fields or None,
        "coded": coded,
    }


def holds_of(dtype: Any) -> str:
    """What an array of this type holds: integer, float, boolean, string or other.

    >>> import numpy as np
    >>> holds_of(np.dtype("u1")), holds_of(np.dtype("c8")), holds_of(np.dtype("S3"))
    ('integer', 'other', 'string')
    """
    if dtype.kind == "O":
        return "string" if (dtype.metadata or {}).get("vlen") in (str, bytes) else "other"
    return "other" if dtype.subdtype else KINDS.get(dtype.kind, "other")


def plain(value: Any) -> Any:
    """The value of an attribute as JSON holds it: text, a number, or a list of them; None for anything else."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, bytes):
        return value.decode("utf-8")
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    return value if isinstance(value, str | bool | int | float) else None


CODED = "categories"
"""The attribute of a column of codes that leads to its categories (AnnData 0.7)."""


def numbers_or_text(values: Any, holds: str) -> Arrays:
    """The arrays that stand for values in an answer."""
    import numpy as np

    values = np.asarray(values)
    if holds == "string":
        return _text(values.ravel().tolist())
    if values.dtype.kind not in "iufb":
        raise Refused(f"values of type {values.dtype}")
    if values.dtype.kind == "f" and values.dtype.itemsize > 8:
        values = values.astype(np.float64)
    return {"numbers": np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("="))}


def _text(texts: list[Any]) -> Arrays:
    """Codes of the texts (-1: none), and each distinct text once, as bytes with their lengths."""
    import numpy as np

    places: dict[bytes, int] = {}
    codes = np.fromiter((_code(text, places) for text in texts), dtype=np.int32, count=len(texts))
    lengths = np.fromiter(map(len, places), dtype=np.int64, count=len(places))
    return {"codes": codes, "lengths": lengths, "text": np.frombuffer(b"".join(places), dtype=np.uint8)}


def _code(text: Any, places: dict[bytes, int]) -> int:
    if type(text) is bytes:
        return places.setdefault(text, len(places))
    if isinstance(text, str):
        return places.setdefault(text.encode("utf-8"), len(places))
    if text is None or text != text:  # missing, as pandas and numpy write it
        return -1
    raise Refused(f"a {type(text).__name__} among text")
