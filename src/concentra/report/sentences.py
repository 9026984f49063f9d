"""Sentences that people read: the answer, what was found in a tissue, the paragraph of methods.

Each is a function of the tables of an analysis. A sentence is plain text; who prints it escapes it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import pandas as pd

from concentra.report.markdown import number, p_text

ONE_COMPOSITION = ("all cells", "", "none")
"""Names of a stratum that is no tissue: everything is one composition."""
MOST_NAMES = 6
DIRECTIONS = ("more concentrated", "less concentrated", "mixed")
MEANINGS = {
    "more concentrated": "the Gini coefficient rises and the effective number falls, both beyond chance",
    "less concentrated": "the Gini coefficient falls and the effective number rises, both beyond chance",
    "mixed": "both metrics change beyond chance, in the same direction",
    "one metric only": "one of the two metrics changes beyond chance, the other does not",
    "no change beyond the margin": "both metrics are shown to change by less than the margin",
    "undecided": "neither a change nor its absence is established",
    "not testable": "too few donors, or a single cell type",
}
"""What each verdict means, in the order in which they are listed."""


def listed(names: Iterable[object], most: int = MOST_NAMES) -> str:
    """Names as a list within a sentence; long lists end with a count.

    >>> listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c"]), listed("abcd", most=2)
    ('a', 'a and b', 'a, b and c', 'a, b and 2 more')
    """
    found = [plain(name) for name in names]
    if len(found) > most:
        found = [*found[:most], f"{len(found) - most} more"]
    return found[0] if len(found) == 1 else f"{', '.join(found[:-1])} and {found[-1]}" if found else "none"


def counted(n: int, one: str, several: str | None = None) -> str:
    """A number with its noun.

    >>> counted(1, "tissue"), counted(1200, "tissue"), counted(2, "analysis", "analyses")
    ('1 tissue', '1,200 tissues', '2 analyses')
    """
    return f"{n:,} {one if n == 1 else several or one + 's'}"


def plain(label: object, limit: int = 60) -> str:
    """A label on one line, without control characters, underscores as spaces, long ones with an ellipsis.

    >>> plain("Limb_Muscle"), len(plain("x" * 1000))
    ('Limb Muscle', 60)
    """
    letters = "".join(one if one.isprintable() else " " for one in str(label).replace("_", " "))
    text = " ".join(letters.split())
    return text if len(text) <= limit else text[: limit - 1] + "…"


def distinct(labels: Iterable[object], limit: int = 60) -> dict[str, str]:
    """How each label is shown; labels that look the same when shown get a number.

    >>> distinct(["a_b", "a b", "c"])
    {'a_b': 'a b', 'a b': 'a b (2)', 'c': 'c'}
    """
    shown: dict[str, str] = {}
    used: set[str] = set()
    for label in dict.fromkeys(map(str, labels)):
        text, place = plain(label, limit), 2
        while text in used:
            text, place = f"{plain(label, limit)} ({place})", place + 1
        used.add(text)
        shown[label] = text
    return shown


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a table as dictionaries.

    >>> records(pd.DataFrame({"a": [1]}))
    [{'a': 1}]
    """
    return cast("list[dict[str, Any]]", frame.to_dict("records"))


