"""Totals and means among the donors or the parts of a table of counts: refused, because they are neither."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_array

from concentra.composition.composition import Composition
from concentra.errors import TableError
from concentra.io.labels import one_spelling

SUMMARIES = frozenset({
    "total", "totals", "grand total", "subtotal", "sub-total", "sum", "row total", "column total", "mean", "average",
    "median", "standard deviation",
})  # fmt: skip
"""Names of summary rows, as they stand beneath a table: neither donors nor parts."""
FEWEST = 100
"""The cells a sum must have: few cells may add up by chance."""


def refuse_totals(made: Composition, file: str = "the table", *, of_parts: bool = True) -> None:
    """Raise where a donor or a part is the sum of the others, or is called as sums and means are.

    A sum is one in every unit: of three parts or more in three units or more, and of three donors or more and two parts
    or more, with `FEWEST` cells.

    Parameters
    ----------
    made
        The composition of a table of counts or shares.
    file
        The name of the file, for the message.
    of_parts
        Whether parts are examined, too: those of a wide table are by `concentra.composition.checks.wide_table`.

    Raises
    ------
    TableError

    Examples
    --------
    >>> from concentra.composition.composition import from_table
    >>> rows = [("all", donor, part, n) for donor, *ns in (("a", 30, 20), ("b", 40, 70), ("All", 70, 90))
    ...         for part, n in zip("TB", ns)]
    >>> refuse_totals(from_table(pd.DataFrame(rows, columns=["stratum", "donor", "part", "n_cells"])), "a.csv")
    Traceback (most recent call last):
        ...
    concentra.errors.TableError: error: donor 'All' of 'a.csv' is the sum of the other donors
    expected: rows of donors, none of them a sum or a mean of others
    fix: remove the rows of 'All'
    """
    strata = made.units["stratum"].to_numpy(dtype=object)
    donors = made.units["donor"].to_numpy(dtype=object)
    parts = made.parts.index.to_numpy(dtype=object)
    for kind, names in (("donor", donors), ("part", parts if of_parts else parts[:0])):
        for name in dict.fromkeys(map(str, names)):
            if one_spelling(name).casefold() in SUMMARIES:
                raise _total(kind, name, "has the name of a sum or a mean", file)
    whole = np.zeros(len(parts), dtype=int)
    for name in _sums(made.counts.T.tocsr(), whole, parts, fewest=(3, 3)) if of_parts else []:
        raise _total("part", name, "is the sum of the other parts", file)
    for name in _sums(made.counts, pd.factorize(strata)[0], donors, fewest=(3, 2)):
        raise _total("donor", name, "is the sum of the other donors", file)


def _sums(
    amounts: csr_array, groups: NDArray[np.int_], names: NDArray[np.object_], *, fewest: tuple[int, int]
) -> list[str]:
    """The names of which every row is the sum of the others of its group."""
    if amounts.shape[1] < fewest[1]:
        return []
    own = np.asarray(amounts.sum(axis=1)).ravel()
    totals = np.bincount(groups, weights=own)
    enough = (np.bincount(groups) >= fewest[0])[groups] & (own >= FEWEST)
    possible = np.flatnonzero(enough & np.isclose(2 * own, totals[groups], rtol=1e-9, atol=0))
    found = []
    for row in possible:
        others = np.asarray(amounts[groups == groups[row]].sum(axis=0)).ravel()
        if np.allclose(2 * amounts[[row]].toarray().ravel(), others, rtol=1e-9, atol=0):
            found.append(row)
    return [
        str(name)
        for name in dict.fromkeys(names[found])
        if (names[found] == name).sum() == (names == name).sum()
    ]


def _total(kind: str, name: str, what: str, file: str) -> TableError:
    return TableError(
        found=f"{kind} {name!r} of {file!r} {what}",
        expected=f"rows of {kind}s, none of them a sum or a mean of others",
        fix=f"remove the rows of {name!r}",
    )
