"""The verdict on a tissue: its words, and the rule that chooses among them. Nowhere else are they decided."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit, nctdtrinc, stdtrit

from concentra.errors import ArgumentError
from concentra.stats._checks import Floats, between
from concentra.stats.moderated import ContrastTests
from concentra.stats.multiplicity import benjamini_hochberg

Verdict = Literal[
    "more concentrated",
    "less concentrated",
    "mixed",
    "one metric only",
    "no change beyond the margin",
    "undecided",
    "not testable",
]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
ESTABLISHED: tuple[Verdict, ...] = VERDICTS[:4]
"""The verdicts that state a difference."""
METRICS = ("hill_q1", "gini_stratum")
"""The two metrics that decide, in the order of the responses: ln effective number, logit Gini."""


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What is established in each of T tissues, and what it rests on.

    Attributes
    ----------
    verdict
        (T,) of `VERDICTS`.
    deciding
        (T,): for "one metric only" the name of that metric; else empty.
    within_margin
        (T,): whether both intervals of level 1 - 2 alpha lie within the margins. A difference may be
        established and yet lie within them.
    p_combined, p_adjusted
        (T,): Cauchy combination of the two p-values of a tissue, and adjusted over the tissues
        (Benjamini-Hochberg); NaN where a tissue is not testable.
    effect, low, high
        (T, 2): the ratio of effective numbers and the difference of Gini coefficients, with intervals of
        level 1 - alpha, which exclude 1 and 0 exactly where the single p is at most alpha.
    low_family, high_family
        (T, 2): intervals adjusted over the tissues, see `judge`.
    detectable
        (T, 2): the smallest ratio below 1, and the smallest difference of Gini above 0, that the single test
        would have shown with probability `power`.
    reasons
        (T,): why a tissue is not testable.
    """

    verdict: tuple[Verdict, ...]
    deciding: tuple[str, ...]
    within_margin: np.ndarray
    p_combined: Floats
    p_adjusted: Floats
    effect: Floats
    low: Floats
    high: Floats
    low_family: Floats
    high_family: Floats
    detectable: Floats
    reasons: tuple[str, ...]


def judge(
    tests: ContrastTests,
    *,
    alpha: float = 0.05,
    ratio_margin: float = 0.9,
    gini_margin: float = 0.04,
    power: float = 0.8,
) -> Verdicts:
    r"""Verdicts on all tissues of a family, from one model each of ln effective number and logit Gini.

    A tissue is *called* where the Cauchy combination of its two p-values passes Benjamini-Hochberg at alpha over
    the testable tissues; this controls the false discovery rate of "some metric changed". A called tissue is

    - "more concentrated" or "less concentrated" where both single p are at most alpha and the signs are
      opposite (fewer effective parts and larger Gini, or the reverse);
    - "mixed" where both are at most alpha and the signs are equal;
    - "one metric only" where one is.

    Any other tissue shows "no change beyond the margin" where both intervals of level 1 - 2 alpha lie within the
    margins (two one-sided tests for each metric), else it is "undecided". A tissue without a test of both
    metrics is "not testable". Single p and interval come from one t statistic and cannot contradict
    each other.

    The contrast :math:`\delta` of logit Gini is shown as a difference of Gini about the fitted middle c of the two
    groups, :math:`\mathrm{expit}(c + \delta/2) - \mathrm{expit}(c - \delta/2)`. This is the difference of the two
    back-transformed group means at the estimate; it is odd and increasing in :math:`\delta`, so bounds map to
    bounds and 0 to 0.

    Family-adjusted intervals have level :math:`1 - R\,\alpha / m` with R tissues called of m tested (at least 1): the
    expected share of called tissues whose interval misses is at most alpha.

    Parameters
    ----------
    tests
        Of the two responses, ln effective number first.
    alpha
        Of single tests, and the false discovery rate over tissues.
    ratio_margin
        Ratios of effective numbers between this and its inverse do not matter; between 0 and 1.
    gini_margin
        Differences of Gini up to this do not matter; between 0 and 1.
    power
        Of the detectable change; above alpha and below 1.

    References
    ----------
    Liu & Xie 2020, Journal of the American Statistical Association 115:393 (Cauchy combination). Benjamini &
    Yekutieli 2005, Journal of the American Statistical Association 100:71 (false coverage rate). Schuirmann 1987,
    Journal of Pharmacokinetics and Biopharmaceutics 15:657 (two one-sided tests).

    Examples
    --------
    >>> from concentra.stats.linear_model import linear_model
    >>> from concentra.stats.moderated import contrast_tests
    >>> model = linear_model([[1, 0]] * 3 + [[1, 1]] * 3, [0, 1])
    >>> response = np.array([[2.0, 0.5], [2.1, 0.4], [1.9, 0.6], [1.5, 1.1], [1.4, 1.2], [1.6, 1.0]])
    >>> verdicts = judge(contrast_tests([model], [response]))
    >>> verdicts.verdict, verdicts.effect.round(3).tolist()
    (('more concentrated',), [[0.607, 0.128]])
    """
    between(alpha, 0, 0.5, "alpha")
    between(ratio_margin, 0, 1, "ratio_margin")
    between(gini_margin, 0, 1, "gini_margin")
    between(power, alpha, 1, "power")
    if tests.estimate.ndim != 2 or tests.estimate.shape[1] != len(METRICS):
        raise ArgumentError(
            found=f"tests of shape {tests.estimate.shape}",
            expected="two responses for each tissue, ln effective number and logit Gini",
            fix="fit both responses together",
        )
    testable = np.isfinite(tests.p_value).all(axis=1)
    combined = np.where(testable, cauchy_combination(tests.p_value), np.nan)
    adjusted = benjamini_hochberg(combined, alpha=alpha)
    significant = np.asarray(tests.p_value <= alpha)
    testable = np.asarray(testable)
    low, high = intervals(tests, 1 - alpha)
    narrow_low, narrow_high = intervals(tests, 1 - 2 * alpha)
    margins = np.array([[ratio_margin, -gini_margin], [1 / ratio_margin, gini_margin]])
    within = testable & (narrow_low >= margins[0]).all(axis=1) & (narrow_high <= margins[1]).all(axis=1)
    verdict, deciding = _words(testable, adjusted.rejected, significant, tests.estimate, within)
    n_called = int(adjusted.rejected.sum())
    family = intervals(tests, 1 - max(n_called, 1) * alpha / max(adjusted.n_tested, 1))
    needed = detectable_contrast(tests.error, tests.df, alpha=alpha, power=power)
    return Verdicts(
        verdict=verdict,
        deciding=deciding,
        within_margin=within,
        p_combined=combined,
        p_adjusted=adjusted.p_adjusted,
        effect=readable(tests.estimate, tests.centre),
        low=low,
        high=high,
        low_family=family[0],
        high_family=family[1],
        detectable=readable(needed * np.array([-1.0, 1.0]), tests.centre),
        reasons=tuple(
            "" if ok else next((reason for reason in row if reason), "no variance between donors")
            for ok, row in zip(testable, tests.reasons, strict=True)
        ),
    )


