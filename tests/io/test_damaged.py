"""Files that are damaged, incomplete or hostile: an error that names the file, in little time and little memory."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest

import definitions_binary_files as files
import fuzz_binary
from concentra.errors import ColumnError, FileFormatError
from concentra.io import child, nodes
from concentra.io.cells import label_columns, read_labels
from concentra.io.counting import count_cells
from concentra.io.expression import read_expression
from concentra.io.store import opened
from definitions_binary_edits import unconsolidate
from definitions_stores import chunk_of, sorted_store

LABELS = ["donor", "tissue", "type"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A sound file, to be damaged."""
    files.write_h5ad(tmp_path / "cells.h5ad")
    return tmp_path / "cells.h5ad"


@pytest.fixture(params=[2, 3])
def store(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A sound store of either format."""
    pytest.importorskip("zarr")
    files.write_zarr(tmp_path / "cells.zarr", request.param)
    unconsolidate(tmp_path / "cells.zarr")
    return tmp_path / "cells.zarr"


def refused(path: Path, message: str, labels: list[str] = LABELS) -> None:
    """Refused in both orders of the columns, with a way out; each reading starts a process."""
    with pytest.raises(FileFormatError, match=message) as caught:
        count_cells([path], labels)
    assert path.name in str(caught.value)
    assert caught.value.fix
    with pytest.raises(FileFormatError, match=message):
        read_labels(path, labels[::-1])


def replace(path: Path, place: str, value: object, **options: object) -> None:
    with h5py.File(path, "r+") as file:
        attributes = dict(file[place].attrs)
        del file[place]
        made = file.create_dataset(place, data=value, **options)
        made.attrs.update(attributes)


def test_columns_of_unequal_length(path: Path) -> None:
    with h5py.File(path) as file:
        codes = file["obs/donor/codes"][:25]
    replace(path, "obs/donor/codes", codes)
    refused(path, "'donor/codes' of .* has 25 rows, where others have 60")
    refused(path, "'donor/codes' of .* has 25 rows", ["tissue"])  # whichever columns are asked for


@pytest.mark.parametrize("place", ["obs/_index", "X/indptr", "obs/flag/mask", "obs/flag/values", "obs/age"])
def test_the_index_masks_and_x_have_the_rows_of_the_columns(path: Path, place: str) -> None:
    with h5py.File(path, "r+") as file:
        if place.startswith("X"):
            file["X"].attrs["shape"] = np.array([59, files.N_GENES])
        else:
            values = file[place][:1]
    if not place.startswith("X"):
        replace(path, place, values)
    refused(path, "has (59|1) rows, where others have 60")


@pytest.mark.parametrize(
    "place, value, message",
    [
        ("obs/donor/codes", np.full(60, 4, "i1"), "codes 4 to 4 for 4 categories"),
        ("obs/donor/codes", np.full(60, -2, "i1"), "codes -2 to -2 for 4 categories"),
        ("obs/donor/codes", np.zeros(60), r"coded by float64 of shape \(60,\)"),
        ("obs/donor/codes", np.zeros(60, bool), "coded by bool"),
        ("obs/donor/codes", np.zeros((60, 2), "i1"), r"of shape \(60, 2\)"),
        ("obs/donor/categories", np.array([b"a", b"a", b"b", b"c"]), "categories that occur twice"),
        ("obs/donor/categories", np.array([1, 1, 2, 3]), "categories that occur twice"),
        ("obs/donor/categories", np.zeros((2, 2)), "without categories that can be read"),
        ("obs/donor/categories", np.zeros(4, complex), "without categories that can be read"),
        ("obs/donor/categories", np.array([b"a", b"\xff", b"b", b"c"]), "not UTF-8"),
        ("obs/type", np.array([b"\xff"] * 60), "not UTF-8"),
        ("obs/type", np.zeros(60, complex), "of type complex128"),
    ],
)  # fmt: skip
def test_codes_categories_and_text(path: Path, place: str, value: np.ndarray, message: str) -> None:
    replace(path, place, value)
    refused(path, message)


@pytest.mark.parametrize("value", [np.full(60, 7, "i1"), np.zeros(60), np.zeros((60, 1), bool)])
def test_masks_are_truth_values(path: Path, value: np.ndarray) -> None:
    replace(path, "obs/flag/mask", value)
    refused(path, "column 'flag' .* is masked by", ["flag"])


def test_codes_of_old_files_without_their_categories(tmp_path: Path) -> None:
    path = tmp_path / "cells.h5ad"
    files.write_group07(path)
    with h5py.File(path, "r+") as file:
        del file["obs/__categories/donor"]
    refused(path, "column 'donor' .* is of codes whose categories are not there")


def test_codes_of_old_files_that_are_those_of_another_column(tmp_path: Path) -> None:
    path = tmp_path / "cells.h5ad"
    files.write_group07(path)
    with h5py.File(path, "r+") as file:
        del file["obs/donor"]
        file["obs/donor"] = file["obs/tissue"]
    refused(path, "column 'donor' .* is of codes of '/obs/__categories/tissue'")


def test_codes_of_old_files_that_do_not_say_so(tmp_path: Path) -> None:
    """One byte that changed: AnnData reads numbers, where there are labels of this column."""
    path = tmp_path / "cells.h5ad"
    files.write_group07(path)
    with h5py.File(path, "r+") as file:
        del file["obs/donor"].attrs["categories"]
    refused(path, "column 'donor' .* is of numbers that do not say whether they are codes")


@pytest.mark.parametrize(
    "name, value, message",
    [
        ("column-order", 3.5, "`column-order` of `obs` is 3.5"),
        ("column-order", np.zeros((2, 2)), "`column-order` of `obs` is"),
        ("column-order", np.array(["donor", "donor"], object), "names columns twice"),
        ("column-order", np.array(["donor", "absent"], object), "no column 'absent', which its column-order names"),
        ("column-order", np.array([b"\xff"]), "can't decode"),
        ("_index", 7, "`_index` of `obs` is 7"),
        ("_index", "nowhere", "has no index 'nowhere'"),
    ],
)  # fmt: skip
def test_attributes_of_obs(path: Path, name: str, value: object, message: str) -> None:
    with h5py.File(path, "r+") as file:
        file["obs"].attrs[name] = value
    refused(path, message)


@pytest.mark.parametrize("value", [3, np.zeros(60), np.zeros((3, 3))])
def test_obs_is_columns(path: Path, value: object) -> None:
    with h5py.File(path, "r+") as file:
        del file["obs"]
        file["obs"] = value
    refused(path, "`obs` is no group of columns")


def test_a_single_column_named_as_text(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        file["obs"].attrs["column-order"] = "donor"
    assert label_columns(path) == {"donor": "categorical"}


def test_groups_that_hold_themselves(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        del file["obs/donor"]
        file["obs"].create_group("donor")
        file["obs/donor/values"] = file["obs/donor"]
        file["obs/donor/mask"] = file["obs/donor"]
        file["around"] = h5py.SoftLink("/around")
    refused(path, "column 'donor' of `obs` .* is a group of mask, values")
    with opened(path, ".h5ad") as found, pytest.raises(FileFormatError, match="leads back to itself"):
        found.node("around")


def test_links_are_followed_within_the_file_only(path: Path) -> None:
    before = count_cells([path], LABELS)
    with h5py.File(path, "r+") as file:
        file.move("obs/donor", "elsewhere")
        file["obs/donor"] = h5py.SoftLink("/elsewhere")
    assert count_cells([path], LABELS).equals(before)
    with h5py.File(path, "r+") as file:
        del file["obs/donor"]
        file["obs/donor"] = h5py.ExternalLink("other.h5ad", "/obs/donor")
    refused(path, "'obs/donor' is a link to another file, 'other.h5ad'")
    with h5py.File(path, "r+") as file:
        del file["obs/donor"]
        file["outside"] = h5py.ExternalLink("other.h5ad", "/")
        file["obs/donor"] = h5py.SoftLink("/outside/obs/donor")
    refused(path, "is a link to another file")
    with h5py.File(path, "r+") as file:
        del file["obs/donor"]
        file["obs/donor"] = h5py.SoftLink("/nowhere")
    refused(path, "'donor' of `obs` is a link to nothing")


def test_values_that_lie_elsewhere(path: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(bytes(range(60)))
    with h5py.File(path, "r+") as file:
        del file["obs/age"]
        file.create_dataset("obs/age", (60,), "u1", external=[(str(tmp_path / "secret"), 0, 60)])
        layout = h5py.VirtualLayout((60,), "i1")
        layout[:] = h5py.VirtualSource(str(tmp_path / "other.h5"), "x", (60,))
        del file["obs/donor/codes"]
        file.create_virtual_dataset("obs/donor/codes", layout)
    refused(path, "the values of 'obs/age' lie in another file", ["age"])
    refused(path, "the values of 'obs/donor/codes' lie in other datasets", ["donor"])


def test_more_values_than_bytes(path: Path) -> None:
    """10^8 categories in a file of 40 kB, as chunks that were never written and as a claim of one that was."""
    with h5py.File(path, "r+") as file:
        del file["obs/type"], file["obs/tissue/categories"]
        file["obs"].create_group("type")
        file["obs/type/codes"] = np.zeros(60, "i1")
        file.create_dataset("obs/type/categories", (10**8,), h5py.string_dtype(), chunks=(1000,))
        file.create_dataset("obs/tissue/categories", (10**9,), "i8")
    start = time.perf_counter()
    refused(path, "'obs/type/categories' claims 100,000,000 values", ["type"])
    refused(path, "'obs/tissue/categories' claims 1,000,000,000 values", ["tissue"])
    assert time.perf_counter() - start < 10
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss < 1 << 20  # kilobytes


def test_more_text_than_memory(path: Path) -> None:
    """The process that reads has a limit, this one sees an error."""
    with h5py.File(path, "r+") as file:
        del file["obs/type"], file["obs"].attrs["column-order"]
        for name in list(file["obs"]):
            del file["obs"][name]
        del file["X"], file["obs"].attrs["_index"]
        text = h5py.string_dtype()
        stored = file.create_dataset("obs/type", (400,), text, chunks=(400,), compression="gzip")
        stored[:] = ["y" * 2_000_000 + str(number) for number in range(400)]
    refused(path, "takes more than 768 MB of memory|memory allocation failed", ["type"])


def test_bytes_that_crash_or_stop_the_library(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever ends the process that reads is an error of this one, and the next file is read."""
    for status, message in {
        "signal.raise_signal(signal.SIGSEGV)": r"the library that reads it crashed \(SIGSEGV\)",
        "signal.raise_signal(signal.SIGABRT)": r"crashed \(SIGABRT\)",
        "signal.setitimer(signal.ITIMER_REAL, 0.2); time.sleep(60)": "no progress for 15 s",
        "sys.exit(3)": "ended with status 3",
        "print('x' * 99)": "nonsense|ended with status",
    }.items():
        child.end_idle()
        with monkeypatch.context() as patch:
            patch.setattr(child, "SERVER", f"import signal, sys, time; sys.stdin.readline(); {status}")
            start = time.perf_counter()
            with pytest.raises(FileFormatError, match=message):
                read_labels(path, ["donor"])
            assert time.perf_counter() - start < 10
        assert len(read_labels(path, ["donor"])) == files.N_CELLS


def test_a_request_that_takes_too_long_ends_the_process() -> None:
    code = (
        "import io, sys, time; from concentra.io import store_server as server; server.SECONDS = 0.2; "
        "server.Service.answer = lambda self, request: time.sleep(60); "
        "server.serve(io.BytesIO(b'{}\\n'), sys.stdout.buffer)"
    )
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code], check=False)
    assert done.returncode == -signal.SIGALRM
    assert time.perf_counter() - start < 20


