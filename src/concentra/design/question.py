"""The question: which groups are compared, by which formula or along what, within what, paired by what."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from concentra.errors import ArgumentError, ColumnError, nearest
from concentra.io.labels import label_text

Label = str | int | float | bool
Group = Label | Sequence[Label]


@dataclass(frozen=True, slots=True)
class Question:
    """Groups of donors that are compared, a formula, or a trend.

    Attributes
    ----------
    column
        The column of groups; empty for a formula or a trend.
    reference
        Its values that make the reference group.
    others
        The groups compared with it, each one or several values.
    formula
        Covariates or terms in Wilkinson notation, "~ age + sex"; without `column` each coefficient is a question.
    trend
        A column of numbers, or of ages, along which concentration is followed.
    order
        The labels of that column in their order, where they are no numbers.
    within
        A column (sex, batch): donors are compared within its values alone.
    paired_by
        A column (donor, litter): samples of each of its values are compared with each other.
    accept_confounding
        Columns in which groups may differ completely.

    Examples
    --------
    >>> Question("age", ("1m", "3m"), (("24m",),)).name
    'age: 1m+3m to 24m'
    """

    column: str = ""
    reference: tuple[str, ...] = ()
    others: tuple[tuple[str, ...], ...] = ()
    formula: str | None = None
    trend: str | None = None
    order: tuple[str, ...] = ()
    within: str | None = None
    paired_by: str | None = None
    accept_confounding: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.column:
            self._check_groups()
        elif not (self.formula or self.trend):
            raise ArgumentError(
                found="a question without groups, formula or trend",
                expected="one of them",
                fix="write --contrast COLUMN:REFERENCE:OTHER, --formula or --trend",
            )
        if self.within is not None and self.paired_by is not None:
            raise ArgumentError(
                found=f"within {self.within!r} and paired by {self.paired_by!r}",
                expected="one of the two: what is the same in both halves of a pair is held already",
                fix="leave out one of them",
            )

    def _check_groups(self) -> None:
        groups = [self.reference, *self.others]
        values = [value for group in groups for value in group]
        twice = sorted({value for value in values if values.count(value) > 1})
        if twice or not self.others or not all(groups):
            raise ArgumentError(
                found=f"{twice[0]!r} in two groups of {self.column!r}"
                if twice
                else f"an empty group of {self.column!r}",
                expected="one or more values in each group, none in two",
                fix="write --contrast COLUMN:REFERENCE:OTHER, several values with +",
            )

    @property
    def name(self) -> str:
        """The question in a few words."""
        if self.trend is not None:
            what = f"trend along {self.trend}" + (f" ({', '.join(self.order)})" if self.order else "")
        elif self.column:
            what = (
                f"{self.column}: {' to '.join('+'.join(group) for group in (self.reference, *self.others))}"
            )
        else:
            what = str(self.formula).strip()
        if self.formula and (self.column or self.trend):
            what += f", adjusted ({self.formula.strip()})"
        how = (
            f", within {self.within}"
            if self.within
            else f", paired by {self.paired_by}"
            if self.paired_by
            else ""
        )
        return what + how

    @property
    def groups(self) -> dict[str, tuple[str, ...]]:
        """The values of every group by its name, the reference first."""
        return {"+".join(group): group for group in (self.reference, *self.others)} if self.column else {}

    @property
    def two_groups(self) -> bool:
        """Whether two groups are compared."""
        return bool(self.column) and len(self.others) == 1

    def columns(self) -> list[str]:
        """Every column that the question needs."""
        named = [self.column, self.trend, self.within, self.paired_by, *formula_columns(self.formula)]
        return list(dict.fromkeys(name for name in named if name))


def formula_columns(formula: str | None) -> list[str]:
    """The columns that a formula names.

    >>> formula_columns("~ age + C(sex)")
    ['age', 'sex']
    """
    if not formula:
        return []
    from formulaic import Formula
    from formulaic.errors import FormulaicError

    try:
        return sorted(str(name) for name in Formula(formula.strip()).required_variables)
    except (FormulaicError, SyntaxError, ValueError) as problem:
        raise ArgumentError(
            found=f"the formula {formula!r}: {' '.join(str(problem).split())[:120]}",
            expected="terms such as '~ age + sex', columns with blanks in backticks",
            fix="correct the formula",
        ) from None


def refuse_repeated(questions: Sequence[Question]) -> None:
    """Refuse two questions that are the same, or that compare the same two groups.

    Raises
    ------
    ArgumentError
        It names the comparison.

    Examples
    --------
    >>> three = Question("age", ("3m",), (("18m",), ("24m",)))
    >>> refuse_repeated([three, Question("age", ("18m",), (("24m",),))])
    Traceback (most recent call last):
    concentra.errors.ArgumentError: error: 'age: 18m to 24m' asked twice
    expected: each comparison once; several groups are compared two by two
    fix: leave out one of the two
    """
    names = [question.name for question in questions if len(question.others) < 2]
    names += [
        f"{question.column}: {'+'.join(one)} to {'+'.join(other)}"
        for question in questions
        if len(question.others) > 1
        for one, other in combinations((question.reference, *question.others), 2)
    ]
    twice = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    if twice:
        raise ArgumentError(
            found=f"{twice[0]!r} asked twice",
            expected="each comparison once; several groups are compared two by two",
            fix="leave out one of the two",
        )


def contrast_columns(text: str, known: Collection[str]) -> list[str]:
    """The columns that ``COLUMN:REFERENCE:OTHER`` may mean: those whose name it begins with.

    >>> contrast_columns("age:3m:24m", ["age", "sex"])
    ['age']
    """
    pieces = text.split(":")
    heads = [":".join(pieces[:count]) for count in range(1, len(pieces) - 1)]
    found = [head for head in heads if head in known]
    if len(pieces) < 3:
        raise ArgumentError(
            found=f"the contrast {text!r}",
            expected="COLUMN:REFERENCE:OTHER, such as age:3m:24m or age:1m+3m:24m",
            fix=f"add two of its values, the reference first: {text}:REFERENCE:OTHER"
            if text in known
            else "write all three, with colons between them",
        )
    if not found:
        raise ColumnError(
            found=f"no column {heads[0]!r}, which the contrast {text!r} names",
            expected="a column of the cells, or of the sheet of donors (--donors)",
            fix=nearest(heads[0], known),
        )
    return found


def parse_contrast(text: str, values: Mapping[str, Collection[str]], **more: Any) -> Question:
    """The question that ``COLUMN:REFERENCE:OTHER[:OTHER...]`` means, several values of a group joined by ``+``.

    Parameters
    ----------
    text
        Labels that hold ``:`` or ``+`` themselves are recognised, because they are labels of the column.
    values
        The labels of each column.
    **more
        Other fields of `Question`.

    Raises
    ------
    ArgumentError
        A value is no label of the column; the nearest is named.

    Examples
    --------
    >>> parse_contrast("age:1m+3m:24m", {"age": ["1m", "3m", "24m"]}).reference
    ('1m', '3m')
    >>> parse_contrast("type:CD4+:CD8+", {"type": ["CD4+", "CD8+"]}).others
    (('CD8+',),)
    """
    problem: ArgumentError | None = None
    for column in contrast_columns(text, values):
        pieces = text[len(column) + 1 :].split(":")
        for joined in _joined(pieces):
            if len(joined) < 2:
                continue
            try:
                groups = [group_values(one, values[column], column) for one in joined]
            except ArgumentError as error:
                problem = problem or error
                continue
            return Question(column, groups[0], tuple(groups[1:]), **more)
    assert problem is not None
    raise problem


def _joined(pieces: Sequence[str]) -> Iterator[list[str]]:
    """Every way to join neighbours again with the colon, the most pieces first."""
    ways = [[pieces[0]]]
    for piece in pieces[1:]:
        ways = [[*way, piece] for way in ways] + [[*way[:-1], f"{way[-1]}:{piece}"] for way in ways]
    yield from sorted(ways, key=len, reverse=True)


def group_values(group: Group, labels: Collection[str], column: str) -> tuple[str, ...]:
    """The labels of one group: as they are, numbers and truth values as text, or joined by ``+``.

    >>> group_values("1m+3m", ["1m", "3m", "24m"], "age"), group_values(3.0, ["3", "24"], "age")
    (('1m', '3m'), ('3',))
    """
    if isinstance(group, str) and group not in labels:
        wanted = [piece.strip() for piece in group.split("+")]
    elif isinstance(group, str) or not isinstance(group, (Sequence, set, frozenset)):
        wanted = [label_text(group) or ""]
    else:
        wanted = [label_text(value) or "" for value in group]
    for value in wanted:
        if value not in labels:
            raise ArgumentError(
                found=f"{value!r}, which no cell has in column {column!r}",
                expected="labels of that column",
                fix=nearest(value, labels),
            )
    return tuple(dict.fromkeys(wanted))
