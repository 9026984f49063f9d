"""Head importance over the checkpoints of a training run: one table, built from parts that survive a kill.

Each checkpoint's rows are a file of their own in the folder `<out>.parts`, whole or absent, beside a record of
what was asked. A run that was killed starts again after the last whole part; the table is always put together
from the parts, so that resumed and undisturbed runs give the same table. (`seconds` is measured time:
`timings=False` leaves it empty, and then the bytes are equal too.)
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

from concentra.errors import ArgumentError, DataAbsentError
from concentra.files import write_text
from concentra.heads._torch import require
from concentra.heads.batches import as_batches, fingerprint
from concentra.heads.importance import head_importance
from concentra.heads.table import check_suffix, read_table, write_table
from concentra.progress import track

Load = Callable[[str], Any]
UNRECORDED = ("progress", "device", "max_cache_bytes", "prefix_cache", "variants_per_pass")
"""Options that change no number, or only the last bits, and so may differ when a run resumes."""


def sweep_checkpoints(
    load: Load | str | Path,
    checkpoints: Sequence[str | int] | None,
    batches: Any,
    out: str | Path,
    *,
    resume: bool = True,
    progress: bool = True,
    **options: Any,
) -> pd.DataFrame:
    """Measure the heads at every checkpoint, on the same evaluation tokens, and write one table.

    Parameters
    ----------
    load
        A function from a checkpoint to a model; or a folder with a sub-folder a checkpoint; or a model's name
        at Hugging Face, whose revisions are the checkpoints.
    checkpoints
        Which, in this order; all sub-folders in the order of their steps where `None`.
    batches
        See `head_importance`.
    out
        The table, `.csv` or `.parquet`; the parts lie in a folder beside it called `<out>.parts`.
    resume
        Keep the parts that are there. Without, they are measured again.
    options
        Handed to `head_importance`.

    Returns
    -------
    DataFrame
        The columns of `head_importance`, `checkpoint` as text.

    Raises
    ------
    ArgumentError
        Where the parts were measured with other tokens or options, or a checkpoint is named twice.

    Examples
    --------
    >>> import tempfile, numpy
    >>> from concentra.heads.batches import token_batches
    >>> from concentra.heads.demo import small_model
    >>> batches = token_batches(numpy.arange(64), n_sequences=2, length=32)  # doctest: +SKIP
    >>> out = Path(tempfile.mkdtemp()) / "ablations.csv"
    >>> load = lambda checkpoint: small_model(int(checkpoint))  # a seed stands for a checkpoint
    >>> table = sweep_checkpoints(load, [0, 1], batches, out, progress=False)  # doctest: +SKIP
    >>> table.groupby("checkpoint").size().to_dict()  # doctest: +SKIP
    {'0': 16, '1': 16}
    """
    check_suffix(out)
    names = _checkpoint_names(load, checkpoints)
    loader = load if callable(load) else checkpoint_loader(load)
    whole = as_batches(batches)
    folder = Path(f"{out}.parts")
    if not callable(load):
        options.setdefault("name", Path(load).name if Path(load).is_dir() else str(load))
    _record(folder, whole, options, resume)
    parts = [folder / f"{_safe(name)}{Path(out).suffix}" for name in names]
    waiting = [
        (name, part) for name, part in zip(names, parts, strict=True) if not (resume and part.exists())
    ]
    for name, part in track(waiting, "checkpoints") if progress else waiting:
        table = head_importance(loader(name), whole, checkpoint=name, progress=False, **options)
        write_table(table, part)
    table = pd.concat([read_table(part) for part in parts], ignore_index=True)
    write_table(table, out)
    return table


def checkpoint_loader(source: str | Path, *, model_class: str = "AutoModelForCausalLM") -> Load:
    """A function from a checkpoint to its model, never from the network unless `source` is a model's name.

    Parameters
    ----------
    source
        A folder with one sub-folder a checkpoint (as `save_pretrained` writes), one such folder itself
        (checkpoint ""), or a name at Hugging Face, whose revisions are the checkpoints.
    model_class
        The class of transformers that loads the model.

    Examples
    --------
    >>> import tempfile
    >>> from concentra.heads.demo import save, small_model
    >>> folder = Path(tempfile.mkdtemp())
    >>> save(small_model(0), folder / "step0")  # doctest: +SKIP
    >>> checkpoint_loader(folder)("step0").config.hidden_size  # doctest: +SKIP
    64
    """
    folder = Path(source)
    local = folder.is_dir()

    def load(checkpoint: str) -> Any:
        transformers = require("transformers")
        kind = getattr(transformers, model_class)
        if not local:
            with _silent(transformers):
                return kind.from_pretrained(str(source), revision=checkpoint or "main", dtype="auto")
        path = folder / checkpoint if checkpoint else folder
        if not (path / "config.json").is_file():
            raise DataAbsentError(
                found=f"no config.json in {path}",
                expected="a model as save_pretrained writes it",
                fix="name a checkpoint: " + (", ".join(list_checkpoints(folder)) or "there are none here"),
            )
        with _silent(transformers):
            return kind.from_pretrained(str(path), dtype="auto", local_files_only=True)

    return load


@contextmanager
def _silent(transformers: Any) -> Iterator[None]:
    """Without a bar for each model's weights: standard error is the sweep's own."""
    logging = transformers.utils.logging
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


def list_checkpoints(folder: str | Path) -> list[str]:
    """The sub-folders of a folder that hold a model, in the order of the numbers in their names.

    `step512` comes before `step1000`. A folder that is itself a model gives `[""]`.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> for name in ("step1000", "step512"):
    ...     (folder / name).mkdir()
    ...     _ = (folder / name / "config.json").write_text("{}")
    >>> list_checkpoints(folder)
    ['step512', 'step1000']
    """
    path = Path(folder)
    names = (
        [child.name for child in path.iterdir() if (child / "config.json").is_file()] if path.is_dir() else []
    )
    if not names and (path / "config.json").is_file():
        return [""]
    return sorted(names, key=_natural)


def _natural(name: str) -> list[tuple[int, int, str]]:
    return [
        (0, int(piece), "") if piece.isdigit() else (1, 0, piece) for piece in re.findall(r"\d+|\D+", name)
    ]


def _checkpoint_names(load: Load | str | Path, checkpoints: Sequence[str | int] | None) -> list[str]:
    if checkpoints is None:
        checkpoints = [] if callable(load) else list_checkpoints(load)
    names = [str(checkpoint) for checkpoint in checkpoints]
    if not names or len(set(names)) < len(names):
        raise ArgumentError(
            found=f"checkpoints {names}",
            expected="at least one checkpoint, each once",
            fix="checkpoints=['step512', 'step1000'], or a folder with one sub-folder a checkpoint",
        )
    return names


def _safe(name: str) -> str:
    """A file name for a checkpoint: readable, and never the same for two."""
    return re.sub(r"[^A-Za-z0-9.-]", lambda found: f"_{ord(found[0]):x}_", name) or "_"


def _record(folder: Path, batches: list[dict[str, Any]], options: dict[str, Any], resume: bool) -> None:
    """Note what is asked beside the parts, or check that it is what was asked before."""
    kept = {
        name: getattr(value, "__qualname__", repr(value))
        for name, value in sorted(options.items())
        if name not in UNRECORDED
    }
    asked = {"tokens": fingerprint(batches), "options": kept}
    path = folder / "asked.json"
    if resume and path.exists():
        before = json.loads(path.read_text(encoding="utf-8"))
        changed = [key for key in asked if before.get(key) != asked[key]]
        if changed:
            raise ArgumentError(
                found=f"{folder} was measured with other {' and '.join(changed)}",
                expected="the same evaluation tokens and options at every checkpoint",
                fix="--no-resume measures all again; another --out keeps both",
            )
        return
    if folder.exists():
        for part in folder.glob("*"):
            part.unlink()
    write_text(path, json.dumps(asked, indent=1) + "\n")
