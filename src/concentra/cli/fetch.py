"""`concentra fetch`: the public files of the cohorts, into the data folder."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from concentra.cli._options import Json, print_json
from concentra.cli._terminal import say
from concentra.errors import ArgumentError, ConcentraError, DataAbsentError, nearest

if TYPE_CHECKING:
    from concentra.io.fetch import Fetched, Remote
    from concentra.study.cohorts import Cohort

EXAMPLE = "Example: concentra fetch pythia_410m pythia_160m --data ~/data"
VERIFIED = {
    "known": "as is known of the public file",
    "first fetch": "as when it was fetched; nobody has published one to compare with",
    "nothing": "not verified: nobody has published one to compare with",
}


def fetch(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="COHORT", help="Cohorts; default all whose raw data is public and absent."),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(envvar="CONCENTRA_DATA_DIR", help="The data folder, made where it is missing."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--list", "--dry-run", help="Only show addresses, sizes and hashes.")
    ] = False,
    json: Json = False,
) -> None:
    """Download raw data of the cohorts from its public address. Resumes an interrupted download, and verifies
    every file whose hash is known. Ends with status 1 when a cohort that was requested is still missing."""
    if data is None and not dry_run:
        raise ArgumentError(
            found="no data folder is named",
            expected="the folder that `concentra reproduce` will read",
            fix="concentra fetch --data DIR, or export CONCENTRA_DATA_DIR=DIR",
        )
    rows: list[dict[str, Any]] = []
    got: dict[Remote, dict[str, Any]] = {}  # cohorts share files
    for cohort in _chosen(names or ()):
        for row in _rows(cohort, data, got, named=bool(names), dry_run=dry_run):
            rows.append(row)
            if not json:
                _say(row)
    if json:
        print_json(rows)
    if any(row["state"] == "failed" for row in rows):
        raise typer.Exit(1)


def _chosen(names: Sequence[str]) -> list[Cohort]:
    from concentra.study.cohorts import cohorts

    known = cohorts()
    for name in names:
        if name not in known:
            raise ArgumentError(
                found=f"no cohort is called {name!r}",
                expected="a name that `concentra fetch --list` shows",
                fix=nearest(name, known),
            )
    if names:
        return [known[name] for name in dict.fromkeys(names)]
    return [cohort for cohort in known.values() if not cohort.simulated]


def _rows(
    cohort: Cohort, data: Path | None, got: dict[Remote, dict[str, Any]], *, named: bool, dry_run: bool
) -> Iterator[dict[str, Any]]:
    """One row a file, or one for the cohort where no program can get its file."""
    about = {"cohort": cohort.name, "title": cohort.title}
    there = cohort.files(data)
    if cohort.simulated:
        yield about | {"state": "simulated in every run"}
    elif not cohort.remotes and there:
        yield about | {"state": "already there", "file": ", ".join(map(str, there))}
    elif not cohort.remotes:
        by_hand = about | {"state": "by hand", "fix": cohort.obtain}
        yield by_hand | _failed(_by_hand(cohort)) if named and not dry_run else by_hand
    for remote in cohort.remotes:
        row = about | {
            "file": remote.file,
            "address": remote.url,
            "bytes": remote.size,
            "sha256": remote.sha256,
        }
        present = _present(remote, there, data)
        if present is None and there and not named:
            stand_in = ", ".join(path.name for path in there)
            yield row | {
                "state": "not needed",
                "fix": f"{stand_in} is read; to have this: name the cohort",
            }
        elif dry_run:
            yield row | {"state": "already there" if present else "to be fetched"}
        else:
            got[remote] = got.get(remote) or _got(remote, present, data)
            yield row | got[remote]


def _present(remote: Remote, there: Sequence[Path], data: Path | None) -> Path | None:
    """The remote's file where the cohort finds it, or in its place."""
    places = [*there, *([data / remote.file] if data else [])]
    name = Path(remote.file).name
    return next((path for path in places if path.name == name and path.exists()), None)


def _got(remote: Remote, present: Path | None, data: Path | None) -> dict[str, Any]:
    from concentra.io.fetch import check, fetch

    try:
        got: Fetched = check(remote, present) if present else fetch(remote, data or Path())
    except ConcentraError as problem:
        return _failed(problem)
    return {
        "state": "fetched" if got.now else "already there",
        "file": str(got.path),
        "bytes": got.size,
        "sha256": got.sha256,
        "verified": got.verified,
    }


def _by_hand(cohort: Cohort) -> ConcentraError:
    return DataAbsentError(
        found=f"{cohort.name} has no public file that the study can read",
        expected="a cohort that `concentra fetch --list` shows with an address",
        fix=cohort.obtain,
    )


def _failed(problem: ConcentraError) -> dict[str, Any]:
    """Say an error, three lines as ever, and go on with the next file."""
    print(problem, file=sys.stderr)
    return {"state": "failed", "found": problem.found, "expected": problem.expected, "fix": problem.fix}


def _say(row: dict[str, Any]) -> None:
    """One row for people; a failure has been said on standard error."""
    if row["state"] == "failed":
        return
    size = f", {row['bytes']:,} bytes" if row.get("bytes") else ""
    say(f"{row['cohort']}: {row['state']}{': ' if row.get('file') else ''}{row.get('file', '')}{size}")
    if "verified" in row:
        say(f"  sha256 {row['sha256']}, {VERIFIED[row['verified']]}", "    ")
    elif "address" in row:
        say(f"  {row['address']}", "    ")
        say(f"  sha256 {row['sha256'] or 'not known'}", "    ")
    if "fix" in row:
        say(f"  {row['fix']}", "    ")


COMMANDS = (fetch,)
