"""Label columns as text, and the names that they have beside the roles."""

from __future__ import annotations

import numpy as np
import pandas as pd

from concentra.io.labels import label_text

WHOLE = "all cells"
"""The name of the only stratum, where no column names one."""
SEPARATOR = " · "
"""Between a donor and the label that tells its samples apart."""
RESERVED = frozenset({
    "stratum", "donor", "sample", "part", "n_cells", "share", "reason", "included", "contrast", "metric", "depth",
    "gini_present", "gini_stratum", "hill_q0", "hill_q1", "hill_q2", "evenness", "largest_share", "coverage",
    "hill_q1_corrected", "hill_q1_miller_madow", "gini_rarefied", "hill_q1_rarefied", "gini_stratum_rarefied",
})  # fmt: skip
"""Names that columns of tables have already."""


def about_name(column: str) -> str:
    """The name of a label column beside the roles: as it is, unless a role has that name.

    >>> about_name("age"), about_name("part")
    ('age', 'part (label)')
    """
    return f"{column} (label)" if column in RESERVED else column


def as_labels(values: pd.Series) -> pd.Series:
    """A column as a categorical of text; missing values, blanks among them, are missing.

    >>> as_labels(pd.Series([3, 24, 3])).tolist(), as_labels(pd.Series([" ", "a", None])).isna().tolist()
    (['3', '24', '3'], [True, False, True])
    """
    column = values.astype("category")
    texts = [label_text(value) for value in column.cat.categories]
    names = sorted({text for text in texts if text is not None})
    place = {text: code for code, text in enumerate(names)}
    lookup = np.array(
        [place.get(text, -1) if text is not None else -1 for text in texts] + [-1], dtype=np.int64
    )
    codes = lookup[column.cat.codes.to_numpy()]
    return pd.Series(pd.Categorical.from_codes(codes, pd.Index(names, dtype=object)), index=values.index)
