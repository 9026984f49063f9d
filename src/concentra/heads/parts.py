"""The parts of a sweep: a file for each layer of each checkpoint, whole or absent, beside a record of what it is.

``<out>.parts/asked.json`` holds what all parts share: tokens, options, loss, source. Each part ``<layer>.csv`` in the
folder of its checkpoint is true only with its record ``<layer>.json``: the hash of its bytes, and what the model was
known by. A part without a record, or with other bytes, is measured again; a part of another model is refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from concentra.errors import ArgumentError, DataAbsentError
from concentra.files import sha256, write_text
from concentra.heads.table import read_table, write_table
from concentra.printable import joined, natural_key

ALL = "all"
"""The part of a checkpoint whose layers are measured at once."""
ASKED, ORDER, INSTEAD = "asked.json", "checkpoints.json", "instead.json"
KEYS = ("source", "tokens", "options", "loss")
"""What must be the same in all parts of a table."""


@dataclass(frozen=True)
class Parts:
    """The parts beside one table.

    Parameters
    ----------
    out
        The table: `.csv` or `.parquet`, and so are the parts.
    """

    out: Path

    @property
    def folder(self) -> Path:
        """Where they lie."""
        return Path(f"{self.out}.parts")

    def ask(
        self, asked: dict[str, Any], checkpoints: Sequence[str], *, resume: bool, alone: bool = True
    ) -> None:
        """Record the settings, or check that they equal those recorded before, where a part was measured with them.

        A record without parts, as a mistaken command leaves it, gives way to the new one; so do checkpoints of which
        nothing was measured, where this run is `alone` and not one share of several.

        Raises
        ------
        ArgumentError
            Something differs, or cannot be identified.
        """
        path = self.folder / ASKED
        if not resume:
            self.clear()
        measured = self.measured()
        if path.exists() and measured:
            self.check(asked)
            _check_loss(asked, self.folder)
        elif not path.exists() or not _same(_read(path), asked):
            write_text(path, json.dumps(asked, indent=1) + "\n")
            (self.folder / ORDER).unlink(missing_ok=True)
        earlier = self.order()
        kept = [name for name in earlier if name in measured or not alone]
        order = (
            list(checkpoints) if set(kept) <= set(checkpoints) else list(dict.fromkeys([*kept, *checkpoints]))
        )
        if order != earlier:
            write_text(self.folder / ORDER, json.dumps(order) + "\n")

    def check(self, asked: dict[str, Any]) -> None:
        """Refuse settings that are not those recorded, such as those of another run at the same table."""
        before = _read(self.folder / ASKED)
        if _same(before, asked):
            return
        if before.get("source") != asked["source"]:
            raise _of_another_model(self.folder, str(before.get("source", "unknown")), asked["source"])
        raise ArgumentError(
            found=f"{self.folder} was measured with other {joined(_differences(before, asked))}",
            expected="the same model, evaluation tokens, loss and options in all parts of a table",
            fix="the options of before go on with these parts; another --out keeps both; --no-resume removes the "
            "parts and measures all again",
        )

    def measured(self) -> list[str]:
        """The checkpoints of which a part is there."""
        folders = [one for one in self.folder.glob("*") if one.is_dir()]
        names = (str(_read(path).get("checkpoint")) for one in folders for path in one.glob("*.json"))
        return [name for name in in_order(set(names)) if self.records(name)]

    def instead(self, checkpoint: str) -> dict[str, Any]:
        """The options with which a checkpoint is measured because what passes share changed its results."""
        return dict(_read(self.folder / safe(checkpoint) / INSTEAD).get("instead", {}))

    def measure_instead(self, checkpoint: str, options: dict[str, Any]) -> None:
        """Let no part of a checkpoint count that was not measured with these options."""
        record = {"checkpoint": checkpoint, "instead": options}
        write_text(self.folder / safe(checkpoint) / INSTEAD, json.dumps(record, indent=1) + "\n")

    def clear(self) -> None:
        """Remove all parts, and no other file."""
        for record in self.folder.glob("*/*.json"):
            if {"sha256", "instead"} & set(_read(record)):
                record.with_suffix(self.out.suffix).unlink(missing_ok=True)
                record.unlink()
        for path in (self.folder / ASKED, self.folder / ORDER):
            path.unlink(missing_ok=True)

    def order(self) -> list[str]:
        """The checkpoints in the order in which they were first asked for, then others that were measured."""
        path = self.folder / ORDER
        asked = list(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else []
        return list(dict.fromkeys([*asked, *self.measured()]))

    def path(self, checkpoint: str, layer: int | str) -> Path:
        """The file of a part."""
        name = layer if isinstance(layer, str) else f"layer_{layer:04d}"
        return self.folder / safe(checkpoint) / f"{name}{self.out.suffix}"

    def write(self, checkpoint: str, layer: int | str, table: pd.DataFrame, record: dict[str, Any]) -> None:
        """Write a part, then its record."""
        path = self.path(checkpoint, layer)
        write_table(table, path)
        record = {"checkpoint": checkpoint, "sha256": sha256(path), "rows": len(table), **record}
        write_text(path.with_suffix(".json"), json.dumps(record, indent=1) + "\n")

    def records(self, checkpoint: str) -> dict[str, dict[str, Any]]:
        """The records of the whole parts of a checkpoint, by the name of the part."""
        found, instead = {}, self.instead(checkpoint)
        for path in sorted((self.folder / safe(checkpoint)).glob("*.json")):
            part = path.with_suffix(self.out.suffix)
            record = _read(path)
            if record.get("instead", {}) != instead:
                continue
            if part.exists() and record.get("sha256") == sha256(part):
                found[part.stem] = record
        return found

    def complete(self, checkpoint: str) -> bool:
        """Whether all layers of a checkpoint are there."""
        records = self.records(checkpoint)
        if ALL in records:
            return True
        wanted = {f"layer_{layer:04d}" for record in records.values() for layer in record["layers"]}
        return bool(wanted) and wanted <= set(records)

    def table(self, checkpoints: Iterable[str]) -> pd.DataFrame:
        """The rows of complete checkpoints, in their order."""
        rows = []
        for name in checkpoints:
            records = self.records(name)
            rows += [
                read_table(self.path(name, part)) for part in ([ALL] if ALL in records else sorted(records))
            ]
        return pd.concat(rows, ignore_index=True)

    def merge(self) -> pd.DataFrame:
        """Write the table of all checkpoints asked for, and return it.

        Raises
        ------
        DataAbsentError
            There are no parts, or a checkpoint is not complete.
        """
        order = self.order()
        missing = [name for name in order if not self.complete(name)]
        if not order or missing:
            named = f"{len(missing)} of {len(order)} checkpoints are not complete in {self.folder}: "
            raise DataAbsentError(
                found=named + ", ".join(missing[:5]) if order else f"no parts in {self.folder}",
                expected="every layer of every checkpoint",
                fix="run the shards that are missing: concentra heads sweep ... --shards I/N",
            )
        table = self.table(order)
        write_table(table, self.out)
        return table


def _same(before: dict[str, Any], asked: dict[str, Any]) -> bool:
    return all(before.get(key) == asked[key] for key in KEYS)


def _differences(before: dict[str, Any], asked: dict[str, Any]) -> list[str]:
    """What differs between two records, by name, with both values."""
    found = []
    if before.get("tokens") != asked["tokens"]:
        one, other = (str(record.get("sequences", "")) for record in (before, asked))
        found.append("tokens" + (f" ({one} there, {other} now)" if one and one != other else ""))
    if before.get("loss") != asked["loss"]:
        found.append(f"loss ({before.get('loss')} there, {asked['loss']} now)")
    one, other = before.get("options", {}), asked["options"]
    named = sorted(name for name in {**one, **other} if one.get(name) != other.get(name))
    if named:
        both = (f"{name}={one.get(name)} there, {name}={other.get(name)} now" for name in named)
        found.append(f"options ({'; '.join(both)})")
    return found


def _check_loss(asked: dict[str, Any], folder: Path) -> None:
    if asked.get("loss") is None:
        raise ArgumentError(
            found=f"a loss that cannot be identified (a lambda, a closure, an object), and parts in {folder}",
            expected="a function of a module, by whose code it is seen that the parts were measured with it",
            fix="write the loss as a function of a module; or resume=False, which measures all again",
        )


def _of_another_model(folder: Path, before: str, asked: str) -> ArgumentError:
    """That the parts are of one model and another was asked for; the class is named where it alone differs."""
    one, other = (source.removesuffix(" as saved") for source in (before, asked))
    return ArgumentError(
        found=f"the parts in {folder} are of the model {one}, and the model asked for is {other}",
        expected="parts of one model in one table",
        fix="correct the model to go on with these parts; another --out keeps both; --no-resume removes the parts and "
        "measures all again",
    )


def merge_sweep(out: str | Path) -> pd.DataFrame:
    """The table of a sweep whose shards have run on their own, put together from their parts and written.

    Parameters
    ----------
    out
        The table that the shards were given: the parts lie in `<out>.parts`.

    Raises
    ------
    DataAbsentError
        A layer of a checkpoint is missing.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from concentra.heads import sweep_checkpoints, token_batches
    >>> from concentra.heads.demo import small_model
    >>> out = Path(tempfile.mkdtemp()) / "heads.csv"
    >>> batches = token_batches(np.arange(64), n_sequences=2, length=32)  # doctest: +SKIP
    >>> for share in ((1, 2), (2, 2)):  # doctest: +SKIP
    ...     load = lambda checkpoint: small_model(int(checkpoint))
    ...     rows = sweep_checkpoints(load, [0, 1], batches, out, shard=share, progress=False)
    >>> len(merge_sweep(out))  # two checkpoints of 16 heads  # doctest: +SKIP
    32
    """
    return Parts(Path(out)).merge()


def safe(name: str) -> str:
    """A file name for a checkpoint: readable, and never the same for two.

    >>> safe("a/b"), safe("A")
    ('a_2f_b', '_41_')
    """
    return re.sub(r"[^a-z0-9.-]|^\.", lambda found: f"_{ord(found[0]):x}_", name) or "_"


def in_order(names: Iterable[str]) -> list[str]:
    """Names by the numbers in them."""
    return sorted(names, key=natural_key)


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
