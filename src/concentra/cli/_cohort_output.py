"""What an analysis leaves behind: every file whole or not at all, and the account of them last."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path

import pandas as pd

from concentra import __version__
from concentra.cli._cohort_options import FILE, Options
from concentra.errors import ArgumentError
from concentra.files import read_json, sha256, write_text
from concentra.outputs import confirm, digest, recorded, refuse_links, table_text, write_recorded
from concentra.report.analysis import Picture

ACCOUNT = "provenance.json"
PACKAGES = ("numpy", "scipy", "pandas", "anndata", "matplotlib")
CLUSTERING = ("igraph", "scikit-learn")
"""On which clusters depend, too."""


def refuse_unwritable(out: Path) -> None:
    """Raise before anything long begins where the folder cannot be made or written to."""
    there = next(place for place in (out, *out.absolute().parents) if place.exists())
    if there.is_dir() and os.access(there, os.W_OK | os.X_OK):
        return
    raise ArgumentError(
        found=f"--out {out}: {str(there)!r} is {'not writable' if there.is_dir() else 'a file'}",
        expected="a folder that can be written to",
        fix="name another folder with --out",
    )


def write_all(
    out: Path,
    options: Options,
    counted: pd.DataFrame,
    tables: Mapping[str, pd.DataFrame],
    pictures: Sequence[Picture],
    summary: str,
    page: str,
) -> list[Path]:
    """Write everything; files of an earlier run that this one does not write are removed, unless somebody changed them.

    The account of the files (`provenance.json`) is removed first and written last: where it is missing, a run was
    interrupted, and the same command writes the same files again.
    """
    texts = {f"tables/{name}.csv": table_text(frame) for name, frame in tables.items()}
    texts |= {f"figures/{one.name}.svg": one.svg for one in pictures}
    texts |= {"summary.md": summary, "report.html": page, FILE: options.text(out)}
    refuse_links(out, texts)
    account = out / ACCOUNT
    earlier = recorded(read_json(account).get("files"))
    account.unlink(missing_ok=True)
    record = write_recorded(out, texts, earlier)
    write_text(account, _account(options, out, counted, record))
    confirm(out, {**record, ACCOUNT: sha256(account)})
    return [out / name for name in ("report.html", "summary.md", "tables", "figures", FILE)]


def _account(options: Options, out: Path, counted: pd.DataFrame, record: Mapping[str, str]) -> str:
    inputs = [
        {"file": Path(name).name, "bytes": Path(name).stat().st_size if Path(name).is_file() else None}
        for name in options.cells
    ]
    found = {
        "concentra": __version__,
        "python": platform.python_version(),
        "packages": {
            name: metadata.version(name) for name in PACKAGES + CLUSTERING * bool(options.resolutions)
        },
        "inputs": inputs,
        "labels_sha256": digest(table_text(counted)),
        "options_sha256": record[FILE],
        "files": dict(sorted(record.items())),
    }
    return json.dumps(found, indent=1, ensure_ascii=False) + "\n"
