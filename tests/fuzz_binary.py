"""Damaged binary files: seeded mutations, our reader and an independent one, each in a process of its own.

Run for long, one format or all, with::

    python tests/fuzz_binary.py [--examples 2000] [--seed 0] [--seconds 600] [FORMAT...]
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anndata
import h5py
import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix

from concentra.errors import ConcentraError
from concentra.io import child, nodes, store_server

BY = ["donor", "tissue", "type", "age", "flag"]
SECONDS, MEGABYTES = 20, 1024
HURRIED = 3  # seconds without progress, in long runs
N_CELLS, N_GENES = 60, 7


def cells() -> pd.DataFrame:
    """Labels of every kind: categories, text, whole numbers, truth values with gaps."""
    rng = np.random.default_rng(5)
    frame = pd.DataFrame(
        {
            "donor": pd.Categorical(rng.choice(["m1", "m2", "m3", "m4"], N_CELLS)),
            "tissue": pd.Categorical(rng.choice(["lung", "spleen"], N_CELLS)),
            "type": [f"type {number}" for number in rng.integers(0, 5, N_CELLS)],
            "age": rng.choice([3, 24], N_CELLS),
            "flag": pd.array(rng.choice([True, False], N_CELLS), dtype="boolean"),
        },
        index=[f"cell{number}" for number in range(N_CELLS)],
    )
    frame.loc["cell7", "flag"] = pd.NA
    frame.loc["cell9", "donor"] = np.nan
    return frame


def matrix() -> csr_matrix:
    """Counts with many zeros."""
    return csr_matrix(np.random.default_rng(6).poisson(0.8, (N_CELLS, N_GENES)).astype(np.float32))


def annotated() -> anndata.AnnData:
    """Labels and counts; text is not turned into categories."""
    adata = anndata.AnnData(matrix(), cells())
    adata.strings_to_categoricals = lambda *anything: None
    return adata


def write_h5ad(path: Path) -> None:
    """As AnnData writes it today."""
    annotated().write_h5ad(path)


def write_packed(path: Path) -> None:
    """The same, compressed."""
    annotated().write_h5ad(path, compression="gzip")


def write_group07(path: Path) -> None:
    """As AnnData 0.7 wrote it: `obs` a group of codes, the categories in `obs/__categories`."""
    text = h5py.string_dtype()
    frame = cells()
    with h5py.File(path, "w") as file:
        obs = file.create_group("obs")
        obs.attrs.update({"encoding-type": "dataframe", "encoding-version": "0.1.0", "_index": "index"})
        obs.attrs["column-order"] = np.array(BY, dtype=object)
        obs.create_dataset("index", data=list(frame.index), dtype=text)
        for name in ("donor", "tissue"):
            stored = obs.create_dataset(
                f"__categories/{name}", data=list(frame[name].cat.categories), dtype=text
            )
            stored.attrs["ordered"] = False
            obs.create_dataset(name, data=frame[name].cat.codes.to_numpy(), chunks=(16,), compression="gzip")
            obs[name].attrs["categories"] = stored.ref
        obs.create_dataset("type", data=list(frame["type"]), dtype=text)
        obs.create_dataset("age", data=frame["age"].to_numpy())
        obs.create_dataset("flag", data=frame["flag"].fillna(False).to_numpy(bool))


def write_compound06(path: Path) -> None:
    """As AnnData 0.6 wrote it: `obs` one dataset of records, the categories in `uns`."""
    text = h5py.string_dtype()
    frame = cells()
    records = np.empty(
        N_CELLS,
        dtype=[
            ("index", text),
            ("donor", "i1"),
            ("tissue", "i1"),
            ("type", text),
            ("age", "i8"),
            ("flag", "?"),
        ],
    )
    records["index"] = frame.index
    for name in ("donor", "tissue"):
        records[name] = frame[name].cat.codes
    records["type"], records["age"], records["flag"] = (
        frame["type"],
        frame["age"],
        frame["flag"].fillna(False),
    )
    with h5py.File(path, "w") as file:
        file.create_dataset("obs", data=records, chunks=(16,), compression="gzip")
        for name in ("donor", "tissue"):
            file.create_dataset(f"uns/{name}_categories", data=list(frame[name].cat.categories), dtype=text)


def write_zarr(path: Path, version: int) -> None:
    """A Zarr store of either format, in several chunks."""
    with warnings.catch_warnings(), anndata.settings.override(zarr_write_format=version):
        warnings.simplefilter("ignore")
        annotated().write_zarr(path)


def write_parquet(path: Path) -> None:
    """Three row groups."""
    cells().to_parquet(path, row_group_size=25)


FORMATS: dict[str, tuple[str, Callable[[Path], None]]] = {
    "current": (".h5ad", write_h5ad),
    "packed": (".h5ad", write_packed),
    "group07": (".h5ad", write_group07),
    "compound06": (".h5ad", write_compound06),
    "zarr2": (".zarr", lambda path: write_zarr(path, 2)),
    "zarr3": (".zarr", lambda path: write_zarr(path, 3)),
    "parquet": (".parquet", write_parquet),
}


# Mutations.


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


def mutate(path: Path, rng: np.random.Generator) -> str:
    """Damage a file or store in place; what was done, in words."""
    if path.suffix == ".zarr":
        if rng.random() < 0.5:
            return edit_zarr(path, rng)
        files = sorted(file for file in path.rglob("*") if file.is_file() and file.stat().st_size)
        inside = [file for file in files if file.relative_to(path).parts[0] in ("obs", "X", "var")]
        file = inside[int(rng.integers(len(inside)))]
    else:
        if path.suffix == ".h5ad" and rng.random() < 0.4:
            return edit_hdf5(path, rng)
        file = path
    data = bytearray(file.read_bytes())
    change = BYTES[int(rng.integers(len(BYTES)))]
    file.write_bytes(change(data, rng))
    return f"{file.name} {change.__name__}"


# Readers.


def ours(path: str) -> dict[str, Any]:
    """Counts, and the matrix where there is one, as the package reads them."""
    from concentra.io.cells import read_labels
    from concentra.io.counting import count_cells
    from concentra.io.expression import read_expression

    found: dict[str, Any] = {}
    try:
        counts = count_cells([path], BY)
        rows = counts[BY].astype(object).where(counts[BY].notna(), None)
        found["counts"] = sorted(
            ([*row, n] for row, n in zip(rows.values.tolist(), counts["n_cells"].tolist(), strict=True)),
            key=str,
        )
        labels = read_labels(path, BY)
        found["n_cells"] = len(labels)
    except ConcentraError as problem:
        found["refused"] = str(problem)
        if "no progress" in str(problem):
            return found
    if not path.endswith(".parquet"):
        try:
            matrix = read_expression(path, features="given").matrix
            found["matrix"] = np.asarray(matrix, dtype=np.float64).tolist()
            read_expression(path, n_variable=3)
        except ConcentraError as problem:
            found["no_matrix"] = str(problem)
    return found


def theirs(path: str) -> dict[str, Any]:
    """The same as pandas or anndata read them."""
    import zarr
    from anndata.io import read_elem

    from concentra.io.labels import label_text

    found: dict[str, Any] = {}
    root: Any = None
    if path.endswith(".parquet"):
        obs = pd.read_parquet(path)
    elif path.endswith(".zarr"):
        root = zarr.open_group(path, mode="r")
    else:
        root = h5py.File(path, "r")
    if root is not None:
        _refuse_unnamed(root["obs"])
        legacy = not isinstance(root["obs"], h5py.Group | zarr.Group) or "__categories" in root["obs"]
        obs = anndata.read_h5ad(path).obs if legacy else read_elem(root["obs"])
    rows = [tuple(map(label_text, row)) for row in obs[BY].astype(object).itertuples(index=False)]
    found["counts"] = sorted(([*row, n] for row, n in Counter(rows).items()), key=str)
    found["n_cells"] = len(obs)
    if root is not None and "X" in root:
        try:
            read = read_elem(root["X"])
            dense = read.toarray() if hasattr(read, "toarray") else np.asarray(read)
            found["matrix"] = dense.astype(np.float32).astype(np.float64).tolist()
        except Exception as problem:
            found["no_matrix"] = str(problem)
    return found


def _refuse_unnamed(obs: Any) -> None:
    """Groups whose encoding is not named are dictionaries to anndata, which makes no column of them."""
    for name in BY:
        if (
            not isinstance(obs, h5py.Dataset)
            and hasattr(obs[name], "keys")
            and "encoding-type" not in obs[name].attrs
        ):
            raise ValueError(f"no encoding of {name}")


@dataclass(frozen=True)
class Outcome:
    """How a reader fared: what it found, or how it failed; seconds, megabytes."""

    found: dict[str, Any] | None
    failure: str
    seconds: float
    megabytes: float


def apart(reader: Callable[[str], dict[str, Any]], path: Path, seconds: float = SECONDS) -> Outcome:
    """What a reader makes of a file, in a fork of this process."""
    get, put = os.pipe()
    start = time.perf_counter()
    process = os.fork()
    if not process:
        os.close(get)
        _answer(reader, path, put)
    os.close(put)
    data, failure = _collected(get, start + seconds)
    if failure:
        os.kill(process, signal.SIGKILL)
    os.close(get)
    _, status, usage = os.wait4(process, 0)
    megabytes = usage.ru_maxrss / 1024
    if not failure and status:
        failure = f"crash (status {status})"
    found = json.loads(data) if not failure else {}
    failure = failure or found.pop("traceback", "")
    return Outcome(found if not failure else None, failure, time.perf_counter() - start, megabytes)


def _answer(reader: Callable[[str], dict[str, Any]], path: Path, put: int) -> None:
    """In the fork: read, tell, end."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    warnings.simplefilter("ignore")
    try:
        found = reader(str(path))
    except BaseException:
        found = {"traceback": traceback.format_exc()}
    with os.fdopen(put, "w") as answers:
        json.dump(found, answers, default=str)
    from concentra.io.child import end_idle

    end_idle()
    os._exit(0)


