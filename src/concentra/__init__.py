"""How concentrated is a composition, does that change, and how confident can one be?

`concentra.analyze`
    One call from files, a frame or an AnnData to tables, verdicts and a report.
`concentra.metrics`
    Gini coefficient, Hill numbers, evenness, dominance, Lorenz curve, depth correction: arrays in, arrays out.
`concentra.stats`
    Inference for few donors a group: arrays and a Generator in, small frozen results out.
`concentra.composition`, `concentra.design`, `concentra.analysis`
    The data, the question, and one question a module: compositions and designs in, checked frames out.
`concentra.io`
    Label columns of single-cell files, tables of counts, tables of head ablations.
`concentra.heads`
    Head importance of transformers, measured by exact ablation.
`concentra.clustering`
    Cells in clusters at several resolutions, all donors together.
`concentra.simulate`
    Atlases with planted shifts.
`concentra.datasets`
    Small tables of real counts that ship with the package.
`concentra.pp`, `concentra.tl`, `concentra.get`, `concentra.pl`
    The same for annotated matrices, with the conventions of scanpy; `pl` draws every picture.
`concentra.report`, `concentra.run`, `concentra.study`, `concentra.cli`
    Pages; one analysis from files to folder; the study of a published analysis; the command line.

Everything is imported when it is first used, so that `import concentra` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from concentra.run import Analysis

__version__ = "0.2.0"
__all__ = ["__version__", "analysis", "analyze", "composition", "datasets", "design", "get", "heads", "io", "metrics",
           "pl", "pp", "simulate", "stats", "tl"]  # fmt: skip


def __getattr__(name: str) -> ModuleType | Callable[..., Analysis]:
    if name == "analyze":
        return import_module(f"{__name__}.run").analyze
    if name in __all__:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
