"""Mutation testing: a seeded sample of small faults in `concentra.stats`, and which of them its tests notice.

``python tests/mutants.py [--sample N] [--seed S] [--modules NAME...]`` changes one operator, comparison, constant or
condition at a time in a copy of the package, and runs the tests of that module, ``tests/stats/test_NAME.py``. A mutant
that survives is printed with its line: an untested behaviour, or a change that makes no difference.
"""

from __future__ import annotations

import argparse
import ast
import copy
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PLACE = Path("concentra/stats")
SLOWEST = 300
OPERATORS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.Pow: ast.Mult,
    ast.FloorDiv: ast.Mult, ast.MatMult: ast.Mult, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.And: ast.Or, ast.Or: ast.And, ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd, ast.USub: ast.UAdd,
}  # fmt: skip


def modules() -> dict[str, Path]:
    """Modules with tests of their own, by name."""
    found = {}
    for path in sorted((ROOT / "src" / PLACE).glob("*.py")):
        test = ROOT / f"tests/stats/test_{path.stem}.py"
        if test.exists():
            found[path.stem] = test
    return found


def mutants(source: str) -> Iterator[tuple[int, str, str]]:
    """The line, what is changed, and the changed source, one fault at a time."""
    tree = ast.parse(source)
    bodies = [one for one in ast.walk(tree) if isinstance(one, ast.FunctionDef)]
    docstrings = {id(one.body[0].value) for one in bodies if isinstance(one.body[0], ast.Expr)}
    inside = {id(node) for body in bodies for one in body.body for node in ast.walk(one)}
    nodes = list(ast.walk(tree))
    for place, node in enumerate(nodes):
        if id(node) not in inside or id(node) in docstrings:
            continue
        for change in changes(node):
            changed = copy.deepcopy(tree)
            other = list(ast.walk(changed))[place]
            before = ast.unparse(other)
            change(other)
            yield node.lineno, f"{before}  ->  {ast.unparse(other)}", ast.unparse(changed)


def changes(node: ast.AST) -> Iterator[object]:
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


def survives(source: str, module: str, test: Path) -> bool:
    """Whether the tests of the module pass with this source in its place."""
    with tempfile.TemporaryDirectory() as folder:
        package = Path(folder) / "src"
        shutil.copytree(ROOT / "src", package, ignore=shutil.ignore_patterns("__pycache__"))
        (package / PLACE / f"{module}.py").write_text(source)
        options = ["-q", "-x", "-n", "0", "-p", "no:cacheprovider", "-m", "not slow and not data"]
        environment = os.environ | {"PYTHONPATH": str(package), "PYTHONDONTWRITEBYTECODE": "1"}
        command = [sys.executable, "-m", "pytest", *options, "--rootdir", str(ROOT), str(test)]
        try:
            done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, timeout=SLOWEST)
        except subprocess.TimeoutExpired:
            return False  # it never ends: noticed
        return done.returncode == 0


def main() -> None:
    """Try a sample, print what survives."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sample", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--modules", nargs="*", default=None)
    options = parser.parse_args()
    known = modules()
    every = [
        (name, *mutant)
        for name in options.modules or known
        for mutant in mutants((ROOT / "src" / PLACE / f"{name}.py").read_text())
    ]
    chosen = random.Random(options.seed).sample(every, min(options.sample, len(every)))
    survivors = 0
    for place, (name, line, what, source) in enumerate(sorted(chosen), start=1):
        if survives(source, name, known[name]):
            survivors += 1
            print(f"survives: {name}.py:{line}: {what}", flush=True)
        if place % 20 == 0:
            print(f"{place} of {len(chosen)}", file=sys.stderr, flush=True)
    print(f"{len(chosen)} of {len(every)} mutants tried, {survivors} survive")


if __name__ == "__main__":
    main()
