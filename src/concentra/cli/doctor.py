"""`concentra doctor`: what this installation can do, and what it lacks."""

from __future__ import annotations

import typer

from concentra.cli._options import Data, Json, print_json, print_table

EXAMPLE = "Example: concentra doctor --data ~/data"
EXTRAS = {
    "core": ("numpy", "scipy", "pandas", "anndata", "h5py", "pyarrow"),
    "study": ("matplotlib", "pandera", "pydantic", "snakemake", "zarr"),
    "clustering": ("scanpy", "igraph", "sklearn"),
    "heads": ("torch", "transformers"),
}


def doctor(data: Data = None, json: Json = False) -> None:
    """Check Python, packages, data folder and archive. Ends with status 1 when something of the core is missing."""
    rows = [*_packages(), *_cohorts(data)] if _study_is_there() else _packages()
    if json:
        print_json(rows)
    else:
        print_table(rows)
    if any(row["state"] == "missing" and row["of"] == "core" for row in rows):
        raise typer.Exit(1)


def _study_is_there() -> bool:
    from importlib.util import find_spec

    return all(find_spec(name) is not None for name in EXTRAS["study"])


def _packages() -> list[dict[str, str]]:
    import platform
    from importlib import metadata

    rows = [{"of": "core", "what": "python", "state": platform.python_version(), "to_mend": ""}]
    for extra, names in EXTRAS.items():
        for name in names:
            try:
                rows.append({"of": extra, "what": name, "state": _version(name), "to_mend": ""})
            except metadata.PackageNotFoundError:
                mend = "pip install concentra" if extra == "core" else f'pip install "concentra[{extra}]"'
                rows.append({"of": extra, "what": name, "state": "missing", "to_mend": mend})
    return rows


def _version(name: str) -> str:
    from importlib import metadata

    return metadata.version({"sklearn": "scikit-learn"}.get(name, name))


def _cohorts(data: object) -> list[dict[str, str]]:
    from pathlib import Path

    from concentra.study import raw
    from concentra.study.cohorts import cohorts

    folder = raw.data_folder(data if isinstance(data, Path) else None)
    mend = "" if folder else "--data DIR, or set CONCENTRA_DATA_DIR"
    rows = [{"of": "data", "what": "data folder", "state": str(folder or "none"), "to_mend": mend}]
    for cohort in cohorts().values():
        state = raw.status(cohort, folder)
        mend = "" if state in ("raw data", "simulated") else cohort.obtain
        rows.append({"of": "data", "what": cohort.title, "state": state, "to_mend": mend})
    return rows


COMMANDS = (doctor,)
