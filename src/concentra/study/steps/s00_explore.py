"""Step 00: what is in each cohort, what is confounded, and what could be shown at all."""

from __future__ import annotations

import pandas as pd

from concentra.stats.exact import smallest_attainable_p
from concentra.study.cohorts import KINDS
from concentra.study.declare import Table, column, step

STATES = ["raw data", "archived tables", "simulated", "absent"]
CONFOUNDING = ["complete", "partial", "none", "one group only"]


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
    direction: str = column("quadrant planted", among=["crystallize", "disperse", "mixed", "none"])
    gini_early: float = column("Gini coefficient planted, young", low=0, high=1)
    gini_late: float = column("Gini coefficient planted, old", low=0, high=1)
    gini_shift: float = column("difference")
    hill_q1_early: float = column("effective number planted, young", unit="parts", low=1)
    hill_q1_late: float = column("effective number planted, old", unit="parts", low=1)
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


class Confounding(Table):
    """Age and sex in the two groups of every tissue, and the smallest p that its donors allow."""

    cohort: str = column("cohort")
    stratum: str = column("tissue")
    n_early: int = column("young donors compared", unit="donors", low=0)
    n_late: int = column("old donors compared", unit="donors", low=0)
    n_early_female: int = column("females among them", unit="donors", low=0)
    n_late_female: int = column("females among them", unit="donors", low=0)
    with_sex: str = column("is age confounded with sex", among=CONFOUNDING)
    p_attainable: float = column("smallest two-sided exact p", low=0, high=1, nullable=True)
    p_attainable_males: float = column("the same among males alone", low=0, high=1, nullable=True)
    can_reach: bool = column("the smallest p is at most alpha")

    class Config(Table.Config):
        unique = ["cohort", "stratum"]


@step(Sources, Planted, Design, Confounding)
def explore(
    composition: pd.DataFrame,
    left_out: pd.DataFrame,
    sources: pd.DataFrame,
    planted: pd.DataFrame,
    *,
    alpha: float,
    min_cells: int,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """What is in each cohort, what is confounded, what can be shown"""
    by = ["cohort", "stratum", "age", "age_months", "age_group", "sex", "donor"]
    units = composition.groupby(by, dropna=False, sort=False)["n_cells"].sum().reset_index()
    units["enough"] = units["n_cells"] >= min_cells
    return sources, planted, design(units, left_out), confounding(units[units["enough"]], units, alpha)


def design(units: pd.DataFrame, left_out: pd.DataFrame) -> pd.DataFrame:
    """Donors and cells of every (cohort, stratum, age, sex), the ones left out beside them."""
    place = ["cohort", "stratum", "age", "sex"]
    months = units.groupby("age")["age_months"].first()
    donors = units.groupby(place, dropna=False, sort=False).agg(
        n_donors=("enough", "sum"), n_all=("donor", "nunique"), n_cells=("n_cells", "sum")
    )
    lost = left_out.groupby(place, dropna=False, sort=False)["n_cells"].sum().rename("n_cells_left_out")
    frame = donors.join(lost, how="outer").fillna(0).astype(int).reset_index()
    frame["n_donors_few_cells"] = frame["n_all"] - frame["n_donors"]
    order = {name: place for place, name in enumerate(units["cohort"].unique())}
    frame = frame.assign(order=frame["cohort"].map(order), months=frame["age"].map(months))
    return frame.sort_values(["order", "stratum", "months", "sex"], ignore_index=True)


def confounding(kept: pd.DataFrame, units: pd.DataFrame, alpha: float) -> pd.DataFrame:
    """One row a (cohort, stratum) of all units; groups are counted among the units kept."""
    rows = []
    for (cohort, stratum), _ in units.groupby(["cohort", "stratum"], sort=False):
        here = kept[(kept["cohort"] == cohort) & (kept["stratum"] == stratum)]
        sexes = {group: here.loc[here["age_group"] == group, "sex"] for group in ("early", "late")}
        n_early, n_late = len(sexes["early"]), len(sexes["late"])
        males = [int((found == "male").sum()) for found in sexes.values()]
        smallest = _attainable(n_early, n_late)
        rows.append(
            {
                "cohort": cohort,
                "stratum": stratum,
                "n_early": n_early,
                "n_late": n_late,
                "n_early_female": int((sexes["early"] == "female").sum()),
                "n_late_female": int((sexes["late"] == "female").sum()),
                "with_sex": _confounded(sexes["early"], sexes["late"]),
                "p_attainable": smallest,
                "p_attainable_males": _attainable(*males),
                "can_reach": smallest <= alpha,
            }
        )
    return pd.DataFrame(rows).sort_values(["stratum"], kind="stable").sort_values(
        "cohort", key=lambda values: values.map({name: i for i, name in enumerate(units["cohort"].unique())}),
        kind="stable", ignore_index=True,
    )  # fmt: skip


def _attainable(n_early: int, n_late: int) -> float:
    return smallest_attainable_p(n_early, n_late) if min(n_early, n_late) >= 2 else float("nan")


def _confounded(early: pd.Series, late: pd.Series) -> str:
    if early.empty or late.empty:
        return "one group only"
    shares = [(found == "female").mean() for found in (early, late)]
    if not set(early) & set(late):
        return "complete"
    return "none" if shares[0] == shares[1] else "partial"
