"""How much of a head's importance is the noise of a finite evaluation: arrays in, numbers out.

The loss before and after an ablation is measured on the same sequences, so that the noise of a delta is that
of paired differences. A head without any effect of its own still shows ``|delta|`` > 0: that is the floor that a
checkpoint's importances must rise from before their concentration says anything.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from concentra.errors import AmountError

Array = NDArray[np.float64]
LOG_SHIFT = 0.5 * (math.log(2.0) - np.euler_gamma)
"""``E[|Z| ln |Z|] / E|Z|`` of a standard normal Z."""


def paired_delta(ablated: Any, baseline: Any, counts: Any) -> tuple[Array, Array]:
    r"""The relative change of the loss at an ablation, and its standard error over sequences.

    With :math:`a_i, b_i` the summed losses of sequence i with and without ablation,
    :math:`\delta = -(\sum a_i - \sum b_i) / |\sum b_i|`: negative where the ablation harms, as in the published
    tables. It is a ratio of sums over the same sequences; its variance by linearisation is
    :math:`\frac{n}{n-1} \sum e_i^2 / (\sum b_i)^2` with :math:`e_i = a_i - b_i - r b_i` and
    :math:`r = \sum (a_i - b_i) / \sum b_i`.

    Parameters
    ----------
    ablated
        Summed loss of each sequence, shape (..., n_sequences), nats.
    baseline
        The same without ablation, shape (n_sequences,).
    counts
        Tokens of each sequence, shape (n_sequences,). Sequences without any are left out.

    Returns
    -------
    delta, standard_error
        Shape (...), no unit. The standard error is NaN for one sequence.

    References
    ----------
    Cochran (1977), Sampling Techniques, 3rd ed., section 6.3 (ratio estimators).

    Examples
    --------
    >>> delta, se = paired_delta([[3.0, 3.0]], [2.0, 2.0], [1, 1])
    >>> delta.tolist(), se.tolist()
    ([-0.5], [0.0])
    """
    used = np.asarray(counts) > 0
    after = np.asarray(ablated, dtype=np.float64)[..., used]
    before = np.asarray(baseline, dtype=np.float64)[used]
    total, n = before.sum(), before.size
    if n == 0 or total == 0 or not np.isfinite(before).all():
        raise AmountError(
            found=f"a baseline loss of {total} over {n} sequences",
            expected="a finite loss that is not zero",
            fix="check the model's dtype and the evaluation tokens",
        )
    change = after - before
    ratio = change.sum(axis=-1) / total
    delta = -np.sign(total) * ratio
    if n == 1:
        return delta, np.full_like(delta, np.nan)
    errors = change - ratio[..., None] * before
    return delta, np.sqrt(n / (n - 1) * np.square(errors).sum(axis=-1)) / abs(total)


def noise_floor(delta_se: Any, *, z: float = 2.0) -> Array:
    """What ``|delta|`` must exceed to stand out of its noise: `z` standard errors, shape of `delta_se`.

    >>> noise_floor([0.1, 0.2]).tolist()
    [0.2, 0.4]
    """
    return z * _errors(delta_se)


def share_above_noise(delta: Any, delta_se: Any, *, z: float = 2.0) -> float:
    """The share of heads whose ``|delta|`` exceeds `z` standard errors: in [0, 1], NaN without heads.

    About 0.05 where no head has an effect (z = 2, normal noise). A NaN standard error counts as noise.

    >>> share_above_noise([0.5, -0.5, 0.1, 0.0], [0.1, 0.1, 0.1, 0.1])
    0.5
    """
    above = np.abs(np.asarray(delta, dtype=np.float64)) > noise_floor(delta_se, z=z)
    return float(above.mean()) if above.size else math.nan


def mostly_noise(delta: Any, delta_se: Any, *, z: float = 2.0) -> bool:
    """Whether fewer than half of the heads stand out of their noise.

    >>> mostly_noise([0.5, 0.1, 0.1], [0.1, 0.1, 0.1])
    True
    """
    return not share_above_noise(delta, delta_se, z=z) >= 0.5


def expected_noise_gini(delta_se: Any) -> float:
    r"""The Gini coefficient that noise alone shows: of :math:`|N(0, se_i)|`, independent over heads.

    For half-normal amounts with scales :math:`s_i`, :math:`E \max(|X_i|, |X_j|) = \sqrt{2/\pi} \sqrt{s_i^2 +
    s_j^2}`, because :math:`2 \max(|x|, |y|) = |x + y| + |x - y|`. Hence the ratio of the expected mean difference
    to twice the expected mean is

    .. math:: \frac{\sum_{i \ne j} (2 \sqrt{s_i^2 + s_j^2} - s_i - s_j)}{2 n \sum_i s_i}.

    Parameters
    ----------
    delta_se
        Standard errors, shape (n,).

    Returns
    -------
    float
        In [0, 1 - 1/n]; :math:`(\sqrt 2 - 1)(1 - 1/n)` where all errors are equal. NaN where all are zero or
        one is NaN, 0 for one head. A ratio of expectations: the expected ratio differs by order 1/n.

    Examples
    --------
    >>> round(expected_noise_gini([0.1] * 144), 4)
    0.4113
    """
    scale = _errors(delta_se)
    if scale.size == 0 or not scale.sum() > 0:
        return math.nan
    pairs = 2 * np.hypot(scale[:, None], scale[None, :]) - scale[:, None] - scale[None, :]
    np.fill_diagonal(pairs, 0.0)
    return float(pairs.sum() / (2 * scale.size * scale.sum()))


def expected_noise_effective_number(delta_se: Any) -> float:
    r"""The effective number (Hill number of order 1) that noise alone shows: of :math:`|N(0, se_i)|`.

    :math:`\exp(\ln \sum_i m_i - \sum_i m_i (\ln s_i + c) / \sum_i m_i)` with :math:`m_i = s_i \sqrt{2/\pi}` and
    :math:`c = (\ln 2 - \gamma) / 2`; for equal errors 0.753 n. It replaces sums by their expectations: good
    from some twenty heads on. NaN where all errors are zero or one is NaN.

    >>> round(expected_noise_effective_number([0.1] * 144) / 144, 3)
    0.753
    """
    scale = _errors(delta_se)
    scale = scale[scale != 0]
    if scale.size == 0 or not scale.sum() > 0:
        return math.nan
    total = math.sqrt(2 / math.pi) * scale.sum()
    weighted = (scale * (np.log(scale) + LOG_SHIFT)).sum() / scale.sum()
    return float(math.exp(math.log(total) - weighted))


def _errors(delta_se: Any) -> Array:
    scale = np.asarray(delta_se, dtype=np.float64)
    if (scale < 0).any() or np.isinf(scale).any():
        raise AmountError(
            found=f"standard errors from {np.nanmin(scale)} to {np.nanmax(scale)}",
            expected="finite numbers, zero or more",
            fix="give the column delta_se of the table",
        )
    return scale
