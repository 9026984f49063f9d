"""`concentra heads sweep`, `merge` and `demo`: from models on disk to a table of head importance."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from concentra.cli._heads_errors import in_options
from concentra.cli._heads_options import bytes_of, heads_of, layers_of, own_arguments, shards_of
from concentra.cli._heads_report import finish, report, show_cost
from concentra.cli._heads_tokens import evaluation_batches
from concentra.errors import ArgumentError, DataAbsentError


@in_options
def sweep(
    model: Annotated[
        str,
        typer.Option(
            help="A model's folder, a folder with one sub-folder or file per checkpoint, or a name."
        ),
    ],
    text: Annotated[
        Path | None, typer.Option(help="Text to evaluate on.", exists=True, dir_okay=False)
    ] = None,
    tokens: Annotated[
        Path | None, typer.Option(help="Or its token ids (.npy).", exists=True, dir_okay=False)
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option(help="Labels of the tokens (.npy, the same rows); -100 does not count.", exists=True),
    ] = None,
    out: Annotated[Path, typer.Option(help="The table to write: .csv or .parquet.")] = Path("heads.csv"),
    checkpoints: Annotated[
        str | None,
        typer.Option(help="Which, with commas; names or patterns: step512,step*000. All where left out."),
    ] = None,
    layers: Annotated[str | None, typer.Option(help="Only these layers: 0,3,8-11.")] = None,
    heads: Annotated[str | None, typer.Option(help="Only these heads, as layer:head: 0:3,8:9.")] = None,
    ablation: Annotated[str, typer.Option(help="zero, mean or resample.")] = "zero",
    method: Annotated[str, typer.Option(help="exact, or taylor (a first-order estimate).")] = "exact",
    unit: Annotated[str, typer.Option(help="head, kv_group or layer.")] = "head",
    loss: Annotated[str, typer.Option(help="auto, next_token or token.")] = "auto",
    sequences: Annotated[int, typer.Option(help="Evaluation sequences.", min=1)] = 32,
    length: Annotated[int, typer.Option(help="Tokens in a sequence.", min=2)] = 128,
    batch_size: Annotated[int, typer.Option(help="Sequences in a batch.", min=1)] = 8,
    bos: Annotated[
        str,
        typer.Option(
            help="Begin each sequence with the model's first token: auto (as its tokenizer does), always, never."
        ),
    ] = "auto",
    chat_template: Annotated[
        bool,
        typer.Option(
            "--chat-template", help="The text has one chat per line, as JSON, for the model's template."
        ),
    ] = False,
    mask_token: Annotated[
        int | None, typer.Option(help="For a masked language model: the token that masks others.")
    ] = None,
    target_se: Annotated[
        float | None, typer.Option(help="Stop when every delta's standard error is at most this.", min=0.0)
    ] = None,
    dtype: Annotated[
        str, typer.Option(help="Type to compute in: float32, bfloat16, ..., or model, that of the weights.")
    ] = "float32",
    model_class: Annotated[
        str | None, typer.Option(help="Class of transformers; the one that was saved, if left out.")
    ] = None,
    device: Annotated[
        str | None, typer.Option(help="cpu, cuda, ...; where the model is loaded, if left out.")
    ] = None,
    devices: Annotated[
        str | None, typer.Option(help="Several, with commas: a process and a share on each (cuda:0,cuda:1).")
    ] = None,
    cache_memory: Annotated[str, typer.Option(help="What may be kept from pass to pass.")] = "1GB",
    shards: Annotated[
        str | None, typer.Option(help="N: all N shares through Snakemake. I/N: the I-th, to be merged.")
    ] = None,
    cores: Annotated[
        int | None, typer.Option(min=1, help="With --shards N: shares at the same time here.")
    ] = None,
    profile: Annotated[
        Path | None,
        typer.Option(help="With --shards N: a Snakemake profile that names an executor (Slurm, ...)."),
    ] = None,
    keep_going: Annotated[
        bool, typer.Option("--keep-going", help="Report a checkpoint that fails, and go on without it.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Estimate time and memory, and measure nothing.")
    ] = False,
    resume: Annotated[bool, typer.Option(help="Keep the layers measured by an earlier run.")] = True,
    json: Annotated[bool, typer.Option("--json", help="Print a summary for machines.")] = False,
) -> None:
    """How much the loss worsens without each attention head. Measures every checkpoint of a model."""
    from concentra.heads import sweep_checkpoints
    from concentra.heads.checkpoints import Checkpoints
    from concentra.heads.table import check_suffix

    check_suffix(out)
    computed = None if dtype == "model" else dtype
    source = Checkpoints(model, model_class, computed or "auto")
    names = _names(source, checkpoints)
    chosen = {"layers": layers_of(layers), "heads": heads_of(heads), "unit": unit}
    if dry_run:
        if method == "taylor":
            raise ArgumentError(
                found="--dry-run with --method taylor",
                expected="the exact method, whose passes can be counted",
                fix="leave out --dry-run: all heads of a checkpoint take about as long as three passes a batch",
            )
        show_cost(source, names, chosen, sequences, length, batch_size, device, json)
        return
    share, n_shares = shards_of(shards)
    if devices or n_shares:
        _all_shares(out, resume, devices, n_shares, cores, profile)
        resume = True
    batches, how = evaluation_batches(
        source, names[0], text, tokens, labels, sequences, length, batch_size, bos, chat_template, mask_token
    )
    table = sweep_checkpoints(
        model,
        names,
        batches,
        out,
        resume=resume,
        shard=share,
        keep_going=keep_going,
        model_class=model_class,
        about_tokens=how,
        ablation=ablation,
        method=method,
        loss=loss,
        target_se=target_se,
        device=device,
        dtype=computed,
        max_cache_bytes=bytes_of(cache_memory),
        **chosen,
    )
    finish(table, out, json)


@in_options
def merge(
    out: Annotated[Path, typer.Argument(help="The table that the shards were given with --out.")],
    json: Annotated[bool, typer.Option("--json", help="Print a summary for machines.")] = False,
) -> None:
    """Put the table of a sweep together. Needed where shards have run on their own."""
    from concentra.heads import merge_sweep

    finish(merge_sweep(out), out, json)


@in_options
def demo(
    out: Annotated[Path, typer.Option(help="The folder to write into.")] = Path("heads-demo"),
    steps: Annotated[int, typer.Option(help="Steps of training.", min=1)] = 800,
    seed: Annotated[int, typer.Option(help="Of the first weights and the order of the text.")] = 0,
    json: Annotated[bool, typer.Option("--json", help="Print a summary for machines.")] = False,
) -> None:
    """Train a small model and measure its heads as it learns. It reads Python's own manual, and takes two minutes."""
    from concentra.heads.demo import TABLE, run_demo

    table = run_demo(out, steps=steps, seed=seed)
    report(table.attrs["trajectory"], out / TABLE, json)


