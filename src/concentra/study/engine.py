"""Runs one declared node, or all of them through Snakemake.

Snakemake decides what is stale (tables, parameters, code, the content and availability of raw data) and runs each node
by the command line of this module, `python -m concentra.study.engine NODE`, in the output folder: in a fork of one
server where there is one (`concentra.study.server`), else in a process of its own.

A node that is divided into pieces runs once for each (`--piece ID`, `concentra.study.pieces`) and once more to stack
them. A simulated cohort with features is written by the name of the cohort in place of a node.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import platform
import re
import shlex
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module, metadata, util
from pathlib import Path
from typing import Any

import pandas as pd

from concentra import __version__
from concentra.errors import explained
from concentra.files import replacing, sha256, write_text
from concentra.outputs import digest, refuse_links
from concentra.pl._style import TIMELESS
from concentra.study import _ask, pieces, raw
from concentra.study.declare import RESULTS, Drawing, Node, node_named, nodes, table_named, table_path
from concentra.study.record import Record
from concentra.study.results import Results

PACKAGES = ("numpy", "scipy", "pandas", "anndata", "h5py", "matplotlib", "pandera", "snakemake")
CLUSTERING_PACKAGES = ("igraph", "scikit-learn")
DOCUMENT_PACKAGES = ("jinja2", "pypandoc-binary", "typst")
SINGLE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
FIXED = dict.fromkeys(SINGLE_THREAD, "1") | {"MPLBACKEND": "agg", "PYTHONHASHSEED": "0"}
"""The environment of every node, wherever it runs: one thread each, so that bytes do not depend on the cores."""
IMPORT = re.compile(r"^[ \t]*from (concentra[\w.]*) import (\([^)]*\)|[^\n]*)", re.MULTILINE)
COMMENT = re.compile(r"#.*")
HERE = Path()
PIECE = "_piece"
"""What the name of a node's rule ends in for Snakemake where it is that of its pieces."""


@dataclass(frozen=True)
class Plan:
    """What Snakemake is given of one node; paths are relative to the output folder.

    Files outside it are no inputs to Snakemake, which reads meaning into names; `read` is a hash of their content.
    """

    node: Node
    inputs: list[str]
    outputs: list[str]
    code: str
    parameters: str
    availability: str
    read: str
    modules: str
    tasks: str
    pieces: list[str]


def plans(record: Record) -> list[Plan]:
    """One plan a declared node."""
    return [
        Plan(
            node=node,
            inputs=[str(path) for path in inputs(node, record.data, HERE) if not path.is_absolute()],
            outputs=[str(path) for path in (*node.outputs(HERE), *node.provenance(HERE))],
            code=digest(json.dumps(code(node.module)))[:16],
            parameters=json.dumps(node.parameters(), sort_keys=True),
            availability=json.dumps(raw.availability(node, record.data), sort_keys=True),
            read=_read(node, record),
            modules=" ".join(modules(node)),
            tasks=str(table_path(node.pieces, HERE)) if node.pieces else "",
            pieces=[str(path) for path in pieces.outputs(node, "{piece}", HERE)] if node.pieces else [],
        )
        for node in nodes().values()
    ]


def _read(node: Node, record: Record) -> str:
    """A hash of the names and the content of the files outside the output folder that a node reads."""
    outside = [path for path in inputs(node, record.data, HERE) if path.is_absolute() and path.exists()]
    return digest(json.dumps([[path.name, record.sha256(path)] for path in outside]))[:16] if outside else ""


def recorded(data: Path | None) -> Record:
    """The record of a run with this data folder: every raw file hashed once."""
    raw_files = {path for name in raw.RAW for path in raw.RAW[name].files(data, HERE) if path.is_absolute()}
    return Record.of(data, sorted(raw_files))


def divided() -> dict[str, str]:
    """The nodes whose table says the pieces of another, by that table's path below the output folder."""
    wanted = {node.pieces for node in nodes().values() if node.pieces}
    return {
        str(table_path(table.name(), HERE)): node.name
        for node in nodes().values()
        for table in node.tables
        if table.name() in wanted
    }


def piece_files(plan: Plan) -> list[str]:
    """The files of all pieces of a node; the table that says them is written, in the folder that Snakemake works in."""
    named = pieces.split(table_named(plan.node.pieces).read_file(Path(plan.tasks)))
    return [str(path) for name in named for path in pieces.outputs(plan.node, name, HERE)]


