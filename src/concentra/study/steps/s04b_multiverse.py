"""Multiverse: every defensible choice of the comparison of young with old, crossed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from concentra.analysis import multiverse as crossing
from concentra.analysis.choices import Choices
from concentra.design import Settings, resolve
from concentra.study.declare import OfCohorts, step
from concentra.study.questions import compositions, question_of, stacked


class Multiverse(OfCohorts, crossing.Multiverse):
    """The shift of a tissue under every distinct specification; the first of each choice is the published one."""


class MultiverseSummary(OfCohorts, crossing.Agreement):
    """How far the specifications of a tissue agree, and the joint test of the median shift."""


@step(Multiverse, MultiverseSummary)
def multiverse(
    composition: pd.DataFrame,
    *,
    strata: Sequence[str],
    young: Mapping[str, Sequence[Sequence[str]]],
    old: Mapping[str, Sequence[Sequence[str]]],
    sexes: Sequence[str],
    least_cells: Sequence[int],
    supports: Sequence[str],
    depths: Sequence[str],
    averages: Sequence[str],
    left_out: Mapping[str, Sequence[str]],
    **settings: Any,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Young against old under every defensible choice"""
    found, summaries = {}, {}
    for name, one in compositions(composition[composition["cohort"].isin(young)]).items():
        choices = Choices(
            young[name], old[name], sexes, least_cells, supports, depths, averages, left_out[name]
        )
        design = resolve(one.of_strata(strata), question_of(name), Settings(**settings))
        found[name], summaries[name] = crossing.multiverse(design, choices, restricted_by="sex")
    return stacked(found), stacked(summaries)
