"""From a composition and a question to a design, or a refusal that says why the data cannot answer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from concentra.composition.composition import Composition
from concentra.design.axis import numeric_axis, numeric_values
from concentra.design.confounding import confounding_notes
from concentra.design.design import Design
from concentra.design.matrix import model_columns
from concentra.design.question import Question, formula_columns
from concentra.design.settings import CALIBRATED_FROM, Settings
from concentra.errors import DesignError
from concentra.notes import Note

Floats = NDArray[np.float64]
Names = NDArray[np.object_]


def resolve(composition: Composition, question: Question, settings: Settings = Settings()) -> Design:  # noqa: B008
    """The design of a question: who is compared with whom, and who is left out and why.

    Parameters
    ----------
    composition
        With the columns that the question names.
    question, settings
        What is asked and how it is answered.

    Raises
    ------
    DesignError
        There is one donor; a group has no donor with enough cells; no stratum has two groups; groups differ completely
        in a column that should not matter.
    ColumnError, ArgumentError
        A column is missing; a trend has no numbers.

    Examples
    --------
    >>> from concentra.composition import from_table
    >>> rows = pd.DataFrame([("lung", d, "3m" if d < "c" else "24m", p, 60) for d in "abcd" for p in "BT"],
    ...                     columns=["stratum", "donor", "age", "part", "n_cells"])
    >>> design = resolve(from_table(rows), Question("age", ("3m",), (("24m",),)))
    >>> stratum = design.strata[0]
    >>> stratum.matrix.tolist(), stratum.contrasts["age: 3m to 24m"].tolist()
    ([[1.0, 0.0], [1.0, 0.0], [1.0, 1.0], [1.0, 1.0]], [0.0, 1.0])
    """
    _refuse_one_donor(composition)
    reasons = _too_small(composition, settings)
    notes: list[Note] = []
    groups = None
    axis, title = None, ""
    if question.column:
        groups = _groups(composition, question, reasons)
        _refuse_empty(composition, question, settings, groups)
    if question.trend is not None:
        label = composition.label(question.trend)
        values, title = numeric_axis(label, question.trend, question.order)
        axis = values.to_numpy(dtype=np.float64)
        if question.order:
            for place in np.flatnonzero(np.isnan(axis) & label.notna().to_numpy() & _open(reasons)):
                reasons[place] = f"{question.trend} {label.iloc[place]!r} is not in the order"
        reasons[np.isnan(axis) & _open(reasons)] = f"no value of {question.trend!r}"
    covariates = _covariates(composition, question, reasons)
    for column in (question.within, question.paired_by):
        if column is not None:
            unknown = composition.label(column).isna().to_numpy()
            reasons[unknown & _open(reasons)] = f"no value of {column!r}"
    if groups is not None and (question.within or question.paired_by):
        _unmatched(composition, question, groups, reasons)
    included = _open(reasons)
    matrix, columns, terms, contrasts = model_columns(
        composition, question, groups, axis, title, covariates, included
    )
    excluded = _excluded(composition, reasons)
    design = Design(
        composition,
        question,
        settings,
        terms,
        excluded,
        groups,
        matrix,
        columns,
        contrasts,
        included,
        axis,
        title,
    )
    notes += _refuse_or_note(design)
    notes += _range_notes(design)
    notes += confounding_notes(design)
    notes += _left_out_notes(excluded, question)
    object.__setattr__(design, "notes", tuple(notes))
    return design


def _open(reasons: Names) -> NDArray[np.bool_]:
    """Units without a reason to be left out."""
    return np.array([reason is None for reason in reasons], dtype=bool)


def _refuse_one_donor(composition: Composition) -> None:
    if composition.units["donor"].nunique() < 2:
        name = composition.units["donor"].iloc[0] if len(composition.units) else "none"
        raise DesignError(
            found=f"one donor, {name!r}",
            expected="at least one donor in each group, two for a test: cells of one animal are not replicates",
            fix="add the other donors' files, or name another donor column with --donor",
        )


def _too_small(composition: Composition, settings: Settings) -> Names:
    reasons = np.full(len(composition.units), None, dtype=object)
    if not composition.of_shares:
        reasons[composition.n_cells < settings.min_cells] = f"fewer than {settings.min_cells} cells"
    return reasons


def _groups(composition: Composition, question: Question, reasons: Names) -> Names:
    label = composition.label(question.column)
    of_value = {value: name for name, values in question.groups.items() for value in values}
    groups = np.array([of_value.get(value) for value in label], dtype=object)
    none = np.array([group is None for group in groups]) & _open(reasons)
    unknown = label.isna().to_numpy()
    reasons[none & unknown] = f"no value of {question.column!r}"
    for place in np.flatnonzero(none & ~unknown):
        reasons[place] = f"{question.column} {label.iloc[place]!r} is not compared"
    return groups


def _refuse_empty(composition: Composition, question: Question, settings: Settings, groups: Names) -> None:
    n_cells = composition.n_cells
    for name in question.groups:
        inside = groups == name
        if not (inside & (composition.of_shares | (n_cells >= settings.min_cells))).any():
            most = f"; the largest has {n_cells[inside].max():,}" if inside.any() else ""
            raise DesignError(
                found=f"no donor of {name!r} with {settings.min_cells} cells in any tissue{most}",
                expected=f"donors of every group with at least {settings.min_cells} cells",
                fix="lower --min-cells, or compare other groups",
            )


def _covariates(composition: Composition, question: Question, reasons: Names) -> pd.DataFrame:
    """The columns of the formula, numbers as numbers; units without a value are left out."""
    frame = pd.DataFrame(index=composition.units.index)
    for column in formula_columns(question.formula):
        label = composition.label(column)
        if column == question.column:
            continue
        numbers = numeric_values(label)
        frame[column] = label.astype(object) if numbers is None else numbers
        reasons[label.isna().to_numpy() & _open(reasons)] = f"no value of {column!r}"
    return frame


def _unmatched(composition: Composition, question: Question, groups: Names, reasons: Names) -> None:
    """Leave out units whose covariate's value has one group only; of pairs, note who has no partner."""
    column = question.within or question.paired_by
    assert column is not None
    label = composition.label(column).to_numpy(dtype=object)
    frame = pd.DataFrame({"stratum": composition.units["stratum"], "label": label, "group": groups})[
        _open(reasons)
    ]
    n_groups = frame.groupby(["stratum", "label"], dropna=False)["group"].transform("nunique")
    alone = frame.index[n_groups < 2]
    if question.paired_by:
        reasons[alone] = f"no partner (by {column!r})"
    else:
        reasons[alone] = f"no donor of another group with this {column!r}"


