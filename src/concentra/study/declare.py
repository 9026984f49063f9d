"""What a table, a step, a figure, a summary and a document are, and the registry of all that are declared.

A *node* is a pure function. Its positional arguments name what it reads (tables, or raw inputs of
`concentra.study.raw`), its keyword-only arguments name the parameters it takes from its section of `parameters.toml`
(`**settings`: those of `concentra.design.Settings` that the section `[settings]` names), and its decorator names what
it writes. Snakemake is driven by these declarations alone. A document reads the results as a whole
(`concentra.study.results`): every table, figure and summary declared.

A step may be divided into *pieces*: rows with the same `piece` of a table that it reads. What it returns for the whole
table is the stack of what it returns for each piece alone; the engine runs them apart, on any machines, and stacks
them.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import tomllib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar, get_type_hints

import pydantic

from concentra.design.settings import Settings
from concentra.errors import ArgumentError
from concentra.tables import AlteredError, Table, column, table_path, write_csv

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = [
    "AlteredError", "Drawing", "Node", "OfCohorts", "OfLevels", "Table", "column", "document", "figure", "node_named",
    "nodes", "step", "summary", "table_named", "table_path", "tables", "write_csv",
]  # fmt: skip


class OfCohorts(Table):
    """A table of several cohorts: another of the library's tables with `cohort` before its columns and in its key."""

    cohort: str = column("cohort")
    leading: ClassVar[tuple[str, ...]] = ("cohort",)


class OfLevels(OfCohorts):
    """The same, at several levels of the cell types."""

    level: str = column("level of the cell types")
    leading: ClassVar[tuple[str, ...]] = ("cohort", "level")


F = TypeVar("F", bound=Callable[..., Any])
Kind = Literal["step", "figure", "summary", "document"]
FOLDERS: dict[Kind, str] = {"step": "tables", "figure": "figures", "summary": "summaries", "document": ""}
PACKAGES: dict[Kind, str] = {
    "step": "steps",
    "figure": "figures",
    "summary": "summaries",
    "document": "documents",
}
RESULTS = "results"  # what a document reads: everything that steps, figures and summaries write


@dataclass(frozen=True)
class Node:
    """One declared piece of the study."""

    kind: Kind
    name: str
    title: str
    function: Callable[..., Any]
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    tables: tuple[type[Table], ...] = ()
    defaults: dict[str, Any] = field(default_factory=dict)
    label: str = ""
    sources: tuple[Path, ...] = ()
    pieces: str = ""
    kept: tuple[type[Table], ...] = ()

    @property
    def module(self) -> str:
        """The module that declares the node."""
        return self.function.__module__

    def outputs(self, out: Path) -> list[Path]:
        """The files the node writes below the output folder."""
        return [out / FOLDERS[self.kind] / name for name in self.writes]

    def provenance(self, out: Path) -> list[Path]:
        """One provenance file beside each table, and one for a figure, summary or document."""
        beside = [table.path(out).with_suffix(".provenance.json") for table in self.tables]
        if self.kind == "step":
            return beside
        return [self.outputs(out)[0].with_name(f"{self.name}.provenance.json"), *beside]

    def parameters(self) -> dict[str, Any]:
        """The keyword-only arguments, from the node's section of `parameters.toml`, in their declared types.

        A node with `**settings` gets those of the section `[settings]`, too, unless its own section names another.
        """
        signature = inspect.signature(self.function).parameters.values()
        hints = get_type_hints(self.function)
        wanted = {one.name: hints[one.name] for one in signature if one.kind is one.KEYWORD_ONLY}
        given = all_parameters().get(self.name, {})
        if any(one.kind is one.VAR_KEYWORD for one in signature):
            given = all_parameters()["settings"] | given
            wanted |= {name: hint for name, hint in get_type_hints(Settings).items() if name in given}
        if set(given) != set(wanted):
            raise ArgumentError(
                found=f"parameters.toml, section [{self.name}]: {', '.join(sorted(given)) or 'nothing'}",
                expected=f"the keyword-only arguments of {self.module}: {', '.join(wanted) or 'none'}",
                fix="name the same parameters in both places",
            )
        return {
            name: pydantic.TypeAdapter(hint).validate_python(given[name]) for name, hint in wanted.items()
        }


