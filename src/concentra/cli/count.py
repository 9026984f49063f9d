"""`concentra count` and `concentra merge`: counting cells at scale."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

EXAMPLE = "Example: concentra count cells/*.parquet --by donor_id,tissue,cell_type --out counts.csv"


def count(
    cells: Annotated[
        list[Path], typer.Argument(help="Cell tables: .parquet .h5ad .zarr .csv[.gz] .tsv[.gz]")
    ],
    by: Annotated[str, typer.Option(help="Label columns, with commas: donor_id,tissue,cell_type")],
    out: Annotated[Path, typer.Option(help="The counts: .csv or .parquet")] = Path("counts.csv"),
    shard: Annotated[str, typer.Option(help="I/N: count only the I-th of N shares of every file.")] = "1/1",
    memory: Annotated[str, typer.Option(help="What counting may use before it works on disk.")] = "1GB",
) -> None:
    """Count the cells of every combination of labels; shards on any machines, merged, give the whole."""
    from concentra.io.counting import count_to

    found = count_to(out, cells, [name.strip() for name in by.split(",")], shard=_shard(shard), memory=memory)
    print(f"{out}: {found}")


def merge(
    parts: Annotated[list[Path], typer.Argument(help="Partial counts that `concentra count` wrote.")],
    out: Annotated[Path, typer.Option(help="The sum: .csv or .parquet")] = Path("counts.csv"),
    memory: Annotated[str, typer.Option(help="What merging may use before it works on disk.")] = "1GB",
) -> None:
    """Add up partial counts."""
    from concentra.io.counting import merge_counts

    print(f"{out}: {merge_counts(out, parts, memory=memory)} combinations")


def _shard(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d+)/(\d+)", text.strip())
    if found is None:
        raise typer.BadParameter(f"{text!r} is not of the form I/N, such as 1/8", param_hint="--shard")
    return int(found[1]), int(found[2])


COMMANDS = (count, merge)