def _excluded(composition: Composition, reasons: Names) -> pd.DataFrame:
    gone = ~_open(reasons)
    frame = composition.units.loc[gone, ["stratum", "donor", "sample"]].reset_index(drop=True)
    return frame.assign(reason=reasons[gone], n_cells=composition.n_cells[gone])


def _range_notes(design: Design) -> list[Note]:
    """Between which numbers the change of each numeric term is estimated; nothing for indicators of a category."""
    notes = []
    for term in design.terms:
        if term.other or (term.low, term.high) == (0.0, 1.0):
            continue
        ends = [f"{term.low:g}", f"{term.high:g}"]
        if design.axis is not None and design.question.trend is not None:
            label, axis = design.composition.label(design.question.trend), design.axis[design.included]
            ends = [str(label[design.included].iloc[place]) for place in (axis.argmin(), axis.argmax())]
        notes.append(
            Note("limits", f"{term.name}: effects are the change from {ends[0]} to {ends[1]}, the range of the donors "
                 "compared")
        )  # fmt: skip
    return notes


def _refuse_or_note(design: Design) -> list[Note]:
    """Raise where no stratum has both groups; note where a group has one donor everywhere."""
    question = design.question
    if not design.included.any():
        raise DesignError(
            found=f"no donor that can answer {question.name!r}: "
            + "; ".join(
                f"{n} {reason}" for reason, n in design.excluded["reason"].value_counts().head(3).items()
            ),
            expected="donors with enough cells and a value of every column of the question",
            fix="lower --min-cells, fill in the labels, or ask another question",
        )
    if design.groups is None:
        return []
    sizes = [min(stratum.n_donors(name) for name in question.groups) for stratum in design.strata]
    pairs = [
        sorted((stratum.n_donors(name) for name in question.groups), reverse=True)[1]
        for stratum in design.strata
    ]
    if not any(size > 0 for size in pairs):
        what = (
            f"value of {question.within!r}" if question.within
            else f"pair (by {question.paired_by!r})" if question.paired_by else "tissue"
        )  # fmt: skip
        raise DesignError(
            found=f"no {what} with donors of both groups of {question.name!r}",
            expected="both groups in the same place, or they cannot be compared",
            fix="compare other groups, or other tissues; composition.csv of a run without --contrast lists the donors",
        )
    if all(size < 2 for size in sizes) and question.two_groups:
        return [
            Note(
                "limits",
                f"{question.name}: a group has one donor everywhere, so shifts are shown without a test",
            )
        ]
    return []


def few_donors_notes(design: Design) -> list[Note]:
    """A note where a group has two donors everywhere: more than nothing, and fewer than verdicts are calibrated for.

    >>> from concentra.composition import from_table
    >>> rows = pd.DataFrame([("lung", d, "3m" if d < "c" else "24m", p, 60) for d in "abcd" for p in "BT"],
    ...                     columns=["stratum", "donor", "age", "part", "n_cells"])
    >>> few_donors_notes(resolve(from_table(rows), Question("age", ("3m",), (("24m",),))))[0].text.split("; ")[0]
    'age: 3m to 24m: a group has 2 donors everywhere'
    """
    question = design.question
    if not question.two_groups:
        return []
    most = max(min(stratum.n_donors(name) for name in question.groups) for stratum in design.strata)
    if not 1 < most < CALIBRATED_FROM:
        return []
    text = (
        f"{question.name}: a group has {most} donors everywhere; verdicts are calibrated from {CALIBRATED_FROM} a group"
        ', and "undecided" is not "no change"'
    )
    return [Note("limits", text)]


def _left_out_notes(excluded: pd.DataFrame, question: Question) -> list[Note]:
    """One sentence a reason, with the donors."""
    notes = []
    for reason, rows in excluded.groupby("reason", sort=True):
        donors: Sequence[str] = sorted(rows["donor"].unique())
        shown = ", ".join(map(str, donors[:5])) + (f" and {len(donors) - 5} more" if len(donors) > 5 else "")
        n_strata = rows["stratum"].nunique()
        where = f" in {n_strata} tissues" if n_strata > 1 else ""
        notes.append(Note("left out", f"{question.name}: {len(donors)} donor{'s' * (len(donors) != 1)} not "
                          f"compared{where}, {reason}: {shown}"))  # fmt: skip
    return notes
