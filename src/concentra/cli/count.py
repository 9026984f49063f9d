"""`concentra count` and `concentra merge`: counting cells at scale."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from concentra.cli._terminal import say
from concentra.errors import ArgumentError

EXAMPLE = "Example: concentra count cells/*.parquet --by donor_id,tissue,cell_type --out counts.csv"
EXAMPLES = {"merge": "Example: concentra merge part_*.csv --out counts.csv"}
"""Of commands beside the one that the file is named after."""
WHOLE = "1/1"


def count(
    cells: Annotated[
        list[str],
        typer.Argument(
            help="Cells: .parquet .h5ad .zarr .csv .tsv .txt .xlsx .rds; SOMA experiments by folder or address."
        ),
    ],
    by: Annotated[str, typer.Option(help="Label columns, with commas: donor_id,tissue,cell_type")],
    out: Annotated[Path, typer.Option(help="The counts: .csv or .parquet")] = Path("counts.csv"),
    shards: Annotated[
        int | None, typer.Option(min=1, help="Count in N shards through Snakemake, and merge them.")
    ] = None,
    cores: Annotated[int | None, typer.Option(min=1, help="Shards counted at the same time here.")] = None,
    profile: Annotated[
        Path | None, typer.Option(help="Snakemake profile: a folder that names an executor (Slurm, ...).")
    ] = None,
    shard: Annotated[
        str, typer.Option(help="I/N: count only the I-th of N shards, to be merged by hand.")
    ] = WHOLE,
    where: Annotated[
        str | None,
        typer.Option(help="With SOMA: cells that pass this filter, such as \"tissue_general == 'lung'\"."),
    ] = None,
    primary_only: Annotated[
        bool, typer.Option(help="With SOMA: one copy of a cell that several data sets share.")
    ] = True,
    memory: Annotated[str, typer.Option(help="What counting may use before it works on disk.")] = "1GB",
) -> None:
    """Count the cells of every combination of labels. Shards counted on any machines merge to the same counts."""
    from concentra.composition.recognised import refuse_counts
    from concentra.composition.rows import refuse_same_file
    from concentra.io.counting import check_request
    from concentra.io.shards import Request, count_in_shards
    from concentra.io.soma import is_soma

    request = Request(
        cells=tuple(_absolute(cell) for cell in cells),
        by=tuple(name.strip() for name in by.split(",")),
        n_shards=shards or 1,
        where=where,
        primary_only=primary_only,
        memory=memory,
    )
    place = _shard(shard)
    check_request(request.cells, request.by, place, where)
    refuse_same_file(request.cells)
    for path in request.cells:
        if not is_soma(path):
            refuse_counts(path, request.by)
    if shards is None:
        _refuse("without --shards", {"--cores": cores, "--profile": profile}, "add --shards 8")
        found = request.count(out, place, tell=_tell)
    else:
        _refuse("with --shards", {"--shard": shard if shard != WHOLE else None}, "leave out one of them")
        found = count_in_shards(out, request, cores=cores or os.cpu_count() or 1, profile=profile)
    say(f"{out}: {found}")
    if 1 < found.n_cells == found.n_combinations and place == (1, 1):
        _tell(
            "limits: every combination occurs once: rows were counted as cells; `concentra analyze --amount COLUMN` "
            "takes rows that are counts"
        )


def merge(
    parts: Annotated[list[Path], typer.Argument(help="Partial counts that `concentra count` wrote.")],
    out: Annotated[Path, typer.Option(help="The sum: .csv or .parquet")] = Path("counts.csv"),
    memory: Annotated[str, typer.Option(help="What merging may use before it works on disk.")] = "1GB",
) -> None:
    """Add up partial counts."""
    from concentra.composition.rows import refuse_same_path
    from concentra.io.counting import merge_counts

    refuse_same_path(parts)
    say(f"{out}: {merge_counts(out, parts, memory=memory)}")


def _refuse(beside: str, options: Mapping[str, object], fix: str) -> None:
    for name, value in options.items():
        if value is not None:
            raise ArgumentError(
                found=f"{name} {value} {beside}",
                expected="--shards, with --cores and --profile, for all shards; --shard for one of them by hand",
                fix=fix,
            )


def _absolute(cell: str) -> str:
    return cell if "://" in cell else str(Path(cell).resolve())


def _tell(sentence: str) -> None:
    say(sentence, file=sys.stderr)


def _shard(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d+)/(\d+)", text.strip())
    if found is None:
        raise typer.BadParameter(f"{text!r} is not of the form I/N, such as 1/8", param_hint="--shard")
    return int(found[1]), int(found[2])


COMMANDS = (count, merge)
