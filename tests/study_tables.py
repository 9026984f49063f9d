"""The tables of the study as a fresh clone computes them: archived and simulated cells, no data folder.

Each step runs at most once in a test session, with fewer draws than the study takes.
"""

from __future__ import annotations

import atexit
import shutil
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp

import pandas as pd

from concentra.study import raw
from concentra.study.declare import Node, nodes

FEWER = {"n_draws": 400, "n_random": 999}


@cache
def table(name: str) -> pd.DataFrame:
    """A table of the study by name."""
    return _written_by(writer(name).name)[name]


def writer(name: str) -> Node:
    """The step that writes a table."""
    return next(node for node in nodes().values() if name in {table.name() for table in node.tables})


def loaded(name: str) -> object:
    """What a node gets for one of the names that it reads."""
    return raw.RAW[name].load(None, simulated()) if name in raw.RAW else table(name)


@cache
def simulated() -> Path:
    """A folder with the files of the simulated cohorts, for as long as the tests run."""
    folder = Path(mkdtemp())
    atexit.register(shutil.rmtree, folder)
    for name, cohort in raw.simulations().items():
        cohort.simulate(raw.simulated_path(name, folder))
    return folder


@cache
def _written_by(name: str) -> dict[str, pd.DataFrame]:
    node = nodes()[name]
    given = {
        key: min(value, FEWER[key]) if key in FEWER else value for key, value in node.parameters().items()
    }
    result = node.function(*(loaded(one) for one in node.reads), **given)
    frames = (result if isinstance(result, tuple) else (result,))[: len(node.tables)]
    names = raw.restorable(node, None)
    found = {}
    with TemporaryDirectory() as folder:
        for kind, frame in zip(node.tables, frames, strict=True):
            kind.write(raw.restore(kind, frame, names) if names else frame, Path(folder))
            found[kind.name()] = kind.read(Path(folder))
    return found
