"""Does the direction of a change depend on how finely parts are cut?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from concentra.analysis.granularity import FINEST, compare_levels, contrast_levels
from concentra.composition.annotated import modality_of
from concentra.design import Settings
from concentra.design.question import Group
from concentra.tl._shared import Others, asked, old_names, over_levels, parameters, store


@old_names
def granularity(
    adata: Any,
    *,
    levels: Sequence[str],
    group: str,
    reference: Group,
    other: Others,
    min_cells: int = 50,
    alpha: float = 0.05,
    key_added: str = "granularity",
    modality: str | None = None,
) -> None:
    """Does the direction of a change depend on how finely parts are cut?

    Parameters
    ----------
    levels
        Columns of `var` that group the parts (lineage): each is a coarser composition.
    group, reference, other, min_cells, alpha, key_added, modality
        As for `contrast`; see `concentra.analysis.granularity`.

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
    >>> granularity(adata, levels=["half"], group="age", reference="3m", other="24m")
    >>> sorted(get.granularity(adata)["level"].unique())
    ['finest', 'half']
    """
    adata = modality_of(adata, modality)
    settings = Settings(min_cells=min_cells, alpha=alpha)
    design = over_levels(adata, asked(adata, group, reference, other, settings), levels)
    cut = {FINEST: design.composition} | {level: design.composition.at_level(level) for level in levels}
    found, units = contrast_levels(cut, design.question, settings)
    first = found["level"] == FINEST
    store(
        adata, key_added, parameters(design) | {"levels": list(levels)}, granularity=found, concentration=units,
        scales=compare_levels(found[first], found[~first]),
    )  # fmt: skip
