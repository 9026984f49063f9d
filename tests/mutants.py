"""Mutation testing: a seeded sample of small faults in `concentra.metrics` and `concentra.stats`; which are noticed?

``python tests/mutants.py [--sample N] [--seed S] [--modules NAME...]`` changes one operator, comparison, constant or
condition at a time. A first run of the packages' tests tells which lines each test reaches; a mutant is then read by a
fork of this process in place of its module, under the tests that reach its line, the quickest first, until one fails.
Laws are tried on few examples first, and on as many as elsewhere where that noticed nothing.

A mutant that survives is printed with its line. One that makes no difference to any result that is promised stands in
``tests/mutants_equivalent.csv`` with the reason. Status 1 where fewer than 95% of the others are noticed.
"""

from __future__ import annotations

import argparse
import ast
import csv
import importlib.machinery
import importlib.util
import os
import pickle
import random
import resource
import signal
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType
from typing import Any

import coverage
import hypothesis  # noqa: F401  what every fork needs is imported once
import numpy  # noqa: F401
import pandas  # noqa: F401
import pytest
import scipy.stats  # noqa: F401

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("metrics", "stats")
PLACES = [place for one in PACKAGES for place in (f"tests/{one}", f"src/concentra/{one}")]
EQUIVALENT = Path(__file__).with_name("mutants_equivalent.csv")
FLOOR = 0.95
FIRST = 30  # tests tried before the others
SLOWEST = 90  # processor seconds that the tests of one mutant may take
OPTIONS = [
    "-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:pytest_cov", "-m", "not slow and not data",
    "-W", "ignore::pytest.PytestAssertRewriteWarning",
]  # fmt: skip
OPERATORS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.Pow: ast.Mult,
    ast.FloorDiv: ast.Mult, ast.MatMult: ast.Mult, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.And: ast.Or, ast.Or: ast.And, ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd, ast.USub: ast.UAdd,
}  # fmt: skip


Lines = dict[tuple[str, int], set[str]]


@dataclass(frozen=True)
class Mutant:
    """A fault: the module's file, the lines of the statement, its first line, and the node and which of its changes."""

    path: Path
    first: int
    last: int
    line: str
    node: int
    number: int

    @property
    def name(self) -> str:
        return ".".join(self.path.relative_to(ROOT / "src").with_suffix("").parts)

    def made(self) -> tuple[str, ast.Module]:
        """The change in words, and the module with it."""
        tree = ast.parse(self.path.read_text())
        node = list(ast.walk(tree))[self.node]
        before = ast.unparse(node)
        list(changes(node))[self.number](node)
        return f"{before} -> {ast.unparse(node)}", ast.fix_missing_locations(tree)


# Faults.


def mutants(path: Path) -> Iterator[Mutant]:
    """Every fault of a module."""
    source = path.read_text()
    lines = source.splitlines()
    nodes = list(ast.walk(ast.parse(source)))
    bodies = [one for one in nodes if isinstance(one, ast.FunctionDef)]
    docstrings = {id(one.body[0].value) for one in bodies if isinstance(one.body[0], ast.Expr)}
    statements = {id(node): where for body in bodies for one in body.body for node, where in _within(one)}
    for place, node in enumerate(nodes):
        if id(node) in statements and id(node) not in docstrings:
            first, last = statements[id(node)]
            for number, _ in enumerate(changes(node)):
                yield Mutant(path, first, last, lines[first - 1].strip(), place, number)


def _within(statement: ast.stmt) -> Iterator[tuple[ast.AST, tuple[int, int]]]:
    """Each node of a statement, with the lines of the innermost statement around it (its head, if it is a block)."""
    inner = [one for one in ast.iter_child_nodes(statement) if isinstance(one, (ast.stmt, ast.excepthandler))]
    last = statement.end_lineno or statement.lineno
    if isinstance(statement, (ast.If, ast.For, ast.While, ast.With, ast.Try)) and inner:
        last = max(statement.lineno, inner[0].lineno - 1)
    pending: list[ast.AST] = [statement]
    while pending:
        node = pending.pop()
        yield node, (statement.lineno, last)
        pending += [one for one in ast.iter_child_nodes(node) if not isinstance(one, ast.stmt)]
    for node in ast.walk(statement):
        if node is not statement and isinstance(node, ast.stmt):
            yield from _within(node)


def changes(node: ast.AST) -> Iterator[Callable[[Any], None]]:
    """The faults that a node can have."""
    if isinstance(node, (ast.BinOp, ast.BoolOp, ast.UnaryOp, ast.AugAssign)) and type(node.op) in OPERATORS:
        yield lambda one: setattr(one, "op", OPERATORS[type(one.op)]())
    if isinstance(node, ast.Compare) and type(node.ops[0]) in OPERATORS:
        yield lambda one: one.ops.__setitem__(0, OPERATORS[type(one.ops[0])]())
    if isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield lambda one: setattr(one, "value", not one.value)
    elif isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
        yield lambda one: setattr(one, "value", one.value + 1)
    if isinstance(node, ast.IfExp):
        yield lambda one: setattr(one, "test", ast.UnaryOp(ast.Not(), one.test))
    if isinstance(node, ast.If):
        yield lambda one: setattr(one, "test", ast.Constant(False))


# Tests.