def _words(
    testable: np.ndarray, called: np.ndarray, significant: np.ndarray, estimate: Floats, within: np.ndarray
) -> tuple[tuple[Verdict, ...], tuple[str, ...]]:
    both, some = significant.all(axis=1), significant.any(axis=1)
    opposite = estimate[:, 0] * estimate[:, 1] < 0
    cases: list[tuple[np.ndarray, Verdict]] = [
        (~testable, "not testable"),
        (called & both & opposite & (estimate[:, 1] > 0), "more concentrated"),
        (called & both & opposite, "less concentrated"),
        (called & both, "mixed"),
        (called & some, "one metric only"),
        (within, "no change beyond the margin"),
    ]
    words = np.select([case for case, _ in cases], [word for _, word in cases], default="undecided")
    deciding = [
        METRICS[int(pair[1])] if word == "one metric only" else ""
        for word, pair in zip(words, significant, strict=True)
    ]
    return tuple(words.tolist()), tuple(deciding)


def cauchy_combination(p_values: ArrayLike) -> Floats:
    r"""One p-value for several dependent ones, over the last axis.

    .. math:: p = \tfrac12 - \tfrac1\pi \arctan\Bigl(\tfrac1M \sum_m \tan\bigl((\tfrac12 - p_m)\pi\bigr)\Bigr)

    From 0 to 1; equal p-values combine to themselves; NaN where one is missing. Valid in the tail whatever the
    dependence.

    References
    ----------
    Liu & Xie 2020, Journal of the American Statistical Association 115:393.

    Examples
    --------
    >>> cauchy_combination([[0.03, 0.03], [0.01, 0.5]]).round(4).tolist()
    [0.03, 0.02]
    """
    p = np.clip(np.asarray(p_values, dtype=np.float64), 1e-300, 1.0 - 1e-15)
    mean = (1.0 / np.tan(np.pi * p)).mean(axis=-1)
    large = np.abs(mean) > 1e-3
    with np.errstate(divide="ignore", invalid="ignore"):
        exact = np.arctan(1.0 / np.where(large, mean, 1.0)) / np.pi
        combined = np.where(large, np.where(exact > 0, exact, exact + 1.0), 0.5 - np.arctan(mean) / np.pi)
    return np.where(np.isnan(p).any(axis=-1), np.nan, combined)


