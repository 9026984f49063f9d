"""Do the groups differ in what they should share? Every column that separates them, text or number."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from concentra.design.axis import numeric_values
from concentra.design.design import Design
from concentra.design.question import Question, formula_columns
from concentra.errors import DesignError
from concentra.notes import Note

COMPLETE, PARTIAL, NO = "complete", "partial", "none"
COLUMNS = ["covariate", "reference", "other", "reference_values", "other_values", "confounded"]
NUISANCE = re.compile(
    r"(?i)(^|[_.\s])(sex|gender|batch|assay|method|platform|technology|chemistry|suspension|run|site|cent(er|re)|hospital|"
    r"institute|lab(oratory)?|library|lane|plate|chip|date|day|processing|collection|sequenc\w*|operator|version|10x|"
    r"protocol|kit|instrument|age|bmi)([_.\s]|$)"
)
"""Names of columns in which groups should not differ: there, complete separation is refused."""
ALIAS = re.compile(r"(?i)age|stage|month|year|week|day|time|old|young|group|cohort")
"""Where both the column and the group match, one may be another name of the other."""
SHOWN = 4


def confounding(design: Design) -> pd.DataFrame:
    """Whether two groups differ in any other column that describes their donors, or such a column follows a trend.

    Returns
    -------
    One row a (pair of groups, column): `covariate`; `reference`, `other`; `reference_values`, `other_values`, the
    values on either side with the number of donors, or the range of numbers; `confounded`: "complete" where the two
    share no value and one of them has a single one (numbers: their ranges do not overlap), "partial" where the shares
    of values differ by more than a quarter (numbers: medians by more than one standard deviation), else "none". A
    column that has a value of its own for every donor is not listed.

    Of a trend, `reference`, `other` and `other_values` are empty and `reference_values` says where along the trend each
    value lies; "complete" where each value of the column has a place of its own along the trend and each place a value
    of its own (numbers: the order is the same or the reverse), so that no model separates the two; "partial" where, on
    straight lines over two standard deviations of the trend, the shares of values change by more than a quarter
    (numbers: by more than their standard deviation about the line). Two places with equally many donors are two
    standard deviations apart, so that the rule for values is that of groups.

    Examples
    --------
    >>> from concentra.composition import from_table
    >>> from concentra.design import Question, resolve
    >>> rows = pd.DataFrame([("lung", d, "3m" if d < "c" else "24m", "f" if d in "ac" else "m", p, 60)
    ...     for d in "abcd" for p in "BT"], columns=["stratum", "donor", "age", "sex", "part", "n_cells"])
    >>> design = resolve(from_table(rows), Question("age", ("3m",), (("24m",),)))
    >>> confounding(design)[["covariate", "reference_values", "confounded"]].values.tolist()
    [['sex', 'f (1), m (1)', 'none']]
    """
    if design.axis is not None:
        return pd.DataFrame(_along(design, design.axis), columns=COLUMNS)
    if design.groups is None:
        return pd.DataFrame(columns=COLUMNS)
    units = design.composition.units.assign(_group=design.groups)[design.included]
    donors = units.drop_duplicates(["donor", "_group"])
    held = {design.question.column, design.question.within, design.question.paired_by}
    rows = []
    for name in design.composition.labels:
        if name in held or donors[name].isna().all():
            continue
        for term in design.terms:
            sides = [
                donors.loc[donors["_group"] == group, name].dropna() for group in (term.reference, term.other)
            ]
            found = _compared(*sides)
            if found is not None:
                rows.append({"covariate": name, "reference": term.reference, "other": term.other} | found)
    return pd.DataFrame(rows, columns=COLUMNS)


def _compared(first: pd.Series, second: pd.Series) -> dict[str, Any] | None:
    """What one column has on either side; None where it cannot be judged, or names every donor."""
    if min(len(first), len(second)) < 2:
        return None
    both = pd.concat([first, second])
    numbers = numeric_values(both) if both.nunique() > 2 else None
    if numbers is not None and both.nunique() > 4:
        return _numbers(numbers.iloc[: len(first)], numbers.iloc[len(first) :])
    if both.nunique() == len(both):
        return None
    shares = [side.value_counts(normalize=True) for side in (first, second)]
    every = sorted(set(both), key=str)
    apart = sum(abs(shares[0].get(value, 0.0) - shares[1].get(value, 0.0)) for value in every) / 2
    disjoint = not set(first) & set(second) and min(first.nunique(), second.nunique()) == 1
    return {
        "reference_values": _counted(first),
        "other_values": _counted(second),
        "confounded": COMPLETE if disjoint else PARTIAL if apart > 0.25 else NO,
    }


def _along(design: Design, axis: np.ndarray) -> list[dict[str, Any]]:
    """One row for each column that describes donors, and how closely it follows the trend."""
    trend = str(design.question.trend)
    units = design.composition.units.assign(_place=axis, _label=design.composition.label(trend).to_numpy())
    donors = units[design.included].drop_duplicates(["donor", "_place"])
    rows = []
    for name in design.composition.labels:
        known = donors[donors[name].notna()]
        n_values = known[name].nunique()
        if name in (trend, design.question.within) or n_values < 2 or known["_place"].nunique() < 2:
            continue
        numbers = numeric_values(known[name]) if n_values > 4 else None
        if numbers is None and n_values == len(known):
            continue
        places = known["_place"].to_numpy(dtype=float)
        found = (
            _numbers_along(places, numbers.to_numpy(dtype=float))
            if numbers is not None
            else _values_along(places, known, name)
        )
        rows.append({"covariate": name, "reference": "", "other": "", "other_values": ""} | found)
    return rows


def _numbers_along(places: np.ndarray, numbers: np.ndarray) -> dict[str, str]:
    correlation = float(np.corrcoef(rankdata(places), rankdata(numbers))[0, 1])
    change = float(_changes(places, numbers[:, np.newaxis])[0])
    variance = float(numbers.var()) - (change / 2) ** 2
    spread = np.sqrt(max(variance, 0.0) * len(numbers) / max(len(numbers) - 2, 1))
    return {
        "reference_values": f"rank correlation {correlation:.2f}",
        "confounded": COMPLETE if abs(correlation) > 1 - 1e-9 else PARTIAL if abs(change) > spread else NO,
    }


def _values_along(places: np.ndarray, donors: pd.DataFrame, name: str) -> dict[str, str]:
    frame = donors[["donor", "_label"]].assign(place=places, value=donors[name]).reset_index(drop=True)
    one_to_one = all(
        frame.groupby(one, observed=True)[other].nunique().max() == 1
        for one, other in (("value", "place"), ("place", "value"))
    )
    apart = np.abs(_changes(places, pd.get_dummies(frame["value"]).to_numpy(dtype=float))).sum() / 2
    ends = []
    for value, rows in frame.sort_values("place", kind="stable").groupby("value", sort=False, observed=True):
        first, last = str(rows["_label"].iloc[0]), str(rows["_label"].iloc[-1])
        ends.append(
            f"{value} ({rows['donor'].nunique()}): {first}" + (f" to {last}" if last != first else "")
        )
    more = f"; and {len(ends) - SHOWN} more" if len(ends) > SHOWN else ""
    return {
        "reference_values": "; ".join(ends[:SHOWN]) + more,
        "confounded": COMPLETE if one_to_one else PARTIAL if apart > 0.25 else NO,
    }


def _changes(places: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Changes (k,) of k columns of values (n, k) over two standard deviations of n places, on least-squares lines.

    The slope is cov(places, values) / var(places), so the change is 2 cov(places, values) / sd(places).
    """
    deviations = places - places.mean()
    changes: np.ndarray = 2 * deviations @ values / (len(places) * places.std())
    return changes


