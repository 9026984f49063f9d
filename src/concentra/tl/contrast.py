"""Does concentration differ between groups?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from concentra.analysis import across
from concentra.analysis import contrast as comparing
from concentra.analysis.concentration import concentration
from concentra.analysis.support import left_out_table, support
from concentra.composition.annotated import modality_of
from concentra.design import Settings
from concentra.design.confounding import confounding
from concentra.design.question import Group
from concentra.tl._shared import Others, Seed, asked, old_names, parameters, seed_of, store


@old_names
def contrast(
    adata: Any,
    *,
    group: str | None = None,
    reference: Group | None = None,
    other: Others | None = None,
    formula: str | None = None,
    within: str | None = None,
    paired_by: str | None = None,
    accept_confounding: Sequence[str] = (),
    min_cells: int = 50,
    depth: int | None = None,
    alpha: float = 0.05,
    level: float = 0.95,
    rng: Seed = 0,
    key_added: str = "contrast",
    modality: str | None = None,
) -> None:
    """Groups of donors compared in every stratum: effect, interval, test and verdict of one model, exact tests beside.

    Parameters
    ----------
    group
        The column of `obs` that names the groups; None: the coefficients of `formula` are the questions.
    reference, other
        Values of `group`: the reference group, and the one compared with it (a list of lists: several groups).
    formula
        Covariates, "~ age + sex".
    within
        A column of `obs`: donors are compared within its values alone.
    paired_by
        A column of `obs` ("donor"): samples of each of its values are compared with each other.
    accept_confounding
        Columns in which groups may differ completely.
    min_cells, depth, alpha, level
        See `concentra.design.Settings`; `rng` is a seed or a Generator.
    rng, key_added, modality
        As for `concentration`; the seed serves exact tests that are sampled.

    Raises
    ------
    DesignError
        The design cannot answer, with the reason.

    Examples
    --------
    >>> from concentra import get
    >>> from concentra.tl._shared import example
    >>> adata = example()
    >>> contrast(adata, group="age", reference="3m", other="24m")
    >>> found = get.contrast(adata)
    >>> found.loc[found["metric"] == "hill_q1", ["stratum", "direction"]].values.tolist()[:2]
    [['crystallizes', 'more concentrated'], ['disperses', 'less concentrated']]
    """
    adata = modality_of(adata, modality)
    settings = Settings(min_cells=min_cells, depth=depth, alpha=alpha, level=level, seed=seed_of(rng))
    more = {
        "formula": formula,
        "within": within,
        "paired_by": paired_by,
        "accept_confounding": tuple(accept_confounding),
    }
    design = asked(adata, group, reference, other, settings, **more)
    units = concentration(design.composition, settings)
    tables = {
        "contrast": comparing.contrast(design, units),
        "design": support(design),
        "confounding": confounding(design),
    }
    if group is not None:
        tables["across"] = across.across(design, units)
    tables["left_out"] = left_out_table(design.composition, [design])
    store(adata, key_added, parameters(design), **tables)