def intervals(tests: ContrastTests, level: float) -> tuple[Floats, Floats]:
    """Bounds (T, 2) of the ratio of effective numbers and of the difference of Gini coefficients.

    From the t statistic of each response; see `judge` for the scale. NaN where there is no test.

    Examples
    --------
    >>> from concentra.stats.linear_model import linear_model
    >>> from concentra.stats.moderated import contrast_tests
    >>> model = linear_model([[1, 0]] * 2 + [[1, 1]] * 2, [0, 1])
    >>> tests = contrast_tests([model], [np.array([[0.0, 0.0], [0.2, 0.2], [0.1, 0.1], [0.1, 0.1]])])
    >>> low, high = intervals(tests, 0.95)
    >>> low.round(3).tolist(), high.round(3).tolist()
    ([[0.65, -0.107]], [[1.538, 0.107]])
    """
    between(level, 0, 1, "level")
    low, high = interval_of(tests, level)
    return readable(low, tests.centre), readable(high, tests.centre)


def interval_of(tests: ContrastTests, level: float) -> tuple[Floats, Floats]:
    """Bounds (T, M) of the contrasts in units of the responses; NaN where there is no test.

    Examples
    --------
    >>> from concentra.stats.linear_model import linear_model
    >>> from concentra.stats.moderated import contrast_tests
    >>> model = linear_model([[1, 0]] * 2 + [[1, 1]] * 2, [0, 1])
    >>> low, high = interval_of(contrast_tests([model], [np.array([[0.0], [2.0], [3.0], [5.0]])]), 0.95)
    >>> low.round(2).tolist(), high.round(2).tolist()  # 3 plus or minus 4.303 times the root of 2
    ([[-3.08]], [[9.08]])
    """
    half = stdtrit(tests.df, (1.0 + level) / 2.0) * tests.error
    return tests.estimate - half, tests.estimate + half


def readable(contrasts: Floats, centre: Floats) -> Floats:
    """The ratio of effective numbers and the difference of Gini coefficients of contrasts (T, 2) on model scale.

    Examples
    --------
    >>> readable(np.array([[np.log(0.5), 2.0]]), np.array([[0.0, 0.0]])).round(4).tolist()
    [[0.5, 0.4621]]
    """
    half = contrasts[:, 1] / 2.0
    with np.errstate(over="ignore"):
        ratio = np.exp(contrasts[:, 0])
    return np.stack([ratio, expit(centre[:, 1] + half) - expit(centre[:, 1] - half)], axis=1)


def detectable_contrast(
    error: ArrayLike, df: ArrayLike, *, alpha: float = 0.05, power: float = 0.8
) -> Floats:
    r"""The contrast that a two-sided t-test at alpha shows with a given probability.

    The :math:`\delta > 0` with :math:`P(T_\nu(\delta / s) > t_{\nu, 1 - \alpha/2}) = \mathrm{power}`, T noncentral t (a
    rejection on the wrong side is left out). In units of the response; NaN where there is no test.

    Parameters
    ----------
    error, df
        Standard error of the contrast and its degrees of freedom, any shape.
    alpha, power
        Of the test, and of the statement.

    Examples
    --------
    Ten donors a group, standard deviation 1 (Cohen's table gives 1.3):

    >>> detectable_contrast((2 / 10) ** 0.5, 18).round(2).tolist()
    1.32
    """
    nu = np.asarray(df, dtype=np.float64)
    needed = np.asarray(nctdtrinc(np.minimum(nu, 1e6), 1.0 - power, stdtrit(nu, 1.0 - alpha / 2.0)))
    return np.asarray(needed * np.asarray(error, dtype=np.float64))


MORE, LESS, MIXED, ONE_METRIC, NO_CHANGE, UNDECIDED, NOT_TESTABLE = VERDICTS
DIRECTIONS = (MORE, LESS, MIXED)


def direction(gini_shift: float, effective_shift: float) -> str:
    """The quadrant of two shifts.

    "more concentrated" where the Gini coefficient rises and the effective number falls, "less concentrated" the
    reverse, otherwise "mixed" (also where one of them is exactly zero); empty where a shift is NaN.

    >>> direction(0.087, -2.18), direction(-0.04, 1.9), direction(0.01, 0.4)
    ('more concentrated', 'less concentrated', 'mixed')
    """
    if np.isnan(gini_shift) or np.isnan(effective_shift):
        return ""
    if gini_shift > 0 > effective_shift:
        return MORE
    return LESS if gini_shift < 0 < effective_shift else MIXED
