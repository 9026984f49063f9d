"""Runs the study as a whole through Snakemake: what is stale, and nothing that was edited is taken for a result."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from concentra.files import sha256, write_text
from concentra.study import pieces, raw
from concentra.study.declare import Node, nodes
from concentra.study.engine import plans
from concentra.workflow import alone, run_snakemake, snakemake_command

SNAKEFILE = Path(__file__).with_name("Snakefile")


def snakemake(
    out: Path,
    data: Path | None,
    *arguments: str,
    cores: int = 1,
    targets: Sequence[str] = (),
    profile: Path | None = None,
) -> list[str]:
    """The command that runs Snakemake on the declared nodes."""
    config = ("--config", f"data={data or ''}")
    wanted = targets or ("everything",)
    return snakemake_command(
        SNAKEFILE, out, *config, *arguments, cores=cores, targets=wanted, profile=profile
    )


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
    """
    plans(data)  # an error of a declaration is shown as such, not through Snakemake
    with alone(out) as lock:
        remove_unfinished(out)
        again = edited(out)
        words = snakemake(out, data, cores=cores, targets=targets, profile=profile)
        status = run_snakemake([*words, "--forcerun", *again] if again else words, lock)
        if status == 0:
            gather_provenance(out)
        return status


def remove_unfinished(out: Path) -> None:
    """Remove the temporary files of a run that was killed while it wrote; the folder must be held."""
    folders = {path.parent for node in nodes().values() for path in node.outputs(out)}
    folders |= {pieces.folder(node, out) for node in nodes().values() if node.pieces}
    folders |= {raw.simulated_path(name, out).parent for name in raw.simulations()}
    for folder in folders - {out}:
        for path in folder.glob(".*.*"):
            path.unlink()


def note_of(node: Node, out: Path) -> dict[str, Any]:
    """What the provenance of a node's last run says; empty where there is none."""
    path = node.provenance(out)[0]
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def edited(out: Path) -> list[str]:
    """Nodes, and files of pieces, that are not what was written: they run again, no edit is taken for a result."""
    found = []
    for node in nodes().values():
        written = note_of(node, out).get("outputs", {})
        present = [path for path in node.outputs(out) if path.exists() and path.name in written]
        if any(sha256(path) != written[path.name] for path in present):
            found.append(node.name)
        if node.pieces:
            found += [str(path.relative_to(out)) for path in pieces.edited(node, out)]
    return found


def gather_provenance(out: Path) -> None:
    """One `provenance.json` of everything beside the tables."""
    notes = {}
    for node in nodes().values():
        for path in node.provenance(out)[:1]:
            if path.exists():
                notes[node.name] = json.loads(path.read_text(encoding="utf-8"))
    write_text(out / "tables" / "provenance.json", json.dumps(notes, indent=1) + "\n")
