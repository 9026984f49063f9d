"""The model matrix of a question: groups, a number, blocks and the terms of a formula, and what is estimated."""

from __future__ import annotations

import re
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from concentra.composition.composition import Composition
from concentra.design.design import Term
from concentra.design.question import Question, formula_columns
from concentra.errors import ArgumentError

INDICATOR = re.compile(r"(?:C\()?(?P<column>[^\[\]:()]+)\)?\[T\.(?P<label>[^\[\]]+)\]")
Floats = NDArray[np.float64]
Names = NDArray[np.object_]


def model_columns(
    composition: Composition, question: Question, groups: Names | None, axis: Floats | None, title: str,
    covariates: pd.DataFrame, included: NDArray[np.bool_],
) -> tuple[Floats, tuple[str, ...], tuple[Term, ...], dict[str, Floats]]:  # fmt: skip
    """The model matrix over all units (0 for those left out), and for each term rows whose mean is estimated.

    The change of a number is estimated over its whole range among the included units.

    Returns
    -------
    The matrix (n, p), the names of its columns, the terms, and for each term the combination (n, p).

    Examples
    --------
    >>> from concentra.composition import from_table
    >>> rows = pd.DataFrame({"stratum": "lung", "donor": list("abcd"), "part": "T", "n_cells": 60})
    >>> made, known = from_table(rows), pd.DataFrame(index=range(4))
    >>> age = np.array([3.0, 3.0, 24.0, 24.0])
    >>> found = model_columns(made, Question(trend="age"), None, age, "age", known, np.ones(4, bool))
    >>> found[1], found[3]["trend along age"][0].tolist()
    (('Intercept', 'age'), [0.0, 21.0])
    """
    n = len(composition.units)
    columns: list[tuple[str, Floats]] = [("Intercept", np.ones(n))]
    terms: list[Term] = []
    contrasts: dict[str, dict[str, float]] = {}
    names = list(question.groups)
    if groups is not None:
        for name in names[1:]:
            columns.append((f"{question.column}[{name}]", (groups == name).astype(np.float64)))
        for first, second in combinations(names, 2):
            term = Term(
                f"{question.column}: {first} to {second}" if len(names) > 2 else question.name, first, second
            )
            terms.append(term)
            weights = {f"{question.column}[{second}]": 1.0}
            if first != names[0]:
                weights[f"{question.column}[{first}]"] = -1.0
            contrasts[term.name] = weights
    if axis is not None:
        columns.append((title, np.nan_to_num(axis)))
        terms.append(_numeric_term(question.name, axis, included))
        contrasts[question.name] = {title: _span(terms[-1])}
    if question.within is not None:
        blocks = composition.label(question.within).to_numpy(dtype=object)[included]
        columns += _dummies(question.within, blocks, included)
    if question.formula:
        if question.column and question.column in formula_columns(question.formula):
            return _by_formula(composition, question, groups, covariates, included)
        more = _formula_columns(question, covariates, included)
        columns += more
        if not terms:
            names = [_term_name(name, covariates[included]) for name, _ in more]
            terms = [_numeric_term(name, one[1], included) for name, one in zip(names, more, strict=True)]
            contrasts = {term.name: {one[0]: _span(term)} for term, one in zip(terms, more, strict=True)}
    matrix = np.stack([values for _, values in columns], axis=1)
    labels = tuple(name for name, _ in columns)
    rows = {
        name: np.tile([weights.get(label, 0.0) for label in labels], (n, 1))
        for name, weights in contrasts.items()
    }
    return matrix, labels, tuple(terms), rows


def _numeric_term(name: str, values: Floats, included: NDArray[np.bool_]) -> Term:
    """The change over the range of a number, in which margins and intervals have a meaning whatever its unit."""
    inside = values[included]
    low, high = (float(inside.min()), float(inside.max())) if inside.size else (0.0, 1.0)
    return Term(name, low=low, high=high)


def _term_name(name: str, covariates: pd.DataFrame) -> str:
    """A column of a formula's matrix as people read it: the indicator of a label as a change from the first label.

    >>> _term_name("sex[T.m]", pd.DataFrame({"sex": ["m", "f"]})), _term_name("bmi", pd.DataFrame({"bmi": [20.0]}))
    ('sex: f to m', 'bmi')
    """
    found = INDICATOR.fullmatch(name)
    if found is None or found["column"] not in covariates:
        return name
    return f"{found['column']}: {min(map(str, covariates[found['column']]))} to {found['label']}"


def _span(term: Term) -> float:
    """The range of a term; 1 where every sample has the same number, so that nothing can be estimated."""
    return term.high - term.low or 1.0


def _dummies(name: str, labels: Names, included: NDArray[np.bool_]) -> list[tuple[str, Floats]]:
    values = sorted({str(label) for label in labels})
    made = []
    for value in values[1:]:
        column = np.zeros(len(included))
        column[included] = np.array([str(label) == value for label in labels], dtype=np.float64)
        made.append((f"{name}[{value}]", column))
    return made


def _formula_columns(
    question: Question, covariates: pd.DataFrame, included: NDArray[np.bool_]
) -> list[tuple[str, Floats]]:
    """The columns of the formula's matrix but its intercept."""
    from formulaic import model_matrix

    with np.errstate(all="ignore"):
        try:
            matrix = model_matrix(str(question.formula).strip(), covariates[included], output="pandas")
        except Exception as problem:
            raise _bad_formula(question, problem) from None
    made = []
    for name in matrix.columns:
        if str(name) != "Intercept":
            column = np.zeros(len(included))
            column[included] = np.asarray(matrix[name], dtype=np.float64)
            made.append((str(name), column))
    return made


def _by_formula(
    composition: Composition, question: Question, groups: Names | None, covariates: pd.DataFrame,
    included: NDArray[np.bool_],
) -> tuple[Floats, tuple[str, ...], tuple[Term, ...], dict[str, Floats]]:  # fmt: skip
    """The matrix where the formula itself holds the groups (interactions): what is estimated is the mean difference."""
    from formulaic import model_matrix

    assert groups is not None
    names = list(question.groups)
    data = covariates.assign(**{question.column: pd.Categorical(groups, categories=names)})[included]
    try:
        matrix = model_matrix(str(question.formula).strip(), data, output="pandas")
    except Exception as problem:
        raise _bad_formula(question, problem) from None
    whole = np.zeros((len(included), matrix.shape[1]))
    whole[included] = np.asarray(matrix, dtype=np.float64)
    terms, rows = [], {}
    for first, second in combinations(names, 2):
        term = Term(
            f"{question.column}: {first} to {second}" if len(names) > 2 else question.name, first, second
        )
        ends = []
        for name in (second, first):
            moved = data.assign(**{question.column: pd.Categorical([name] * len(data), categories=names)})
            ends.append(np.asarray(matrix.model_spec.get_model_matrix(moved), dtype=np.float64))
        difference = np.zeros_like(whole)
        difference[included] = ends[0] - ends[1]
        terms.append(term)
        rows[term.name] = difference
    return whole, tuple(map(str, matrix.columns)), tuple(terms), rows


def _bad_formula(question: Question, problem: Exception) -> ArgumentError:
    return ArgumentError(
        found=f"the formula {question.formula!r}: {' '.join(str(problem).split())[:160]}",
        expected="terms over columns that describe donors, such as '~ age + sex'",
        fix="correct the formula",
    )
