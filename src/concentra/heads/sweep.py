"""Head importance over the checkpoints of a training run: one table, built from parts that survive a kill.

A run that was killed starts again after the last whole layer; the table is always put together from the parts (see
`concentra.heads.parts`), so that resumed, sharded and undisturbed runs give the same table. (`seconds` is measured
time: `timings=False` leaves it empty, and then the bytes are equal too.)
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from concentra import __version__
from concentra.errors import ArgumentError
from concentra.heads.batches import as_batches, fingerprint, n_sequences
from concentra.heads.checkpoints import Checkpoints, checkpoint_loader, matching
from concentra.heads.confirm import SharingError
from concentra.heads.identity import function_identity, model_identity
from concentra.heads.importance import DEFAULTS, importance_by_layer
from concentra.heads.parts import ALL, Parts
from concentra.heads.sites import find_head_sites
from concentra.heads.sizes import shape_of
from concentra.heads.table import check_suffix, write_table
from concentra.printable import joined

Load = Callable[[str], Any]
UNRECORDED = (
    "model", "batches", "progress", "device", "max_cache_bytes", "prefix_cache", "variants_per_pass", "layers",
    "loss", "checkpoint",
)  # fmt: skip
"""Options that change no number, or only the last bits, and so may differ when a run resumes; `loss` stands apart."""


def sweep_checkpoints(
    load: Load | str | Path,
    checkpoints: Sequence[str | int] | None,
    batches: Any,
    out: str | Path,
    *,
    resume: bool = True,
    shard: tuple[int, int] = (1, 1),
    keep_going: bool = False,
    model_class: str | None = None,
    about_tokens: dict[str, str] | None = None,
    progress: bool = True,
    **options: Any,
) -> pd.DataFrame:
    """Measure the heads at every checkpoint, on the same evaluation tokens, and write one table.

    Parameters
    ----------
    load
        A function from a checkpoint to a model; or a folder with a sub-folder or file a checkpoint (see
        `concentra.heads.checkpoints`); or a model's name at Hugging Face, whose revisions are the checkpoints.
    checkpoints
        Which, in this order, by name or pattern (`step*000`); all of a folder in the order of their steps where `None`.
    batches
        See `head_importance`.
    out
        The table, `.csv` or `.parquet`; the parts lie in a folder beside it called `<out>.parts`. Checkpoints that an
        earlier run measured for this table stay in it.
    resume
        Keep the parts that are there, once the model of each is seen to be the same. Without, they are measured again.
    shard
        (i, n): only the i-th of n shares of all checkpoints, or of their layers where there are more shares than
        checkpoints. The table is written once no part is missing (see `merge_sweep`).
    keep_going
        Leave out a checkpoint that fails; `attrs["failed"]` tells which and why.
    model_class
        The class of transformers that loads the models of a folder or a name; by default the one that was saved.
    about_tokens
        How the evaluation tokens were made, for the record beside the parts.
    options
        Handed to `head_importance`.

    Returns
    -------
    DataFrame
        The columns of `head_importance`, `checkpoint` as text; of a shard, the rows that are there. `attrs["notes"]`
        says which savings were left out.

    Raises
    ------
    ArgumentError
        Where the parts are of another model, or were measured with other tokens, loss or options, or a checkpoint is
        named twice.

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
    _check_shard(shard)
    loader: Any = load if callable(load) else checkpoint_loader(load, model_class=model_class)
    if isinstance(loader, Checkpoints):
        options.setdefault("name", Path(loader.source).name if loader.local else loader.source)
        loader = Checkpoints(loader.source, loader.model_class, options.get("dtype", "float32") or "auto")
    names = checkpoint_names(loader, checkpoints)
    whole = as_batches(batches)
    parts = Parts(Path(out))
    if not resume and shard[1] > 1:
        raise ArgumentError(
            found="resume=False for one share of several",
            expected="shards that leave each other's parts alone",
            fix=f"remove {parts.folder} before the first shard runs",
        )
    asked = _asked(loader, whole, options) | {"about_tokens": about_tokens or {}, "version": __version__}
    parts.ask(asked, names, resume=resume, alone=shard[1] == 1)
    work = _Sweep(loader, whole, parts, asked, options, progress)
    failed: dict[str, str] = {}
    for name, share in _shares(names, shard):
        try:
            work.measure(name, share)
        except Exception as error:
            if not keep_going or isinstance(error, DifferentModelError):
                raise
            failed[name] = str(error).partition("\n")[0].removeprefix("error: ") or type(error).__name__
    return _finished(parts, names, failed, work.notes)


