"""What are few donors worth? Small studies drawn from a large one, and what each rule concludes from them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import rankdata

from concentra.analysis.concentration import aligned
from concentra.analysis.contrast import contrast
from concentra.analysis.model import responses
from concentra.design.design import Design, Stratum
from concentra.errors import ArgumentError, DesignError
from concentra.stats.exact import mann_whitney_exact
from concentra.stats.linear_model import linear_model
from concentra.stats.moderated import ContrastTests, contrast_tests
from concentra.stats.streams import stream
from concentra.stats.verdict import LESS, MIXED, MORE, direction, judge
from concentra.tables import Table, column

Floats = NDArray[np.float64]
Words = NDArray[np.object_]
SIGNS, EXACT, BOTH_EXACT, MODEL = (
    "signs of both shifts",
    "exact test",
    "exact tests of both metrics",
    "verdict",
)
RULES = (SIGNS, EXACT, BOTH_EXACT, MODEL)
OPPOSITE: dict[str, str] = {MORE: LESS, LESS: MORE}


class FewDonors(Table):
    """How often each rule concludes what, in small studies drawn from a large one."""

    contrast: str = column("the groups compared")
    stratum: str = column("tissue")
    n_donors: int = column("donors drawn from each group", unit="donors", low=2)
    rule: str = column("what decides", among=RULES)
    n_draws: int = column("small studies", low=1)
    more: float = column('share of them with the conclusion "more concentrated"', low=0, high=1)
    less: float = column('share with "less concentrated"', low=0, high=1)
    mixed: float = column('share with "mixed"', low=0, high=1)
    undecided: float = column("share without a direction", low=0, high=1)
    all_donors: str = column("the verdict from all donors")
    found: float = column(
        "share with the direction of all donors, where they have one", low=0, high=1, nullable=True
    )
    opposite: float = column("share with the opposite of it", low=0, high=1, nullable=True)
    by_analyze: ClassVar[bool] = False

    class Config(Table.Config):
        unique = ["contrast", "stratum", "n_donors", "rule"]


def few_donors(
    design: Design, units: pd.DataFrame, *, sizes: Sequence[int] = (3, 4, 6), n_draws: int = 1_000
) -> pd.DataFrame:
    """What small studies conclude of the change that a large one establishes.

    Each small study has the same number of donors of both groups, drawn without replacement. Values of donors, the
    support of a tissue and its common number of cells are those of the large study.

    ===========================  ==========================================================================
    rule                         conclusion
    ===========================  ==========================================================================
    signs of both shifts         the quadrant of the shifts of medians in `gini_present` and `hill_q1`, as published
    exact test                   the sign of the shift in `hill_q1`, where Mann-Whitney's exact p is at most alpha
    exact tests of both metrics  the quadrant, where the exact p of both is: the verdict of version 0.1
    verdict                      that of `concentra.analysis.contrast`
    ===========================  ==========================================================================

    Parameters
    ----------
    design
        Two groups, one unit a donor, without covariates: few donors cannot be adjusted.
    units
        As `concentra.analysis.concentration.concentration` returns it.
    sizes
        Donors of each group.
    n_draws
        Small studies of each size.

    Returns
    -------
    One row a (stratum, size, rule): the columns of `FewDonors`. A share of 1,000 draws has a standard error of at most
    .016. Sizes larger than a group of the stratum are left out.

    Raises
    ------
    DesignError, ArgumentError
        The design has covariates, pairs or repeated samples; a size is below 2.

    Examples
    --------
    >>> from concentra.analysis.concentration import concentration
    >>> from concentra.composition import from_table
    >>> from concentra.design import Question, resolve
    >>> rows = pd.DataFrame([("blood", f"{age}{n}", age, part, 50 + sign * (n + (10 if age == "old" else 0)))
    ...     for age in ("young", "old") for n in range(8) for part, sign in (("B", 1), ("T", -1))],
    ...     columns=["stratum", "donor", "age", "part", "n_cells"])
    >>> design = resolve(from_table(rows), Question("age", ("young",), (("old",),)))
    >>> found = few_donors(design, concentration(design.composition), sizes=[3], n_draws=100).set_index("rule")
    >>> found.loc["signs of both shifts", "more"], found.loc["exact test", "more"]  # at 3 against 3 p is .1 at best
    (np.float64(1.0), np.float64(0.0))
    """
    _refuse(design, sizes)
    known = aligned(units, design.composition)
    term = design.terms[0]
    whole = contrast(design, units).drop_duplicates("stratum").set_index("stratum")["verdict"]
    rows = []
    for stratum in design.strata:
        groups = [stratum.of_group(name) for name in (term.reference, term.other)]
        for size in [one for one in sizes if one <= min(map(len, groups))]:
            rng = stream(design.settings.seed, "few donors", stratum.name, str(size))
            drawn = [
                np.stack([rng.choice(group, size, replace=False) for _ in range(n_draws)]) for group in groups
            ]
            concluded = _by_ranks(known, stratum, drawn, design.settings.alpha)
            concluded[MODEL] = _by_model(design, known, stratum, np.concatenate(drawn, axis=1))
            place = {"contrast": term.name, "stratum": stratum.name, "n_donors": size, "n_draws": n_draws}
            rows += [
                place | {"rule": rule} | _shares(concluded[rule], str(whole[stratum.name])) for rule in RULES
            ]
    return pd.DataFrame(rows, columns=list(FewDonors.columns()))


def _refuse(design: Design, sizes: Sequence[int]) -> None:
    question = design.question
    if (
        not question.two_groups
        or question.formula
        or question.within
        or question.paired_by
        or any(one.repeated for one in design.strata)
    ):
        raise DesignError(
            found=f"{question.name!r} with covariates, pairs, repeated samples or more than two groups",
            expected="two groups of donors with one sample each",
            fix="sum the samples of a donor, and ask about the groups alone",
        )
    if min(sizes, default=2) < 2:
        raise ArgumentError(
            found=f"sizes={list(sizes)}", expected="2 donors or more", fix="leave out smaller sizes"
        )


def _by_ranks(
    known: pd.DataFrame, stratum: Stratum, drawn: Sequence[NDArray[np.int64]], alpha: float
) -> dict[str, Words]:
    """The conclusions of the published rule, of one exact test and of two, (draws,) each."""
    shifts, p_values = {}, {}
    for metric in ("gini_present", "hill_q1"):
        values = known[metric].to_numpy(dtype=np.float64)[stratum.rows]
        first, second = (values[rows] for rows in drawn)
        shifts[metric] = np.median(second, axis=1) - np.median(first, axis=1)
        p_values[metric] = exact_p_values(first, second)
    both = np.array([direction(*pair) for pair in zip(*shifts.values(), strict=True)], dtype=object)
    signs = np.where(shifts["hill_q1"] < 0, MORE, np.where(shifts["hill_q1"] > 0, LESS, ""))
    return {
        SIGNS: both,
        EXACT: np.where(p_values["hill_q1"] <= alpha, signs, ""),
        BOTH_EXACT: np.where((p_values["hill_q1"] <= alpha) & (p_values["gini_present"] <= alpha), both, ""),
    }


def exact_p_values(first: Floats, second: Floats) -> Floats:
    """Exact two-sided Mann-Whitney p of many pairs of small groups.

    Parameters
    ----------
    first, second
        Shapes (draws, n1) and (draws, n2).

    Returns
    -------
    (draws,), as `concentra.stats.exact.mann_whitney_exact` gives them; each pattern of ranks is computed once.

    Examples
    --------
    >>> exact_p_values(np.array([[1.0, 2, 3], [1, 5, 3]]), np.array([[4.0, 5, 6], [4, 2, 6]])).round(3).tolist()
    [0.1, 0.7]
    """
    ranks = rankdata(np.concatenate([first, second], axis=1), axis=1)
    n = first.shape[1]
    patterns = np.concatenate([np.sort(ranks[:, :n], axis=1), np.sort(ranks[:, n:], axis=1)], axis=1)
    distinct, place = np.unique(patterns, axis=0, return_inverse=True)
    found = np.array([mann_whitney_exact(one[:n], one[n:]).p_value for one in distinct])
    return np.asarray(found[place.ravel()])


def _by_model(design: Design, known: pd.DataFrame, stratum: Stratum, drawn: NDArray[np.int64]) -> Words:
    """The verdict on each small study, a family of one tissue, (draws,); the first half of a row is the reference."""
    size = drawn.shape[1] // 2
    other = np.arange(2 * size) >= size
    matrix = np.column_stack([np.ones(2 * size), other])
    model = linear_model(matrix, [0.0, 1.0], groups=other.tolist())
    values = responses(known)[stratum.rows]
    tests = contrast_tests([model] * len(drawn), [values[rows] for rows in drawn], moderate=False)
    settings = design.settings
    how = {
        "alpha": settings.alpha,
        "ratio_margin": settings.margin_ratio,
        "gini_margin": settings.margin_gini,
    }
    return np.array(
        [judge(_one(tests, place), **how).verdict[0] for place in range(len(drawn))], dtype=object
    )


def _one(tests: ContrastTests, place: int) -> ContrastTests:
    names = ("estimate", "error", "df", "p_value", "centre", "prior_df")
    alone = {name: getattr(tests, name)[place : place + 1] for name in names}
    return ContrastTests(**alone, reasons=tests.reasons[place : place + 1])


def _shares(concluded: Words, truth: str) -> dict[str, object]:
    share: dict[str, float] = {word: float((concluded == word).mean()) for word in (MORE, LESS, MIXED)}
    known = truth in OPPOSITE
    return {
        "more": share[MORE],
        "less": share[LESS],
        "mixed": share[MIXED],
        "undecided": 1 - sum(share.values()),
        "all_donors": truth,
        "found": share[truth] if known else np.nan,
        "opposite": share[OPPOSITE[truth]] if known else np.nan,
    }
