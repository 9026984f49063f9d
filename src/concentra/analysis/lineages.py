"""Lineage, stage and compartment of cell types; readable names of tissues.

The mapping is data: `lineages.toml` beside this module, complete for every label of Tabula Muris Senis. A
label that it does not know is `"unassigned"`, never guessed; pass a mapping of your own to the functions that
take one.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import pandas as pd

from concentra.errors import ArgumentError, LabelError, nearest

UNASSIGNED = "unassigned"
LEVELS = ("lineage", "stage", "compartment")


def lineage_table() -> pd.DataFrame:
    """Every declared cell type with its lineage, stage and compartment, one row each, sorted by `part`.

    Returns
    -------
    Columns `part` (Cell Ontology label), `lineage`, `stage` (a finer split of the B and myeloid lineages;
    elsewhere the lineage), `immune` (bool), `compartment` ("immune" or "non-immune").

    References
    ----------
    Labels: The Tabula Muris Consortium (2020). Nature 583:590. Lineages: Cell Ontology (Diehl et al. 2016).

    Examples
    --------
    >>> lineage_table().set_index("part").loc["late pro-B cell", ["lineage", "stage", "compartment"]].tolist()
    ['B', 'B-lineage intermediates', 'immune']
    """
    return _table().copy()


def lineage_of(
    parts: Iterable[str], *, level: str = "lineage", lineages: Mapping[str, str] | None = None
) -> list[str]:
    """The lineage (or stage, or compartment) of each part, in order; `"unassigned"` where none is declared.

    Parameters
    ----------
    parts
        Names of cell types.
    level
        `"lineage"`, `"stage"` or `"compartment"`.
    lineages
        A mapping from part to lineage instead of the declared one; `level` is then not used.

    Examples
    --------
    >>> lineage_of(["granulocyte", "podocyte", "cluster 7"])
    ['myeloid', 'epithelial', 'unassigned']
    >>> lineage_of(["cluster 7"], lineages={"cluster 7": "tubule"})
    ['tubule']
    """
    if level not in LEVELS:
        raise ArgumentError(
            found=f"level {level!r}", expected=f"one of {', '.join(LEVELS)}", fix=nearest(level, LEVELS)
        )
    known = _mapping(level) if lineages is None else lineages
    return [str(known.get(part, UNASSIGNED)) for part in parts]


def tissue_name(tissue: str) -> str:
    """A tissue as one would write it in a figure; an unknown one with spaces for underscores.

    Examples
    --------
    >>> tissue_name("Limb_Muscle"), tissue_name("GAT"), tissue_name("Optic_Nerve")
    ('limb muscle', 'gonadal adipose (GAT)', 'Optic Nerve')
    """
    known: Mapping[str, str] = _declared()["tissues"]
    return known.get(tissue, tissue.replace("_", " "))


@cache
def _declared() -> dict[str, Any]:
    return tomllib.loads(files("concentra.analysis").joinpath("lineages.toml").read_text(encoding="utf-8"))


@cache
def _mapping(level: str) -> Mapping[str, str]:
    table = _table()
    return dict(zip(table["part"], table[level], strict=True))


@cache
def _table() -> pd.DataFrame:
    return _read(_declared())


def _read(declared: Mapping[str, Any]) -> pd.DataFrame:
    """The table of a declaration; a part named twice, or staged without a lineage, is an error."""
    rows = [
        {"part": part, "lineage": lineage, "immune": bool(entry["immune"])}
        for lineage, entry in declared["lineages"].items()
        for part in entry["parts"]
    ]
    table = pd.DataFrame(rows).sort_values("part", kind="stable", ignore_index=True)
    _refuse_twice(table["part"].tolist(), "lineages")
    staged = [(part, stage) for stage, parts in declared["stages"].items() for part in parts]
    _refuse_twice([part for part, _ in staged], "stages")
    stray = [part for part, _ in staged if part not in set(table["part"])]
    if stray:
        raise LabelError(
            found=f"stage for {stray[0]!r}, which has no lineage in lineages.toml",
            expected="stages only for parts that have a lineage",
            fix=nearest(stray[0], table["part"]),
        )
    table["stage"] = table["part"].map(dict(staged)).fillna(table["lineage"])
    table["compartment"] = table["immune"].map({True: "immune", False: "non-immune"})
    return table[["part", "lineage", "stage", "immune", "compartment"]]


def _refuse_twice(parts: list[str], where: str) -> None:
    twice = sorted({part for part in parts if parts.count(part) > 1})
    if twice:
        raise LabelError(
            found=f"{twice[0]!r} more than once in [{where}] of lineages.toml",
            expected="each part once",
            fix="remove one of the entries",
        )
