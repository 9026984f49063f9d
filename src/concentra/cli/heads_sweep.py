"""`concentra heads sweep`, `merge` and `demo`: from models on disk to a table of head importance."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from concentra.errors import ArgumentError, DataAbsentError

if TYPE_CHECKING:
    import pandas as pd

UNITS_OF_MEMORY = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
FOR_ALL = ("--cores", "--profile", "--devices", "--shards", "--json", "--resume", "--no-resume", "--device")


def sweep(
    model: Annotated[
        str,
        typer.Option(help="A model's folder, a folder with one checkpoint a sub-folder or file, or a name."),
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
        typer.Option("--chat-template", help="The text is a chat a line, as JSON, for the model's template."),
    ] = False,
    mask_token: Annotated[
        int | None, typer.Option(help="Of a masked language model: the token that hides others.")
    ] = None,
    target_se: Annotated[
        float | None, typer.Option(help="Stop when every delta's standard error is at most this.")
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
        bool, typer.Option("--dry-run", help="Say what it takes, and measure nothing.")
    ] = False,
    resume: Annotated[bool, typer.Option(help="Keep the layers measured by an earlier run.")] = True,
    json: Annotated[bool, typer.Option("--json", help="Print a summary for machines.")] = False,
) -> None:
    """Measure how much the loss worsens without each attention head, at every checkpoint of a model.

    Example: concentra heads sweep --model checkpoints/ --tokens evaluation.npy --out heads.csv
    """
    from concentra.heads import sweep_checkpoints
    from concentra.heads.checkpoints import Checkpoints
    from concentra.heads.table import check_suffix

    check_suffix(out)
    computed = None if dtype == "model" else dtype
    source = Checkpoints(model, model_class, computed or "auto")
    names = _names(source, checkpoints)
    chosen = {"layers": _layers(layers), "heads": _heads(heads), "unit": unit}
    if dry_run:
        _show_cost(source, names, chosen, sequences, length, batch_size, device, json)
        return
    share, n_shares = _shards(shards)
    if devices or n_shares:
        _all_shares(out, resume, devices, n_shares, cores, profile)
        resume = True
    batches, how = _batches(
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
        max_cache_bytes=_bytes(cache_memory),
        **chosen,
    )
    _finish(table, out, json)


def merge(
    out: Annotated[Path, typer.Argument(help="The table that the shards were given with --out.")],
    json: Annotated[bool, typer.Option("--json", help="Print a summary for machines.")] = False,
) -> None:
    """Put the table of a sweep together whose shards have run on their own.

    Example: concentra heads merge heads.csv
    """
    from concentra.heads import merge_sweep

    _finish(merge_sweep(out), out, json)


def demo(
    out: Annotated[Path, typer.Option(help="The folder to write into.")] = Path("heads-demo"),
    steps: Annotated[int, typer.Option(help="Steps of training.", min=1)] = 800,
    seed: Annotated[int, typer.Option(help="Of the first weights and the order of the text.")] = 0,
    json: Annotated[bool, typer.Option("--json", help="Print a summary for machines.")] = False,
) -> None:
    """Train a small model on Python's own manual and measure its heads as it learns: within two minutes.

    Example: concentra heads demo --out demo
    """
    from concentra.heads.demo import TABLE, run_demo

    table = run_demo(out, steps=steps, seed=seed)
    _report(table.attrs["trajectory"], out / TABLE, json)


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
            fix="--model FOLDER, with one sub-folder a checkpoint",
        )
    return names


def _layers(text: str | None) -> list[int] | None:
    """Numbers and ranges: `0,3,8-11`."""
    if text is None:
        return None
    numbers: list[int] = []
    for piece in text.split(","):
        found = re.fullmatch(r"\s*(\d+)\s*(?:-\s*(\d+)\s*)?", piece)
        if found is None:
            raise ArgumentError(
                found=f"--layers {text!r}", expected="numbers and ranges from 0", fix="--layers 0,3,8-11"
            )
        numbers += range(int(found[1]), int(found[2] or found[1]) + 1)
    return sorted(set(numbers))


def _heads(text: str | None) -> list[tuple[int, int]] | None:
    """Pairs of layer and head: `0:3,8:9`, or `L8H9`."""
    if text is None:
        return None
    found = [re.fullmatch(r"\s*[Ll]?(\d+)\s*[:Hh]\s*(\d+)\s*", piece) for piece in text.split(",")]
    if not all(found):
        raise ArgumentError(found=f"--heads {text!r}", expected="layer:head, from 0", fix="--heads 0:3,8:9")
    return sorted({(int(one[1]), int(one[2])) for one in found if one})


def _bytes(text: str) -> int:
    """A size of memory: `512MB`, `2GB`."""
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?)i?B?\s*", text, re.IGNORECASE)
    if found is None:
        raise ArgumentError(
            found=f"--cache-memory {text!r}",
            expected="a number and KB, MB, GB or TB",
            fix="--cache-memory 2GB",
        )
    return int(float(found[1]) * UNITS_OF_MEMORY[found[2].upper()])


def _shards(text: str | None) -> tuple[tuple[int, int], int]:
    """`I/N`: this share and no jobs; `N`: the whole, and N jobs; nothing: the whole, and none."""
    if text is None:
        return (1, 1), 0
    found = re.fullmatch(r"(?:(\d+)/)?(\d+)", text.strip())
    if found is None or int(found[2]) < 1:
        raise ArgumentError(
            found=f"--shards {text!r}", expected="N, or I/N with I from 1 to N", fix="--shards 1/4"
        )
    return ((int(found[1]), int(found[2])), 0) if found[1] else ((1, 1), int(found[2]))


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
    arguments = _own_arguments(sys.argv)
    if devices:
        run_on_devices(arguments, [name.strip() for name in devices.split(",") if name.strip()])
    else:
        run_through_snakemake(out, arguments, n_shares, cores=cores or os.cpu_count() or 1, profile=profile)


def _own_arguments(words: list[str]) -> list[str]:
    """The words after `sweep` but those that divide the work.

    >>> _own_arguments(["concentra", "heads", "sweep", "--model", "m", "--shards", "4", "--json"])
    ['--model', 'm']
    """
    given = words[words.index("sweep") + 1 :] if "sweep" in words else []
    kept: list[str] = []
    skip = False
    for word in given:
        name = word.partition("=")[0]
        if skip:
            skip = False
        elif name in FOR_ALL:
            skip = "=" not in word and name not in ("--json", "--resume", "--no-resume")
        else:
            kept.append(word)
    return kept


def _batches(
    source: Any,
    checkpoint: str,
    text: Path | None,
    tokens: Path | None,
    labels: Path | None,
    n_sequences: int,
    length: int,
    batch_size: int,
    bos: str,
    chat: bool,
    mask_token: int | None,
) -> tuple[list[Any], dict[str, str]]:
    """The evaluation batches, and how they were made, for the record."""
    from concentra.heads import masked_batches, read_tokens, token_batches
    from concentra.heads.tokens import BOS, begins_with, load_tokenizer, sequences, text_tokens

    if (text is None) == (tokens is None):
        raise ArgumentError(
            found="both --text and --tokens" if text else "neither --text nor --tokens",
            expected="one of them: what the heads are evaluated on",
            fix="--text held_out.txt, or --tokens held_out.npy",
        )
    if bos not in BOS:
        raise ArgumentError(found=f"--bos {bos}", expected=f"one of {', '.join(BOS)}", fix="--bos auto")
    tokenizer = load_tokenizer(_tokenizer_place(source, checkpoint)) if text or bos == "always" else None
    begin = None
    if tokenizer is not None and bos != "never":
        begin = tokenizer.bos_token_id if bos == "always" else begins_with(tokenizer)
        if begin is None and bos == "always":
            raise ArgumentError(
                found="--bos always, and the tokenizer has no token that begins a text",
                expected="a tokenizer with a bos_token",
                fix="--bos auto",
            )
    stream = text_tokens(text, tokenizer, chat=chat) if text is not None else read_tokens(tokens or Path())
    rows = sequences(stream, n_sequences=n_sequences, length=length, begin=begin)
    batches = token_batches(rows, n_sequences=n_sequences, length=length, batch_size=batch_size)
    how = {
        "bos": f"{bos}: "
        + ("no token before each sequence" if begin is None else f"token {begin} before each"),
        "text": "chat template" if chat else "as it stands" if text else "token ids as they are",
    }
    if labels is not None:
        batches = _labelled(batches, read_tokens(labels), rows.shape, batch_size)
    elif _masked(source, checkpoint):
        hidden = mask_token if mask_token is not None else getattr(tokenizer, "mask_token_id", None)
        if hidden is None:
            raise ArgumentError(
                found="a masked language model, and no token that hides others",
                expected="the tokenizer's mask token, or its number",
                fix="--mask-token 103, or --labels labels.npy",
            )
        batches = masked_batches(batches, mask_token=int(hidden))
        how["masked"] = f"15 % of the tokens hidden by token {hidden}"
    return batches, how


def _labelled(batches: list[Any], labels: Any, shape: tuple[int, ...], batch_size: int) -> list[Any]:
    import torch

    if tuple(labels.shape) != shape:
        raise ArgumentError(
            found=f"labels of shape {tuple(labels.shape)} for tokens {shape}",
            expected="a label for each token of each sequence, -100 where it does not count",
            fix="give --sequences and --length that are those of the labels, and --bos never",
        )
    rows = torch.as_tensor(labels.astype("int64")).split(batch_size)
    return [{"input_ids": ids, "labels": one} for ids, one in zip(batches, rows, strict=True)]


def _masked(source: Any, checkpoint: str) -> bool:
    """Whether the class that will be loaded is a masked language model."""
    if source.model_class is not None:
        return "MaskedLM" in source.model_class
    import json

    if not source.local:
        return False
    config = Path(source.config_place(checkpoint)) / "config.json"
    if not config.is_file():
        return False
    named = json.loads(config.read_text(encoding="utf-8")).get("architectures") or [""]
    return "MaskedLM" in str(named[0])


def _tokenizer_place(source: Any, checkpoint: str) -> Path | str:
    if not source.local:
        return str(source.source)
    folder = Path(source.source)
    places = [folder, folder / checkpoint, Path(source.config_place(checkpoint))]
    return next((place for place in places if (place / "tokenizer_config.json").is_file()), folder)


def _show_cost(
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
    print(f"forwards a {chosen['unit']:<9} {cost.forwards_a_unit:.2f} of a whole pass")
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


def _finish(table: pd.DataFrame, out: Path, json: bool) -> None:
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
        _report(summary, out, json, about)


def _report(summary: pd.DataFrame, out: Path, json: bool, about: dict[str, Any] | None = None) -> None:
    """Print one line a checkpoint and where the table is, or both as JSON."""
    if json:
        from json import dumps, loads

        checkpoints = loads(summary.to_json(orient="records", double_precision=15))
        typer.echo(dumps({"table": str(out), "checkpoints": checkpoints} | (about or {})))
        return
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
    typer.echo(f"next: concentra heads trajectory {out}")


COMMANDS = (
    (sweep, "concentra heads sweep --model checkpoints/ --text book.txt --out heads.csv"),
    (merge, "concentra heads merge heads.csv"),
    (demo, "concentra heads demo --out demo"),
)