def verdicts(contrast: pd.DataFrame) -> pd.DataFrame:
    """One row a contrast and stratum: the verdict, and effect, interval and medians of both deciding metrics.

    Returns
    -------
    DataFrame
        `contrast`, `stratum`, `reference`, `other`, `n_reference`, `n_other`, `verdict`, `direction`, `reason`,
        `p_adjusted`; and for `hill_q1` (a ratio) and `gini` (a difference, over all types of the tissue) the
        columns `effect`, `low`, `high`, `before`, `after`, `p_value`, `detectable`, prefixed with the name and `_`.

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
        for short, metric in (("hill_q1", "hill_q1"), ("gini", "gini_stratum")):
            of = by_metric.get(metric, {})
            row |= {f"{short}_{new}": of.get(old, float("nan")) for old, new in VALUES.items()}
        made.append(row)
    return pd.DataFrame(
        made, columns=[*SHARED, *(f"{s}_{v}" for s in ("hill_q1", "gini") for v in VALUES.values())]
    )


SHARED = ("contrast", "stratum", "reference", "other", "n_reference", "n_other", "verdict", "direction", "reason",
          "p_adjusted")  # fmt: skip
VALUES = {"effect": "effect", "low": "low", "high": "high", "median_reference": "before", "median_other": "after",
          "p_value": "p_value", "detectable": "detectable"}  # fmt: skip


def answer(contrast: pd.DataFrame, *, level: float = 0.95, tissue: str = "tissue") -> list[str]:
    """What was found, in one sentence a contrast: which tissues changed, by how much, and what of the others.

    Parameters
    ----------
    contrast
        The table `contrast`.
    level
        Of the intervals.
    tissue
        What a stratum is called.

    Examples
    --------
    >>> rows = pd.DataFrame({"contrast": "age: 3m to 24m", "stratum": ["Marrow", "Lung"], "metric": "hill_q1",
    ...     "reference": "3m", "other": "24m", "verdict": ["more concentrated", "undecided"], "effect": [0.77, 0.97],
    ...     "low": [0.64, 0.8], "high": [0.92, 1.2], "median_reference": [9.3, 6.0], "median_other": [7.12, 5.9]})
    >>> print(answer(rows)[0])
    Marrow is more concentrated in 24m than in 3m
    (effective number 9.30 to 7.12, ratio 0.77, 95% interval 0.64 to 0.92); Lung is undecided.
    """
    found = verdicts(contrast)
    return [_answer(rows, level, tissue) for _, rows in found.groupby("contrast", sort=False)]


def _answer(rows: pd.DataFrame, level: float, tissue: str) -> str:
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
    text = "; ".join(clauses)
    return f"{text[:1].upper()}{text[1:]}."


def _changed(rows: pd.DataFrame, verdict: str, level: float) -> str:
    first = rows.iloc[0]
    be = "is" if len(rows) == 1 else "are"
    word = "changed in both metrics, without one direction," if verdict == "mixed" else f"{be} {verdict}"
    if pd.isna(first["other"]):
        sides = f"({plain(first['contrast'])})"
    elif verdict == "mixed":
        sides = f"from {plain(first['reference'])} to {plain(first['other'])}"
    else:
        sides = f"in {plain(first['other'])} than in {plain(first['reference'])}"
    return f"{_subject(rows)} {word} {sides} ({_sizes(rows, level)})"


def _sizes(rows: pd.DataFrame, level: float) -> str:
    if len(rows) == 1:
        return effect(records(rows)[0], level)
    ratios = rows["hill_q1_effect"].dropna()
    if len(ratios) <= MOST_NAMES:
        return (
            f"{'ratio' if len(ratios) == 1 else 'ratios'} of effective numbers {listed(map(_short, ratios))}"
        )
    return f"ratios of effective numbers {_short(ratios.min())} to {_short(ratios.max())}"


def effect(row: Mapping[str, Any], level: float = 0.95) -> str:
    """The change of the effective number of one tissue, in words; `row` is one of `verdicts`.

    >>> effect({"hill_q1_before": 9.3, "hill_q1_after": 7.12, "hill_q1_effect": 0.77, "hill_q1_low": 0.64,
    ...         "hill_q1_high": 0.92})
    'effective number 9.30 to 7.12, ratio 0.77, 95% interval 0.64 to 0.92'
    """
    words = []
    if not pd.isna(row["hill_q1_before"]) and not pd.isna(row["hill_q1_after"]):
        words.append(f"effective number {_short(row['hill_q1_before'])} to {_short(row['hill_q1_after'])}")
    if not pd.isna(row["hill_q1_effect"]):
        words.append(f"ratio {number(row['hill_q1_effect'], 2)}")
    if not pd.isna(row["hill_q1_low"]):
        words.append(
            f"{level * 100:g}% interval {number(row['hill_q1_low'], 2)} to {number(row['hill_q1_high'], 2)}"
        )
    return ", ".join(words) or "no estimate"


def finding(row: Mapping[str, Any], level: float = 0.95) -> str:
    """What was found in one tissue, without its name: the verdict, and the estimate or the reason.

    >>> finding({"verdict": "not testable", "reason": "one donor at 24m", "hill_q1_before": 9.3,
    ...          "hill_q1_after": None, "hill_q1_effect": None, "hill_q1_low": None, "hill_q1_high": None})
    'not testable: one donor at 24m'
    """
    verdict = str(row["verdict"])
    reason = row.get("reason")
    if verdict == "not testable":
        return f"{verdict}: {plain(reason, 200)}" if isinstance(reason, str) and reason else verdict
    return f"{verdict}: {effect(row, level)}"


def _subject(rows: pd.DataFrame) -> str:
    names = [str(name) for name in rows["stratum"]]
    if len(names) == 1 and names[0] in ONE_COMPOSITION:
        return "the composition"
    return listed(names)


def _counts(rest: pd.DataFrame, tissue: str, others: bool) -> list[str]:
    """One clause on how many tissues have each verdict that is no direction."""
    words = []
    for verdict in MEANINGS:
        n = int((rest["verdict"] == verdict).sum())
        if n:
            one, several = PREDICATES[verdict]
            words.append(f"{n} {one if n == 1 else several}")
    of = f"of the {'other ' if others else ''}{counted(len(rest), tissue)}, "
    return (
        [of + (words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}")] if words else []
    )


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
        if len(here):
            clauses.append(f"{_subject(here)} {predicate[0 if len(here) == 1 else 1]}")
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
    spread = (
        f"{_short(values.min())} to {_short(values.max())}" if len(values) > 1 else _short(values.iloc[0])
    )
    return f"{known}; the effective number of {part}s is {spread}. No groups were compared."


def _short(value: float | None) -> str:
    """Three significant digits.

    >>> _short(9.301), _short(71.02), _short(0.7655)
    ('9.30', '71.0', '0.77')
    """
    if value is None or pd.isna(value):
        return "–"
    size = abs(float(value))
    return number(value, 0 if size >= 100 else 1 if size >= 10 else 2)


REFERENCES: dict[str, str] = tomllib.loads(
    Path(__file__).with_name("references.toml").read_text(encoding="utf-8")
)
"""What the paragraph of methods cites, by key."""


def methods(
    tables: Mapping[str, pd.DataFrame], options: Mapping[str, Any], versions: Mapping[str, str]
) -> tuple[str, list[str]]:
    """A paragraph of methods ready for a paper, with numbers for citations, and the references that it cites.

    Parameters
    ----------
    tables
        Those of the analysis: what is in them is described.
    options
        `min_cells`, `alpha`, `level` where they are known.
    versions
        Of the packages, by name; `concentra` first.

    Examples
    --------
    >>> text, cited = methods({}, {"min_cells": 50}, {"concentra": "1.0"})
    >>> text.split(";")[0], len(cited)
    ('The unit of analysis was the donor within a tissue', 3)
    """
    cited: list[str] = []

    def cite(*keys: str) -> str:
        for key in keys:
            if REFERENCES[key] not in cited:
                cited.append(REFERENCES[key])
        return f" [{', '.join(str(cited.index(REFERENCES[key]) + 1) for key in keys)}]"

    level = f"{100 * float(options.get('level') or 0.95):g}%"
    words = [
        "The unit of analysis was the donor within a tissue; cells were never treated as replicates.",
        f"Donors with fewer than {options['min_cells']} cells in a tissue were left out."
        if options.get("min_cells")
        else "",
        f"The concentration of cell-type composition was measured by the Gini coefficient{cite('gini')} over all cell "
        f"types of the tissue and by the effective number of types, the Hill number of order 1{cite('hill1973')}, "
        f"estimated with the entropy estimator of Chao, Wang and Jost{cite('chao2013')}.",
    ]
    if len(tables.get("contrast", ())):
        words.append(
            "Groups were compared with linear models of the logarithm of the effective number and of the logit of the "
            f"Gini coefficient, with variances moderated across tissues by empirical Bayes{cite('smyth2004')}; {level} "
            "intervals come from the same models. The two p-values of a tissue were combined with the Cauchy "
            f"combination test{cite('liu2020')} and adjusted over tissues by the Benjamini-Hochberg "
            f"procedure{cite('benjamini1995')}. A tissue is reported as changed only if the combined test and both "
            "single tests are significant."
        )
    if len(tables.get("exact", ())):
        words.append("Exact rank tests are reported beside the models.")
    if len(tables.get("drivers", ())):
        words.append(
            "Each shift was divided among cell types by an attribution whose contributions add up to the shift."
        )
    if len(tables.get("multiverse", ())):
        words.append(
            f"Every defensible choice of analysis was crossed in a multiverse{cite('steegen2016', 'simonsohn2020')}."
        )
    names = ", ".join(f"{name} {version}" for name, version in versions.items())
    words.append(f"Computed with {names}." if names else "")
    return " ".join(word for word in words if word), cited


def p_words(value: float | None) -> str:
    """A p-value in a sentence.

    >>> p_words(0.0004), p_words(0.031)
    ('p < 0.001', 'p = 0.031')
    """
    if value is None or pd.isna(value):
        return "no p"
    return "p < 0.001" if value < 0.001 else f"p = {p_text(value)}"


def across(table: pd.DataFrame, *, tissue: str = "tissue") -> list[str]:
    """One sentence a contrast and metric on all tissues together.

    >>> rows = pd.DataFrame({"contrast": ["age"], "metric": ["gini_stratum"], "n_strata": [2], "n_early": [4],
    ...                      "n_late": [8], "mean_shift": [0.044], "p_value": [0.032]})
    >>> across(rows)
    ['Across 2 tissues (4 and 8 donors), the mean Gini coefficient rose by 0.044 (permutation p = 0.032).']
    """
    names = {
        "gini_present": "Gini coefficient of the types present",
        "gini_stratum": "Gini coefficient",
        "hill_q1": "effective number",
    }
    made = []
    for row in records(table):
        if row["n_strata"] < 2 or row["metric"] not in names or pd.isna(row["mean_shift"]):
            continue
        first, second = (
            row.get(f"n_{a}", row.get(f"n_{b}")) for a, b in (("reference", "early"), ("other", "late"))
        )
        verb = "rose" if row["mean_shift"] > 0 else "fell"
        made.append(
            f"Across {counted(row['n_strata'], tissue)} ({first} and {counted(int(second or 0), 'donor')}), the mean "
            f"{names[row['metric']]} {verb} by {number(abs(row['mean_shift']), 3)} "
            f"(permutation {p_words(row['p_value'])})."
        )
    return made


def notes_of(notes: Sequence[object]) -> list[str]:
    """Notes as text, the same one once, in order.

    >>> notes_of(["a", "b", "a"])
    ['a', 'b']
    """
    return list(dict.fromkeys(str(note) for note in notes))
