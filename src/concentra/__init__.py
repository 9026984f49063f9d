"""How concentrated is a composition, does that change, and how sure can one be?

`concentra.analyze`
    One call from files, a frame or an AnnData to tables, verdicts and a report.
`concentra.metrics`
    Gini coefficient, Hill numbers, evenness, dominance, Lorenz curve, depth correction: arrays in, arrays out.
`concentra.stats`
    Inference that holds at two to six units a group: arrays and a generator in, small frozen results out.
`concentra.composition`, `concentra.design`, `concentra.analysis`
    The data, the question, and one question a module: compositions and designs in, checked frames out.
`concentra.io`
    Label columns of single-cell files; tables of head ablations.
`concentra.heads`
    Head importance of transformers, measured by exact ablation.
`concentra.simulate`
    Atlases with planted shifts.
`concentra.pp`, `concentra.tl`, `concentra.get`, `concentra.pl`
    The same for annotated matrices, with the conventions of scanpy.

Everything is imported when it is first used, so that `import concentra` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from concentra.run import Analysis

__version__ = "0.1.0"
__all__ = ["__version__", "analysis", "analyze", "composition", "design", "get", "heads", "io", "metrics", "pl", "pp",
           "simulate", "stats", "tl"]  # fmt: skip


def __getattr__(name: str) -> ModuleType | Callable[..., Analysis]:
    if name == "analyze":
        return import_module(f"{__name__}.run").analyze
    if name in __all__:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
