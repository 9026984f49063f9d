"""What `concentra heads sweep`, `merge` and `demo` print."""

from __future__ import annotations

import sys
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
    print(f"memory               {cost.memory_bytes / 2**30:.1f} GiB")
    print(
        f"time                 {_duration(cost.seconds)} at {cost.operations_a_second:.1e} operations a second"
    )


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
    if json:
        from json import dumps, loads

        checkpoints = loads(summary.to_json(orient="records", double_precision=15))
        typer.echo(dumps({"table": str(out), "checkpoints": checkpoints} | (about or {})))
        return
    if (
        summary["checkpoint"].isna().all() and "model" in summary
    ):  # a model that is no checkpoint of a training
        summary = summary.assign(checkpoint=summary["model"])
    shown = summary.drop(columns=["model"], errors="ignore")
    typer.echo(shown.to_string(index=False, float_format=lambda value: f"{value:.4g}"))
    noisy = summary.loc[summary["mostly_noise"], "checkpoint"]
    for checkpoint in noisy:
        typer.echo(
            f"{checkpoint}: fewer than half of the heads stand out of the noise; evaluate on more text"
        )
    if about and about["missing"]:
        return
    typer.echo(f"table: {out}")
    if len(summary) > 1:
        typer.echo(f"next: concentra heads trajectory {out}")
