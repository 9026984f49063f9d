"""Nodes of one HDF5 file or Zarr store, served over pipes by a process of its own (started by `concentra.io.child`).

Damaged bytes can make the HDF5 library, or a codec of Zarr, crash, never return, or ask for any amount of memory.
Here that ends this process and no other: its memory is limited, and a request that takes longer than `SECONDS` ends it.
It imports nothing but the library that reads the file, so that it is ready in a tenth of a second.

A request is a line of JSON; an answer is its length (8 bytes, little-endian), JSON, and the bytes of the arrays that
the JSON announces. No pickle, so that a process spoilt by a file cannot give orders to the one that asked.

========== ======================================= ==========================================================
`do`       with                                    answers
========== ======================================= ==========================================================
open       path, ending                            nothing
describe   place, depth                            the node: its kind, shape, type; members down to that depth
read       place, start, stop, field               numbers, or text as codes and the values they stand for; how many
                                                   chunks are not stored, and what they are read as
close                                              nothing
========== ======================================= ==========================================================
"""

from __future__ import annotations

import json
import os
import signal
import sys
import warnings
from importlib import import_module
from typing import Any, BinaryIO

from concentra.io.hdf5 import Hdf5
from concentra.io.nodes import MEGABYTES, SECONDS, Arrays, Place, Refused, array_node
from concentra.io.zarr_store import Zarr

STORES = {".h5ad": Hdf5, ".zarr": Zarr}


def describe(store: Any, place: Place, depth: int) -> dict[str, Any] | None:
    """A node with its attributes, and its members down to a depth."""
    node = _described(store, place, depth)
    if node is not None:
        node["attributes"] = store.attributes(place)
    return node


def _described(store: Any, place: Place, depth: int) -> dict[str, Any] | None:
    try:
        node: dict[str, Any] | None = store.describe(place)
    except (TypeError, ValueError, NotImplementedError) as problem:  # a type that numpy does not have
        return array_node(None, str(problem), "other")
    if node is not None and depth and node["kind"] == "group":
        node["members"] = {name: _described(store, [*place, name], depth - 1) for name in node["names"]}
    return node


class Service:
    """Answers requests about one store at a time."""

    def __init__(self) -> None:
        self._store: Any = None

    def answer(self, request: dict[str, Any]) -> tuple[dict[str, Any], Arrays]:
        """What is asked for: JSON and arrays."""
        do = request["do"]
        if do == "open":
            self.close()
            self._store = STORES[request["ending"]](request["path"])
            return {}, {}
        if do == "close":
            self.close()
            return {}, {}
        place = request["place"]
        if do == "describe":
            return {"node": describe(self._store, place, request["depth"])}, {}
        rows = slice(request["start"], request["stop"])
        arrays = self._store.read(place, rows, request["field"])
        filled = self._store.filled.get("/".join(place))
        return {} if filled is None else {"filled": filled}, arrays

    def close(self) -> None:
        """Close what is open."""
        if self._store is not None:
            self._store.close()
        self._store = None


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer requests until there are no more."""
    service = Service()
    for line in requests:
        signal.setitimer(signal.ITIMER_REAL, SECONDS)  # the signal ends the process, whatever it is doing
        arrays: Arrays = {}
        try:
            answer, arrays = service.answer(json.loads(line))
        except Refused as problem:
            answer = {"refused": problem.found, "fix": problem.fix}
        except MemoryError:
            answer = {"refused": f"reading it takes more than {MEGABYTES} MB of memory at a time", "fix": ""}
        except Exception as problem:
            answer = {"refused": f"{type(problem).__name__}: {problem}"[:400], "fix": ""}
        signal.setitimer(signal.ITIMER_REAL, 0)
        send(answers, answer, arrays)
    service.close()


def send(answers: BinaryIO, answer: dict[str, Any], arrays: Arrays) -> None:
    """Write an answer and its arrays."""
    described = [[name, array.dtype.str, list(array.shape)] for name, array in arrays.items()]
    head = json.dumps(answer | {"arrays": described}).encode()
    answers.write(len(head).to_bytes(8, "little") + head)
    for array in arrays.values():
        answers.write(array.reshape(-1).view("u1").data if array.size else b"")
    answers.flush()


def _limit_memory() -> None:
    import resource

    for kind, limit in ((resource.RLIMIT_CORE, 0), (resource.RLIMIT_DATA, MEGABYTES << 20)):
        hard = resource.getrlimit(kind)[1]
        most = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        resource.setrlimit(kind, (most, hard))


def main(ending: str) -> None:
    """Serve standard input and output; the library for files of this ending is imported ahead of requests."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no answer
    _limit_memory()
    warnings.simplefilter("ignore")
    import_module({".h5ad": "h5py", ".zarr": "zarr"}[ending])
    serve(sys.stdin.buffer, answers)
