"""Can this design answer the question? What it has, and a refusal with the reason where it cannot."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import pandas as pd

from concentra.analysis.compare import Sides, sided
from concentra.analysis.question import EARLY, LATE, Comparison
from concentra.errors import DesignError
from concentra.stats.exact import smallest_attainable_p, smallest_attainable_p_paired

COMPLETE, PARTIAL, NO = "complete", "partial", "none"
DISEASE = "disease"


def design_table(composition: pd.DataFrame, comparison: Comparison, *, min_cells: int) -> pd.DataFrame:
    """What each stratum has to compare.

    Parameters
    ----------
    composition
        `stratum`, `donor`, `part`, `n_cells` and the columns that the comparison names.
    comparison
        The two groups.
    min_cells
        Donors with fewer cells are counted in `n_few_cells`.

    Returns
    -------
    One row a stratum: `n_early`, `n_late` (donors compared; of pairs, pairs), `n_few_cells` (donors of either
    group with too few cells), `p_attainable` (the smallest p that these numbers allow without ties; missing
    below two, and for designs within a covariate).

    Examples
    --------
    >>> rows = pd.DataFrame({"stratum": "lung", "donor": list("abcd"), "part": "T", "n_cells": [60, 70, 80, 9],
    ...                      "age": ["3m", "3m", "24m", "24m"]})
    >>> design_table(rows, Comparison("age", ("3m",), ("24m",)), min_cells=50).values.tolist()
    [['lung', 2, 1, 1, nan]]
    """
    rows = []
    for stratum, of_stratum in sided(composition, comparison).groupby("stratum", sort=True):
        sides = Sides.of(of_stratum, comparison, min_cells)
        totals = of_stratum[of_stratum["side"].notna()].groupby(["side", "donor"])["n_cells"].sum()
        n_early, n_late = map(len, sides.donors)
        rows.append(
            {
                "stratum": stratum,
                "n_early": n_early,
                "n_late": n_late,
                "n_few_cells": int((totals < min_cells).sum()),
                "p_attainable": _attainable(n_early, n_late, comparison),
            }
        )
    return pd.DataFrame(rows)


def _attainable(n_early: int, n_late: int, comparison: Comparison) -> float:
    if comparison.within or min(n_early, n_late) < 2:
        return float("nan")
    return (
        smallest_attainable_p_paired(n_early)
        if comparison.paired_by
        else smallest_attainable_p(n_early, n_late)
    )


def confounding(composition: pd.DataFrame, comparison: Comparison, nuisance: Collection[str]) -> pd.DataFrame:
    """Whether the two groups differ in what they should share: sex, batch.

    Parameters
    ----------
    composition
        With one column for each of `nuisance`.

    Returns
    -------
    One row a covariate: `covariate`; `early`, `late`, its values on either side; `confounded`: "complete" where
    each side has one value and they differ (then no analysis can tell the two apart), "partial" where the shares
    differ, "none". A covariate that differs between all donors (a batch each) is not confounded.

    Examples
    --------
    >>> rows = pd.DataFrame({"donor": list("abcd"), "age": ["3m", "3m", "24m", "24m"], "sex": ["f", "f", "m", "m"]})
    >>> confounding(rows, Comparison("age", ("3m",), ("24m",)), ["sex"]).values.tolist()
    [['sex', 'f (2)', 'm (2)', 'complete']]
    """
    rows = []
    about = [comparison.column, *dict.fromkeys(nuisance)]
    donors = composition[["donor", *dict.fromkeys(about)]].drop_duplicates("donor")
    side = comparison.side(donors[comparison.column])
    for name in dict.fromkeys(nuisance):
        counts = [donors.loc[side == one, name].value_counts() for one in (EARLY, LATE)]
        rows.append(
            {
                "covariate": name,
                "early": ", ".join(f"{value} ({n})" for value, n in sorted(counts[0].items(), key=str)),
                "late": ", ".join(f"{value} ({n})" for value, n in sorted(counts[1].items(), key=str)),
                "confounded": _how_confounded(*counts),
            }
        )
    return pd.DataFrame(rows, columns=["covariate", "early", "late", "confounded"])


def _how_confounded(early: pd.Series, late: pd.Series) -> str:
    if early.sum() < 2 or late.sum() < 2:
        return NO
    disjoint = not set(early.index) & set(late.index)
    if disjoint and len(early) == 1 and len(late) == 1:
        return COMPLETE
    shares = [counts / counts.sum() for counts in (early, late)]
    every = sorted(set(early.index) | set(late.index), key=str)
    first, second = (share.reindex(every, fill_value=0.0).to_numpy(dtype=float) for share in shares)
    apart = float(np.abs(first - second).sum()) / 2
    each_its_own = early.max() == 1 and late.max() == 1
    return PARTIAL if apart > 0.25 and not each_its_own else NO


def refuse(
    composition: pd.DataFrame,
    comparison: Comparison,
    *,
    min_cells: int,
    nuisance: Mapping[str, str],
    despite: Collection[str] = (),
) -> list[str]:
    """Raise where the comparison cannot be answered; otherwise sentences on what limits it.

    Parameters
    ----------
    nuisance
        Columns with which the comparison may be confounded, by role.
    despite
        Columns (or roles) whose complete confounding is accepted, and said.

    Raises
    ------
    DesignError
        There is one donor; a group has no donor with enough cells; no stratum, no value of the covariate, no
        pair has both groups; or the groups differ completely in a covariate.

    Examples
    --------
    >>> rows = pd.DataFrame({"stratum": "lung", "donor": list("abcd"), "part": "T", "n_cells": 60,
    ...     "age": ["3m", "18m", "24m", "24m"]})
    >>> refuse(rows, Comparison("age", ("3m",), ("24m",)), min_cells=50, nuisance={})[0]
    "age: 3m to 24m: 1 donor on neither side: other values ('18m')"
    """
    _refuse_no_donors(composition, comparison, min_cells)
    design = design_table(composition, comparison, min_cells=min_cells)
    both = design[(design["n_early"] > 0) & (design["n_late"] > 0)]
    if both.empty:
        what = (
            f"value of {comparison.within!r}" if comparison.within
            else f"pair (by {comparison.paired_by!r})" if comparison.paired_by else "stratum"
        )  # fmt: skip
        raise DesignError(
            found=f"no {what} with donors of both groups of {comparison.name!r}",
            expected="both groups in the same place, or they cannot be told apart",
            fix="compare other groups, or other strata; tables of counts per group are in composition.csv of a "
            "run without --contrast",
        )
    said = _on_neither_side(composition, comparison)
    if (both[["n_early", "n_late"]].min(axis=1) < 2).all():
        said.append(
            f"{comparison.name}: a group has one donor everywhere, so shifts are shown without any test"
        )
    held = {comparison.column, comparison.within, comparison.paired_by}
    others = {role: name for role, name in nuisance.items() if name not in held}
    found = confounding(composition, comparison, list(others.values()))
    for row in found.to_dict("records"):
        said += _judge_confounding(row, comparison, others, despite)
    return said


def _on_neither_side(composition: pd.DataFrame, comparison: Comparison) -> list[str]:
    donors = composition.drop_duplicates("donor")[comparison.column]
    others = donors[comparison.side(donors).isna()]
    if others.empty:
        return []
    labels = sorted(others.dropna().unique())
    named = ", ".join(map(repr, labels[:4])) + (f" and {len(labels) - 4} more" if len(labels) > 4 else "")
    unknown = f"{int(others.isna().sum())} without a value" if others.isna().any() else ""
    what = " and ".join(one for one in (f"other values ({named})" if labels else "", unknown) if one)
    return [f"{comparison.name}: {len(others)} donor{'s' * (len(others) > 1)} on neither side: {what}"]


def _refuse_no_donors(composition: pd.DataFrame, comparison: Comparison, min_cells: int) -> None:
    n_donors = composition["donor"].nunique()
    if n_donors < 2:
        raise DesignError(
            found=f"one donor, {composition['donor'].iloc[0]!r}",
            expected="at least one donor in each group, two for a test: cells of one animal are not replicates",
            fix="add the other donors' files, or name another donor column with --donor",
        )
    side = comparison.side(composition[comparison.column])
    totals = composition[side.notna()].groupby([side, "stratum", "donor"])["n_cells"].sum()
    for name, values in ((EARLY, comparison.early), (LATE, comparison.late)):
        of_side = totals[totals.index.get_level_values(0) == name]
        if not (of_side >= min_cells).any():
            most = f"; the largest has {of_side.max():,}" if len(of_side) else ""
            raise DesignError(
                found=f"no donor of {'+'.join(values)!r} with {min_cells} cells in any stratum{most}",
                expected=f"donors on both sides with at least {min_cells} cells",
                fix="lower --min-cells, or compare other groups",
            )


def _judge_confounding(
    row: Mapping[Any, Any], comparison: Comparison, others: Mapping[str, str], despite: Collection[str]
) -> list[str]:
    name = str(row["covariate"])
    sides = f"{row['early']} against {row['late']} donors"
    roles = [role for role, column in others.items() if column == name]
    accepted = name in despite or any(role in despite for role in roles)
    if row["confounded"] == COMPLETE and DISEASE in roles and not accepted:  # it may be the question, renamed
        return [
            f"{comparison.name}: {name!r} differs just as the groups do ({sides}): nothing tells the two apart"
        ]
    if row["confounded"] == COMPLETE and not accepted:
        raise DesignError(
            found=f"{comparison.name!r} confounded with {name!r} completely: {sides}",
            expected="groups that share at least one value of it, or nothing tells the two effects apart",
            fix=f"compare other groups; or --despite {name} if you know that it cannot matter",
        )
    if row["confounded"] == COMPLETE:
        return [f"{comparison.name}: confounded with {name!r} completely ({sides}), accepted by the user"]
    if row["confounded"] == PARTIAL:
        return [f"{comparison.name}: unequal in {name!r} ({sides}); --within {name} compares like with like"]
    return []
