"""Who is compared with whom: donors with enough cells, by group and stratum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from concentra.errors import AmountError, ArgumentError
from concentra.metrics.checks import as_counts


@dataclass(frozen=True, slots=True)
class Design:
    """For each group: its tables of counts, the donors of each stratum, the weights of the strata."""

    parts: list[tuple[tuple[NDArray[np.int64], ...], list[NDArray[np.int64]], list[float]]]
    reason: str


def counts_table(counts: ArrayLike, name: str) -> NDArray[np.int64]:
    """Whole counts of cells (n, K)."""
    array = as_counts(counts)
    if array.ndim != 2 or array.shape[1] == 0:
        raise AmountError(
            found=f"{name} of shape {array.shape}",
            expected="counts of cells, donors by parts, shape (n, K)",
            fix="pass one group as a table with a row for each donor",
        )
    return array.astype(np.int64)


def _labels(strata: Sequence[Any] | None, n_donors: int, name: str) -> NDArray[Any]:
    labels = np.zeros(n_donors, dtype=np.int64) if strata is None else np.asarray(strata)
    if labels.shape != (n_donors,):
        raise ArgumentError(
            found=f"{name} of shape {labels.shape} for {n_donors} donors",
            expected="one label for each donor",
            fix=f"pass {name} in the order of the rows",
        )
    return labels


def of_groups(
    tables: tuple[NDArray[np.int64], NDArray[np.int64]],
    strata_reference: Sequence[Any] | None,
    strata_other: Sequence[Any] | None,
    minimum: int,
) -> Design:
    """The design of two groups; strata that are in one group only are left out, and named in `reason`."""
    if (strata_reference is None) != (strata_other is None):
        raise ArgumentError(
            found="strata for one group only",
            expected="labels for the donors of both groups, or of neither",
            fix="pass both strata_reference= and strata_other=",
        )
    labels = [
        _labels(strata, table.shape[0], name)
        for strata, table, name in zip(
            (strata_reference, strata_other), tables, ("strata_reference", "strata_other"), strict=True
        )
    ]
    used = [table.sum(axis=1) >= minimum for table in tables]
    present = [set(label[use].tolist()) for label, use in zip(labels, used, strict=True)]
    shared = sorted(present[0] & present[1], key=str)
    alone = sorted(present[0] ^ present[1], key=str)
    if not shared:  # nothing to compare, unless a group is empty altogether
        reason = "no donors in a group" if not all(present) else "no stratum in both groups"
        return Design([((table,), [], []) for table in tables], reason)
    members = [
        [np.flatnonzero(use & (label == name)) for name in shared]
        for label, use in zip(labels, used, strict=True)
    ]
    sizes = np.array([[member.size for member in group] for group in members], dtype=np.float64)
    weights = sizes.prod(axis=0) / sizes.sum(axis=0)
    share = (weights / weights.sum()).tolist()
    reason = f"strata in one group only are left out: {', '.join(map(str, alone))}" if alone else ""
    return Design([((table,), group, share) for table, group in zip(tables, members, strict=True)], reason)


def of_pairs(
    tables: tuple[NDArray[np.int64], NDArray[np.int64]], strata: Sequence[Any] | None, minimum: int
) -> Design:
    """The design of paired donors, whose halves lie in the same row of both tables."""
    labels = _labels(strata, tables[0].shape[0], "strata_reference")
    used = (tables[0].sum(axis=1) >= minimum) & (tables[1].sum(axis=1) >= minimum)
    members = [
        np.flatnonzero(used & (labels == name)) for name in sorted(set(labels[used].tolist()), key=str)
    ]
    weights = [member.size / int(used.sum()) for member in members]
    return Design([(tables, members, weights)], "" if used.any() else "no donors in a group")
