"""Does concentration rise or fall along a number?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from concentra.analysis import contrast
from concentra.analysis import trend as ranking
from concentra.analysis.concentration import concentration
from concentra.composition.annotated import modality_of
from concentra.design import Question, Settings, resolve
from concentra.design.confounding import confounding
from concentra.tl._shared import Seed, composition_of, parameters, seed_of, store


def trend(
    adata: Any,
    *,
    along: str,
    formula: str | None = None,
    accept_confounding: Sequence[str] = (),
    min_cells: int = 50,
    depth: int | None = None,
    alpha: float = 0.05,
    level: float = 0.95,
    rng: Seed = 0,
    key_added: str = "trend",
    modality: str | None = None,
) -> None:
    """Do the metrics of a stratum rise or fall along a numeric axis: one model, and Theil-Sen and Spearman beside.

    Parameters
    ----------
    along
        A column of `obs`: numbers, ages such as "3m", dates, or ordered categories.
    accept_confounding
        Columns that may have the order of the trend.
    formula, min_cells, depth, alpha, level, rng, key_added, modality
        As for `contrast`; see `concentra.analysis.trend`. The model's effect, over the range of the axis, is stored
        as `contrast` beside, and other columns along the trend as `confounding`.

    Examples
    --------
    >>> from concentra import get
    >>> from concentra.tl._shared import example
    >>> adata = example()
    >>> trend(adata, along="age")
    >>> get.trend(adata)["along"].iloc[0]
    'age (months)'
    """
    adata = modality_of(adata, modality)
    settings = Settings(min_cells=min_cells, depth=depth, alpha=alpha, level=level, seed=seed_of(rng))
    question = Question(trend=along, formula=formula, accept_confounding=tuple(accept_confounding))
    design = resolve(composition_of(adata, [along]), question, settings)
    units = concentration(design.composition, settings)
    store(
        adata,
        key_added,
        parameters(design),
        trend=ranking.trend(design, units),
        contrast=contrast.contrast(design, units),
        confounding=confounding(design),
    )
