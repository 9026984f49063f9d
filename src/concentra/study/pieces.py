"""The pieces of a step that is divided: rows of a table with the same `piece`, run apart, stacked in their order.

A piece is named by what its rows say, so that rows that change are another piece, and those that stay are not run
again. Beside the files of a piece lies what it was made from; files that are not what was written are refused.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from concentra import __version__
from concentra.errors import DesignError, TableError
from concentra.files import read_json, replacing, sha256, write_text
from concentra.outputs import is_as_written, recorded, remove_own
from concentra.study.declare import Node, Table, write_csv

NOTE = ".provenance.json"


def folder(node: Node, out: Path) -> Path:
    """Where the pieces of a node lie."""
    return out / "pieces" / node.name


def split(tasks: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The rows of every piece by its name: labels of the first row for people, and a digest of all its rows.

    Examples
    --------
    >>> list(split(pd.DataFrame({"stratum": ["Limb Muscle", "Fat"], "piece": [0, 0]})))
    ['limb_muscle-1e231c87']
    """
    parts = [rows.reset_index(drop=True) for _, rows in tasks.groupby("piece", sort=False)]
    return {_name(rows.drop(columns="piece")): rows for rows in parts}


def _name(rows: pd.DataFrame) -> str:
    content = rows.astype(object).where(rows.notna(), None).to_numpy().tolist()
    digest = hashlib.sha256(json.dumps(content, default=str).encode()).hexdigest()[:8]
    labels = [re.sub(r"[^a-z0-9]+", "_", one.lower())[:24] for one in content[0] if isinstance(one, str)]
    return "-".join([*labels, digest])


def rows_of(tasks: pd.DataFrame, piece: str) -> pd.DataFrame:
    """The rows of a piece."""
    found = split(tasks)
    if piece not in found:
        raise DesignError(
            found=f"no rows for the piece {piece}",
            expected=f"one of the {len(found)} pieces of the table that says them",
            fix="run `concentra reproduce` again: it plans the pieces anew",
        )
    return found[piece]


def words(rows: pd.DataFrame) -> str:
    """What a piece is, for people."""
    first = ", ".join(value for value in rows.iloc[0] if isinstance(value, str))
    return first if len(rows) == 1 else f"{first} and {len(rows) - 1} more"


def outputs(node: Node, piece: str, out: Path) -> list[Path]:
    """The files of a piece: one a table, stacked or kept, and what they were made from."""
    here = folder(node, out)
    stacked = [here / f"{piece}.{table.name()}.csv" for table in node.tables]
    kept = [here / f"{piece}.{table.name()}.parquet" for table in node.kept]
    return [*stacked, *kept, here / f"{piece}{NOTE}"]


def write(node: Node, piece: str, result: Any, out: Path) -> None:
    """Check and write what a piece returned, each file whole or not at all, the note last."""
    frames = result if isinstance(result, tuple) else (result,)
    *files, note = outputs(node, piece, out)
    for table, frame, path in zip((*node.tables, *node.kept), frames, files, strict=True):
        checked = table.check(frame, path.name)
        with replacing(path) as temporary:
            if path.suffix == ".parquet":
                checked.to_parquet(temporary, index=False)
            else:
                write_csv(checked, temporary)
    made = {"concentra": __version__, "parameters": node.parameters()}
    made["outputs"] = {path.name: sha256(path) for path in files}
    write_text(note, json.dumps(made, indent=1) + "\n")


def done(node: Node, tasks: pd.DataFrame, out: Path) -> int:
    """How many pieces have ended."""
    return sum(outputs(node, piece, out)[-1].exists() for piece in split(tasks))


def altered(node: Node, out: Path) -> list[Path]:
    """Files of pieces that are not what was written, or of which there is no note."""
    here = folder(node, out)
    notes = here.glob(f"*{NOTE}") if here.is_dir() else ()
    return [path for note in sorted(notes) for path in _altered(note)]


def _altered(note: Path) -> Iterator[Path]:
    """Files that are there and are not what a note says; the note itself where it is damaged."""
    written = recorded(read_json(note).get("outputs"))
    if not written:
        yield note
    for name, hashed in written.items():
        path = note.with_name(name)
        if path.exists() and not is_as_written(path, hashed):
            yield path


def gather(node: Node, tasks: pd.DataFrame, out: Path) -> tuple[pd.DataFrame, ...]:
    """Every table of the pieces, stacked in the order of the rows; pieces of other rows are removed."""
    wanted = [outputs(node, piece, out) for piece in split(tasks)]
    for *_, note in wanted:
        for path in _altered(note):
            raise TableError(
                found=f"{path} is not what its piece wrote",
                expected="the file as it was written",
                fix="remove it and run `concentra reproduce` again",
            )
    known = {path for paths in wanted for path in paths}
    _remove_others(folder(node, out), known)
    return tuple(
        _stacked(table, [paths[place] for paths in wanted]) for place, table in enumerate(node.tables)
    )


def _remove_others(here: Path, known: set[Path]) -> None:
    """Remove the pieces of other rows, those files of them that are still what was written, and their notes."""
    for note in set(here.glob(f"*{NOTE}")) - known:
        remove_own(here, recorded(read_json(note).get("outputs")))
        note.unlink()


def _stacked(table: type[Table], paths: list[Path]) -> pd.DataFrame:
    frames = [frame for frame in map(table.read_file, paths) if len(frame)]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()
