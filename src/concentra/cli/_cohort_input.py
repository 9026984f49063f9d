"""From files of cells, or tables of counts, to combinations of labels, and to what is asked of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from concentra.analysis.cohort import Plan
from concentra.analysis.cohort_scales import Scales
from concentra.analysis.columns import Roles, candidates, guess_roles, require
from concentra.analysis.question import Comparison, contrast_columns, parse_contrast
from concentra.analysis.spelling import respelled, spellings
from concentra.analysis.tally import about_name, combinations
from concentra.cli._cohort_cells import cells_of, how_clustered, refuse_clustering
from concentra.cli._cohort_options import Options
from concentra.errors import ArgumentError, TableError

WIDE_PART, WIDE_AMOUNT = "part", "n_cells"


@dataclass(frozen=True)
class Asked:
    """What was read: combinations of labels, what is asked of them, what was guessed, and cells to be clustered."""

    counted: pd.DataFrame
    plan: Plan
    said: tuple[str, ...]
    scales: Scales | None = None


def read_cohort(options: Options, tell: Callable[[str], None]) -> Asked:
    """Read the label columns that the options need, and make the plan."""
    known = _columns_of_all(options)
    if options.resolutions:
        refuse_clustering(options)
    wanted = {name: getattr(options, name) for name in ("donor", "stratum", "part")}
    if options.wide:
        wanted["part"] = WIDE_PART
        known = {**known, WIDE_PART: "text"}
    roles = guess_roles(known, **wanted, constant=_constant(options, known))
    columns = _named(options, roles, known)
    frames = []
    for path in options.cells:
        tell(f"reading {Path(path).name}")
        frames.append(_counted(path, roles, columns, options))
    counted = frames[0] if len(frames) == 1 else _together(frames)
    said = [one for one in roles.said if not (options.wide and one.startswith("part"))]
    spelling, mended = spellings(counted, list(_by(roles, columns)), missing=options.missing)
    counted, said = respelled(counted, spelling), [*_simulated(options), *said, *mended]
    scales = None
    if options.resolutions:
        scales = cells_of(options, _by(roles, columns), spelling)
        said.append(how_clustered(options))
    return Asked(counted, _plan(options, roles, columns, counted), tuple(said), scales)


def _simulated(options: Options) -> list[str]:
    """A sentence for each file that `concentra simulate` wrote, whatever it is called."""
    from concentra.simulate import is_simulated

    return [f"{Path(path).name} is simulated: no finding" for path in options.cells if is_simulated(path)]


def _columns_of_all(options: Options) -> dict[str, str]:
    """Columns that every file has."""
    if not options.cells:
        raise ArgumentError(
            found="no file of cells",
            expected="one or more of .h5ad, .zarr, .csv, .tsv, .parquet",
            fix="concentra analyze cells.h5ad --contrast age:3m:24m",
        )
    found = [_columns(path) for path in options.cells]
    shared = {name: kind for name, kind in found[0].items() if all(name in other for other in found[1:])}
    return {name: kind for name, kind in shared.items() if kind != "other"}


def _constant(options: Options, known: Mapping[str, str]) -> list[str]:
    """Of the columns that could be guessed to be the donor or the part, those with one value in all files."""
    guessed = [role for role in ("donor", "part") if getattr(options, role) is None and not options.wide]
    names = list(dict.fromkeys(name for role in guessed for name in candidates(known, role)))
    if not names:
        return []
    from concentra.io.cells import read_labels

    values: dict[str, set[str]] = {name: set() for name in names}
    for path in options.cells:
        labels = read_labels(path, names)
        for name in names:
            values[name] |= set(labels[name].dropna().astype(str).unique())
    return [name for name in names if len(values[name]) < 2]


def _columns(path: str) -> dict[str, str]:
    from concentra.io.cells import label_columns

    return label_columns(path)


def _named(options: Options, roles: Roles, known: Mapping[str, str]) -> list[str]:
    """The columns beside donor, stratum and part, checked."""
    named: list[str] = []
    for text in options.contrast:
        named += contrast_columns(text, known)
    for option, name in (
        ("trend", options.trend),
        ("within", options.within),
        ("paired-by", options.paired_by),
    ):
        if name is not None:
            named.append(require(name, known, f"--{option}"))
    for name in named:
        if name == roles.part or (
            name == roles.stratum and name in {text.split(":")[0] for text in options.contrast}
        ):
            raise ArgumentError(
                found=f"{name!r} both as what is compared and as the {'part' if name == roles.part else 'stratum'}",
                expected="a column that says something of a donor",
                fix="compare by another column; or --stratum none, to compare strata of donors paired by them",
            )
    return list(dict.fromkeys([*named, *roles.nuisance.values()]))


def _by(roles: Roles, columns: Sequence[str]) -> dict[str, str | None]:
    """The column behind each name."""
    inside: dict[str, str | None] = {about_name(name): name for name in columns}
    return {"stratum": roles.stratum, "donor": roles.donor, "part": roles.part} | inside


def _counted(path: str, roles: Roles, columns: Sequence[str], options: Options) -> pd.DataFrame:
    by = _by(roles, columns)
    if options.wide:
        labels = [name for name in (roles.stratum, roles.donor, *columns) if name is not None]
        return combinations(_wide(path, list(dict.fromkeys(labels))), by, WIDE_AMOUNT)
    from concentra.io.cells import read_labels

    names = list(dict.fromkeys(name for name in by.values() if name is not None))
    if options.amount is not None:
        require(options.amount, _columns(path), "--amount")
        return combinations(read_labels(path, [*names, options.amount]), by, options.amount)
    return combinations(read_labels(path, names), by)


def _wide(path: str, labels: list[str]) -> pd.DataFrame:
    """A table of units × parts as rows of counts; every column of numbers that is no label is a part."""
    if path.lower().endswith((".h5ad", ".zarr")):
        table = _annotated(path, labels)
    else:
        from concentra.io.cells import read_labels

        every = read_labels(path, list(_columns(path)))
        numbers = [
            name for name in every if name not in labels and pd.api.types.is_numeric_dtype(every[name])
        ]
        table = every[[*labels, *numbers]]
    parts = [name for name in table.columns if name not in labels]
    if not parts:
        raise TableError(
            found=f"no column of counts in {path!r}",
            expected="a column of whole numbers for each part, beside the labels",
            fix="leave out --wide if each row is a cell; --amount COLUMN if each row is a count",
        )
    pieces = []
    for part in parts:
        piece = table[labels].copy()
        piece[WIDE_PART], piece[WIDE_AMOUNT] = str(part), table[part].fillna(0)
        pieces.append(piece)
    return pd.concat(pieces, ignore_index=True)


def _annotated(path: str, labels: list[str]) -> pd.DataFrame:
    import anndata

    from concentra.analysis.annotated import whole_counts

    adata = anndata.read_h5ad(path) if path.lower().endswith(".h5ad") else anndata.read_zarr(path)
    counts = pd.DataFrame(whole_counts(adata), columns=adata.var_names.astype(str))
    return pd.concat([adata.obs[labels].reset_index(drop=True), counts], axis=1)


def _together(frames: list[pd.DataFrame]) -> pd.DataFrame:
    by = [name for name in frames[0].columns if name != "n_cells"]
    every = pd.concat(frames, ignore_index=True)
    return every.groupby(by, dropna=False, sort=True)["n_cells"].sum().reset_index().astype(object).where(
        lambda frame: frame.notna(), None
    ).astype({"n_cells": "int64"})  # fmt: skip


def _plan(options: Options, roles: Roles, columns: Sequence[str], counted: pd.DataFrame) -> Plan:
    values = {name: sorted(counted[about_name(name)].dropna().unique()) for name in columns}
    comparisons = tuple(_comparison(text, values, options) for text in options.contrast)
    asked = {one.column for one in comparisons} | {options.trend, options.within, options.paired_by}
    return Plan(
        comparisons=comparisons,
        trend=options.trend,
        nuisance={role: name for role, name in roles.nuisance.items() if name not in asked},
        despite=options.despite,
        min_cells=options.min_cells,
        depth=options.depth,
        alpha=options.alpha,
        level=options.level,
        n_draws=options.draws,
        multiverse=options.multiverse,
        rng=options.seed,
    )


def _comparison(text: str, values: Mapping[str, list[Any]], options: Options) -> Comparison:
    return parse_contrast(text, values, within=options.within, paired_by=options.paired_by)
