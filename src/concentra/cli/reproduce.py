"""`concentra reproduce`: the study, from raw data or archived tables to verdicts."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from concentra.cli._options import RESULTS, Data, Out

EXAMPLE = "Example: concentra reproduce --data ~/data --out results --cores 2"


def reproduce(
    nodes: Annotated[
        list[str] | None,
        typer.Argument(metavar="[STEP]...", help="Steps to run with what they need; default all."),
    ] = None,
    data: Data = None,
    out: Out = RESULTS,
    cores: Annotated[int, typer.Option(min=1, help="Steps run at the same time.")] = os.cpu_count() or 1,
    profile: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            file_okay=False,
            help="A Snakemake profile, a folder with config.yaml: runs steps and pieces on its executor.",
        ),
    ] = None,
    write_archive: Annotated[
        bool, typer.Option("--write-archive", help="Afterwards renew the archived tables from this run.")
    ] = False,
) -> None:
    """Run the study: tables, figures, summaries and verdicts. Runs only what is stale, and goes on where it stopped."""
    from concentra.errors import ArgumentError, nearest
    from concentra.study import declare, raw, whole

    _require_snakemake()
    for name in nodes or ():
        if name not in declare.nodes():
            raise ArgumentError(
                found=f"no step is called {name!r}",
                expected="a name that `concentra steps` lists",
                fix=nearest(name, declare.nodes()),
            )
    folder = raw.data_folder(data)
    _say_sources(folder)
    status = whole.run_all(out.resolve(), folder, cores=cores, targets=nodes or (), profile=profile)
    if status:
        failed = "error: a step failed, see above\nexpected: every step to end\n"
        print(
            f"{failed}fix: correct the cause and run the command again; finished steps are kept",
            file=sys.stderr,
        )
        raise typer.Exit(1)
    if write_archive:
        written = raw.write_archive(out.resolve(), folder)
        print(f"archived: {', '.join(path.name for path in written) or 'nothing, no raw data here'}")
    if not nodes:
        _say_results(out)


def _require_snakemake() -> None:
    from importlib.util import find_spec

    from concentra.errors import MissingDependencyError

    for package in ("snakemake", "pandera", "matplotlib"):
        if find_spec(package) is None:
            raise MissingDependencyError(
                found=f"{package} is not installed",
                expected="the packages of the study",
                fix='pip install "concentra[study]"',
            )


def _say_sources(data: Path | None) -> None:
    from concentra.study import raw
    from concentra.study.cohorts import cohorts

    known = cohorts().values()
    room = max(len(cohort.title) for cohort in known)
    for cohort in known:
        print(f"  {cohort.title:<{room}}  {raw.status(cohort, data)}", file=sys.stderr)


def _say_results(out: Path) -> None:
    from concentra.cli._terminal import print_open, say
    from concentra.cli.verify import show
    from concentra.study import claims, declare

    show(claims.judge(out))
    sources = declare.tables()["sources"].read(out)
    restored = sorted(sources.loc[sources["status"] == "archived tables", "title"])
    if restored:
        say(f"restored from archived tables, raw data absent: {', '.join(restored)}")
    for name in ("paper/manuscript.pdf", "summaries/results_summary.md", "figures", "tables"):
        if (out / name).exists():
            print(out / name)
    if (out / "report.html").exists():
        print_open(out / "report.html")


COMMANDS = (reproduce,)