class Reached:
    """A plugin of pytest: how long each test takes, with its fixtures, and which lines it reaches."""

    def __init__(self, measure: coverage.Coverage) -> None:
        self.measure = measure
        self.seconds: dict[str, float] = defaultdict(float)

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self.measure.switch_context(nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.seconds[report.nodeid] += report.duration


def forked(work: Callable[[], int], seconds: int = SLOWEST) -> int:
    """The status with which a fork of this process does some work; 1 where it takes more time of the processor."""
    process = os.fork()
    if process:
        _, status = os.waitpid(process, 0)
        status = os.waitstatus_to_exitcode(status)
        return 1 if status == -signal.SIGXCPU else status
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    status = 3
    try:
        status = work()
    finally:
        os._exit(status)  # whatever happened, a fork never goes on with what this process does


def reached(answer: Path) -> int:
    """Write which tests reach each line of a file ("" where importing reaches it), and the seconds each test takes."""
    measure = coverage.Coverage(data_file=None, config_file=False, source=["concentra"])
    plugin = Reached(measure)
    measure.start()
    status = pytest.main([*OPTIONS, "--hypothesis-profile", "few", *PLACES], plugins=[plugin])
    measure.stop()
    found = measure.get_data()
    lines = {
        (file, line): set(tests)
        for file in found.measured_files()
        for line, tests in found.contexts_by_lineno(file).items()
    }
    answer.write_bytes(pickle.dumps((lines, dict(plugin.seconds))))
    return int(status)


class Instead(importlib.machinery.SourceFileLoader):
    """A plugin of pytest and a finder of one module: other code runs in its place."""

    def __init__(self, mutant: Mutant) -> None:
        super().__init__(mutant.name, str(mutant.path))
        self.tree = mutant.made()[1]

    def pytest_sessionstart(self) -> None:
        sys.meta_path.insert(0, self)  # type: ignore[arg-type]  # before pytest's own, which reads doctests' modules

    def find_spec(self, name: str, *_: object) -> importlib.machinery.ModuleSpec | None:
        return (
            importlib.util.spec_from_file_location(name, self.path, loader=self)
            if name == self.name
            else None
        )

    def get_code(self, _: str) -> CodeType:
        return compile(self.tree, self.path, "exec", dont_inherit=True)


def noticed(mutant: Mutant, tests: list[str], profile: str) -> bool:
    """Whether a test fails, or never ends, with the fault in place."""

    def work() -> int:
        return int(
            pytest.main([*OPTIONS, "--hypothesis-profile", profile, *tests], plugins=[Instead(mutant)])
        )

    status = forked(work)
    if status in (4, 5):  # no such tests
        raise RuntimeError(f"pytest ended with status {status}: {mutant}")
    return status != 0


def covering(mutant: Mutant, lines: Lines, seconds: dict[str, float]) -> list[str]:
    """The tests that reach a mutant, the quickest first; all of them where importing does."""
    places = range(mutant.first, mutant.last + 1)
    found = set().union(*(lines.get((str(mutant.path), line), set()) for line in places))
    return sorted(seconds if "" in found else found, key=lambda test: seconds.get(test, 0.0))


def survives(mutant: Mutant, lines: Lines, seconds: dict[str, float]) -> bool:
    """Whether no test notices a mutant: first the quickest, then all, then all on many examples."""
    tests = covering(mutant, lines, seconds)
    stages = [(tests[:FIRST], "few"), (tests[FIRST:], "few"), (tests, "unhurried")]
    return not any(noticed(mutant, some, profile) for some, profile in stages if some)


def main() -> int:
    """Try a sample, print what survives."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sample", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--modules", nargs="*", default=None, help="file names without .py; all")
    options = parser.parse_args()
    os.chdir(ROOT)
    files = [path for one in PACKAGES for path in sorted((ROOT / f"src/concentra/{one}").glob("*.py"))]
    wanted = [path for path in files if options.modules is None or path.stem in options.modules]
    every = [mutant for path in wanted for mutant in mutants(path)]
    chosen = random.Random(options.seed).sample(every, min(options.sample, len(every)))
    with EQUIVALENT.open(newline="") as file:
        equivalent = {(row["module"], row["line"], row["change"]) for row in csv.DictReader(file)}
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "reached"
        if forked(lambda: reached(answer), 1_000):  # apart: this process never imports what is changed
            raise SystemExit("the tests fail, or take too long, without any fault")
        lines, seconds = pickle.loads(answer.read_bytes())
    survivors, same = 0, 0
    for place, mutant in enumerate(sorted(chosen, key=lambda one: (one.path, one.first)), start=1):
        if survives(mutant, lines, seconds):
            change, _ = mutant.made()
            known = (mutant.name, mutant.line, change) in equivalent
            survivors, same = survivors + 1, same + known
            print(f"{'equivalent' if known else 'survives'}: {mutant.name}:{mutant.first}: {mutant.line}")
            print(f"    {change}", flush=True)
        if place % 10 == 0:
            print(f"{place} of {len(chosen)}", file=sys.stderr, flush=True)
    share = 1 - (survivors - same) / max(1, len(chosen) - same)
    print(
        f"{len(chosen)} of {len(every)} mutants tried: {survivors} survive, {same} of them are known to change "
        f"nothing; {share:.1%} of the others are noticed"
    )
    return int(share < FLOOR)


if __name__ == "__main__":
    sys.exit(main())
