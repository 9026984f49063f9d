"""What `concentra heads sweep`, `merge` and `demo` print."""

from __future__ import annotations

import sys
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    import pandas as pd


def show_cost(
    source: Any,
    names: list[str],
    chosen: dict[str, Any],
    n_sequences: int,
    length: int,
    batch_size: int,
    device: str | None,
    json: bool,
) -> None:
    """Print what the sweep takes."""
    from concentra.cli._options import print_json
    from concentra.heads.cost import model_without_weights, sweep_cost

    cost = sweep_cost(
        model_without_weights(source, names[0]),
        n_sequences=n_sequences,
        length=length,
        batch_size=batch_size,
        n_checkpoints=len(names),
        unit=chosen["unit"],
        layers=chosen["layers"],
        heads=chosen["heads"],
        device=device or "cpu",
    )
    if json:
        print_json(cost.as_dict())
        return
    print(f"checkpoints          {cost.n_checkpoints}")
    print(f"{chosen['unit'] + 's':<20} {cost.n_units} in {cost.n_layers} layers")
    print(f"passes               {cost.n_passes:,}, each of {batch_size} sequences of {length} tokens")
    print(f"passes per {chosen['unit']:<9} {cost.forwards_a_unit:.2f} of a whole pass")
    print(f"operations           {cost.operations:.2e}")
    print(f"memory               {_size(cost.memory_bytes)}")
    print(
        f"time                 {_duration(cost.seconds)} at {cost.operations_a_second:.1e} operations a second"
    )


def _size(n_bytes: float) -> str:
    """An amount of memory for people.

    >>> _size(3e6), _size(4e9)
    ('2.9 MiB', '3.7 GiB')
    """
    return f"{n_bytes / 2**30:.1f} GiB" if n_bytes >= 2**30 else f"{n_bytes / 2**20:.1f} MiB"


def _duration(seconds: float) -> str:
    """A time for people.

    >>> _duration(5), _duration(600), _duration(90_000)
    ('5 s', '10 min', '25 h')
    """
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"


def finish(table: pd.DataFrame, out: Path, json: bool) -> None:
    """Say what became of the sweep: notes, failures and what is missing on standard error, the summary as asked."""
    from concentra.heads import noise_by_checkpoint

    about = {
        name: table.attrs.get(name) or ([] if name != "failed" else {})
        for name in ("notes", "failed", "missing")
    }
    for note in about["notes"]:
        print(f"note: {note}", file=sys.stderr)
    for checkpoint, why in dict(about["failed"]).items():
        print(f"failed: {checkpoint}: {why}", file=sys.stderr)
    summary = noise_by_checkpoint(table) if len(table) else None
    if about["missing"]:
        print(
            f"not complete: {', '.join(about['missing'])}; when all shards have run: concentra heads merge {out}",
            file=sys.stderr,
        )
    if summary is not None:
        report(summary, out, json, about)


def report(summary: pd.DataFrame, out: Path, json: bool, about: dict[str, Any] | None = None) -> None:
    """Print one line a checkpoint and where the table is, or both as JSON."""
    from concentra.cli._options import print_table
    from concentra.cli._terminal import say

    if json:
        from json import dumps, loads

        checkpoints = loads(summary.to_json(orient="records", double_precision=15))
        typer.echo(dumps({"table": str(out), "checkpoints": checkpoints} | (about or {})))
        return
    print_table([_checkpoint_row(row) for row in summary.to_dict("records")])
    noisy = [_named(row) for row in summary.loc[summary["mostly_noise"]].to_dict("records")]
    if noisy:
        say(f"{', '.join(noisy)}: fewer than half of the heads stand out of the noise; evaluate on more text")
    if about and about["missing"]:
        return
    typer.echo(f"table: {out}")
    if len(summary) > 1:
        typer.echo(f"next: concentra heads trajectory {out}")


def _checkpoint_row(row: Mapping[Hashable, Any]) -> dict[str, str]:
    """What is known of the noise at a checkpoint, under the names that `heads trajectory` prints."""
    return {
        "checkpoint": _named(row),
        "heads": f"{row['n_heads']:,}",
        "above noise": f"{row['share_above_noise']:.0%}",
        "median SE": f"{row['median_se']:.2g}",
        "noise: Gini": f"{row['noise_gini']:.2f}",
        "noise: eff. number": f"{row['noise_hill_q1']:.1f}",
    }


def _named(row: Mapping[Hashable, Any]) -> str:
    """The checkpoint; the model, where it is no checkpoint of a training."""
    from pandas import isna

    return str(row["model"] if isna(row["checkpoint"]) and "model" in row else row["checkpoint"])
