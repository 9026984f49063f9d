"""The answer of an analysis in a sentence, and what was found in one tissue and over all."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from concentra.analysis.granularity import FINEST
from concentra.printable import joined
from concentra.report.markdown import number, together
from concentra.report.sentences.labels import (
    MOST_NAMES,
    SMALL,
    counted,
    listed,
    p_words,
    plain,
    records,
    short,
    worded,
)

ONE_COMPOSITION = ("all cells", "", "none")
"""Names of a stratum that is no tissue: everything is one composition."""
WHOLE = "the composition"
TREND = "trend along "
"""How the name of a contrast along numbers begins."""
METRICS = {"hill_q1": "effective number", "gini_stratum": "Gini coefficient"}
"""The two metrics that decide, as people read them."""
DIRECTIONS = ("more concentrated", "less concentrated", "mixed")
MEANINGS = {
    "more concentrated": "the Gini coefficient rises and the effective number falls, both beyond chance",
    "less concentrated": "the Gini coefficient falls and the effective number rises, both beyond chance",
    "mixed": "both metrics change beyond chance, in the same direction",
    "one metric only": "one of the two metrics changes beyond chance, the other does not",
    "no change beyond the margin": "both metrics are shown to change by less than the margin",
    "undecided": "neither a change nor its absence is established",
    "not testable": "too few donors or cells, or a single cell type",
}
"""What each verdict means, in the order in which they are listed."""


def verdicts(contrast: pd.DataFrame) -> pd.DataFrame:
    """One row a contrast and stratum: the verdict, and effect and interval of both deciding metrics.

    Returns
    -------
    DataFrame
        `contrast`, `stratum`, `reference`, `other`, `n_reference`, `n_other`, `verdict`, `direction`, `reason`,
        `p_adjusted`; and for `hill_q1` (a ratio) and `gini` (a difference, over all types of the tissue) the
        columns `effect`, `low`, `high`, `p_value`, `detectable`, prefixed with the name and `_`.

    Examples
    --------
    >>> rows = pd.DataFrame({"contrast": "age: 3m to 24m", "stratum": "Marrow", "metric": ["hill_q1", "gini_stratum"],
    ...     "reference": "3m", "other": "24m", "n_reference": 5, "n_other": 4, "verdict": "more concentrated",
    ...     "effect": [0.77, 0.1], "low": [0.64, 0.02], "high": [0.92, 0.18]})
    >>> verdicts(rows)[["stratum", "hill_q1_effect", "gini_effect"]].values.tolist()
    [['Marrow', 0.77, 0.1]]
    """
    made = []
    for _, rows in contrast.groupby(["contrast", "stratum"], sort=False, dropna=False):
        by_metric = {str(row["metric"]): row for row in records(rows)}
        first = by_metric.get("hill_q1") or next(iter(by_metric.values()))
        row: dict[str, Any] = {name: first.get(name) for name in SHARED}
        for prefix, metric in (("hill_q1", "hill_q1"), ("gini", "gini_stratum")):
            of = by_metric.get(metric, {})
            row |= {f"{prefix}_{name}": of.get(name, float("nan")) for name in VALUES}
        made.append(row)
    return pd.DataFrame(made, columns=[*SHARED, *(f"{s}_{v}" for s in ("hill_q1", "gini") for v in VALUES)])


SHARED = ("contrast", "stratum", "reference", "other", "n_reference", "n_other", "verdict", "direction", "reason",
          "p_adjusted")  # fmt: skip
VALUES = ("effect", "low", "high", "p_value", "detectable")


def answer(
    contrast: pd.DataFrame, *, level: float = 0.95, tissue: str = "tissue", types: str = ""
) -> list[str]:
    """What was found, in one sentence a contrast: which tissues changed, by how much, and what of the others.

    Parameters
    ----------
    contrast
        The table `contrast`.
    level
        Of the intervals.
    tissue
        What a stratum is called.
    types
        Over which types, where there are several levels of them: `types_counted`.

    Examples
    --------
    >>> rows = pd.DataFrame({"contrast": "age: 3m to 24m", "stratum": ["Marrow", "Lung"], "metric": "hill_q1",
    ...     "reference": "3m", "other": "24m", "verdict": ["more concentrated", "undecided"], "effect": [0.77, 0.97],
    ...     "low": [0.64, 0.8], "high": [0.92, 1.2]})
    >>> print(answer(rows)[0])
    Marrow is more concentrated in 24m than in 3m
    (ratio of effective numbers 0.77, 95% interval 0.64 to 0.92); Lung is undecided.
    """
    found = verdicts(contrast)
    return [_answer(rows, level, tissue, types) for _, rows in found.groupby("contrast", sort=False)]


def types_counted(tables: Mapping[str, pd.DataFrame]) -> str:
    """The level of cell types that an answer speaks of, as its first words; empty where there is only one level.

    >>> types_counted({}), types_counted({"granularity": pd.DataFrame({"level": ["finest", "L1"], "n_parts": [69, 7]})})
    ('', 'at the finest level of cell types (69 types), ')
    """
    granular = tables.get("granularity")
    if granular is None or granular.empty or not (granular["level"] == FINEST).any():
        return ""
    n_types = granular.loc[granular["level"] == FINEST, "n_parts"].unique()
    number_of = f" ({int(n_types[0])} types)" if len(n_types) == 1 else ""
    return f"at the finest level of cell types{number_of}, "


def named_answers(
    contrast: pd.DataFrame, *, level: float = 0.95, tissue: str = "tissue", types: str = ""
) -> list[str]:
    """The sentences of `answer`, each after the name of its contrast where there are several.

    Examples
    --------
    >>> rows = pd.DataFrame({"contrast": ["age: 3m to 24m", "sex: f to m"], "stratum": "Lung", "metric": "hill_q1",
    ...                      "verdict": "not testable"})
    >>> named_answers(rows)
    ['age: 3m to 24m: Lung could not be tested.', 'sex: f to m: Lung could not be tested.']
    """
    names = list(dict.fromkeys(contrast["contrast"].astype(str)))
    found = answer(contrast, level=level, tissue=tissue, types=types)
    if len(found) < 2:
        return found
    return [f"{plain(name, 200)}: {words}" for name, words in zip(names, found, strict=True)]


def _answer(rows: pd.DataFrame, level: float, tissue: str, types: str = "") -> str:
    clauses = []
    for verdict in DIRECTIONS:
        here = rows[rows["verdict"] == verdict]
        if len(here):
            clauses.append(_changed(here, verdict, level))
    rest = rows[~rows["verdict"].isin(DIRECTIONS)]
    changed = bool(clauses)
    if not changed and len(rest) > 1 and not rest["verdict"].isin(["not testable", "one metric only"]).all():
        clauses.append(f"no {tissue} shows a change in both metrics that can be distinguished from chance")
    clauses += _counts(rest, tissue, changed) if len(rest) > MOST_NAMES else _others(rest)
    if len(rows) == 1 and not changed and not pd.isna(rows["hill_q1_effect"].iloc[0]):
        clauses[-1] += f" ({_alone(records(rows)[0], level)})"
    text = types + "; ".join(clauses)
    return f"{text[:1].upper()}{text[1:]}."


def _alone(row: Mapping[str, Any], level: float) -> str:
    """The size of the change where there is one tissue: of the metric that changes, else of the effective number."""
    if row["reason"] != "gini_stratum":
        return effect(row, level)
    size, low, high = together((row[f"gini_{end}"] for end in ("effect", "low", "high")), sign=True)
    return f"difference in Gini coefficients {size}, {level * 100:g}% interval {low} to {high}"


def _changed(rows: pd.DataFrame, verdict: str, level: float) -> str:
    first = rows.iloc[0]
    be, become = ("is", "becomes") if len(rows) == 1 else ("are", "become")
    word = "changed in both metrics, without one direction," if verdict == "mixed" else f"{be} {verdict}"
    if pd.isna(first["other"]):
        along = plain(str(first["contrast"]).removeprefix(TREND))
        if str(first["contrast"]).startswith(TREND) and "(" not in along:
            word = (
                "changes in both metrics, without one direction,"
                if verdict == "mixed"
                else f"{become} {verdict}"
            )
            return f"{_subject(rows)} {word} along {along} ({_sizes(rows, level)})"
        return f"{_subject(rows)} {word} ({plain(first['contrast'])}; {_sizes(rows, level)})"
    sides = (
        f"from {plain(first['reference'])} to {plain(first['other'])}" if verdict == "mixed" else _than(first)
    )
    return f"{_subject(rows)} {word} {sides} ({_sizes(rows, level)})"


def _than(row: pd.Series) -> str:
    """The two groups compared; those that are bare numbers with the name of their column.

    >>> _than(pd.Series({"contrast": "age: 3m to 24m", "reference": "3m", "other": "24m"}))
    'in 24m than in 3m'
    >>> _than(pd.Series({"contrast": "age_months: 3 to 24", "reference": "3", "other": "24"}))
    'at age months 24 than at 3'
    """
    reference, other = plain(row["reference"]), plain(row["other"])
    column, found, _ = str(row["contrast"]).partition(f": {row['reference']} to ")
    if found and all(re.fullmatch(r"[\d.,]+", one) for one in (reference, other)):
        return f"at {plain(column)} {other} than at {reference}"
    return f"in {other} than in {reference}"


def _sizes(rows: pd.DataFrame, level: float) -> str:
    if len(rows) == 1:
        return effect(records(rows)[0], level)
    ratios = rows["hill_q1_effect"].dropna()
    if len(ratios) <= MOST_NAMES:
        return (
            f"{'ratio' if len(ratios) == 1 else 'ratios'} of effective numbers {listed(map(short, ratios))}"
        )
    return f"ratios of effective numbers {short(ratios.min())} to {short(ratios.max())}"


def effect(row: Mapping[str, Any], level: float = 0.95) -> str:
    """The change of the effective number of one tissue by the model, in words; `row` is one of `verdicts`.

    Medians as counted stand in tables and charts, never beside this ratio, from which they may differ in direction.

    >>> effect({"hill_q1_effect": 0.77, "hill_q1_low": 0.64, "hill_q1_high": 0.92})
    'ratio of effective numbers 0.77, 95% interval 0.64 to 0.92'
    """
    if pd.isna(row["hill_q1_effect"]):
        return "no estimate"
    ratio = f"ratio of effective numbers {number(row['hill_q1_effect'], 2)}"
    if pd.isna(row["hill_q1_low"]):
        return ratio
    low, high = (number(row[f"hill_q1_{end}"], 2) for end in ("low", "high"))
    return f"{ratio}, {level * 100:g}% interval {low} to {high}"


def finding(row: Mapping[str, Any], level: float = 0.95) -> str:
    """What was found in one tissue, without its name: the verdict, and the estimate or the reason.

    >>> finding({"verdict": "not testable", "reason": "one donor at 24m"})
    'not testable: one donor at 24m'
    """
    verdict = str(row["verdict"])
    reason = row.get("reason")
    if verdict == "not testable":
        return f"{verdict}: {plain(reason, 200)}" if isinstance(reason, str) and reason else verdict
    return f"{verdict}: {effect(row, level)}"


def is_whole(names: Iterable[str]) -> bool:
    """Whether the only stratum is no tissue, but everything.

    >>> is_whole(["all cells"]), is_whole(["Lung"])
    (True, False)
    """
    found = list(names)
    return len(found) == 1 and found[0] in ONE_COMPOSITION


def _subject(rows: pd.DataFrame) -> str:
    names = [str(name) for name in rows["stratum"]]
    return WHOLE if is_whole(names) else listed(names)


def _counts(rest: pd.DataFrame, tissue: str, others: bool) -> list[str]:
    """One clause on how many tissues have each verdict that is no direction."""
    total = len(rest)
    words = str if total > len(SMALL) - 1 else worded
    found = {verdict: int((rest["verdict"] == verdict).sum()) for verdict in MEANINGS}
    there = {verdict: n for verdict, n in found.items() if n}
    if len(there) == 1:
        (verdict,) = there
        if verdict == "not testable" and not others:
            return [f"none of the {words(total)} {tissue}s could be tested"]
        return [f"{'the other' if others else 'all'} {words(total)} {tissue}s {PREDICATES[verdict][1]}"]
    clauses = [f"{words(n)} {PREDICATES[verdict][n != 1]}" for verdict, n in there.items()]
    of = f"of the {'other ' if others else ''}{words(total)} {tissue}s, "
    return [f"{of}{joined(clauses)}"] if clauses else []


PREDICATES = {
    "one metric only": ("changes in one metric only", "change in one metric only"),
    "no change beyond the margin": ("shows no change beyond the margin", "show no change beyond the margin"),
    "undecided": ("is undecided", "are undecided"),
    "not testable": ("could not be tested", "could not be tested"),
}
"""What is written of one tissue and of several with a verdict that is no direction."""


def _others(rest: pd.DataFrame) -> list[str]:
    """One clause on each verdict that is no direction, with the names."""
    clauses = []
    for verdict, predicate in PREDICATES.items():
        here = rest[rest["verdict"] == verdict]
        if not len(here):
            continue
        subject, words = _subject(here), predicate[0 if len(here) == 1 else 1]
        if verdict == "one metric only" and len(here) == 1 and here["reason"].iloc[0] in METRICS:
            words += f", the {METRICS[here['reason'].iloc[0]]}"
        whole = verdict == "undecided" and subject == WHOLE
        clauses.append(f"whether {subject} changes {words}" if whole else f"{subject} {words}")
    return clauses


def description(
    tables: Mapping[str, pd.DataFrame], *, tissue: str = "tissue", part: str = "cell type"
) -> str:
    """What there is where nothing was compared: donors, tissues, types, and the range of the effective number.

    >>> units = pd.DataFrame({"stratum": "lung", "donor": ["a", "b"], "n_cells": [100, 50], "hill_q1": [4.0, 3.0]})
    >>> print(description({"concentration": units, "composition": pd.DataFrame({"part": ["B", "T"]})}))
    2 donors, 1 tissue, 2 cell types, 150 cells; the effective number of cell types is 3.00 to 4.00.
    No groups were compared.
    """
    units, composition = tables["concentration"], tables["composition"]
    values = units["hill_q1"].dropna()
    known = ", ".join([
        counted(units["donor"].nunique(), "donor"), counted(units["stratum"].nunique(), tissue),
        counted(composition["part"].nunique(), part), counted(int(units["n_cells"].sum()), "cell"),
    ])  # fmt: skip
    if values.empty:
        return f"{known}. No groups were compared."
    spread = f"{short(values.min())} to {short(values.max())}" if len(values) > 1 else short(values.iloc[0])
    return f"{known}; the effective number of {part}s is {spread}. No groups were compared."


def across(table: pd.DataFrame, *, tissue: str = "tissue") -> list[str]:
    """A sentence for each contrast on all tissues together, after the contrast where there are several.

    >>> rows = pd.DataFrame({"contrast": ["age"] * 2, "metric": ["gini_stratum", "hill_q1"], "n_strata": [2, 2],
    ...                      "n_early": [4, 4], "n_late": [8, 8], "mean_shift": [0.044, -1.2], "p_value": [0.032, 0.3]})
    >>> print(*across(rows))  # doctest: +NORMALIZE_WHITESPACE
    Across 2 tissues (4 and 8 donors), the mean Gini coefficient rose by 0.044 (permutation p = 0.032)
    and the mean effective number fell by 1.200 (permutation p = 0.30).
    """
    names = {
        "gini_present": "Gini coefficient of the types present",
        "gini_stratum": "Gini coefficient",
        "hill_q1": "effective number",
    }
    found: dict[str, list[str]] = {}
    several = "contrast" in table and table["contrast"].nunique() > 1
    for row in records(table):
        if row["n_strata"] < 2 or row["metric"] not in names or pd.isna(row["mean_shift"]):
            continue
        first, second = (
            row.get(f"n_{a}", row.get(f"n_{b}")) for a, b in (("reference", "early"), ("other", "late"))
        )
        start = f"{plain(row['contrast'], 200)}: across" if several else "Across"
        start += f" {counted(row['n_strata'], tissue)} ({first} and {counted(int(second or 0), 'donor')})"
        found.setdefault(start, []).append(
            f"the mean {names[row['metric']]} {'rose' if row['mean_shift'] > 0 else 'fell'} "
            f"by {number(abs(row['mean_shift']), 3)} (permutation {p_words(row['p_value'])})"
        )
    return [f"{start}, {joined(clauses)}." for start, clauses in found.items()]
