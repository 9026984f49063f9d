"""Tables that say what they hold: every column's meaning, unit, range and key, declared beside the question.

A subclass of `Table` names columns in order; `Config.unique` is its key, to which a subclass adds. pandera is imported
when a frame is checked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import import_module
from inspect import isclass
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType
from typing import Any, ClassVar, get_type_hints

import pandas as pd

from concentra.errors import TableError
from concentra.files import read_json, replacing
from concentra.outputs import is_as_written, rearmed, recorded, table_text

FOLDER = "tables"


class AlteredError(TableError):
    """A table is not what its step wrote."""


@dataclass(frozen=True)
class Column:
    """What a column means.

    Attributes
    ----------
    description
        Its meaning in a few words.
    unit
        Of measure; empty for a label or a pure number.
    low, high
        Its range, both included; None: without a bound.
    nullable
        Whether values may be missing.
    among
        The values it may have; None: any.
    dtype
        "str", "int", "float" or "bool".
    """

    description: str
    unit: str = ""
    low: float | None = None
    high: float | None = None
    nullable: bool = False
    among: tuple[object, ...] | None = None
    dtype: str = "str"


def column(
    meaning: str,
    *,
    unit: str = "",
    low: float | None = None,
    high: float | None = None,
    nullable: bool = False,
    among: Iterable[object] | None = None,
) -> Any:
    """A column of a table: its meaning, unit and range; checked on write and on read.

    >>> column("donors", unit="donors", low=0).unit
    'donors'
    """
    return Column(meaning, unit, low, high, nullable, None if among is None else tuple(among))


class Table:
    """A table. Subclasses name its columns; `Config.unique` is its key.

    Examples
    --------
    >>> class Sizes(Table):
    ...     stratum: str = column("tissue")
    ...     n_cells: int = column("cells", low=1)
    ...     class Config(Table.Config):
    ...         unique = ["stratum"]
    >>> Sizes.name(), Sizes.check(pd.DataFrame({"n_cells": [3], "stratum": ["lung"]}), "a frame").columns.tolist()
    ('sizes', ['stratum', 'n_cells'])
    """

    class Config:
        """`unique`: the columns that together have no value twice; `first`: those that stand before all others.

        A subclass adds to both what its parents name.
        """

        unique: ClassVar[list[str]] = []
        first: ClassVar[list[str]] = []

    leading: ClassVar[tuple[str, ...]] = ()
    """Columns that are of the key and stand before all others."""
    file: ClassVar[str] = ""
    """The file name without suffix, where it is not the class name; a subclass does not take it over."""
    by_analyze: ClassVar[bool] = True
    """Whether `concentra.analyze` makes it; if not, a function of its module returns it."""

    @classmethod
    def name(cls) -> str:
        """The file name without suffix: the class name in snake case, or `file`."""
        return vars(cls).get("file") or re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()

    @classmethod
    def path(cls, out: Path) -> Path:
        """Where the table lies below the output folder."""
        return table_path(cls.name(), out)

    @classmethod
    def columns(cls) -> dict[str, Column]:
        """The columns by name, in order: those of a parent first."""
        return dict(_columns(cls))  # type: ignore[arg-type]

    @classmethod
    def key(cls) -> list[str]:
        """The columns that together have no value twice."""
        return cls._gathered("unique")

    @classmethod
    def _gathered(cls, name: str) -> list[str]:
        """The leading columns, then what a table and its parents name in their `Config`, the table's own first."""
        found = list(cls.leading)
        for one in cls.__mro__:
            found += getattr(vars(one).get("Config"), name, [])
        return list(dict.fromkeys(found))

    @classmethod
    def empty(cls) -> pd.DataFrame:
        """A frame with these columns and no row."""
        return pd.DataFrame(columns=list(cls.columns()))

    @classmethod
    def check(cls, frame: pd.DataFrame, place: str) -> pd.DataFrame:
        """The frame with its columns in the declared order and types, or a `TableError`."""
        if frame.empty:
            frame = frame.reindex(columns=list(cls.columns()))
        missing = [name for name in cls.columns() if name not in frame]
        if missing:
            raise TableError(
                found=f"{place} has no column {', '.join(missing)}",
                expected=f"the columns of {cls.name()}: {', '.join(cls.columns())}",
                fix="run the step that writes it again",
            )
        import pandera.pandas as pa

        try:
            return _schema(cls).validate(  # type: ignore[arg-type]
                frame.loc[:, list(cls.columns())].reset_index(drop=True), lazy=True
            )
        except pa.errors.SchemaErrors as problem:
            cases = problem.failure_cases.head(5).to_dict("records")
            wrong = [f"{case['column']} {case['check']}: {case['failure_case']}" for case in cases]
            raise TableError(
                found=f"{place}: {_repeated(frame, cls.key()) or '; '.join(wrong)}",
                expected=f"the declaration of {cls.__name__} in {cls.__module__}",
                fix="correct what makes the table, or the declaration where that is wrong",
            ) from None

    @classmethod
    def write(cls, frame: pd.DataFrame, out: Path) -> Path:
        """Check the frame and write it, whole or not at all."""
        path = cls.path(out)
        checked = cls.check(frame, path.name)
        with replacing(path) as temporary:
            write_csv(checked, temporary)
        return path

    @classmethod
    def read(cls, out: Path) -> pd.DataFrame:
        """Read the table and check it; one that is not what was written is refused."""
        path = cls.path(out)
        _refuse_altered(path)
        return cls.read_file(path)

    @classmethod
    def read_file(cls, path: Path) -> pd.DataFrame:
        """Read a file in the form of this table and check it. Empty cells are missing values; `NA` is a label."""
        state = path.stat()
        stamp = (state.st_ino, state.st_size, state.st_mtime_ns)
        return _read_file(cls, path, stamp).copy()  # type: ignore[arg-type]


