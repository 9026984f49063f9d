"""On which level of a hierarchy does a change lie?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from concentra.analysis.levels import contrast_within, decompose_levels
from concentra.composition.annotated import modality_of
from concentra.design import Settings
from concentra.design.question import Group
from concentra.tl._shared import Others, asked, over_levels, parameters, store


def levels(
    adata: Any,
    *,
    levels: Sequence[str],
    group: str,
    reference: Group,
    other: Others,
    formula: str | None = None,
    min_cells: int = 50,
    alpha: float = 0.05,
    key_added: str = "levels",
    modality: str | None = None,
) -> None:
    """On which level of a hierarchy does a change lie: between coarse parts, or within which of them?

    Parameters
    ----------
    levels
        Columns of `var` that group the parts.
    group, reference, other, formula, min_cells, alpha, key_added, modality
        As for `contrast`; see `concentra.analysis.levels`. `concentra.get.levels` returns the terms of the change,
        which add up, `concentra.get.nested` the same contrast within each coarse part.

    Raises
    ------
    ColumnError, LabelError
        A level is not in `var`, or a part has no value of it.

    Examples
    --------
    >>> from concentra import get
    >>> from concentra.tl._shared import example
    >>> adata = example()
    >>> adata.var["half"] = ["first" if name < "type_07" else "second" for name in adata.var_names]
    >>> levels(adata, levels=["half"], group="age", reference="3m", other="24m")
    >>> get.levels(adata)["term"].unique().tolist()
    ['total', 'between', 'within', 'overlap', 'within part']
    """
    adata = modality_of(adata, modality)
    settings = Settings(min_cells=min_cells, alpha=alpha)
    design = over_levels(adata, asked(adata, group, reference, other, settings, formula=formula), levels)
    found, terms = decompose_levels(design)
    given = parameters(design) | {"levels": list(levels)}
    store(adata, key_added, given, levels=found, terms=terms, nested=contrast_within(design))
