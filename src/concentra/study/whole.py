"""Runs the study as a whole through Snakemake: what is stale by its content, and no edit is taken for a result."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from concentra.errors import DataAbsentError, TableError
from concentra.files import read_json, remove_unfinished, sha256, write_text
from concentra.outputs import recorded, refuse_links
from concentra.study import engine, pieces, raw, server
from concentra.study.declare import Node, nodes
from concentra.study.record import NAME, Record
from concentra.workflow import alone, run_snakemake, snakemake_command

SNAKEFILE = Path(__file__).with_name("Snakefile")
GATHERED = "tables/provenance.json"


def snakemake(
    out: Path,
    *arguments: str,
    cores: int = 1,
    targets: Sequence[str] = (),
    profile: Path | None = None,
) -> list[str]:
    """The command that runs Snakemake on the declared nodes."""
    wanted = targets or ("everything",)
    quick = () if profile else ("--scheduler", "greedy")  # a few jobs on one machine need no solver
    return snakemake_command(SNAKEFILE, out, *quick, *arguments, cores=cores, targets=wanted, profile=profile)


def run_all(
    out: Path, data: Path | None, *, cores: int, targets: Sequence[str] = (), profile: Path | None = None
) -> int:
    """Run what is stale through Snakemake; the exit status is Snakemake's.

    Parameters
    ----------
    out
        Output folder; created where it is missing.
    data
        Data folder, or None to compute from the archived tables.
    cores
        Nodes run at the same time.
    targets
        Names of nodes; default all.
    profile
        A Snakemake profile: a folder whose `config.yaml` names an executor and its options.

    Raises
    ------
    DesignError
        Another run is working in the folder.
    ArgumentError
        A folder in it is a symbolic link.
    DataAbsentError
        The folder was removed, or the record of the run in it, while the run lasted.
    """
    with ExitStack() as stack:
        lock = stack.enter_context(alone(out))
        refuse_links(out, _folders(out))
        environment, held = stack.enter_context(server.serving(os.environ | engine.FIXED, lock))
        for folder in _folders(out):
            remove_unfinished(folder.parent)
        record = engine.recorded(data)
        engine.plans(record)  # an error of a declaration is shown as such, not through Snakemake
        again = altered(out, record)
        words = snakemake(out, cores=cores, targets=targets, profile=profile)
        with _kept(record, out):
            status = run_snakemake(
                [*words, "--forcerun", *again] if again else words,
                lock,
                held=held,
                environment=environment,
            )
            if status == 0:
                _refuse_vanished(out)
                gather_provenance(out)
    return status


@contextmanager
def _kept(record: Record, out: Path) -> Iterator[None]:
    """Keep the record in the output folder while the run lasts."""
    record.write(out)
    try:
        yield
    finally:
        (out / NAME).unlink(missing_ok=True)


def _refuse_vanished(out: Path) -> None:
    if not (out / NAME).is_file():
        raise DataAbsentError(
            found=f"{out} was removed while the run lasted",
            expected="that nobody changes the output folder while it is being written",
            fix="run the command again",
        )


def _folders(out: Path) -> list[Path]:
    """A file in each folder below the output folder in which a run writes."""
    found = {path.parent: path for node in nodes().values() for path in node.outputs(out)}
    for node in nodes().values():
        if node.pieces:
            found[pieces.folder(node, out)] = pieces.folder(node, out) / NAME
    for name in raw.simulations():
        path = raw.simulated_path(name, out)
        found[path.parent] = path
    return [found[folder] for folder in sorted(found)]


def note_of(node: Node, out: Path) -> dict[str, Any]:
    """What the provenance of a node's last run says; empty where there is none, or it is damaged."""
    return note_in(node.provenance(out)[0])


def note_in(path: Path) -> dict[str, Any]:
    """A note of what was written and from what; empty where it is not one."""
    found = read_json(path)
    parts = (found.get(name) for name in ("outputs", "inputs", "parameters", "code", "availability"))
    return found if all(isinstance(part, dict) for part in parts) else {}


def altered(out: Path, record: Record) -> list[str]:
    """What runs again because of its content: names of nodes and of simulated cohorts, and files of pieces.

    A node whose files are not what it wrote, or that was made from tables that are not those that are there; a piece
    and a simulated file that are not what was written; and whatever has no note of what was written.
    """
    hashes: dict[Path, str] = {}

    def hashed(path: Path) -> str:
        if path not in hashes:
            hashes[path] = record.sha256(path) if path.is_absolute() else sha256(path)
        return hashes[path]

    found = [node.name for node in nodes().values() if _is_altered(node, record, out, hashed)]
    for node in nodes().values():
        if node.pieces:
            found += [str(path.relative_to(out)) for path in pieces.altered(node, out)]
    return found + [name for name in raw.simulations() if _is_edited_simulation(name, out)]


def refuse_altered(out: Path) -> None:
    """Refuse results of which a table, a figure or a summary is not what was written."""
    made = {name for name, node in nodes().items() if node.kind != "document"}
    names = [name for name in altered(out, Record(None)) if name in made]
    if names:
        raise TableError(
            found=f"not what was written, or made from other tables: the files of {', '.join(names)} in {out}",
            expected="tables, figures and summaries as `concentra reproduce` wrote them",
            fix=f"run `concentra reproduce --out {out}` again: it makes them anew",
        )


def _is_altered(node: Node, record: Record, out: Path, hashed: Callable[[Path], str]) -> bool:
    outputs = [path for path in node.outputs(out) if path.exists()]
    if not outputs:
        return False  # Snakemake sees what is missing
    note = note_of(node, out)
    if not note or any(note["outputs"].get(path.name) != hashed(path) for path in outputs):
        return True
    if any(note_in(path) != note for path in node.provenance(out)[1:] if path.exists()):
        return True
    read = [path for path in engine.inputs(node, record.data, out) if path.exists()]
    return any(note["inputs"].get(path.name) != hashed(path) for path in read)


def _is_edited_simulation(name: str, out: Path) -> bool:
    *files, note = raw.simulated_files(name, out)
    written = recorded(read_json(note).get("outputs"))
    return any(path.exists() and written.get(path.name) != sha256(path) for path in files)


def gather_provenance(out: Path) -> None:
    """One `provenance.json` of everything beside the tables."""
    notes = {node.name: note for node in nodes().values() if (note := note_of(node, out))}
    write_text(out / GATHERED, json.dumps(notes, indent=1) + "\n")
