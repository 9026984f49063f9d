"""Raw inputs: which cohorts are on this machine, and what is restored from the archive instead.

A step that names one of `RAW` among its positional arguments gets what the function here returns. The archive
holds the tables of such steps for cohorts whose raw data is not on every machine: rows of those cohorts are
taken from there when the raw data is absent, and the provenance says so.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from concentra import __version__
from concentra.errors import DataAbsentError, TableError
from concentra.files import read_json, sha256, write_text
from concentra.outputs import refuse_links
from concentra.simulate import is_simulated, truth_path
from concentra.study.cohorts import Activity, Atlas, Cohort, Expression, Matrix, Model, Samples, cohorts
from concentra.study.cohorts._tms import TOTALS
from concentra.study.declare import Node, Table, nodes, write_csv

VARIABLE = "CONCENTRA_DATA_DIR"
NOTES = "provenance.json"


def data_folder(given: Path | None) -> Path | None:
    """The data folder: the one given, else the one that `CONCENTRA_DATA_DIR` names, else none."""
    name = given or os.environ.get(VARIABLE)
    if not name:
        return None
    folder = Path(name)
    if not folder.is_dir():
        raise DataAbsentError(
            found=f"the data folder {folder} is not a folder",
            expected=f"a folder named by --data or by the environment variable {VARIABLE}",
            fix="name an existing folder, or leave it out to compute from the archived tables",
        )
    return folder.resolve()


def archive_folder() -> Path:
    """Where the archived tables lie: beside the package when installed, in the checkout otherwise."""
    packaged = Path(__file__).with_name("archive")
    return packaged if packaged.is_dir() else Path(__file__).parents[3] / "archive"


def archived() -> dict[str, dict[str, Any]]:
    """Per cohort, what the archive says of it: version that wrote it and hashes of the raw input."""
    return read_json(archive_folder() / NOTES)


def status(cohort: Cohort, data: Path | None) -> str:
    """`"raw data"`, `"simulated"`, `"archived tables"` or `"absent"`.

    A file that `concentra simulate` wrote is simulated wherever it lies and whatever it is called.
    """
    if cohort.simulated:
        return "simulated"
    files = cohort.files(data)
    if files:
        return "simulated" if any(map(is_simulated, files)) else "raw data"
    return "archived tables" if cohort.name in archived() else "absent"


def _present(kind: type[Cohort], data: Path | None) -> dict[str, Cohort]:
    return {
        name: cohort
        for name, cohort in cohorts().items()
        if isinstance(cohort, kind) and status(cohort, data) in ("raw data", "simulated")
    }


def _load(kind: type[Cohort]) -> Callable[[Path | None, Path], dict[str, pd.DataFrame]]:
    def load(data: Path | None, out: Path) -> dict[str, pd.DataFrame]:
        return {name: cohort.load(cohort.files(data)) for name, cohort in _present(kind, data).items()}  # type: ignore[attr-defined]

    return load


def _files(kind: type[Cohort]) -> Callable[[Path | None, Path], list[Path]]:
    def files(data: Path | None, out: Path) -> list[Path]:
        found = (path for cohort in _present(kind, data).values() for path in _files_of(cohort, data, out))
        return list(dict.fromkeys(found))

    return files


def _files_of(cohort: Cohort, data: Path | None, out: Path) -> list[Path]:
    return [simulated_path(cohort.name, out)] if cohort.name in simulations() else cohort.files(data)


def simulations() -> dict[str, Matrix]:
    """The cohorts that a file is simulated for, by name."""
    return {
        name: cohort
        for name, cohort in cohorts().items()
        if isinstance(cohort, Matrix) and cohort.simulation is not None
    }


def simulated_path(name: str, out: Path) -> Path:
    """Where the file of a simulated cohort lies below the output folder."""
    return out / "simulated" / f"{name}.h5ad"


def simulated_files(name: str, out: Path) -> list[Path]:
    """What `simulate` writes: the file, its truth, and their hashes."""
    path = simulated_path(name, out)
    return [path, truth_path(path), path.with_suffix(".provenance.json")]


def simulate(name: str, out: Path) -> None:
    """Simulate the file of a cohort, and note what was written."""
    path, truth, note = simulated_files(name, out)
    refuse_links(out, [path])
    note.unlink(missing_ok=True)
    simulations()[name].simulate(path)
    made = {"concentra": __version__, "outputs": {one.name: sha256(one) for one in (path, truth)}}
    write_text(note, json.dumps(made, indent=1) + "\n")


@dataclass(frozen=True)
class Source:
    """A cohort with features, and its file."""

    cohort: Matrix
    path: Path

    def cells(self) -> pd.DataFrame:
        """The cells compared, as `Matrix.cells` reads them."""
        return self.cohort.cells(self.path)


def _matrices(kind: type[Matrix]) -> Callable[[Path | None, Path], dict[str, Source]]:
    def load(data: Path | None, out: Path) -> dict[str, Source]:
        return {
            name: Source(cohort, _files_of(cohort, data, out)[0])
            for name, cohort in _present(kind, data).items()
            if isinstance(cohort, Matrix)
        }

    return load


def _sources(data: Path | None, out: Path) -> pd.DataFrame:
    columns = ["name", "title", "kind", "citation", "licence", "obtain"]
    rows = [
        {column: getattr(cohort, column) for column in columns}
        | {"status": status(cohort, data), "files": "; ".join(path.name for path in cohort.files(data))}
        for cohort in cohorts().values()
    ]
    return pd.DataFrame(rows).rename(columns={"name": "cohort"})


def _totals(data: Path | None, out: Path) -> pd.DataFrame:
    files = _totals_files(data, out)
    columns = ["donor_id", "sex", "age_months", "n_cells"]
    return pd.read_csv(files[0], usecols=columns) if files else pd.DataFrame(columns=columns)


def _totals_files(data: Path | None, out: Path) -> list[Path]:
    path = None if data is None else data / TOTALS
    return [path] if path is not None and path.exists() else []


def _planted(data: Path | None, out: Path) -> pd.DataFrame:
    frames = [
        cohort.planted().assign(cohort=name)
        for name, cohort in cohorts().items()
        if isinstance(cohort, Atlas) and cohort.planted is not None
    ]
    return pd.concat(frames, ignore_index=True)


@dataclass(frozen=True)
class Raw:
    """A raw input: how it is loaded, its files, and the kind of cohort the archive may stand in for.

    Both functions take the data folder, or None, and the output folder, below which simulated files lie.
    """

    load: Callable[[Path | None, Path], Any]
    files: Callable[[Path | None, Path], list[Path]]
    restores: type[Cohort] | None = None


RAW: Mapping[str, Raw] = {
    "cells": Raw(_load(Atlas), _files(Atlas), restores=Atlas),
    "importance": Raw(_load(Model), _files(Model), restores=Model),
    "expression": Raw(_matrices(Expression), _files(Expression), restores=Expression),
    "activity": Raw(_matrices(Activity), _files(Activity), restores=Activity),
    "samples": Raw(_load(Samples), _files(Samples), restores=Samples),
    "official_totals": Raw(_totals, _totals_files),
    "sources": Raw(_sources, lambda data, out: []),
    "planted": Raw(_planted, lambda data, out: []),
}


def availability(node: Node, data: Path | None) -> dict[str, str]:
    """Status of each cohort, for nodes that read raw inputs: a change of it makes the node stale."""
    if not any(name in RAW for name in node.reads):
        return {}
    return {name: status(cohort, data) for name, cohort in cohorts().items()}


def _kinds(node: Node) -> tuple[type[Cohort], ...]:
    return tuple(kind for name in node.reads if name in RAW and (kind := RAW[name].restores) is not None)


def restorable(node: Node, data: Path | None) -> list[str]:
    """Cohorts whose rows of the node's tables come from the archive."""
    kinds = _kinds(node)
    return [
        name
        for name, cohort in cohorts().items()
        if kinds and isinstance(cohort, kinds) and status(cohort, data) == "archived tables"
    ]


