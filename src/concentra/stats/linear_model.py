"""Linear models of the responses of one tissue: estimates of contrasts, and what their variance rests on."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize_scalar

from concentra.errors import ArgumentError
from concentra.stats._checks import Floats

INESTIMABLE = "the design cannot separate this contrast from the other terms"
NO_RESIDUALS = "too few donors: differences between donors cannot be estimated"
EMPTY = "no sample"
_RANK = 1e-9  # singular values below this share of the largest are zero
_HIGHEST_CORRELATION = 0.99


@dataclass(frozen=True, slots=True)
class LinearModel:
    """A design of n samples with one contrast of q rows, ready for any number of responses.

    Attributes
    ----------
    weights
        (q, n): the estimate of the contrast is ``weights @ response``.
    centre
        (n,): the fitted value midway between the compared groups is ``centre @ response``.
    unscaled
        (C, q, q): the covariance of the estimate is the sum over variance components c of ``unscaled[c]``
        times the variance of c.
    residuals
        (C, m, n): ``residuals[c] @ response`` are the residuals that belong to component c.
    traces
        (C,): the expected sum of squares of these residuals, in units of the variance.
    df
        (C,): degrees of freedom of the estimate of each variance.
    n_rows, n_donors
        Rows after repeated samples were averaged, and donors.
    reason
        Why the contrast cannot be tested; empty where it can.
    """

    weights: Floats
    centre: Floats
    unscaled: Floats
    residuals: Floats
    traces: Floats
    df: Floats
    n_rows: int
    n_donors: int
    reason: str = ""

    def estimates(self, values: Floats) -> Floats:
        """Estimates (q, M) of the contrast for responses (n, M)."""
        return np.asarray(self.weights @ values)

    def variances(self, values: Floats) -> Floats:
        """Residual variances (C, M) of responses (n, M), one for each component; NaN without residuals."""
        squares = np.square(self.residuals @ values).sum(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(np.where(self.traces[:, None] > 0, squares / self.traces[:, None], np.nan))


def linear_model(
    design: ArrayLike,
    contrast: ArrayLike,
    *,
    groups: Sequence[Hashable] | None = None,
    donors: Sequence[Hashable] | None = None,
    correlation: float = 0.0,
    at: ArrayLike | None = None,
) -> LinearModel:
    r"""A linear model of one tissue: the estimate of a contrast, and the variances that its error rests on.

    The estimate is :math:`\hat\theta = L \hat\beta = A y`, by (generalised) least squares. Its covariance is
    :math:`\sum_c \sigma_c^2\, U_c` over one or more variance components, each estimated from its own residuals,
    :math:`s_c^2 = \lVert R_c y \rVert^2 / \mathrm{tr}\, R_c` with
    :math:`\nu_c = (\mathrm{tr}\, R_c)^2 / \mathrm{tr}\, R_c^2` degrees of freedom:

    - groups of equal size, or none given: one variance for all;
    - groups of unequal size: a variance for each group. For two groups without covariates this is
      Welch's test;
    - donors with rows in several conditions: a variance within donors and one between donors. For complete
      pairs only the former counts, and this is the paired t-test.

    Samples of one donor with equal rows of the design (visits, duplicates) are averaged first, so that every
    donor has equal weight and no donor is counted twice. Where donors remain with several rows, they are
    weighted by generalised least squares with a common correlation within a donor, which combines complete and
    incomplete pairs; that correlation sets the weights only, because each stratum has its own variance.

    Parameters
    ----------
    design
        (n, p), a row for each sample.
    contrast
        (p,) or (q, p), the combinations of the coefficients that are estimated.
    groups
        (n,) labels of the compared groups.
    donors
        (n,) labels of the donors; every sample is another donor where not given.
    correlation
        Of two rows of one donor, from 0 to .99, as `donor_correlation` estimates it.
    at
        (p,) the row of the design at which `centre` is evaluated. By default the mean row, with the columns
        of the contrast that hold only 0 and 1 at one half.

    Raises
    ------
    ArgumentError
        Shapes do not agree, an entry is not finite, or the correlation is out of range.

    References
    ----------
    Welch 1947, Biometrika 34:28. Satterthwaite 1946, Biometrics Bulletin 2:110. Smyth, Michaud & Scott 2005,
    Bioinformatics 21:2067, for the common correlation.

    Examples
    --------
    Two groups, (1, 2, 3) and (4, 6): the difference is 5 - 2, and each group has its own variance.

    >>> design = [[1, 0], [1, 0], [1, 0], [1, 1], [1, 1]]
    >>> model = linear_model(design, [0, 1], groups="aaabb")
    >>> response = np.array([[1.0], [2.0], [3.0], [4.0], [6.0]])
    >>> model.estimates(response).round(6).tolist(), model.variances(response).round(6).tolist()
    ([[3.0]], [[1.0], [2.0]])
    >>> model.df.round(6).tolist(), model.unscaled.round(6).ravel().tolist()
    ([2.0, 1.0], [0.333333, 0.5])
    """
    rows, contrasts = _checked(design, contrast, groups, donors, correlation)
    n_samples = rows.shape[0]
    if n_samples == 0:
        return _nothing(contrasts.shape[0], 0, 0, 0, EMPTY)
    donor = _codes(donors, n_samples)
    merged, chosen = _averaged(rows, donor)
    member = donor[chosen]
    repeated = np.unique(member).size < member.size
    whitening = _whitening(member, correlation) if repeated else np.eye(member.size)
    classes = _strata(member) if repeated else _group_classes(groups, chosen)
    return _solved(rows[chosen], contrasts, whitening, merged, classes, at, np.unique(donor).size)


def _solved(
    rows: Floats,
    contrasts: Floats,
    whitening: Floats,
    merged: Floats,
    classes: list[Floats],
    at: ArrayLike | None,
    n_donors: int,
) -> LinearModel:
    left, singular, right = np.linalg.svd(whitening @ rows, full_matrices=False)
    kept = singular > _RANK * singular.max(initial=0.0)
    left, singular, right = left[:, kept], singular[kept], right[kept]
    transform = whitening @ merged
    solve = (right.T / singular) @ left.T  # coefficients of whitened responses, the shortest ones
    residual = np.eye(left.shape[0]) - left @ left.T
    forms = [residual @ projector @ residual for projector in classes]
    traces = np.array([np.trace(form) for form in forms])
    traces[traces < 1e-8] = 0.0
    weights = contrasts @ solve
    unscaled = np.array([weights @ projector @ weights.T for projector in classes])
    unscaled[np.abs(unscaled) < 1e-12 * np.abs(unscaled).max(initial=0.0)] = 0.0
    squares = np.array([np.square(form).sum() for form in forms])
    df = np.divide(traces**2, squares, out=np.zeros_like(traces), where=traces > 0)
    reason = _reason(contrasts, right, traces, unscaled)
    return LinearModel(
        weights=weights @ transform
        if reason != INESTIMABLE
        else np.full_like(contrasts @ solve @ transform, np.nan),
        centre=_centre_row(rows, contrasts, at) @ solve @ transform,
        unscaled=unscaled,
        residuals=np.array([projector @ residual @ transform for projector in classes]),
        traces=traces,
        df=df,
        n_rows=rows.shape[0],
        n_donors=n_donors,
        reason=reason,
    )


def _reason(contrasts: Floats, right: Floats, traces: Floats, unscaled: Floats) -> str:
    beyond = contrasts - contrasts @ right.T @ right
    if np.abs(beyond).max(initial=0.0) > 1e-7 * np.abs(contrasts).max(initial=1.0):
        return INESTIMABLE
    needed = np.abs(unscaled).max(axis=(1, 2)) > 0
    return NO_RESIDUALS if (needed & (traces == 0)).any() else ""


def _centre_row(rows: Floats, contrasts: Floats, at: ArrayLike | None) -> Floats:
    if at is not None:
        return np.asarray(at, dtype=np.float64)
    row = rows.mean(axis=0)
    binary = ((rows == 0) | (rows == 1)).all(axis=0) & (contrasts != 0).any(axis=0)
    return np.where(binary & (row < 1), 0.5, row)


def _averaged(rows: Floats, donor: NDArray[np.intp]) -> tuple[Floats, NDArray[np.intp]]:
    """A matrix (m, n) that averages samples of one donor with equal rows, and the first sample of each."""
    if np.unique(donor).size == donor.size:
        return np.eye(donor.size), np.arange(donor.size)
    keyed = np.column_stack([donor, rows])
    _, first, inverse = np.unique(keyed, axis=0, return_index=True, return_inverse=True)
    place = np.argsort(np.argsort(first))[inverse.ravel()]  # in order of first appearance
    member = np.zeros((first.size, donor.size))
    member[place, np.arange(donor.size)] = 1.0
    return member / member.sum(axis=1, keepdims=True), np.sort(first)


def _whitening(member: NDArray[np.intp], correlation: float) -> Floats:
    """The inverse root of a correlation matrix with `correlation` between rows of one donor."""
    same = (member[:, None] == member[None, :]).astype(np.float64)
    sizes = same.sum(axis=1)
    between = same / sizes
    scale = 1.0 / np.sqrt(1.0 + (sizes - 1.0) * correlation)
    single = (sizes == 1)[:, None]
    within = np.where(single, 0.0, (np.eye(member.size) - between) / np.sqrt(1.0 - correlation))
    return np.asarray(within + between * scale[:, None])


def _strata(member: NDArray[np.intp]) -> list[Floats]:
    """Projectors on what varies within donors, and between them."""
    same = (member[:, None] == member[None, :]).astype(np.float64)
    between = same / same.sum(axis=1)
    return [np.eye(member.size) - between, between]


def _group_classes(groups: Sequence[Hashable] | None, chosen: NDArray[np.intp]) -> list[Floats]:
    everything = [np.eye(chosen.size)]
    if groups is None:
        return everything
    codes = _codes(groups, len(groups))[chosen]
    sizes = np.bincount(codes)
    sizes = sizes[sizes > 0]
    if sizes.size < 2 or (sizes == sizes[0]).all():
        return everything
    return [np.diag((codes == code).astype(np.float64)) for code in np.unique(codes)]


def _codes(labels: Sequence[Hashable] | None, n_samples: int) -> NDArray[np.intp]:
    """Whole numbers of labels, in order of first appearance."""
    if labels is None:
        return np.arange(n_samples)
    seen: dict[Hashable, int] = {}
    return np.array([seen.setdefault(label, len(seen)) for label in labels], dtype=np.intp)


def _nothing(n_contrasts: int, n_samples: int, n_rows: int, n_donors: int, reason: str) -> LinearModel:
    missing = np.full((n_contrasts, n_samples), np.nan)
    none = np.zeros(1)
    return LinearModel(
        missing,
        np.full(n_samples, np.nan),
        np.zeros((1, n_contrasts, n_contrasts)),
        np.zeros((1, n_rows, n_samples)),
        none,
        none,
        n_rows,
        n_donors,
        reason,
    )


def _checked(
    design: ArrayLike, contrast: ArrayLike, groups: Any, donors: Any, correlation: float
) -> tuple[Floats, Floats]:
    rows = np.asarray(design, dtype=np.float64)
    contrasts = np.atleast_2d(np.asarray(contrast, dtype=np.float64))
    if rows.ndim != 2 or contrasts.ndim != 2 or contrasts.shape[1] != rows.shape[1]:
        raise ArgumentError(
            found=f"a design of shape {rows.shape} and a contrast of shape {contrasts.shape}",
            expected="a design (n, p) and a contrast (p,) or (q, p)",
            fix="give the contrast one number for each column of the design",
        )
    if not (np.isfinite(rows).all() and np.isfinite(contrasts).all()):
        raise ArgumentError(
            found="a design or contrast with missing or infinite entries",
            expected="finite numbers",
            fix="leave out the samples whose covariates are missing",
        )
    for name, labels in (("groups", groups), ("donors", donors)):
        if labels is not None and len(labels) != rows.shape[0]:
            raise ArgumentError(
                found=f"{len(labels)} {name} for {rows.shape[0]} samples",
                expected="a label for each row of the design",
                fix=f"align {name} with the design",
            )
    if not 0 <= correlation <= _HIGHEST_CORRELATION:
        raise ArgumentError(
            found=f"correlation={correlation!r}",
            expected=f"a number from 0 to {_HIGHEST_CORRELATION}",
            fix="estimate it with donor_correlation",
        )
    return rows, contrasts


def donor_correlation(
    responses: Sequence[ArrayLike],
    designs: Sequence[ArrayLike],
    donors: Sequence[Sequence[Hashable]],
) -> float:
    r"""The correlation between rows of one donor, common to all tissues, by restricted maximum likelihood.

    The sum over tissues of the profiled restricted log-likelihood,

    .. math:: -\tfrac12 \bigl[(n - p) \ln (y^{*\prime} R\, y^*) + \ln|V| + \ln|X' V^{-1} X|\bigr],

    with V the compound-symmetric correlation matrix and each tissue's own variance, is maximised between 0 and
    .99. Samples of one donor with equal rows of the design are averaged first, as in `linear_model`.

    Parameters
    ----------
    responses
        (n_t,) or (n_t, M) for each tissue; the M responses count as so many tissues.
    designs
        (n_t, p) for each tissue.
    donors
        (n_t,) labels for each tissue.

    Returns
    -------
    A number from 0 to .99; 0 where no donor has rows in several conditions.

    References
    ----------
    Smyth, Michaud & Scott 2005, Bioinformatics 21:2067; Patterson & Thompson 1971, Biometrika 58:545.

    Examples
    --------
    Donors that differ, conditions that do not:

    >>> response = np.array([1.0, 1.1, 3.0, 2.9, 5.0, 5.1])
    >>> design = [[1, 0], [1, 1]] * 3
    >>> donor_correlation([response], [design], ["aabbcc"]) > 0.95
    True
    """
    prepared = []
    for response, design, labels in zip(responses, designs, donors, strict=True):
        rows = np.asarray(design, dtype=np.float64)
        values = np.asarray(response, dtype=np.float64).reshape(rows.shape[0], -1)
        donor = _codes(labels, rows.shape[0])
        merged, chosen = _averaged(rows, donor)
        member = donor[chosen]
        if np.unique(member).size < member.size:
            prepared.append((rows[chosen], merged @ values, member))
    if not prepared:
        return 0.0

    def deviance(correlation: float) -> float:
        return sum(_deviance(*tissue, correlation) for tissue in prepared)

    found = minimize_scalar(
        deviance, bounds=(0.0, _HIGHEST_CORRELATION), method="bounded", options={"xatol": 1e-4}
    )
    best = float(found.x)
    return min((deviance(0.0), 0.0), (float(found.fun), best))[1]


def _deviance(rows: Floats, values: Floats, member: NDArray[np.intp], correlation: float) -> float:
    """Minus twice the restricted log-likelihood of all responses (m, M), variances profiled out."""
    whitening = _whitening(member, correlation)
    left, singular, _ = np.linalg.svd(whitening @ rows, full_matrices=False)
    kept = singular > _RANK * singular.max(initial=0.0)
    whitened = whitening @ values
    fitted = left[:, kept] @ (left[:, kept].T @ whitened)
    df = rows.shape[0] - int(kept.sum())
    if df == 0:
        return 0.0
    squares = np.square(whitened - fitted).sum(axis=0)
    determinant = 2.0 * np.log(singular[kept]).sum() - 2.0 * float(np.linalg.slogdet(whitening)[1])
    usable = squares > 0
    return float(df * np.log(squares[usable]).sum() + usable.sum() * determinant)