def _collected(get: int, until: float) -> tuple[bytes, str]:
    data = bytearray()
    while True:
        ready, _, _ = select.select([get], [], [], max(0.0, until - time.perf_counter()))
        if not ready:
            return bytes(data), "hang"
        piece = os.read(get, 1 << 16)
        if not piece:
            return bytes(data), ""
        data += piece


def here(path: Path) -> Outcome:
    """What our reader makes of a file in this process, which leaves the bytes to another."""
    start = time.perf_counter()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found, failure = {}, ""
    try:
        found = json.loads(json.dumps(ours(str(path)), default=str))
    except Exception:
        failure = traceback.format_exc()
    seconds = time.perf_counter() - start
    failure = failure or ("hang" if seconds > SECONDS else "")
    grown = (
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    )  # what this process held before is not ours
    kilobytes = grown + max(map(_peak, child._idle), default=0)
    return Outcome(None if failure else found, failure, seconds, kilobytes / 1024)


class Served:
    """A fork of this process, which has its imports already, that answers requests as the process apart does."""

    def __init__(self) -> None:
        asked, self.stdin = _pipe()
        self.stdout, answered = _pipe()
        self.returncode: int | None = None
        self.pid = os.fork()
        if not self.pid:
            try:
                self._serve(asked, answered)
            finally:
                os._exit(1)  # whatever happened, a fork never goes on with what this process does
        asked.close()
        answered.close()
        self.held = _held(self.pid)

    def _serve(self, asked: Any, answered: Any) -> None:
        self.stdin.close()
        self.stdout.close()
        os.setsid()
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os.dup2(silence, 2)
        most = (_held(os.getpid(), "VmData") << 10) + (nodes.MEGABYTES << 20)
        resource.setrlimit(resource.RLIMIT_DATA, (most, resource.RLIM_INFINITY))
        store_server.serve(asked, answered)

    def kill(self) -> None:
        """End it."""
        if self.returncode is None:
            os.kill(self.pid, signal.SIGKILL)

    def wait(self, seconds: float) -> int:
        """How it ended, as `subprocess` tells it."""
        until = time.perf_counter() + seconds
        while self.returncode is None:
            found, status = os.waitpid(self.pid, os.WNOHANG)
            if found:
                self.returncode = os.waitstatus_to_exitcode(status)
            elif time.perf_counter() > until:
                raise subprocess.TimeoutExpired("fork", seconds)
            else:
                time.sleep(0.001)
        return self.returncode


