"""Long tables of counts as compositions, designs and the arrays of two groups, for tests."""

from __future__ import annotations

from concentra.analysis.attribution import pair_donors
from concentra.composition import from_table
from concentra.design import Question, Settings, resolve


def listed(values):
    return (values,) if isinstance(values, str) else tuple(values)


def designed(rows, column, reference, other, *, question=None, **settings):
    """The design of two groups of a long table with columns stratum, donor, part, n_cells and labels."""
    asked = Question(column, listed(reference), (listed(other),), **(question or {}))
    return resolve(from_table(rows), asked, Settings(**settings))


def paired_donors(rows, reference, other, *, group="group", amount="n_cells", **how):
    """`pair_donors` of one stratum's long table."""
    wide = rows.pivot_table(
        index=["donor", group], columns="part", values=amount, aggfunc="sum", fill_value=0
    )
    groups = wide.index.get_level_values(group)
    sides = [wide[groups.isin(listed(values))].to_numpy(dtype=float) for values in (reference, other)]
    return pair_donors([str(part) for part in wide.columns], sides[0], sides[1], **how)