def _names(source: Any, checkpoints: str | None) -> list[str]:
    """The checkpoints asked for; all of a folder, and the main revision of a name, where none are."""
    from concentra.heads.sweep import checkpoint_names

    if checkpoints is not None:
        return checkpoint_names(source, [name.strip() for name in checkpoints.split(",") if name.strip()])
    if not source.local:
        return ["main"]
    names = list(source.names())
    if not names:
        raise DataAbsentError(
            found=f"no model in {source.source}, nor in its sub-folders",
            expected="config.json and weights, as save_pretrained writes them",
            fix="--model FOLDER, with one sub-folder per checkpoint",
        )
    return names


def _all_shares(
    out: Path, resume: bool, devices: str | None, n_shares: int, cores: int | None, profile: Path | None
) -> None:
    """Measure all shares in processes of their own, by the words of this command."""
    from concentra.heads.parts import Parts
    from concentra.heads.shards import run_on_devices, run_through_snakemake

    if devices and n_shares:
        raise ArgumentError(
            found="--devices with --shards N",
            expected="one of them: --devices on this machine, --shards N through Snakemake",
            fix="leave out one of them",
        )
    if not resume:
        Parts(out).clear()
    arguments = own_arguments(sys.argv)
    if devices:
        run_on_devices(arguments, [name.strip() for name in devices.split(",") if name.strip()])
    else:
        run_through_snakemake(out, arguments, n_shares, cores=cores or os.cpu_count() or 1, profile=profile)


COMMANDS = (
    (sweep, "concentra heads sweep --model checkpoints/ --text book.txt --out heads.csv"),
    (merge, "concentra heads merge heads.csv"),
    (demo, "concentra heads demo --out demo"),
)