class Forked(child.Child):
    """The process apart, forked instead of started: a tenth of the time."""

    def __init__(self, ending: str) -> None:
        self.ending, self.usable = ending, True
        self._process = Served()  # type: ignore[assignment]


def _pipe() -> tuple[Any, Any]:
    get, put = os.pipe()
    return os.fdopen(get, "rb"), os.fdopen(put, "wb")


def hurry() -> None:
    """Fork processes that read, and end those that make no progress sooner than elsewhere: for long runs."""
    started = child.Child
    child.Child = lambda ending: Forked(ending) if ending == ".h5ad" else started(ending)  # type: ignore
    for module in (nodes, child, store_server):
        module.SECONDS = HURRIED  # type: ignore[attr-defined]


def _peak(process: child.Child) -> int:
    """Kilobytes that a process which reads has held at most (one that was ended is known by its limit alone)."""
    started = process._process
    return _held(started.pid) - getattr(started, "held", 0)


def _held(pid: int, what: str = "VmHWM") -> int:
    """Kilobytes: the most that a process has held, or another line of its status."""
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith(what))


def judged(path: Path) -> tuple[str, str, float, float]:
    """One word on how our reader fared with a file, what was wrong, seconds and megabytes."""
    outcome = apart(ours, path) if path.suffix == ".parquet" else here(path)
    figures = outcome.seconds, outcome.megabytes
    if outcome.found is None:
        return "failed", outcome.failure, *figures
    if outcome.megabytes > MEGABYTES:
        return "failed", f"{outcome.megabytes:.0f} MB", *figures
    found = outcome.found
    if "refused" in found and "matrix" not in found:
        return "refused", found["refused"], *figures
    other = apart(theirs, path)
    if other.found is None:
        if "refused" in found:
            return "refused", found["refused"], *figures
        return "accepted alone", other.failure.strip().splitlines()[-1], *figures
    for what in ("counts", "n_cells", "matrix"):
        if what in found and what in other.found and json.dumps(found[what]) != json.dumps(other.found[what]):
            return "failed", f"other {what}: {found[what]} against {other.found[what]}", *figures
    return "accepted" if "refused" not in found else "refused", found.get("refused", ""), *figures