@dataclass(frozen=True)
class Simulated:
    """What Snakemake is given of a simulated cohort with features."""

    name: str
    outputs: list[str]
    code: str
    size: str


def simulated() -> list[Simulated]:
    """One a cohort that a file is simulated for."""
    made = digest(json.dumps(code("concentra.simulate")))[:16]
    return [
        Simulated(name, [str(path) for path in raw.simulated_files(name, HERE)], made, str(cohort.simulation))
        for name, cohort in raw.simulations().items()
    ]


def modules(node: Node) -> list[str]:
    """The modules that declare the node and the tables it reads: all that its process needs to import."""
    declaring = {table.name(): one.module for one in nodes().values() for table in one.tables}
    return sorted({node.module} | {declaring[name] for name in node.reads if name in declaring})


def inputs(node: Node, data: Path | None, out: Path) -> list[Path]:
    """The files a node reads: tables below the output folder, raw files, and the sources of a document."""
    found = list(node.sources)
    for name in node.reads:
        if name in raw.RAW:
            found += raw.RAW[name].files(data, out)
        elif name == RESULTS:
            found += [path for one in nodes().values() if one.kind != "document" for path in one.outputs(out)]
        else:
            found.append(table_path(name, out))
    return found


def _load(name: str, data: Path | None, out: Path) -> Any:
    """What a node gets for one of the names that it reads."""
    if name in raw.RAW:
        return raw.RAW[name].load(data, out)
    return Results(out) if name == RESULTS else table_named(name).read(out)


def command() -> str:
    """The shell command that runs a node, to be followed by its name, in the output folder."""
    words = ["env", *(f"{name}={value}" for name, value in FIXED.items())]
    return shlex.join([*words, sys.executable, "-I", "-S", str(Path(_ask.__file__))])


@cache
def code(module: str) -> dict[str, str]:
    """SHA-256 of the source of a module and of every module of the package that it imports, by name."""
    found: dict[str, str] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name not in found and (source := _source(name)):
            found[name], imported = source
            waiting += imported
    return dict(sorted(found.items()))


@cache
def _source(module: str) -> tuple[str, tuple[str, ...]] | None:
    """The hash of a module's source, and what it imports of the package; None where it has none in Python."""
    spec = util.find_spec(module)
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        return None
    source = Path(spec.origin).read_bytes()
    return hashlib.sha256(source).hexdigest()[:16], tuple(_imports(source.decode("utf-8")))


def _imports(source: str) -> Iterator[str]:
    """The modules that statements name; found as text, because parsing the whole package takes a second."""
    for package, names in IMPORT.findall(source):
        yield package
        for name in COMMENT.sub("", names).strip("()").split(","):
            if name.strip() and _is_module(module := f"{package}.{name.split()[0]}"):
                yield module


@cache
def _is_module(name: str) -> bool:
    try:
        return util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def run_node(name: str, *, data: Path | None, out: Path, record: Record | None = None) -> None:
    """Run one node: read, compute (or stack its pieces), check, write, and note what it was made from."""
    node, start, record = node_named(name), time.perf_counter(), record or Record(data)
    refuse_links(out, (*node.outputs(out), *node.provenance(out)))
    parameters = node.parameters()
    if node.pieces:
        result: Any = pieces.gather(node, table_named(node.pieces).read(out), out)
    else:
        result = node.function(*(_load(one, data, out) for one in node.reads), **parameters)
    restored = raw.restorable(node, data)
    _write(node, result, out, restored)
    note = {
        "node": node.name,
        "title": node.title,
        "concentra": __version__,
        "python": platform.python_version(),
        "packages": {package: metadata.version(package) for package in _packages(node)},
        "parameters": parameters,
        "inputs": {path.name: record.sha256(path) for path in inputs(node, data, out) if path.exists()},
        "code": code(node.module),
        "restored": {cohort: raw.archived()[cohort] for cohort in restored},
        "availability": raw.availability(node, data),
        "outputs": {path.name: sha256(path) for path in node.outputs(out)},
        "seconds": round(time.perf_counter() - start, 3),
    }
    for path in node.provenance(out):
        write_text(path, json.dumps(note, indent=1) + "\n")


