"""`concentra heads sweep` and `concentra heads demo`: from models on disk to a table of head importance."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from concentra.errors import ArgumentError, DataAbsentError

if TYPE_CHECKING:
    import pandas as pd


def sweep(
    model: Annotated[
        str, typer.Option(help="A model's folder, a folder with one sub-folder a checkpoint, or a name.")
    ],
    text: Annotated[
        Path | None,
        typer.Option(help="Text to evaluate on.", exists=True, dir_okay=False),
    ] = None,
    tokens: Annotated[
        Path | None,
        typer.Option(help="Or its token ids (.npy).", exists=True, dir_okay=False),
    ] = None,
    out: Annotated[Path, typer.Option(help="The table to write: .csv or .parquet.")] = Path("heads.csv"),
    checkpoints: Annotated[
        str | None, typer.Option(help="Which checkpoints, with commas: step512,step1000. All where left out.")
    ] = None,
    ablation: Annotated[str, typer.Option(help="zero, mean or resample.")] = "zero",
    method: Annotated[str, typer.Option(help="exact, or taylor (a first-order estimate).")] = "exact",
    unit: Annotated[str, typer.Option(help="head, kv_group or layer.")] = "head",
    sequences: Annotated[int, typer.Option(help="Evaluation sequences.", min=1)] = 32,
    length: Annotated[int, typer.Option(help="Tokens in a sequence.", min=2)] = 128,
    batch_size: Annotated[int, typer.Option(help="Sequences in a batch.", min=1)] = 8,
    target_se: Annotated[
        float | None, typer.Option(help="Stop when every delta's standard error is at most this.")
    ] = None,
    device: Annotated[
        str | None, typer.Option(help="cpu, cuda, ...; where the model is loaded, if left out.")
    ] = None,
    resume: Annotated[bool, typer.Option(help="Keep the checkpoints measured by an earlier run.")] = True,
    json: Annotated[bool, typer.Option("--json", help="Print a summary for machines.")] = False,
) -> None:
    """Measure how much the loss worsens without each attention head, at every checkpoint of a model.

    Example: concentra heads sweep --model checkpoints/ --tokens evaluation.npy --out heads.csv
    """
    from concentra.heads import noise_by_checkpoint, sweep_checkpoints, token_batches
    from concentra.heads.table import check_suffix

    check_suffix(out)
    names = _names(model, checkpoints)
    stream = _evaluation_tokens(model, names[0], text, tokens)
    batches = token_batches(stream, n_sequences=sequences, length=length, batch_size=batch_size)
    table = sweep_checkpoints(
        model,
        names,
        batches,
        out,
        resume=resume,
        ablation=ablation,
        method=method,
        unit=unit,
        target_se=target_se,
        device=device,
    )
    _report(noise_by_checkpoint(table), out, json)


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


def _names(model: str, checkpoints: str | None) -> list[str]:
    """The checkpoints asked for; those of a folder where none are; the main revision of a name."""
    from concentra.heads import list_checkpoints

    if checkpoints is not None:
        return [name.strip() for name in checkpoints.split(",") if name.strip()]
    if not Path(model).is_dir():
        return ["main"]
    names = list_checkpoints(model)
    if not names:
        raise DataAbsentError(
            found=f"no model in {model}, nor in its sub-folders",
            expected="config.json and weights, as save_pretrained writes them",
            fix="--model FOLDER, with one sub-folder a checkpoint",
        )
    return names


def _evaluation_tokens(model: str, checkpoint: str, text: Path | None, tokens: Path | None) -> Any:
    """Token ids from a file of them, or from text with the tokenizer beside the model."""
    import numpy as np

    from concentra.heads import read_tokens
    from concentra.heads._torch import require

    if (text is None) == (tokens is None):
        raise ArgumentError(
            found="both --text and --tokens" if text else "neither --text nor --tokens",
            expected="one of them: what the heads are evaluated on",
            fix="--text held_out.txt, or --tokens held_out.npy",
        )
    if tokens is not None:
        return read_tokens(tokens)
    words = Path(str(text)).read_text(encoding="utf-8")
    folder = Path(model)
    places = [folder, folder / checkpoint] if folder.is_dir() else [folder]
    found = next((place for place in places if (place / "tokenizer_config.json").is_file()), folder)
    try:
        tokenizer = require("transformers").AutoTokenizer.from_pretrained(
            str(found), local_files_only=folder.is_dir()
        )
    except (OSError, ValueError) as error:
        raise DataAbsentError(
            found=f"no tokenizer in {model}: {str(error).splitlines()[0]}",
            expected="tokenizer.json beside the weights",
            fix="--tokens held_out.npy, with the token ids as whole numbers",
        ) from None
    return np.asarray(tokenizer(words, verbose=False)["input_ids"], dtype=np.int64)


def _report(summary: pd.DataFrame, out: Path, json: bool) -> None:
    """Print one line a checkpoint and where the table is, or both as JSON."""
    if json:
        from json import dumps, loads

        checkpoints = loads(summary.to_json(orient="records", double_precision=15))
        typer.echo(dumps({"table": str(out), "checkpoints": checkpoints}))
        return
    shown = summary.drop(columns=["model"], errors="ignore")
    typer.echo(shown.to_string(index=False, float_format=lambda value: f"{value:.4g}"))
    noisy = summary.loc[summary["mostly_noise"], "checkpoint"]
    for checkpoint in noisy:
        typer.echo(
            f"{checkpoint}: fewer than half of the heads stand out of the noise; evaluate on more text"
        )
    typer.echo(f"table: {out}")
    typer.echo(f"next: concentra heads trajectory {out}")