def fuzz(
    name: str, examples: int, seed: int, folder: Path, until: float = float("inf")
) -> tuple[Counter[str], list[str], float, float]:
    """How often each outcome was seen for a format; failures, with the seed that makes them; worst time, memory."""
    ending, write = FORMATS[name]
    whole = folder / f"{name}{ending}"
    if not whole.exists():
        write(whole)
    outcomes, failures, slowest, largest = Counter[str](), [], 0.0, 0.0
    for number in range(seed, seed + examples):
        if time.monotonic() > until:
            break
        path = folder / f"{name}_{number}{ending}"
        shutil.copytree(whole, path) if whole.is_dir() else shutil.copy(whole, path)
        what = mutate(path, np.random.default_rng([number, list(FORMATS).index(name)]))
        word, why, seconds, megabytes = judged(path)
        outcomes[word] += 1
        slowest, largest = max(slowest, seconds), max(largest, megabytes)
        if word == "accepted alone" and os.environ.get("SHOW"):
            print(number, what, why[:300])
        if word == "failed":
            failures.append(f"{name} seed {number}: {what}: {why}")
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    return outcomes, failures, slowest, largest


def _require_sound(name: str, folder: Path) -> None:
    """Raise where the file that is to be damaged is not read while it is whole: what follows would show nothing."""
    ending, write = FORMATS[name]
    path = folder / f"{name}{ending}"
    write(path)
    word, why, *_ = judged(path)
    if word != "accepted":
        raise AssertionError(f"{name}: {word}: {why}")


def main() -> int:
    """Fuzz formats one after the other, and print what was seen."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("formats", nargs="*", default=list(FORMATS))
    parser.add_argument("--examples", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="of each format, at most")
    arguments = parser.parse_args()
    hurry()
    failed = 0
    for name in arguments.formats:
        with tempfile.TemporaryDirectory() as folder:
            _require_sound(name, Path(folder))
            outcomes, failures, slowest, largest = fuzz(
                name, arguments.examples, arguments.seed, Path(folder), time.monotonic() + arguments.seconds
            )
        print(f"{name:12} {dict(outcomes)}, slowest {slowest:.1f} s, largest {largest:.0f} MB", flush=True)
        print(*failures[:40], sep="\n", flush=True)
        failed += len(failures)
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
