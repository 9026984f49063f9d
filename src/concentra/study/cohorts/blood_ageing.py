"""Ageing human blood: 96 donors, up to ten visits each, counted over 7, 27 and 69 nested cell types."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from concentra.composition import Composition, from_table, levels_of
from concentra.design.question import Question
from concentra.study.cohorts._samples import Samples

FOLDER = "blood_ageing"
FILES = ("samples.csv", "counts_69_types.csv.gz", "type_levels.csv")
LEVELS = {"AIFI_L2": "27 types", "AIFI_L1": "7 types"}


def find(data: Path) -> list[Path]:
    """The three files, if all are there. The coarser counts are sums of the finest ones."""
    files = [data / FOLDER / name for name in FILES]
    return files if all(path.exists() for path in files) else []


def load(files: list[Path]) -> Composition:
    """The composition of every visit, with the labels of its donor."""
    samples, counts, levels = (pd.read_csv(path) for path in files)
    labels = samples.rename(columns={"age_group": "group"}).drop(columns="visit").assign(stratum="Blood")
    rows = counts.melt("sample", var_name="part", value_name="n_cells").query("n_cells > 0")
    made = from_table(rows.merge(labels, on="sample", validate="many_to_one"), name="blood_ageing")
    return made.with_levels(levels_of(levels).rename(columns=LEVELS))


COHORT = Samples(
    name="blood_ageing",
    title="ageing human blood",
    citation="Gong, Sharma et al. (2024), Multi-omic profiling reveals age-related immune dynamics in healthy adults "
    "(PMID 39314416); counts through the Bioconductor package scECODA",
    licence="facts of the cited study; no licence of the counts is stated",
    obtain="put samples.csv (sample, donor, age_group, age_years, sex, cmv, visit), counts_69_types.csv.gz (sample, "
    "one column a type) and type_levels.csv into blood_ageing/ of the data folder, made from the Sound Life cohort of "
    "the Bioconductor package scECODA",
    find=find,
    load=load,
    finest="69 types",
    adjusted=Question("group", ("young",), (("old",),), formula="~ sex + cmv"),
)
