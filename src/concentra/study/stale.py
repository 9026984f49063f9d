"""What is stale and why: Snakemake says what, the provenance beside each table says why."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd

from concentra.errors import DesignError
from concentra.study.declare import Node, nodes
from concentra.study.engine import PIECE, Plan, code, inputs, plans, recorded
from concentra.study.record import VARIABLE, Record
from concentra.study.whole import altered, note_of, snakemake

OTHERWISE = "an earlier step is stale"


def plan_frame(out: Path, data: Path | None) -> pd.DataFrame:
    """What is stale and why: one row a node with `node`, `kind`, `title`, `state`, `why`, `seconds`."""
    record = recorded(data)
    stale = (_planned(out, record) | set(altered(out, record))) if out.exists() else set(nodes())
    made = {plan.node.name: plan for plan in plans(record)}
    rows: list[dict[str, Any]] = []
    waiting: set[str] = set()
    for node in nodes().values():
        reasons = why(node, made[node.name], out, record, waiting)
        state = "stale" if node.name in stale or any(name in waiting for name in node.reads) else "fresh"
        if state == "stale":
            waiting |= {table.name() for table in node.tables}
        rows.append(
            {
                "node": node.name,
                "kind": node.kind,
                "title": node.title,
                "state": state,
                "why": ("; ".join(reasons) or OTHERWISE) if state == "stale" else "",
                "seconds": note_of(node, out).get("seconds"),
            }
        )
    return pd.DataFrame(rows)


def _planned(out: Path, record: Record) -> set[str]:
    """Nodes that Snakemake would run."""
    with tempfile.TemporaryDirectory() as folder:
        record.write(Path(folder))
        ended = subprocess.run(
            snakemake(out, "--summary"),
            env=os.environ | {VARIABLE: folder},
            check=False,
            capture_output=True,
            text=True,
        )
    if ended.returncode:
        raise DesignError(
            found=f"Snakemake could not plan: {ended.stderr.strip()[-500:]}",
            expected="a summary of every output",
            fix="run `concentra doctor`",
        )
    lines = [line for line in ended.stdout.splitlines() if "\t" in line]
    return {
        row["rule"].removesuffix(PIECE)
        for row in csv.DictReader(lines, delimiter="\t")
        if row["plan"] != "no update" or row["status"] != "ok"
    }


def why(node: Node, plan: Plan, out: Path, record: Record, waiting: set[str]) -> list[str]:
    """Why a node would run again, from what its provenance states it was made from."""
    missing = [path.name for path in node.outputs(out) if not path.exists()]
    if missing:
        return [f"{', '.join(missing)} is missing"]
    note = note_of(node, out)
    if not note:
        return ["its provenance is missing or damaged"]
    reasons = [
        f"{path.name} was edited"
        for path in node.outputs(out)
        if note["outputs"].get(path.name) != record.sha256(path)
    ]
    reasons += [
        f"parameter {name}: {note['parameters'].get(name)} -> {value}"
        for name, value in json.loads(plan.parameters).items()
        if note["parameters"].get(name) != value
    ]
    now = code(node.module)
    changed = [name for name in now if note["code"].get(name) != now[name]]
    reasons += [f"code of {', '.join(changed)} changed"] if changed else []
    reasons += [
        f"{name}: {note['availability'].get(name)} -> {state}"
        for name, state in json.loads(plan.availability).items()
        if note["availability"].get(name) != state
    ]
    present = [path for path in inputs(node, record.data, out) if path.exists()]
    reasons += [
        f"{path.name} changed" for path in present if note["inputs"].get(path.name) != record.sha256(path)
    ]
    upstream = sorted(set(node.reads) & waiting)
    return reasons + ([f"waits for {', '.join(upstream)}"] if upstream else [])
