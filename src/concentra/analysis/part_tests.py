"""Which parts of a stratum differ in share between two groups? One moderated test a part, on centred log-ratios."""

from __future__ import annotations

import numpy as np
import pandas as pd

from concentra.analysis.model import stratum_model
from concentra.design.design import Stratum, Term
from concentra.stats.linear_model import donor_correlation
from concentra.stats.log_ratio import centred_log_ratio
from concentra.stats.moderated import contrast_tests
from concentra.stats.multiplicity import benjamini_hochberg
from concentra.stats.verdict import interval_of


def part_tests(stratum: Stratum, term: Term, *, zero: float = 0.5, level: float = 0.95) -> pd.DataFrame:
    r"""One row a part: the change of its centred log-ratio, its interval and a moderated t-test.

    The model is that of the design (covariates, pairs, repeated samples), the response of part k in sample i

    .. math:: \operatorname{clr}_{ik} = \ln x_{ik} - \tfrac1K \sum_j \ln x_{ij},

    with absent parts at `zero` cells. The variances of all parts are shrunk towards a common one (Smyth 2004). What a
    log-ratio measures is the change of a part relative to the geometric mean of all: when one part grows, the others
    fall.

    Parameters
    ----------
    stratum, term
        Of a design.
    zero
        Cells that stand for an absent part.
    level
        Of the interval.

    Returns
    -------
    Columns `part`, `clr_change`, `low`, `high` (nats), `df`, `p_value`, `p_adjusted` (Benjamini-Hochberg over the
    parts); NaN where the design has no replicates or a part never varies.

    References
    ----------
    Aitchison 1982, Journal of the Royal Statistical Society B 44:139. Smyth 2004, Statistical Applications in Genetics
    and Molecular Biology 3:3. The same responses, with other weights: Hoffman & Roussos 2025 (crumblr).

    Examples
    --------
    >>> from concentra.composition import from_table
    >>> from concentra.design import Question, resolve
    >>> rows = [("lung", f"{g}{n}", g, part, cells + n) for g, more in (("y", 0), ("o", 300)) for n in range(4)
    ...         for part, cells in (("B", 100), ("NK", 100), ("T", 100 + more))]
    >>> table = pd.DataFrame(rows, columns=["stratum", "donor", "age", "part", "n_cells"])
    >>> design = resolve(from_table(table), Question("age", ("y",), (("o",),)))
    >>> found = part_tests(design.strata[0], design.terms[0]).set_index("part")
    >>> found["clr_change"].round(2).tolist(), bool((found["p_adjusted"] < 0.001).all())
    ([-0.46, -0.46, 0.92], True)
    """
    shown = stratum.counts.sum(axis=0) > 0
    parts = [part for part, one in zip(stratum.parts, shown, strict=True) if one]
    ratios = np.asarray(centred_log_ratio(stratum.counts[:, shown], zero=zero))
    donors = stratum.block_of_donor.tolist()
    correlation = donor_correlation([ratios], [stratum.matrix], [donors]) if stratum.repeated else 0.0
    model = stratum_model(stratum, term, correlation)
    tests = contrast_tests([model] * len(parts), list(ratios.T[:, :, None]))
    low, high = interval_of(tests, level)
    p_value = tests.p_value[:, 0]
    return pd.DataFrame(
        {
            "part": parts,
            "clr_change": tests.estimate[:, 0],
            "low": low[:, 0],
            "high": high[:, 0],
            "df": tests.df[:, 0],
            "p_value": p_value,
            "p_adjusted": benjamini_hochberg(p_value).p_adjusted,
        }
    )
