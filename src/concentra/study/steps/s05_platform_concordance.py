"""Step 05: do FACS and Droplet agree per tissue, in level and in direction?"""

from __future__ import annotations

import pandas as pd

from concentra.analysis.concordance import agreement, levels, paired
from concentra.stats.verdict import DIRECTIONS, VERDICTS
from concentra.study.declare import Table, column, step

METRICS = ("gini_present", "hill_q1", "hill_q0", "hill_q1_corrected", "gini_rarefied", "hill_q1_rarefied")
PLATFORMS = ("tms_facs", "tms_droplet")
WHATS = ["young", "old", "shift"]
KEY = ["cohort", "stratum"]
OF_STEP_04 = ["shift", "hodges_lehmann_low", "hodges_lehmann_high", "direction", "verdict"]


class Concordance(Table):
    """Level and shift of each metric on each platform, for tissues with known donors on both, and what differs."""

    stratum: str = column("tissue")
    metric: str = column("column of `concentration`", among=METRICS)
    cohort: str = column("platform", among=PLATFORMS)
    n_reference: int = column("young donors", unit="donors", low=0)
    n_other: int = column("old donors", unit="donors", low=0)
    n_reference_males: int = column("males among the young", unit="donors", low=0)
    n_other_males: int = column("males among the old", unit="donors", low=0)
    ages_reference: str = column("ages of the young", unit="months", nullable=True)
    ages_other: str = column("ages of the old", unit="months", nullable=True)
    n_cells_reference: float = column("median cells of a young donor", unit="cells", nullable=True)
    n_cells_other: float = column("median cells of an old donor", unit="cells", nullable=True)
    n_types: int = column("cell types of the tissue on the platform", unit="parts", low=1)
    n_types_shared: int = column("of these, named alike on the other platform", unit="parts", low=0)
    median_reference: float = column("median over young donors", nullable=True)
    lowest_reference: float = column("lowest of a young donor", nullable=True)
    highest_reference: float = column("highest of a young donor", nullable=True)
    median_other: float = column("median over old donors", nullable=True)
    lowest_other: float = column("lowest of an old donor", nullable=True)
    highest_other: float = column("highest of an old donor", nullable=True)
    shift: float = column("difference of the medians", nullable=True)
    hodges_lehmann_low: float = column("exact interval of the median of all differences", nullable=True)
    hodges_lehmann_high: float = column("exact interval of the median of all differences", nullable=True)
    direction: str = column("quadrant of the two shifts of the tissue", nullable=True, among=DIRECTIONS)
    verdict: str = column("verdict of step 04 on the tissue", among=VERDICTS)
    same_sign: bool = column("the shifts of both platforms are known and have one sign")

    class Config(Table.Config):
        unique = ["stratum", "metric", "cohort"]


class ConcordancePaired(Table):
    """Mice measured on both platforms in one tissue; empty where no mouse is known on both."""

    stratum: str = column("tissue")
    donor: str = column("mouse: age-sex-number")
    age_months: float = column("age", unit="months", low=0)
    metric: str = column("column of `concentration`", among=METRICS)
    facs: float = column("value on FACS")
    droplet: float = column("value on Droplet")
    difference: float = column("Droplet - FACS")

    class Config(Table.Config):
        unique = ["stratum", "donor", "metric"]


class PlatformAgreement(Table):
    """Agreement of the platforms over tissues. The tissues share mice: no test."""

    metric: str = column("column of `concentration`", among=METRICS)
    what: str = column("level of the young, of the old, or shift", among=WHATS)
    n_strata: int = column("tissues on both platforms", low=0)
    correlation: float = column("Spearman over tissues", low=-1 - 1e-9, high=1 + 1e-9, nullable=True)
    n_same_sign: int = column("tissues with the same sign: of shifts", low=0)
    mean_difference: float = column("mean of Droplet - FACS", unit="metric", nullable=True)

    class Config(Table.Config):
        unique = ["metric", "what"]


@step(Concordance, ConcordancePaired, PlatformAgreement)
def platform_concordance(
    concentration: pd.DataFrame, age_contrast: pd.DataFrame, parts: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Do FACS and Droplet agree per tissue, in level and in direction"""
    units = concentration[concentration["included"] & concentration["cohort"].isin(PLATFORMS)]
    table = _wide(units[units["group"].notna()]).merge(_types(parts), on=KEY)
    table = table.merge(
        age_contrast[[*KEY, "metric", *OF_STEP_04]], on=[*KEY, "metric"], how="left", validate="one_to_one"
    )
    table = table[table.groupby(["stratum", "metric"])["cohort"].transform("nunique") == len(PLATFORMS)]
    pairs = _pairs(table)
    same = pairs[pairs["what"] == "shift"].set_index(["stratum", "metric"])
    agreed = same["first"] * same["second"] > 0
    table["same_sign"] = agreed.reindex(pd.MultiIndex.from_frame(table[["stratum", "metric"]])).to_numpy()
    mice = paired(units, metrics=METRICS, first=PLATFORMS[0], second=PLATFORMS[1])
    table = table.sort_values(["stratum", "metric", "cohort"], ignore_index=True)
    return table, mice.rename(columns={"first": "facs", "second": "droplet"}), agreement(pairs)


def _wide(units: pd.DataFrame) -> pd.DataFrame:
    """One row a (cohort, stratum, metric), both groups beside each other."""
    males = levels(units[units["sex"] == "male"], metrics=METRICS)[[*KEY, "group", "metric", "n_donors"]]
    found = levels(units, metrics=METRICS).merge(
        males.rename(columns={"n_donors": "n_males"}), on=[*KEY, "group", "metric"], how="left"
    )
    names = {"level": "median_{0}", "lowest": "lowest_{0}", "highest": "highest_{0}", "n_donors": "n_{0}"}
    names |= {"n_males": "n_{0}_males", "ages": "ages_{0}", "n_cells": "n_cells_{0}"}
    both = [
        found[found["group"] == group]
        .drop(columns="group")
        .rename(columns={name: pattern.format(end) for name, pattern in names.items()})
        for group, end in (("young", "reference"), ("old", "other"))
    ]
    wide = both[0].merge(both[1], on=[*KEY, "metric"], how="outer", validate="one_to_one")
    counts = [f"n_{end}{suffix}" for end in ("reference", "other") for suffix in ("", "_males")]
    return wide.assign(**wide[counts].fillna(0).astype(int))


def _types(parts: pd.DataFrame) -> pd.DataFrame:
    """Cell types of each tissue, and how many of them the other platform names alike."""
    known = parts[parts["cohort"].isin(PLATFORMS)]
    shared = known.groupby(["stratum", "part"])["cohort"].transform("nunique") > 1
    counted = known.assign(shared=shared).groupby(KEY)["shared"].agg(["size", "sum"]).reset_index()
    return counted.rename(columns={"size": "n_types", "sum": "n_types_shared"})


def _pairs(table: pd.DataFrame) -> pd.DataFrame:
    """One row a (what, stratum, metric) with both platforms' values."""
    rows = []
    for what, name in zip(WHATS, ("median_reference", "median_other", "shift"), strict=True):
        values = table.pivot(index=["stratum", "metric"], columns="cohort", values=name).reindex(
            columns=PLATFORMS
        )
        values.columns = pd.Index(["first", "second"])
        rows.append(values.reset_index().assign(what=what))
    pairs = pd.concat(rows, ignore_index=True)
    return pairs.sort_values("metric", key=lambda names: names.map(METRICS.index), kind="stable")