def restore(table: type[Table], frame: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """The frame with the archived rows of these cohorts, cohorts in their declared order."""
    path = archive_folder() / f"{table.name()}.csv"
    if names and path.exists():
        old = _archived_table(table, path)
        kept = old[old["cohort"].isin(names)]
        frame = (
            pd.concat([part for part in (frame, kept) if len(part)], ignore_index=True)
            if len(kept)
            else frame
        )
    if "cohort" not in frame:  # a table that no cohort here has, and the archive neither
        return frame
    order = {name: place for place, name in enumerate(cohorts())}
    return frame.sort_values("cohort", key=lambda values: values.map(order), kind="stable", ignore_index=True)


def _archived_table(table: type[Table], path: Path) -> pd.DataFrame:
    try:
        return table.read_file(path)
    except TableError as problem:
        raise TableError(
            found=f"the archived {path.name} is of another version: {problem.found}",
            expected=problem.expected,
            fix="where the raw data is, run `make archive`",
        ) from problem


def write_archive(out: Path, data: Path | None) -> list[Path]:
    """Write the tables of the steps that read raw data to the archive, and what they were made from."""
    notes, written = {}, []
    for node in nodes().values():
        kinds = _kinds(node)
        present = [
            name
            for name, cohort in cohorts().items()
            if kinds and isinstance(cohort, kinds) and status(cohort, data) == "raw data"
        ]
        for table in node.tables if present else ():
            frame = table.read(out)
            kept = frame[frame["cohort"].isin([*present, *restorable(node, data)])]
            path = archive_folder() / f"{table.name()}.csv"
            write_csv(kept, path)
            written.append(path)
        for name in present:
            hashes = {path.name: sha256(path) for path in cohorts()[name].files(data)}
            notes[name] = {"version": __version__, "inputs": hashes}
    write_text(archive_folder() / NOTES, json.dumps(archived() | notes, indent=1, sort_keys=True) + "\n")
    return written