def _repeated(frame: pd.DataFrame, key: list[str]) -> str:
    """The first rows that have the same key, in words; empty where none have."""
    twice = frame[frame.duplicated(key, keep=False)] if key else frame[:0]
    if twice.empty:
        return ""
    first = twice.iloc[0]
    return f"{len(twice)} rows share a key ({', '.join(key)}), such as {', '.join(str(first[one]) for one in key)}"


@cache
def _columns(table: Any) -> dict[str, Column]:
    found: dict[str, Column] = {}
    hints = get_type_hints(table)
    for parent in reversed(table.__mro__):
        for name, declared in vars(parent).items():
            if isinstance(declared, Column):
                kind = hints[name]
                dtype = "object" if kind is object else kind.__name__
                found[name] = Column(**{**vars(declared), "dtype": dtype})
    return {name: found[name] for name in dict.fromkeys([*table._gathered("first"), *found])}


@cache
def _schema(table: Any) -> Any:
    import pandera.pandas as pa

    columns = {}
    for name, declared in table.columns().items():
        checks = []
        if declared.low is not None:
            checks.append(pa.Check.ge(declared.low))
        if declared.high is not None:
            checks.append(pa.Check.le(declared.high))
        if declared.among is not None:
            checks.append(pa.Check.isin(list(declared.among)))
        kind = {"str": str, "int": int, "float": float, "bool": bool, "object": object}[declared.dtype]
        columns[name] = pa.Column(kind, checks, nullable=declared.nullable)
    return pa.DataFrameSchema(columns, strict=True, ordered=True, coerce=True, unique=table.key() or None)


@lru_cache(maxsize=128)
def _read_file(table: Any, path: Path, stamp: tuple[int, int, int]) -> pd.DataFrame:
    """Read and check once for every state of the file: documents and claims look at the same tables many times."""
    text = {name: "str" for name, declared in table.columns().items() if declared.dtype == "str"}
    frame = pd.read_csv(
        path,
        dtype=text,
        keep_default_na=False,
        na_values=[""],
        encoding="utf-8",
        float_precision="round_trip",
    )
    return table.check(rearmed(frame), path.name)


def _refuse_altered(path: Path) -> None:
    """Refuse a table of which it is noted what was written, and which is something else."""
    written = recorded(read_json(path.with_suffix(".provenance.json")).get("outputs")).get(path.name)
    if written is None:  # what the last whole run noted
        notes = read_json(path.with_name("provenance.json")).values()
        found = (recorded(note.get("outputs")).get(path.name) for note in notes if isinstance(note, dict))
        written = next(filter(None, found), None)
    if written is not None and path.exists() and not is_as_written(path, written):
        raise AlteredError(
            found=f"{path} is not what was written",
            expected=f"the file as its step wrote it, with the SHA-256 {written}",
            fix="run `concentra reproduce` again: it computes the table anew",
        )


def declared_in(package: ModuleType) -> Iterator[type[Table]]:
    """Every table that a module of the package declares, by module, in the order of the declarations.

    >>> from concentra import analysis
    >>> [table.name() for table in declared_in(analysis)][:2]
    ['across', 'concentration']
    """
    for found in iter_modules(package.__path__, f"{package.__name__}."):
        for value in vars(import_module(found.name)).values():
            if isclass(value) and issubclass(value, Table) and value.__module__ == found.name:
                yield value


def write_csv(frame: pd.DataFrame, path: Path) -> None:
    """Write a frame so that every number and label is read back as it was, and harmless in a spreadsheet."""
    path.write_bytes(table_text(frame).encode("utf-8"))


def table_path(name: str, out: Path) -> Path:
    """Where a table lies below the output folder.

    >>> table_path("parts", Path("results")).as_posix()
    'results/tables/parts.csv'
    """
    return out / FOLDER / f"{name}.csv"