@cache
def all_parameters() -> dict[str, dict[str, Any]]:
    """The content of `parameters.toml`, one section a node."""
    text = resources.files("concentra.study").joinpath("parameters.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


_REGISTRY: dict[str, Node] = {}


def _declare(
    kind: Kind, function: Callable[..., Any], name: str, writes: tuple[str, ...], **more: Any
) -> None:
    if name in _REGISTRY and _REGISTRY[name].module != function.__module__:
        raise ArgumentError(
            found=f"two nodes are called {name!r}: {_REGISTRY[name].module} and {function.__module__}",
            expected="one name a node",
            fix="rename one of them",
        )
    signature = inspect.signature(function)
    reads = tuple(
        name
        for name, parameter in signature.parameters.items()
        if parameter.kind is parameter.POSITIONAL_OR_KEYWORD
    )
    title = (inspect.getdoc(function) or "").split("\n", 1)[0]
    _REGISTRY[name] = Node(kind, name, title, function, reads, writes, **more)


def step(*tables: type[Table], pieces: str = "", kept: tuple[type[Table], ...] = ()) -> Callable[[F], F]:
    """Declare a step that writes these tables; it returns one frame a table, in this order, then those of `kept`.

    Parameters
    ----------
    tables
        Tables it writes.
    pieces
        The table, one of those it reads, whose column `piece` says which rows may be run apart.
    kept
        Tables as long as the cells: written as Parquet piece by piece, and not stacked.
    """

    def declared(function: F) -> F:
        writes = tuple(f"{table.name()}.csv" for table in tables)
        _declare("step", function, function.__name__, writes, tables=tables, pieces=pieces, kept=kept)
        return function

    return declared


@dataclass(frozen=True)
class Drawing:
    """A figure as a figure function returns it: the picture, its caption with n, and its text alternative."""

    figure: Figure
    caption: str
    alternative: str


def figure(label: str) -> Callable[[F], F]:
    """Declare a figure, `label` as the study numbers it ("1", "S4"); it returns a `Drawing`."""

    def declared(function: F) -> F:
        name = f"figure_{label}_{function.__name__}"
        _declare("figure", function, name, (f"{name}.png", f"{name}.svg", f"{name}.json"), label=label)
        return function

    return declared


def summary(function: F) -> F:
    """Declare a summary: it returns Markdown text."""
    _declare("summary", function, function.__name__, (f"{function.__name__}.md",))
    return function


def document(
    *files: str, tables: tuple[type[Table], ...] = (), sources: Iterable[Path] = ()
) -> Callable[[F], F]:
    """Declare a document: it reads the `results` and returns each of its files by name.

    Parameters
    ----------
    files
        Files it writes, relative to the output folder; it returns text or bytes for each.
    tables
        Tables it writes beside them; it returns a frame for each, by the table's name.
    sources
        Files beside the code that it is made from (its text, templates): a change of one makes it stale.
    """

    def declared(function: F) -> F:
        writes = (*files, *(str(table.path(Path())) for table in tables))
        _declare("document", function, function.__name__, writes, tables=tables, sources=tuple(sources))
        return function

    return declared


@cache
def nodes() -> dict[str, Node]:
    """Every declared node by name: steps in the order of their numbers, figures, summaries, documents."""
    for kind in FOLDERS:
        package = importlib.import_module(f"concentra.study.{PACKAGES[kind]}")
        for module in sorted(pkgutil.iter_modules(package.__path__), key=lambda found: found.name):
            importlib.import_module(f"{package.__name__}.{module.name}")
    order = list(FOLDERS)
    return dict(sorted(_REGISTRY.items(), key=lambda item: (order.index(item[1].kind), item[1].module)))


def node_named(name: str) -> Node:
    """One node; other modules are imported only where it is not declared yet."""
    return _REGISTRY.get(name) or nodes()[name]


def table_named(name: str) -> type[Table]:
    """One table; other modules are imported only where it is not declared yet."""
    for node in _REGISTRY.values():
        for table in node.tables:
            if table.name() == name:
                return table
    return tables()[name]


@cache
def tables() -> dict[str, type[Table]]:
    """Every declared table by name."""
    return {table.name(): table for node in nodes().values() for table in node.tables}
