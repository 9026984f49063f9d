"""What is asked: which groups are compared, within what, paired by what."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from concentra.errors import ArgumentError, ColumnError, nearest

EARLY, LATE = "early", "late"


@dataclass(frozen=True, slots=True)
class Comparison:
    """A later group of donors against an earlier one.

    Attributes
    ----------
    column
        The column that says the group.
    early, late
        Its values on either side.
    within
        A column (sex, batch): donors are compared within its values alone.
    paired_by
        A column (donor, litter): the two sides of each of its values are compared with each other.

    Examples
    --------
    >>> Comparison("age", ("1m", "3m"), ("24m",)).name
    'age: 1m+3m to 24m'
    """

    column: str
    early: tuple[str, ...]
    late: tuple[str, ...]
    within: str | None = None
    paired_by: str | None = None

    def __post_init__(self) -> None:
        both = sorted(set(self.early) & set(self.late))
        if both or not self.early or not self.late:
            raise ArgumentError(
                found=f"{both[0]!r} on both sides of {self.column!r}"
                if both
                else f"an empty side of {self.column!r}",
                expected="one or more values on each side, none on both",
                fix="write --contrast COLUMN:EARLY:LATE, several values with +",
            )
        if self.within is not None and self.paired_by is not None:
            raise ArgumentError(
                found=f"within {self.within!r} and paired by {self.paired_by!r}",
                expected="one of the two: what is the same in both halves of a pair is held already",
                fix="leave out one of them",
            )

    @property
    def name(self) -> str:
        """The comparison in a few words."""
        how = (
            f", within {self.within}"
            if self.within
            else f", paired by {self.paired_by}"
            if self.paired_by
            else ""
        )
        return f"{self.column}: {'+'.join(self.early)} to {'+'.join(self.late)}{how}"

    def side(self, labels: pd.Series) -> pd.Series:
        """ "early", "late" or missing for each label of the column."""
        sides = dict.fromkeys(self.early, EARLY) | dict.fromkeys(self.late, LATE)
        return labels.astype(object).map(sides)

    def as_dict(self) -> dict[str, Any]:
        """As it is written to a file of options."""
        return {"column": self.column, "early": list(self.early), "late": list(self.late)}


def contrast_columns(text: str, known: Collection[str]) -> list[str]:
    """The columns that ``COLUMN:EARLY:LATE`` may mean: those whose name it begins with.

    >>> contrast_columns("age:3m:24m", ["age", "sex"])
    ['age']
    """
    pieces = text.split(":")
    heads = [":".join(pieces[:count]) for count in range(1, len(pieces) - 1)]
    found = [head for head in heads if head in known]
    if len(pieces) < 3:
        raise ArgumentError(
            found=f"the contrast {text!r}",
            expected="COLUMN:EARLY:LATE, such as age:3m:24m or age:1m+3m:24m",
            fix="write all three, with colons between them",
        )
    if not found:
        raise ColumnError(
            found=f"no column {heads[0]!r}, which the contrast {text!r} names",
            expected="a column of the cells",
            fix=nearest(heads[0], known),
        )
    return found


def parse_contrast(
    text: str,
    values: Mapping[str, Collection[str]],
    *,
    within: str | None = None,
    paired_by: str | None = None,
) -> Comparison:
    """The comparison that ``COLUMN:EARLY:LATE`` means, several values of a side joined by ``+``.

    Parameters
    ----------
    text
        Labels that hold ``:`` or ``+`` themselves are recognised, because they are labels of the column.
    values
        The labels of each column.
    within, paired_by
        See `Comparison`.

    Raises
    ------
    ArgumentError
        A value is no label of the column; the nearest is named.

    Examples
    --------
    >>> parse_contrast("age:1m+3m:24m", {"age": ["1m", "3m", "24m"]}).early
    ('1m', '3m')
    >>> parse_contrast("type:CD4+:CD8+", {"type": ["CD4+", "CD8+"]}).late
    ('CD8+',)
    """
    problem: ArgumentError | None = None
    for column in contrast_columns(text, values):
        pieces = text[len(column) + 1 :].split(":")
        for count in range(1, len(pieces)):
            sides = ":".join(pieces[:count]), ":".join(pieces[count:])
            try:
                early, late = (side_values(side, values[column], column) for side in sides)
            except ArgumentError as error:
                problem = problem or error
                continue
            return Comparison(column, early, late, within, paired_by)
    assert problem is not None
    raise problem


def side_values(side: str | Sequence[str], labels: Collection[str], column: str) -> tuple[str, ...]:
    """The labels of one side: as they are, or joined by ``+``.

    >>> side_values("1m+3m", ["1m", "3m", "24m"], "age")
    ('1m', '3m')
    """
    if not isinstance(side, str):
        wanted = [str(value) for value in side]
    elif side in labels:
        return (side,)
    else:
        wanted = [piece.strip() for piece in side.split("+")]
    for value in wanted:
        if value not in labels:
            raise ArgumentError(
                found=f"{value!r}, which no cell has in column {column!r}",
                expected="labels of that column",
                fix=nearest(value, labels),
            )
    return tuple(dict.fromkeys(wanted))