def _numbers(first: pd.Series, second: pd.Series) -> dict[str, Any]:
    spread = float(np.sqrt((first.var() + second.var()) / 2))
    disjoint = bool(first.max() < second.min() or second.max() < first.min())
    far = bool(abs(first.median() - second.median()) > spread) if spread > 0 else False
    texts = [f"{side.min():g} to {side.max():g}" for side in (first, second)]
    return {
        "reference_values": texts[0],
        "other_values": texts[1],
        "confounded": COMPLETE if disjoint else PARTIAL if far else NO,
    }


def _counted(values: pd.Series) -> str:
    counts = sorted(values.value_counts().items(), key=lambda item: (-item[1], str(item[0])))
    shown = sorted(counts[:SHOWN], key=lambda item: str(item[0]))
    more = f" and {len(counts) - SHOWN} more" if len(counts) > SHOWN else ""
    return ", ".join(f"{value} ({n})" for value, n in shown) + more


def confounding_notes(design: Design) -> list[Note]:
    """Notes on columns that separate the groups or follow a trend; where nothing separates nuisance columns, a refusal.

    All such columns are refused at once.

    Raises
    ------
    DesignError
        Groups differ completely in columns such as sex, batch or site, or a trend has their order, and that is not
        accepted.
    """
    question, trend = design.question, design.question.trend
    adjusted = set(formula_columns(question.formula))
    notes, refused = [], []
    for row in confounding(design).to_dict("records"):
        name, how = str(row["covariate"]), row["confounded"]
        sides = str(row["reference_values"])
        if trend is None:
            sides = f"{row['reference']}: {sides}; {row['other']}: {row['other_values']}"
        accepted = name in question.accept_confounding
        if how == COMPLETE and accepted:
            differ = (
                "the groups differ completely in" if trend is None else f"{trend!r} has the same order as"
            )
            notes.append(
                Note("accepted", f"{question.name}: {differ} {name!r} ({sides}), accepted by the user")
            )
        elif how == COMPLETE and NUISANCE.search(name) and not _alias(name, trend or question.column):
            refused.append((name, sides))
        elif how == COMPLETE:
            differs = "differs just as the groups do" if trend is None else f"changes just as {trend!r} does"
            notes.append(Note("limits", f"{question.name}: {name!r} {differs} ({sides}): the two cannot be "
                              "distinguished"))  # fmt: skip
        elif how == PARTIAL and name not in adjusted:
            unequal = (
                f"the groups are unequal in {name!r}"
                if trend is None
                else f"{name!r} changes along {trend!r}"
            )
            alike = "" if numeric_values(design.composition.label(name)) is not None else (
                f", --within {name!r} compares like with like"
            )  # fmt: skip
            advice = f"--formula {adjusting(question.formula, [name])!r} adjusts for it{alike}"
            if trend is not None and _alias(name, trend):
                advice = "the two are hard to distinguish, if it is more than another name of it"
            notes.append(Note("limits", f"{question.name}: {unequal} ({sides}); {advice}"))
    if refused:
        raise _separated(question, refused)
    return notes


