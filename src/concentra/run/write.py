"""What an analysis leaves behind: every file whole or not at all, and the account of them last."""

from __future__ import annotations

import io
import json
import os
import platform
from collections.abc import Callable, Iterator
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from concentra import __version__
from concentra.errors import ArgumentError
from concentra.files import read_json, sha256, write_text
from concentra.outputs import confirm, recorded, refuse_links, table_text, write_recorded
from concentra.pl._style import REPEATABLE, TIMELESS
from concentra.report.document import page
from concentra.report.findings import Findings
from concentra.report.summary import summary
from concentra.run.options import FILE

if TYPE_CHECKING:
    from concentra.run.result import Analysis

ACCOUNT = "provenance.json"
PACKAGES = ("numpy", "scipy", "pandas", "anndata", "matplotlib")
CLUSTERING = ("igraph", "scikit-learn")
"""On which clusters depend, too."""
MOST_PICTURES = 3
"""Strata of which composition and donors are drawn; the report shows all."""
SHOWN = {
    "figures/forest.svg": "Shifts with their intervals",
    "figures/plane.svg": "Shifts of both metrics together",
}
"""Figures that the summary shows."""


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


def findings(analysis: Analysis) -> Findings:
    """What the report is written from."""
    packages = PACKAGES + CLUSTERING * bool(analysis.options.resolutions)
    versions = {"concentra": __version__} | {name: metadata.version(name) for name in packages}
    options = analysis.options.as_dict() | {
        "level": analysis.options.level,
        "min_cells": analysis.options.min_cells,
    }
    return Findings(analysis.tables, analysis.notes, options, analysis.title, versions=versions)


def report_page(analysis: Analysis) -> str:
    """The report, one self-contained page of HTML."""
    return page(findings(analysis))


def write_all(analysis: Analysis, out: Path) -> list[Path]:
    """Write everything; files of an earlier run that this one does not write are removed, unless somebody changed them.

    The account of the files (`provenance.json`) is removed first and written last: where it is missing, a run was
    interrupted, and the same command writes the same files again.

    Returns
    -------
    The report, the summary, the folders of tables and figures, and the file of options.
    """
    refuse_unwritable(out)
    texts = {f"tables/{name}.csv": table_text(frame) for name, frame in analysis.tables.items()}
    texts |= {f"figures/{name}.svg": svg for name, svg in pictures(analysis)}
    texts |= {
        "summary.md": summary(
            findings(analysis), {path: words for path, words in SHOWN.items() if path in texts}
        ),
        "report.html": report_page(analysis),
        FILE: analysis.options.text(out),
    }
    refuse_links(out, texts)
    account = out / ACCOUNT
    earlier = recorded(read_json(account).get("files"))
    account.unlink(missing_ok=True)
    record = write_recorded(out, texts, earlier)
    write_text(account, _written(analysis, record))
    confirm(out, {**record, ACCOUNT: sha256(account)})
    return [out / name for name in ("report.html", "summary.md", "tables", "figures", FILE)]


def _written(analysis: Analysis, record: dict[str, str]) -> str:
    inputs = [
        {"file": Path(name).name, "bytes": Path(name).stat().st_size if Path(name).is_file() else None}
        for name in analysis.options.cells
    ]
    packages = PACKAGES + CLUSTERING * bool(analysis.options.resolutions)
    found = {
        "concentra": __version__,
        "python": platform.python_version(),
        "packages": {name: metadata.version(name) for name in packages},
        "inputs": inputs,
        "composition_sha256": record["tables/composition.csv"],
        "options_sha256": record[FILE],
        "files": dict(sorted(record.items())),
    }
    return json.dumps(found, indent=1, ensure_ascii=False) + "\n"


def pictures(analysis: Analysis) -> Iterator[tuple[str, str]]:
    """The figures as SVG, each with its name: verdicts, plane, and of the strata that changed most their donors."""
    from concentra import pl

    tables = analysis.tables
    contrast = tables.get("contrast", pd.DataFrame())
    names = list(dict.fromkeys(contrast["contrast"])) if len(contrast) else []
    for number, name in enumerate(names):
        suffix = f"_{number + 1}" if number else ""
        rows = contrast[contrast["contrast"] == name]
        if rows["effect"].notna().any():
            yield f"forest{suffix}", _svg(partial(pl.forest, rows), (6, 1 + 0.3 * rows["stratum"].nunique()))
        if "plane" in tables and (tables["plane"]["contrast"] == name).any():
            tests, points = (
                tables[key][tables[key]["contrast"] == name] for key in ("plane", "plane_points")
            )
            yield f"plane{suffix}", _svg(partial(pl.plane, tests, points), (6, 4.5))
    for stratum in _shown(analysis, contrast):
        rows = tables["composition"][tables["composition"]["stratum"] == stratum]
        group = analysis.designs[0].question.column if analysis.designs else None
        group = group if group in rows else None
        place = "".join(letter if letter.isalnum() else "_" for letter in stratum)[:60]
        rows = rows.assign(donor=rows["sample"])
        size = (7, 1.2 + 0.22 * rows["sample"].nunique())
        yield f"composition_{place}", _svg(partial(pl.composition, rows, group=group), size)


def _shown(analysis: Analysis, contrast: pd.DataFrame) -> list[str]:
    """The strata of which donors are drawn, those with the smallest p first."""
    strata = analysis.composition.strata
    if len(contrast) and contrast["p_value"].notna().any():
        smallest = contrast.groupby("stratum")["p_value"].min().sort_values()
        strata = [str(one) for one in smallest.index]
    return strata[:MOST_PICTURES]


def _svg(draw: Callable[..., object], size: tuple[float, float]) -> str:
    import warnings

    import matplotlib
    from matplotlib.figure import Figure

    rules: Any = {
        "font.size": 8,
        "svg.fonttype": "none",
        **REPEATABLE,
        "font.family": "DejaVu Sans",
    }
    with matplotlib.rc_context(rules), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")
        figure = Figure(figsize=(min(size[0], 16), min(size[1], 12)), layout="constrained")
        draw(ax=figure.subplots())
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata=TIMELESS[".svg"])
    return text.getvalue()