class DifferentModelError(ArgumentError):
    """Parts of another model lie where a sweep is to continue."""


@dataclass
class _Sweep:
    """The work on one table."""

    loader: Any
    batches: list[dict[str, Any]]
    parts: Parts
    asked: dict[str, Any]
    options: dict[str, Any]
    progress: bool
    notes: list[str] = field(default_factory=list)

    def measure(self, checkpoint: str, share: tuple[int, int]) -> None:
        """Measure the layers of a checkpoint that are missing, in the i-th of n shares of its layers."""
        known = isinstance(self.loader, Checkpoints)
        identity = self.loader.identity(checkpoint) if known else None
        records = self.parts.records(checkpoint)
        if identity is not None:
            self._refuse_other(checkpoint, records, identity)
            if records and not self._missing(
                records, self._wanted(next(iter(records.values()))["all_layers"]), share
            ):
                return
        cached = self.loader.cached(checkpoint) if known else True
        model = self.loader(checkpoint)
        if identity is None:
            identity = model_identity(model)
            self._refuse_other(checkpoint, records, identity)
        every = [site.layer for site in self.options.get("sites") or find_head_sites(model)]
        layers = self._wanted(every)
        missing = self._missing(records, layers, share)
        while missing:
            about = {
                "identity": identity,
                "layers": layers,
                "all_layers": every,
                "version": __version__,
                "class": type(model).__name__,
            }
            try:
                self._write(checkpoint, model, missing, about)
                break
            except SharingError as error:
                if self.options.get("prefix_cache") is True:
                    raise
                instead = error.beyond(self.options | self.parts.instead(checkpoint))
                self.notes.append(error.note(instead))
                self.parts.measure_instead(checkpoint, instead)
                missing = self._missing(self.parts.records(checkpoint), layers, share)
        del model
        gc.collect()
        if known and not cached:
            self.loader.free(checkpoint)

    def _wanted(self, every: Sequence[int]) -> list[int]:
        """The layers asked for, of all that the model has and that have heads asked for."""
        layers, heads = self.options.get("layers"), self.options.get("heads")
        unknown = ({*(layers or ())} | {layer for layer, _ in heads or ()}) - {*every}
        if unknown:
            raise ArgumentError(
                found=f"no layer {', '.join(map(str, sorted(unknown)))}",
                expected=f"layers from {min(every)} to {max(every)}",
                fix="choose layers that the model has; they are counted from 0",
            )
        chosen = [layer for layer in every if layers is None or layer in set(layers)]
        found = [layer for layer in chosen if heads is None or layer in {layer for layer, _ in heads}]
        if not found:
            raise ArgumentError(
                found="no layer to measure with "
                + joined(
                    [
                        f"{name}={one}"
                        for name, one in (("layers", layers), ("heads", heads))
                        if one is not None
                    ]
                ),
                expected=f"layers from {min(every)} to {max(every)}, and heads in them",
                fix="name a layer, or leave out layers= and heads= for all",
            )
        return found

    def _write(self, checkpoint: str, model: Any, layers: list[int], about: dict[str, Any]) -> None:
        instead = self.parts.instead(checkpoint)
        options = (
            self.options | {"layers": layers, "checkpoint": checkpoint, "progress": self.progress} | instead
        )
        for table in importance_by_layer(model, self.batches, **options):
            self.notes += [note for note in table.attrs["notes"] if note not in self.notes]
            layer = ALL if self._at_once() else int(table["layer"].iloc[0])
            dtype = str(next((one.dtype for one in model.parameters() if one.is_floating_point()), ""))
            written = about | {
                "instead": instead,
                "dtype": dtype,
                "notes": table.attrs["notes"],
                "measured": time.strftime("%Y-%m-%d"),
            }
            self.parts.check(self.asked)  # another run may have begun in the same place before the first part
            self.parts.write(checkpoint, layer, table, written)

    def _at_once(self) -> bool:
        return self.options.get("method") == "taylor" or self.options.get("target_se") is not None

    def _missing(self, records: dict[str, Any], layers: Sequence[int], share: tuple[int, int]) -> list[int]:
        if self._at_once():
            return [] if ALL in records or share[0] > 1 else list(layers)
        mine = [layer for place, layer in enumerate(layers) if place % share[1] == share[0] - 1]
        return [layer for layer in mine if f"layer_{layer:04d}" not in records]

    def _refuse_other(self, checkpoint: str, records: dict[str, Any], identity: dict[str, Any]) -> None:
        for record in records.values():
            before = record.get("identity", {})
            if before != identity:
                differs = [key for key in {**before, **identity} if before.get(key) != identity.get(key)]
                raise DifferentModelError(
                    found=f"{self.parts.folder} holds checkpoint {checkpoint!r} of another model (other "
                    f"{', '.join(sorted(differs))})",
                    expected="parts of the same model in one table",
                    fix="--no-resume measures all again; another --out keeps both",
                )


