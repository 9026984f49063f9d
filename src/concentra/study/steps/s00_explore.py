"""Step 00: what is in each cohort, what is confounded, and what could be shown at all."""

from __future__ import annotations

from typing import Any

import pandas as pd

from concentra.analysis.support import Support, support
from concentra.composition import Composition
from concentra.design import Design as Asked
from concentra.design import Settings
from concentra.design.confounding import confounding as separating
from concentra.stats.verdict import DIRECTIONS
from concentra.study.cohorts import KINDS
from concentra.study.declare import OfCohorts, Table, column, step
from concentra.study.questions import among, compositions, designs, in_stratum, stacked

STATES = ["raw data", "archived tables", "simulated", "absent"]
ONE_GROUP, ONE_DONOR = "one group only", "one donor in a group"
CONFOUNDING = ["complete", "partial", "none", ONE_DONOR, ONE_GROUP]
PLANTED = [*DIRECTIONS, "none"]


class Sources(Table):
    """Every cohort: where its numbers come from in this run, and how to get the raw data."""

    cohort: str = column("cohort")
    title: str = column("as people read it")
    kind: str = column("what the raw data is", among=KINDS)
    status: str = column("where the numbers of this run come from", among=STATES)
    files: str = column("raw files read", nullable=True)
    citation: str = column("whose data it is")
    licence: str = column("terms of use")
    obtain: str = column("how to get the raw data")

    class Config(Table.Config):
        unique = ["cohort"]


class Planted(Table):
    """The shifts planted in simulated cohorts, exactly: those of the compositions that cells were drawn from."""

    cohort: str = column("cohort")
    stratum: str = column("tissue")
    direction: str = column("quadrant planted", among=PLANTED)
    gini_young: float = column("Gini coefficient planted, young", low=0, high=1)
    gini_old: float = column("Gini coefficient planted, old", low=0, high=1)
    gini_shift: float = column("difference")
    hill_q1_young: float = column("effective number planted, young", unit="parts", low=1)
    hill_q1_old: float = column("effective number planted, old", unit="parts", low=1)
    hill_q1_shift: float = column("difference", unit="parts")

    class Config(Table.Config):
        unique = ["cohort", "stratum"]


class Design(Table):
    """Donors and cells of every tissue, age and sex."""

    cohort: str = column("cohort")
    stratum: str = column("tissue")
    age: str = column("age as the atlas labels it")
    sex: str = column("sex", nullable=True)
    n_donors: int = column("donors with at least the minimum number of cells", unit="donors", low=0)
    n_donors_few_cells: int = column("donors with fewer cells", unit="donors", low=0)
    n_cells: int = column("cells of known donor", unit="cells", low=0)
    n_cells_left_out: int = column("cells that belong to no unit", unit="cells", low=0)

    class Config(Table.Config):
        unique = ["cohort", "stratum", "age", "sex"]


class Confounding(OfCohorts, Support):
    """Donors, cells and sexes in the two groups of every tissue, and the smallest p that its donors allow."""

    n_reference_female: int = column("females among the young", unit="donors", low=0)
    n_other_female: int = column("females among the old", unit="donors", low=0)
    with_sex: str = column("do the groups differ in sex", among=CONFOUNDING)
    p_attainable_males: float = column("smallest p among males alone", low=0, high=1, nullable=True)
    can_reach: bool = column("the smallest p is at most alpha")


@step(Sources, Planted, Design, Confounding)
def explore(
    composition: pd.DataFrame,
    left_out: pd.DataFrame,
    sources: pd.DataFrame,
    planted: pd.DataFrame,
    **settings: Any,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """What is in each cohort, what is confounded, what can be shown"""
    chosen = Settings(**settings)
    counted = {
        name: design(one, left_out[left_out["cohort"] == name], chosen.min_cells)
        for name, one in compositions(composition).items()
    }
    confounded = {name: confounding(one) for name, one in designs(composition, chosen).items()}
    return sources, planted, stacked(counted), stacked(confounded)


def design(composition: Composition, left_out: pd.DataFrame, min_cells: int) -> pd.DataFrame:
    """Donors and cells of every (stratum, age, sex) of a cohort, the ones left out beside them."""
    place = ["stratum", "age", "sex"]
    units = composition.units.assign(n_cells=composition.n_cells)
    units["enough"] = units["n_cells"] >= min_cells
    donors = units.groupby(place, dropna=False).agg(
        n_donors=("enough", "sum"), n_all=("donor", "nunique"), n_cells=("n_cells", "sum")
    )
    lost = left_out.groupby(place, dropna=False)["n_cells"].sum().rename("n_cells_left_out")
    frame = donors.join(lost, how="outer").fillna(0).astype(int).reset_index()
    months = frame["age"].map(units.groupby("age")["age_months"].first())
    frame = frame.assign(n_donors_few_cells=frame["n_all"] - frame["n_donors"], months=months)
    return frame.sort_values(["stratum", "months", "sex"], ignore_index=True)


def confounding(asked: Asked) -> pd.DataFrame:
    """What every stratum of a cohort has to compare, and whether its groups differ in sex."""
    frame = support(asked)
    units = asked.composition.units.assign(group=asked.groups)[asked.included]
    females = units[units["sex"] == "female"].groupby(["stratum", "group"]).size()
    for end in ("reference", "other"):
        places = pd.MultiIndex.from_frame(
            frame[["stratum", "contrast"]].assign(contrast=getattr(asked.terms[0], end))
        )
        frame[f"n_{end}_female"] = females.reindex(places, fill_value=0).to_numpy()
    frame["with_sex"] = [_with_sex(asked, row) for row in frame.to_dict("records")]
    males = among(asked, "sex", "male")
    beside = (Support.empty() if males is None else support(males)).set_index("stratum")["p_attainable"]
    frame["p_attainable_males"] = frame["stratum"].map(beside).astype(float)
    return frame.assign(can_reach=frame["p_attainable"] <= asked.settings.alpha)


def _with_sex(asked: Asked, row: dict[Any, Any]) -> str:
    smaller = min(row["n_reference"], row["n_other"])
    if smaller < 2:
        return ONE_GROUP if smaller == 0 else ONE_DONOR
    found = separating(in_stratum(asked, row["stratum"])).set_index("covariate")
    return str(found.loc["sex", "confounded"])
