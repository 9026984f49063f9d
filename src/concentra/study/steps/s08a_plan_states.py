"""Before step 08: what is to be clustered, one row a (cohort, tissue, type), and what was planted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd

from concentra.composition.clusters import types_compared
from concentra.simulate import truth_path
from concentra.stats.verdict import DIRECTIONS
from concentra.study.cohorts import as_planted
from concentra.study.declare import Table, column, step
from concentra.study.raw import Source

LEVELS = ["types", "clusters", "states"]


class StateTasks(Table):
    """What is counted and clustered, piece by piece: types of a cohort, tissues, types within tissues."""

    cohort: str = column("cohort")
    level: str = column("annotated types, clusters of a tissue, or states within a type", among=LEVELS)
    stratum: str = column("tissue; all of them where types are counted", nullable=True)
    part: str = column("cell type whose states are wanted", nullable=True)
    n_donors: int = column("donors with such cells", unit="donors", low=1)
    n_cells: int = column("cells of theirs", unit="cells", low=1)
    piece: int = column("rows that are worked through together", low=0)

    class Config(Table.Config):
        unique = ["cohort", "level", "stratum", "part"]


class PlantedStates(Table):
    """What was planted in the simulated cohorts with features, exactly."""

    cohort: str = column("cohort")
    level: str = column("annotated types, all states of the tissue, or states within a type", among=[
        "types", "states", "within"])  # fmt: skip
    stratum: str = column("tissue")
    part: str = column("cell type whose states these are", nullable=True)
    direction: str = column("quadrant planted", among=[*DIRECTIONS, "none"])
    gini_shift: float = column("Gini coefficient, old less young")
    hill_q1_shift: float = column("effective number, old less young", unit="parts")
    gini_rescue: float = column("share of it that treatment undoes", nullable=True)
    hill_q1_rescue: float = column("share of it that treatment undoes", nullable=True)

    class Config(Table.Config):
        unique = ["cohort", "level", "stratum", "part"]


@step(StateTasks, PlantedStates)
def plan_states(
    expression: Mapping[str, Source], *, min_cells: int, min_donors: int, piece_cells: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What is to be clustered in the cohorts with features"""
    tasks, planted = [], [pd.DataFrame()]
    for name, source in expression.items():
        cells = source.cells()
        tasks.append(_tasks(source, cells, min_cells, min_donors).assign(cohort=name))
        if truth_path(source.path).exists():
            planted.append(_planted(source.path).assign(cohort=name))
    planned = pd.concat(tasks, ignore_index=True) if tasks else pd.DataFrame(columns=["cohort", "n_cells"])
    planned["piece"] = pieces_of(planned["cohort"], planned["n_cells"], piece_cells)
    return planned, pd.concat(planted, ignore_index=True)


def pieces_of(cohorts: Iterable[str], sizes: Iterable[int], least: int) -> list[int]:
    """The piece of each row: rows of one cohort are taken together until they have `least` cells.

    Examples
    --------
    >>> pieces_of("aaaab", [9, 3, 8, 4, 1], least=10)
    [0, 0, 1, 1, 2]
    """
    found: list[int] = []
    piece, held, last = -1, 0, None
    for cohort, size in zip(cohorts, sizes, strict=True):
        if cohort != last or held >= least:
            piece, held = piece + 1, 0
        found.append(piece)
        held, last = held + size, cohort
    return found


def _tasks(source: Source, cells: pd.DataFrame, min_cells: int, min_donors: int) -> pd.DataFrame:
    rows = [_task(cells, "types")]
    if "clusters" in source.cohort.levels:
        for stratum, here in cells.groupby("stratum"):
            if not source.cohort.clustered or stratum in source.cohort.clustered:
                rows.append(_task(here, "clusters", str(stratum)))
    if "states" in source.cohort.levels:
        for stratum, part in types_compared(cells, min_cells=min_cells, min_donors=min_donors):
            here = cells[(cells["stratum"] == stratum) & (cells["part"] == part)]
            rows.append(_task(here, "states", stratum, part))
    return pd.DataFrame(rows)


def _task(
    cells: pd.DataFrame, level: str, stratum: str | None = None, part: str | None = None
) -> dict[str, object]:
    n_donors = int(cells["donor"].nunique())
    return {"level": level, "stratum": stratum, "part": part, "n_donors": n_donors, "n_cells": len(cells)}


def _planted(path: Path) -> pd.DataFrame:
    return as_planted(pd.read_csv(truth_path(path)))