def _asked(loader: Any, batches: list[dict[str, Any]], options: dict[str, Any]) -> dict[str, Any]:
    """What makes the numbers of all parts: source, tokens, loss and options with their defaults."""
    unknown = sorted(set(options) - set(DEFAULTS))
    if unknown:
        raise ArgumentError(
            found=f"unknown options {unknown}",
            expected=f"options of head_importance: {', '.join(DEFAULTS)}",
            fix="leave them out",
        )
    kept = {name: repr(value) for name, value in (DEFAULTS | options).items() if name not in UNRECORDED}
    loss = options.get("loss", DEFAULTS["loss"])
    source = "a function, whose models are known by their weights"
    if isinstance(loader, Checkpoints):
        source = str(Path(loader.source).resolve()) if loader.local else loader.source
        source += f" as {loader.model_class or 'saved'}"
    shapes = joined([str(shape_of(batch)) for batch in {shape_of(one): one for one in batches}.values()])
    return {
        "source": source,
        "tokens": fingerprint(batches),
        "sequences": f"{sum(map(n_sequences, batches))} sequences in batches of {shapes}",
        "loss": loss if isinstance(loss, str) else function_identity(loss),
        "options": dict(sorted(kept.items())),
    }


def _shares(names: list[str], shard: tuple[int, int]) -> list[tuple[str, tuple[int, int]]]:
    """The checkpoints of a shard, and which share of the layers of each.

    >>> _shares(["a", "b", "c"], (1, 2)), _shares(["a", "b"], (3, 4))
    ([('a', (1, 1)), ('c', (1, 1))], [('a', (2, 2))])
    """
    place, total = shard[0] - 1, shard[1]
    if total <= len(names):
        return [(name, (1, 1)) for number, name in enumerate(names) if number % total == place]
    number = place % len(names)
    n_shares = len(range(number, total, len(names)))
    return [(names[number], (place // len(names) + 1, n_shares))]


def _check_shard(shard: tuple[int, int]) -> None:
    if not 1 <= shard[0] <= shard[1]:
        raise ArgumentError(
            found=f"shard {shard[0]} of {shard[1]}", expected="I of N with I from 1 to N", fix="--shards 1/4"
        )


def _finished(parts: Parts, names: list[str], failed: dict[str, str], notes: list[str]) -> pd.DataFrame:
    """The table, written where no part of it is missing but of checkpoints that failed."""
    order = parts.order()
    whole = [name for name in order if parts.complete(name)]
    if not whole and failed:
        raise ArgumentError(
            found="every checkpoint failed: "
            + "; ".join(f"{name}: {why}" for name, why in failed.items())[:600],
            expected="at least one checkpoint that can be measured",
            fix="correct the cause and run the command again",
        )
    if set(order) - set(failed) <= set(whole):
        parts_of = [name for name in order if name in whole]
        table = parts.table(parts_of)
        write_table(table, parts.out)
    else:
        started = [name for name in names if parts.records(name)]
        table = parts.table(started) if started else pd.DataFrame()
    missing = [name for name in order if name not in whole and name not in failed]
    table.attrs |= {"failed": failed, "notes": notes, "missing": missing}
    return table


def checkpoint_names(load: Any, checkpoints: Sequence[str | int] | None) -> list[str]:
    """The checkpoints asked for, patterns replaced by the names that they match; all where none are."""
    known = isinstance(load, Checkpoints)
    names = [str(checkpoint) for checkpoint in checkpoints or []]
    if known and (checkpoints is None or load.local or any(sign in name for name in names for sign in "*?[")):
        there = load.names()
        names = there if checkpoints is None else matching(names, there, all_there=load.local)
    if not names or len(set(names)) < len(names):
        raise ArgumentError(
            found=f"checkpoints {names}",
            expected="at least one checkpoint, each once",
            fix="checkpoints=['step512', 'step1000'], or a folder with one sub-folder or file per checkpoint",
        )
    return names