def run_piece(name: str, piece: str, *, data: Path | None, out: Path) -> str:
    """Run one piece of a node; what it was and how many of how many are done, in words."""
    node = node_named(name)
    tasks = table_named(node.pieces).read(out)
    rows = pieces.rows_of(tasks, piece)
    given = (rows if one == node.pieces else _load(one, data, out) for one in node.reads)
    pieces.write(node, piece, node.function(*given, **node.parameters()), out)
    return f"{pieces.done(node, tasks, out)} of {len(pieces.split(tasks))}  {pieces.words(rows)}"


def _packages(node: Node) -> tuple[str, ...]:
    clusters = bool({"expression", "activity"} & set(node.reads))
    return (
        PACKAGES
        + (DOCUMENT_PACKAGES if node.kind == "document" else ())
        + (CLUSTERING_PACKAGES if clusters else ())
    )


def _write(node: Node, result: Any, out: Path, restored: list[str]) -> None:
    if node.kind == "step":
        frames: Sequence[pd.DataFrame] = result if isinstance(result, tuple) else (result,)
        for table, frame in zip(node.tables, frames, strict=True):
            table.write(raw.restore(table, frame, restored) if restored else frame, out)
    elif node.kind == "figure":
        _write_figure(result, node.outputs(out))
    elif node.kind == "document":
        _write_document(node, result, out)
    else:
        write_text(node.outputs(out)[0], result)


def _write_figure(drawing: Drawing, paths: list[Path]) -> None:
    """PNG at 300 dpi and SVG with reproducible bytes, and the caption with the text alternative."""
    png, svg, words = paths
    drawing.figure.draw_without_rendering()
    drawing.figure.set_layout_engine("none")  # laid out once: both files are the same picture
    _settle(drawing.figure)
    with replacing(png) as temporary:
        drawing.figure.savefig(temporary, dpi=300, metadata=TIMELESS[".png"])
    with replacing(svg) as temporary:
        drawing.figure.savefig(temporary, metadata=TIMELESS[".svg"])
    note = {"caption": drawing.caption, "alternative": drawing.alternative}
    write_text(words, json.dumps(note, indent=1, ensure_ascii=False) + "\n")


def _settle(figure: Any) -> None:
    """Round where its parts lie, because the last bits of a solved layout depend on addresses in memory."""
    for part in figure.subfigs:
        part.bbox_relative.set_points(part.bbox_relative.get_points().round(6))
        _settle(part)
    for axes in figure.axes:
        if axes.get_axes_locator() is None:
            left, bottom, width, height = axes.get_position(original=True).bounds
            axes.set_position((round(left, 6), round(bottom, 6), round(width, 6), round(height, 6)))


def _write_document(node: Node, result: Mapping[str, str | bytes | pd.DataFrame], out: Path) -> None:
    """Each file of a document and each table beside it."""
    for table in node.tables:
        table.write(result[table.name()], out)  # type: ignore[arg-type]
    for name in node.writes[: len(node.writes) - len(node.tables)]:
        content = result[name]
        with replacing(out / name) as temporary:
            temporary.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)  # type: ignore[arg-type]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one node from the command line; Snakemake calls this."""
    parser = argparse.ArgumentParser(prog="python -m concentra.study.engine", description=main.__doc__)
    parser.add_argument("node", help="or the name of a simulated cohort")
    parser.add_argument("--piece", help="the piece of the node to run; default: stack them")
    parser.add_argument("--out", type=Path, default=HERE)
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    parser.add_argument(
        "--modules", nargs="*", default=[], help="that declare the node and what it reads; default all"
    )
    given, start = parser.parse_args(arguments), time.perf_counter()
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # an interrupt ends the node at once and without a word
    try:
        for module in given.modules:
            import_module(module)
        done = _run(given.node, given.piece, record=Record.read(given.out), out=given.out)
    except Exception as problem:
        if given.debug:
            raise
        print(f"{given.node}\n{explained(problem)}", file=sys.stderr)
        return 1
    seconds = time.perf_counter() - start
    print(f"  {given.node:<28} {seconds:6.2f} s  {done}".rstrip(), file=sys.stderr, flush=True)
    return 0


def _run(name: str, piece: str | None, *, record: Record, out: Path) -> str:
    if name in raw.simulations():
        raw.simulate(name, out)
        return "simulated"
    if piece is not None:
        return run_piece(name, piece, data=record.data, out=out)
    run_node(name, data=record.data, out=out, record=record)
    return ""


if __name__ == "__main__":
    sys.exit(main())