def test_an_interrupt_is_answered_at_once(path: Path, tmp_path: Path) -> None:
    """While the process that reads does not answer."""
    code = (
        "import signal, sys; from concentra.io import child; "
        "signal.signal(signal.SIGINT, signal.default_int_handler); "  # a background job ignores interrupts
        "child.SERVER = 'import sys, time; sys.stdin.readline(); time.sleep(60)'; "
        "from concentra.io.cells import read_labels; print('ready', flush=True); "
        f"read_labels({str(path)!r}, ['donor'])"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(1)
        start = time.perf_counter()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
        assert time.perf_counter() - start < 5
        assert "KeyboardInterrupt" in errors


def test_a_process_serves_many_files_and_a_fork_has_its_own(path: Path) -> None:
    read_labels(path, ["donor"])
    (kept,) = [one for one in child._idle if one.ending == ".h5ad"]
    read_labels(path, ["donor"])
    assert [one for one in child._idle if one.ending == ".h5ad"] == [kept]
    pid = os.fork()
    if not pid:
        try:
            right = child._idle == [] and len(read_labels(path, ["donor"])) == files.N_CELLS
            child.end_idle()
        finally:
            os._exit(0 if right else 1)
    assert os.waitpid(pid, 0)[1] == 0
    assert len(read_labels(path, ["donor"])) == files.N_CELLS
    assert kept in child._idle


# Matrices.


@pytest.mark.parametrize(
    "place, change, message",
    [
        ("X/indices", lambda values: np.where(values == values[0], 99, values), "column indices from [01] to 99"),
        ("X/indices", lambda values: values - 1, "column indices from -1"),
        ("X/indices", lambda values: values.astype(float), "indices that are no whole numbers"),
        ("X/indptr", lambda values: values[::-1].copy(), "row pointers that contradict"),
        ("X/indptr", lambda values: np.r_[values[:-1], 10**9], "row pointers that contradict"),
        ("X/indptr", lambda values: values[:-1], "59|60 row pointers for 60 rows"),
        ("X/data", lambda values: values[:-1], "values, .* indices"),
        ("X/data", lambda values: values.astype(complex), "X of .* holds complex128"),
        ("X/data", lambda values: values.astype("S3"), r"holds \|S3"),
        ("X/data", lambda values: values * np.nan, "not finite"),
        ("X/data", lambda values: values.astype("f8") * 1e300, "not finite"),
        ("var/_index", lambda values: values[:-1], "has 7 columns"),
        ("var/_index", lambda values: np.zeros((7, 2)), "has 7 columns"),
    ],
)  # fmt: skip
def test_matrices(path: Path, place: str, change: Callable, message: str) -> None:
    with h5py.File(path) as file:
        values = change(file[place][()])
    replace(path, place, values)
    with pytest.raises(FileFormatError, match=message):
        read_expression(path, features="given")
    if "not finite" not in message:
        with pytest.raises(FileFormatError):
            read_expression(path)


def test_values_on_another_scale_or_without_total(path: Path) -> None:
    with h5py.File(path) as file:
        values = file["X/data"][()].astype("f8")
    logged = np.log1p(values)
    replace(path, "X/data", np.r_[logged[:-1], 1e300])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("concentra.io.stored.ELEMENTS_PER_CHUNK", 50)
        with pytest.raises(FileFormatError, match=r"values up to 1e\+300 among log-normalised ones"):
            read_expression(path)
    replace(path, "X/data", np.full(values.size, 1e308))
    with pytest.raises(FileFormatError, match="no finite total"):
        read_expression(path)


def test_matrices_without_shape_arrays_or_names(path: Path) -> None:
    for change, message in {
        lambda file: file["X"].attrs.__setitem__("shape", 3): "no shape of rows and columns",
        lambda file: file["X"].attrs.__setitem__(
            "shape", np.array([60, 10**12])
        ): "has 1,000,000,000,000 columns",
        lambda file: (
            file["X"].attrs.__setitem__("shape", np.array([60, 7])),
            file.__delitem__("X/indptr"),
        ): ("lacks data, indices or indptr"),
        lambda file: file.__delitem__("var"): "no names of columns",
    }.items():
        with h5py.File(path, "r+") as file:
            change(file)
        with pytest.raises(FileFormatError, match=message):
            read_expression(path)


# Zarr.


@pytest.mark.parametrize("place", ["obs/donor/codes", "obs/donor/categories", "obs/type"])
def test_a_chunk_that_is_missing(store: Path, place: str) -> None:
    chunk = store / place / ("c/0" if (store / "zarr.json").exists() else "0")
    chunk.unlink()
    refused(store, f"chunks of '{place}' are missing: the store is incomplete", [*LABELS, "age"])


def test_one_chunk_of_several_is_missing(tmp_path: Path) -> None:
    zarr = pytest.importorskip("zarr")
    for version, name in ((2, "1"), (3, "c/1")):
        root = zarr.open_group(str(tmp_path / f"{version}.zarr"), mode="w", zarr_format=version)
        codes = root.create_array("obs/donor/codes", shape=(9,), chunks=(3,), dtype="i1")
        codes[:] = 1
        root.create_array("obs/donor/categories", data=np.array([10, 20]))
        path = tmp_path / f"{version}.zarr"
        assert count_cells([path], ["donor"])["n_cells"].tolist() == [9]
        (path / "obs/donor/codes" / name).unlink()
        refused(path, "chunks of 'obs/donor/codes' are missing", ["donor"])


@pytest.mark.parametrize("version", [2, 3])
def test_chunks_that_zarr_leaves_out_are_read_and_reported(version: int, tmp_path: Path) -> None:
    """Sorted cells have chunks of nothing but the first category, which anndata's own stores do not hold."""
    path, obs = sorted_store(tmp_path, version)
    for place in ("obs/donor/codes", "obs/doublet", "obs/n_mito", "obs/none"):
        assert not chunk_of(path, place, 1).exists()
    assert chunk_of(path, "obs/type/codes", 1).exists()
    notes: list[str] = []
    found = read_labels(path, list(obs), notes=notes)
    for name in obs:
        assert found[name].tolist() == obs[name].tolist()
    assert [note.split("' in ")[0] for note in notes] == [
        "3 chunks of 'obs/donor/codes",
        "5 chunks of 'obs/tissue/codes",
        "9 chunks of 'obs/doublet",
        "8 chunks of 'obs/n_mito",
        "10 chunks of 'obs/none",
    ]
    expected = obs.groupby(["donor", "type"], observed=True).size()
    assert count_cells([path], ["donor", "type"])["n_cells"].tolist() == expected.tolist()


def test_the_whole_store_has_every_chunk_and_no_note(tmp_path: Path) -> None:
    path, obs = sorted_store(tmp_path, 3, kept=True)
    notes: list[str] = []
    assert read_labels(path, ["donor", "none"], notes=notes)["donor"].tolist() == obs["donor"].tolist()
    assert notes == []


@pytest.mark.parametrize("version", [2, 3])
def test_a_chunk_that_was_lost_is_refused_where_others_show_it(version: int, tmp_path: Path) -> None:
    """The rows beside it; a category that would be nowhere; a writer that stored chunks of zeros."""
    for place, number, kept, shows in (
        ("obs/donor/codes", 5, False, "the rows beside them, in chunk 4, are no zeros"),
        ("obs/donor/codes", 9, False, "the rows beside them, in chunk 8, are no zeros"),
        ("obs/type/codes", 4, False, "the rows beside them, in chunk 3, are no zeros"),
        ("obs/n_mito", 9, False, "the rows beside them, in chunk 8, are no zeros"),
        ("obs/doublet", 4, True, "its writer stored chunk 0, which holds nothing but zeros"),
    ):
        path, _ = sorted_store(tmp_path, version, kept)
        chunk_of(path, place, number).unlink()
        refused(
            path, f"chunks of '{place}' are missing: the store is incomplete .{shows}", [place.split("/")[1]]
        )
    path, _ = sorted_store(tmp_path, version)
    for number in range(10):
        chunk_of(path, "obs/tissue/codes", number).unlink(missing_ok=True)
    refused(path, "a category would occur nowhere", ["tissue"])


def test_what_is_constant_needs_no_chunk(tmp_path: Path) -> None:
    """Zarr leaves out chunks of nothing but zeros: the codes of the only category, and a mask that masks nothing."""
    pytest.importorskip("zarr")
    obs = pd.DataFrame(
        {"tissue": pd.Categorical(["marrow"] * 5), "n": pd.array([1, 2, 3, 4, 5], "Int64")},
        index=list("abcde"),
    )
    for version in (2, 3):
        path = tmp_path / f"{version}.zarr"
        with warnings.catch_warnings(), anndata.settings.override(zarr_write_format=version):
            warnings.simplefilter("ignore")  # how anndata will write one day
            anndata.AnnData(np.ones((5, 1), "f4"), obs).write_zarr(path)
        assert not [*path.glob("obs/tissue/codes/[0c]")]
        frame = read_labels(path, ["tissue", "n"])
        assert frame["tissue"].tolist() == ["marrow"] * 5
        assert frame["n"].tolist() == [1, 2, 3, 4, 5]


def test_a_chunk_that_is_cut_short(store: Path) -> None:
    """Blosc would read on beyond the end of its bytes."""
    chunk = store / "obs/age" / ("c/0" if (store / "zarr.json").exists() else "0")
    whole = chunk.read_bytes()
    for length in (len(whole) - 1, 10):
        chunk.write_bytes(whole[:length])
        refused(store, "cannot be read", ["age"])


def test_chunks_in_shards(tmp_path: Path) -> None:
    zarr = pytest.importorskip("zarr")
    path = tmp_path / "cells.zarr"
    root = zarr.open_group(str(path), mode="w", zarr_format=3)
    root.create_array("obs/age", data=np.arange(20) + 1, chunks=(2,), shards=(6,))
    assert read_labels(path, ["age"])["age"].tolist() == list(range(1, 21))
    (path / "obs/age/c/1").unlink()
    refused(path, "chunks of 'obs/age' are missing", ["age"])


def test_links_out_of_a_store(store: Path, tmp_path: Path) -> None:
    chunk = store / "obs/donor/codes" / ("c/0" if (store / "zarr.json").exists() else "0")
    (tmp_path / "secret").write_bytes(chunk.read_bytes())
    chunk.unlink()
    chunk.symlink_to(tmp_path / "secret")
    refused(store, "'obs/donor/codes' is a link out of the store")


def test_columns_that_are_links_out_of_a_store(store: Path, tmp_path: Path) -> None:
    (store / "obs/donor").rename(tmp_path / "elsewhere")
    (store / "obs/donor").symlink_to(tmp_path / "elsewhere")
    refused(store, "'obs/donor' is a link out of the store")


def test_codecs_that_run_what_they_read(tmp_path: Path) -> None:
    zarr = pytest.importorskip("zarr")
    root = zarr.open_group(str(tmp_path / "a.zarr"), mode="w", zarr_format=2)
    root.create_array("obs/age", data=np.arange(4), compressors=None)
    place = tmp_path / "a.zarr/obs/age/.zarray"
    document = json.loads(place.read_text())
    place.write_text(json.dumps(document | {"filters": [{"id": "pickle", "protocol": 5}]}))
    refused(tmp_path / "a.zarr", "pickle", ["age"])
    place.write_text(json.dumps(document | {"compressor": {"id": "pickle", "protocol": 5}}))
    refused(tmp_path / "a.zarr", "pickle", ["age"])


def test_json_of_a_store(store: Path) -> None:
    third = (store / "zarr.json").exists()
    place = store / "obs/donor/codes" / ("zarr.json" if third else ".zarray")
    whole = place.read_text()
    document = json.loads(whole)
    for change in (
        {"shape": [10**12]},
        {"shape": "x"},
        {"shape": [-1]},
        {"zarr_format": 9},
        {"fill_value": []},
    ):
        place.write_text(json.dumps(document | change))
        with pytest.raises((FileFormatError, ColumnError)):
            count_cells([store], LABELS)
    for text in ("", "{", "[]", whole[: len(whole) // 2], "\xff"):
        place.write_text(text)
        with pytest.raises((FileFormatError, ColumnError)):
            count_cells([store], LABELS)
    place.write_text(whole)
    assert count_cells([store], LABELS)["n_cells"].sum() == files.N_CELLS


# Parquet.


def test_parquet_with_text_that_is_no_utf8(tmp_path: Path) -> None:
    import pyarrow
    import pyarrow.parquet

    buffers = [None, pyarrow.py_buffer(np.array([0, 1, 3], "i4")), pyarrow.py_buffer(b"a\xff\xfe")]
    bad = pyarrow.Array.from_buffers(pyarrow.utf8(), 2, buffers)
    pyarrow.parquet.write_table(pyarrow.table({"donor": bad}), tmp_path / "a.parquet")
    refused(tmp_path / "a.parquet", "(?i)utf-?8", ["donor"])


def test_parquet_that_announces_more_rows(tmp_path: Path) -> None:
    """The count of rows in the footer, a varint, is raised where it stands."""
    path = tmp_path / "cells.parquet"
    pd.DataFrame({"donor": ["a", "b"] * 30}).to_parquet(path, index=False)
    data = bytearray(path.read_bytes())
    footer = int.from_bytes(data[-8:-4], "little")
    places = [
        place for place in range(len(data) - 8 - footer, len(data) - 8) if data[place] == 120
    ]  # 60, zigzag
    assert places
    for place in places:
        changed = bytearray(data)
        changed[place] = 126
        path.write_bytes(changed)
        try:
            counts = count_cells([path], ["donor"])
        except FileFormatError:
            continue
        assert counts["n_cells"].tolist() == [30, 30]


@pytest.mark.parametrize("name", files.FORMATS)
def test_every_format_gives_the_counts_of_an_independent_reader(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the same ones from every format, in whatever order rows and columns lie."""
    if name.startswith("zarr"):
        pytest.importorskip("zarr")
    ending, write = files.FORMATS[name]
    whole = files.cells()
    whole["flag"] = whole["flag"].fillna(False)  # older formats have no gaps
    by = files.BY
    rows = whole[by].astype(object).itertuples(index=False)
    expected = Counter(tuple(None if pd.isna(one) else str(one) for one in row) for row in rows)
    for seed in range(3):
        rng = np.random.default_rng(seed)
        shuffled = whole.iloc[rng.permutation(len(whole))][list(rng.permutation(by))]
        monkeypatch.setattr(files, "cells", lambda shuffled=shuffled: shuffled.copy())
        path = tmp_path / f"{seed}{ending}"
        write(path)
        counts = count_cells([path], by)
        found = {
            tuple(None if pd.isna(one) else one for one in row[:-1]): row[-1]
            for row in counts.values.tolist()
        }
        assert found == expected
        other = fuzz_binary.apart(fuzz_binary.theirs, path)
        assert other.found is not None, other.failure
        assert {tuple(row[:-1]): row[-1] for row in other.found["counts"]} == expected


QUICK = 108
"""A first seed whose files do not stop the library, which would take all of the time limit: that has its own test."""


@pytest.mark.parametrize("name", files.FORMATS)
def test_mutated_files(name: str, tmp_path: Path) -> None:
    """Never a traceback, a crash, a hang, or counts that an independent reader does not find."""
    if name.startswith("zarr"):
        pytest.importorskip("zarr")
    examples = int(os.environ.get("CONCENTRA_FUZZ_EXAMPLES", "12"))
    outcomes, failures, slowest, largest = fuzz_binary.fuzz(name, examples, QUICK, tmp_path)
    assert failures == []
    assert sum(outcomes.values()) == examples
    assert largest < fuzz_binary.MEGABYTES
    assert slowest < fuzz_binary.SECONDS


def test_limits() -> None:
    assert nodes.SECONDS < 20
    assert nodes.MEGABYTES < fuzz_binary.MEGABYTES
