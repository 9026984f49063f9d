"""The paragraph of methods, ready for a paper."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

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
        if options.get("min_cells") and not options.get("shares")
        else "",
        f"The concentration of cell-type composition was measured by the Gini coefficient{cite('gini')} over all cell "
        f"types of the tissue and by the effective number of types, the Hill number of order 1{cite('hill1973')}"
        + (
            ", both of shares without numbers of cells, for which no correction is possible."
            if options.get("shares")
            else f", estimated with the entropy estimator of Chao, Wang and Jost{cite('chao2013')}."
        ),
    ]
    if len(contrast := tables.get("contrast", pd.DataFrame())):
        several = contrast["stratum"].nunique() > 1
        family = [
            name for name, there in (("tissues", several), ("pairs of groups", "omnibus" in tables)) if there
        ]
        adjusted = (
            f" and adjusted over {' and '.join(family)} by the Benjamini-Hochberg procedure" if family else ""
        )
        variances = (
            f", with variances moderated across tissues by empirical Bayes{cite('smyth2004')}"
            if several
            else ""
        )
        words.append(
            f"{'Groups were compared' if contrast['other'].notna().any() else 'Changes were estimated'} with linear "
            "models of the logarithm of the effective number and of the logit of the Gini coefficient"
            f"{variances}; {level} intervals come from the same models. The two p-values of a tissue were combined "
            f"with the Cauchy combination test{cite('liu2020')}{adjusted}{cite('benjamini1995') if family else ''}. "
            "A tissue is reported as changed only if the combined test and both single tests are significant."
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
