"""`concentra doctor`: what this installation can do, and what it lacks."""

from __future__ import annotations

import typer

from concentra.cli._options import Data, Json, print_json

EXAMPLE = "Example: concentra doctor --data ~/data"
HIDDEN = ("dev", "docs", "peers")
"""Extras of those who work on concentra itself."""


def doctor(data: Data = None, json: Json = False) -> None:
    """Check Python, packages, data folder and archive. Ends with status 1 when something of the core is missing."""
    rows = [*_packages(), *_cohorts(data)] if _study_is_there() else _packages()
    if json:
        print_json(rows)
    else:
        _show(rows)
    if any(row["state"] == "missing" and row["of"] == "core" for row in rows):
        raise typer.Exit(1)


def _show(rows: list[dict[str, str]]) -> None:
    """Print a line for each package and cohort, below the extra that needs it, with the fix of what is missing."""
    from concentra.cli._terminal import print_text, say

    for of in dict.fromkeys(row["of"] for row in rows):
        print_text(of)
        for row in (row for row in rows if row["of"] == of):
            sign = "○" if row["state"] in ("missing", "absent", "none") else "✓"
            say(f"{sign} {row['what']}: {'; '.join(filter(None, [row['state'], row['fix']]))}", indent="    ")


def _study_is_there() -> bool:
    from importlib.util import find_spec

    return all(find_spec(name) is not None for name in ("pandera", "pydantic", "snakemake"))


def _packages() -> list[dict[str, str]]:
    """What the installation itself says that it needs, the core first."""
    import platform
    from importlib import metadata

    rows = [{"of": "core", "what": "python", "state": platform.python_version(), "fix": ""}]
    for extra, name in sorted(_required(), key=lambda pair: (pair[0] != "core", pair)):
        try:
            rows.append({"of": extra, "what": name, "state": metadata.version(name), "fix": ""})
        except metadata.PackageNotFoundError:
            fix = "pip install concentra" if extra == "core" else f'pip install "concentra[{extra}]"'
            rows.append({"of": extra, "what": name, "state": "missing", "fix": fix})
    return rows


def _required() -> set[tuple[str, str]]:
    """Pairs of extra ("core": none) and package."""
    import re
    from importlib import metadata

    found = set()
    for line in metadata.requires("concentra") or ():
        name = re.match(r"[A-Za-z0-9._-]+", line)
        extra = re.search(r"extra\s*==\s*['\"]([^'\"]+)", line)
        if name and name[0].lower() != "concentra":
            found.add((extra[1] if extra else "core", name[0]))
    return {(extra, name) for extra, name in found if extra not in HIDDEN}


def extra_of(module: str) -> str:
    """The extra that brings a module; "study", which needs most, where none says so.

    >>> extra_of("igraph.clustering"), extra_of("tiledbsoma")
    ('clustering', 'census')
    """
    name = module.split(".")[0].replace("_", "-").lower()
    return next((extra for extra, package in sorted(_required()) if package.lower() == name), "study")


def _cohorts(data: object) -> list[dict[str, str]]:
    from pathlib import Path

    from concentra.study import raw
    from concentra.study.cohorts import cohorts

    folder = raw.data_folder(data if isinstance(data, Path) else None)
    fix = "" if folder else "--data DIR, or set CONCENTRA_DATA_DIR"
    rows = [{"of": "data", "what": "data folder", "state": str(folder or "none"), "fix": fix}]
    for cohort in cohorts().values():
        state = raw.status(cohort, folder)
        fix = "" if state in ("raw data", "simulated") else cohort.obtain
        rows.append({"of": "data", "what": cohort.title, "state": state, "fix": fix})
    return rows


COMMANDS = (doctor,)
