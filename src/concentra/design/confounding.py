"""Do the groups differ in what they should share? Every column that separates them, text or number."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

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
    """Whether two groups differ in any other column that describes their donors.

    Returns
    -------
    One row a (pair of groups, column): `covariate`; `reference`, `other`; `reference_values`, `other_values`, the
    values on either side with the number of donors, or the range of numbers; `confounded`: "complete" where the two
    share no value and one of them has a single one (numbers: their ranges do not overlap), "partial" where the shares
    of values differ by more than a quarter (numbers: medians by more than one standard deviation), else "none". A
    column that has a value of its own for every donor is not listed.

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
    """Notes on columns that separate the groups; complete separation in nuisance columns is refused, all at once.

    Raises
    ------
    DesignError
        Groups differ completely in columns such as sex, batch or site, and that is not accepted.
    """
    question = design.question
    adjusted = set(formula_columns(question.formula))
    notes, refused = [], []
    for row in confounding(design).to_dict("records"):
        name, how = str(row["covariate"]), row["confounded"]
        sides = f"{row['reference']}: {row['reference_values']}; {row['other']}: {row['other_values']}"
        accepted = name in question.accept_confounding
        if how == COMPLETE and accepted:
            notes.append(Note("accepted", f"{question.name}: the groups differ completely in {name!r} ({sides}), "
                              "accepted by the user"))  # fmt: skip
        elif how == COMPLETE and NUISANCE.search(name) and not _alias(name, question.column):
            refused.append((name, sides))
        elif how == COMPLETE:
            notes.append(Note("limits", f"{question.name}: {name!r} differs just as the groups do ({sides}): the two "
                              "cannot be distinguished"))  # fmt: skip
        elif how == PARTIAL and name not in adjusted:
            alike = "" if numeric_values(design.composition.label(name)) is not None else (
                f", --within {name!r} compares like with like"
            )  # fmt: skip
            notes.append(Note("limits", f"{question.name}: the groups are unequal in {name!r} ({sides}); --formula "
                              f"{adjusting(question.formula, [name])!r} adjusts for it{alike}"))  # fmt: skip
    if refused:
        raise _separated(question, refused)
    return notes


def _separated(question: Question, refused: Sequence[tuple[str, str]]) -> DesignError:
    names = list(dict.fromkeys(name for name, _ in refused))
    accepting = " ".join(f"--accept-confounding {name!r}" for name in names)
    return DesignError(
        found=f"{question.name!r} completely confounded with "
        + " and with ".join(f"{name!r} ({sides})" for name, sides in refused),
        expected="groups that share values of such columns, or the effects cannot be distinguished",
        fix=f"add donors of each group with the values of the other, then --formula "
        f"{adjusting(question.formula, names)!r} adjusts; compare other groups; or {accepting} where it cannot matter",
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