def _separated(question: Question, refused: Sequence[tuple[str, str]]) -> DesignError:
    names = list(dict.fromkeys(name for name, _ in refused))
    more = [name for name in names if name not in formula_columns(question.formula)]
    adjusts = f", then --formula {adjusting(question.formula, more)!r} adjusts" if more else ""
    groups = question.trend is None
    accepting = " ".join(f"--accept-confounding {name!r}" for name in names)
    return DesignError(
        found=f"{question.name!r} completely confounded with "
        + " and with ".join(f"{name!r} ({sides})" for name, sides in refused),
        expected=("groups that share" if groups else "places along the trend that share")
        + " values of such columns, or the effects cannot be distinguished",
        fix=f"add donors of each {'group' if groups else 'place'} with the values of "
        f"{'the other' if groups else 'others'}{adjusts}; {'compare other groups; ' if groups else ''}"
        f"or {accepting} where it cannot matter",
    )


def adjusting(formula: str | None, names: Sequence[str]) -> str:
    """The formula that adjusts for some more columns.

    >>> adjusting("~ sex", ["age"]), adjusting(None, ["age at death"])
    ('~ sex + age', '~ `age at death`')
    """
    more = " + ".join(name if name.isidentifier() else f"`{name}`" for name in names)
    return f"{formula.strip()} + {more}" if formula else f"~ {more}"


def _alias(name: str, column: str) -> bool:
    """Whether a column may be another name of the groups: ages in months beside ages as labels."""
    return bool(ALIAS.search(name) and ALIAS.search(column))
