"""Damaged binary files: seeded mutations, our reader and an independent one, each in a fork that has its imports.

Run for long, one format or all, with::

    python tests/fuzz_binary.py [--examples 2000] [--seed 0] [--seconds 600] [FORMAT...]

HDF5 files and Zarr stores are read by a process apart. Here a thread of the fork does that process's work first, which
costs a tenth: where the library crashes or makes no progress, the fork ends, and the file is read again by a fork of
the fork, as in the product. Every file that can do harm is therefore read in the way of the product, and the messages
between the processes are the same in all cases.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import resource
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import anndata
import h5py
import numpy as np
import openpyxl
import pandas as pd
import pyreadr
import zarr
from anndata.io import read_elem

from concentra.errors import ConcentraError
from concentra.io import child, nodes, store_server
from concentra.io.blocks import Codes, label_blocks
from concentra.io.cells import read_labels
from concentra.io.expression import read_expression
from concentra.io.labels import label_text
from definitions_binary_edits import mutate
from definitions_binary_files import BY, FORMATS

SECONDS, MEGABYTES = 20, 1024
LATE = (
    "concentra.io.r_data", "concentra.io.spreadsheets", "multiprocessing.synchronize", "narwhals", "pyarrow.dataset",
    "pyarrow.parquet", "python_calamine", "rdata",
)  # fmt: skip
"""What readers import when they need it."""
HURRIED = 2, 8
"""Seconds without progress, where a request takes a hundredth; and of the processor, for the other reader."""
STORES = (".h5ad", ".zarr")
Reader = Callable[[str], dict[str, Any]]


# Readers.


def ours(path: str) -> dict[str, Any]:
    """Counts, and the matrix where there is one, as the package reads them, block by block and at once."""
    found: dict[str, Any] = {}
    try:
        coders, rows = [Codes() for _ in BY], Counter[tuple[int, ...]]()
        for block in label_blocks(path, BY):
            codes = [coder.of(column).tolist() for coder, column in zip(coders, block.labels, strict=True)]
            rows.update(zip(*codes, strict=True))
        texts = [coder.texts() for coder in coders]
        found["counts"] = sorted(
            ([*(text[code] for text, code in zip(texts, row, strict=True)), n] for row, n in rows.items()),
            key=str,
        )
        labels = read_labels(path, BY)
        found["n_cells"] = len(labels)
        found["labels"] = _counted(labels)
    except ConcentraError as problem:
        found["refused"] = str(problem)
        if "no progress" in str(problem):
            return found
    if path.endswith(STORES):
        try:
            matrix = read_expression(path, features="given").matrix
            found["matrix"] = np.asarray(matrix, dtype=np.float64).tolist()
            read_expression(path, n_variable=3)
        except ConcentraError as problem:
            found["no_matrix"] = str(problem)
    return found


def _counted(frame: pd.DataFrame) -> list[list[Any]]:
    rows = [tuple(map(label_text, row)) for row in frame[BY].astype(object).itertuples(index=False)]
    return sorted(([*row, n] for row, n in Counter(rows).items()), key=str)


def theirs(path: str) -> dict[str, Any]:
    """The same as pandas, anndata, openpyxl or pyreadr read them."""
    found: dict[str, Any] = {}
    root: Any = None
    if path.endswith(STORES):
        root = zarr.open_group(path, mode="r") if path.endswith(".zarr") else h5py.File(path, "r")
        _refuse_unnamed(root["obs"])
        legacy = not isinstance(root["obs"], h5py.Group | zarr.Group) or "__categories" in root["obs"]
        obs = anndata.read_h5ad(path).obs if legacy else read_elem(root["obs"])
    elif path.endswith(".parquet"):
        obs = pd.read_parquet(path)
    elif path.endswith(".xlsx"):
        obs = _sheet(path)
    else:
        (obs,) = pyreadr.read_r(path).values()
    found["counts"] = found["labels"] = _counted(obs)
    found["n_cells"] = len(obs)
    if root is not None and "X" in root:
        try:
            read = read_elem(root["X"])
            dense = read.toarray() if hasattr(read, "toarray") else np.asarray(read)
            found["matrix"] = dense.astype(np.float32).astype(np.float64).tolist()
        except Exception as problem:
            found["no_matrix"] = str(problem)
    return found


def _sheet(path: str) -> pd.DataFrame:
    """The first sheet by openpyxl: column names first; blank rows are none."""
    sheet = openpyxl.load_workbook(path, data_only=True).worksheets[0]
    rows = [row for row in sheet.iter_rows(values_only=True) if any(cell not in (None, "") for cell in row)]
    return pd.DataFrame(rows[1:], columns=rows[0], dtype=object)


def _refuse_unnamed(obs: Any) -> None:
    """Groups whose encoding is not named are dictionaries to anndata, which makes no column of them."""
    for name in BY:
        if (
            not isinstance(obs, h5py.Dataset)
            and hasattr(obs[name], "keys")
            and "encoding-type" not in obs[name].attrs
        ):
            raise ValueError(f"no encoding of {name}")


# Forks.


@dataclass(frozen=True)
class Outcome:
    """How a reader fared: what it found, or how it failed; seconds, megabytes."""

    found: dict[str, Any] | None
    failure: str
    seconds: float
    megabytes: float


def apart(
    reader: Reader, path: Path, seconds: float = SECONDS, processor: int = resource.RLIM_INFINITY
) -> Outcome:
    """What a reader makes of a file, in a fork of this process, within seconds, and within those of the processor."""
    before = _held(os.getpid(), "VmRSS")  # what this process holds is not the reader's
    get, put = os.pipe()
    start = time.perf_counter()
    process = os.fork()
    if not process:
        os.close(get)
        resource.setrlimit(resource.RLIMIT_CPU, (processor, processor))
        _answer(reader, path, put)
    os.close(put)
    data, failure = _collected(get, start + seconds)
    if failure:
        os.kill(process, signal.SIGKILL)
    os.close(get)
    _, status, usage = os.wait4(process, 0)
    megabytes = max(0, usage.ru_maxrss - before) / 1024
    if not failure and status:
        failure = f"crash (status {status})"
    found = json.loads(data) if not failure else {}
    megabytes = max(megabytes, found.pop("server", 0) / 1024)
    failure = failure or found.pop("traceback", "")
    return Outcome(found if not failure else None, failure, time.perf_counter() - start, megabytes)


def _answer(reader: Reader, path: Path, put: int) -> None:
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
    found["server"] = max(map(_peak, child._idle), default=0)
    with os.fdopen(put, "w") as answers:
        json.dump(found, answers, default=str)
    child.end_idle()
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


def within(path: str) -> dict[str, Any]:
    """Our reader, the process apart being a thread of this one."""
    _hurry()
    _limit()
    child.Child = Threaded  # type: ignore[misc]
    return ours(path)


def beside(path: str) -> dict[str, Any]:
    """Our reader with a process apart, forked instead of started."""
    _hurry()
    child.Child = Forked  # type: ignore[misc]
    return ours(path)


def _hurry() -> None:
    """End what makes no progress sooner than elsewhere."""
    for module in (nodes, child, store_server):
        module.SECONDS = HURRIED[0]  # type: ignore[attr-defined]


def _limit() -> None:
    """As the process apart limits its memory."""
    most = (_held(os.getpid(), "VmData") << 10) + (nodes.MEGABYTES << 20)
    resource.setrlimit(resource.RLIMIT_DATA, (most, resource.RLIM_INFINITY))


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
        _limit()
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
    """The process apart, forked instead of started."""

    def __init__(self, ending: str) -> None:
        self.ending, self.usable = ending, True
        self._process = Served()  # type: ignore[assignment]


class Thread:
    """A thread of this process that answers requests as the process apart does."""

    def __init__(self) -> None:
        asked, self.stdin = _pipe()
        self.stdout, answered = _pipe()
        self.pid, self.held = os.getpid(), _held(os.getpid())
        threading.Thread(target=store_server.serve, args=(asked, answered), daemon=True).start()

    def kill(self) -> None:
        """It ends when nobody asks any more."""

    def wait(self, seconds: float) -> int:
        """It ends with this process."""
        return 0


class Threaded(child.Child):
    """The process apart as a thread: what it cannot survive ends this process."""

    def __init__(self, ending: str) -> None:
        self.ending, self.usable = ending, True
        self._process = Thread()  # type: ignore[assignment]


def _pipe() -> tuple[Any, Any]:
    get, put = os.pipe()
    return os.fdopen(get, "rb"), os.fdopen(put, "wb")


def _peak(process: child.Child) -> int:
    """Kilobytes that a process which reads has held at most (one that was ended is known by its limit alone)."""
    started = process._process
    return _held(started.pid) - getattr(started, "held", 0)


def _held(pid: int, what: str = "VmHWM") -> int:
    """Kilobytes: the most that a process has held, or another line of its status."""
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith(what))


# Verdicts.


def _differing(one: Any, other: Any) -> str:
    if not isinstance(one, list):
        return f"{one} against {other}"
    alone = [[row for row in rows if row not in others][:3] for rows, others in ((one, other), (other, one))]
    return f"{alone[0]} against {alone[1]}"


def judged(path: Path) -> tuple[str, str, float, float]:
    """One word on how our reader fared with a file, what was wrong, seconds and megabytes."""
    outcome = apart(within if path.suffix in STORES else ours, path)
    if path.suffix in STORES and outcome.failure.startswith("crash"):
        outcome = apart(beside, path)
    figures = outcome.seconds, outcome.megabytes
    if outcome.found is None:
        return "failed", outcome.failure, *figures
    if outcome.megabytes > MEGABYTES:
        return "failed", f"{outcome.megabytes:.0f} MB", *figures
    found = outcome.found
    if "refused" in found and "matrix" not in found:
        return "refused", found["refused"], *figures
    other = apart(theirs, path, processor=HURRIED[1])
    if other.found is None:
        if "refused" in found:
            return "refused", found["refused"], *figures
        return "accepted alone", other.failure.strip().splitlines()[-1], *figures
    for what in ("counts", "n_cells", "labels", "matrix"):
        if what in found and what in other.found and json.dumps(found[what]) != json.dumps(other.found[what]):
            return "failed", f"other {what}: {_differing(found[what], other.found[what])}", *figures
    return "accepted" if "refused" not in found else "refused", found.get("refused", ""), *figures


def written(write: Callable[[Path], None], path: Path) -> None:
    """Write a file in a fork, so that this process starts no thread (of zarr) that its forks would lack."""
    outcome = apart(lambda place: write(Path(place)) or {}, path, 300)
    if outcome.found is None:
        raise AssertionError(outcome.failure)


def fuzz(
    name: str, examples: int, seed: int, folder: Path, until: float = float("inf")
) -> tuple[Counter[str], list[str], float, float]:
    """How often each outcome was seen for a format; failures, with the seed that makes them; worst time, memory."""
    ending, write = FORMATS[name]
    whole = folder / f"{name}{ending}"
    if not whole.exists():
        written(write, whole)
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
            print(failures[-1], flush=True)
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    return outcomes, failures, slowest, largest


def _require_sound(name: str, folder: Path) -> None:
    """Raise where the file that is to be damaged is not read while it is whole: what follows would show nothing."""
    ending, write = FORMATS[name]
    path = folder / f"{name}{ending}"
    written(write, path)
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
    for module in LATE:
        import_module(module)
    gc.freeze()  # forks share what is there already
    failed = 0
    for name in arguments.formats:
        with tempfile.TemporaryDirectory() as folder:
            _require_sound(name, Path(folder))
            outcomes, failures, slowest, largest = fuzz(
                name, arguments.examples, arguments.seed, Path(folder), time.monotonic() + arguments.seconds
            )
        print(f"{name:12} {dict(outcomes)}, slowest {slowest:.1f} s, largest {largest:.0f} MB", flush=True)
        failed += len(failures)
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
