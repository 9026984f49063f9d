"""Who is compared with whom: groups, covariates, pairs, repeats and trends; every donor left out has a reason."""

import numpy as np
import pandas as pd
import pytest

from concentra.analysis.support import left_out_table, support
from concentra.composition import from_table
from concentra.design import Question, Settings, resolve
from concentra.errors import ArgumentError, ColumnError


def rows_of(donors, **labels):
    return pd.DataFrame(
        [
            {"stratum": "lung", "donor": donor, "part": part, "n_cells": 60}
            | {name: values[place] for name, values in labels.items()}
            for place, donor in enumerate(donors)
            for part in "BT"
        ]
    )


AGES = ["3m", "3m", "24m", "24m", "18m"]


def test_every_donor_left_out_has_a_reason():
    frame = rows_of("abcde", age=[*AGES[:4], "18m"])
    frame.loc[frame["donor"] == "a", "n_cells"] = 3
    design = resolve(from_table(frame), Question("age", ("3m",), (("24m",),)))
    assert dict(zip(design.excluded["donor"], design.excluded["reason"], strict=True)) == {
        "a": "fewer than 50 cells", "e": "age '18m' is not compared",
    }  # fmt: skip
    table = left_out_table(design.composition, [design])
    assert table["n_cells"].tolist() == [6, 120]
    assert support(design)[["n_reference", "n_other", "n_few_cells"]].values.tolist() == [[1, 2, 1]]


def test_missing_covariates_and_partners_are_reasons():
    frame = rows_of("abcd", age=AGES[:4], bmi=["20", None, "21", "30"])
    design = resolve(from_table(frame), Question("age", ("3m",), (("24m",),), formula="~ bmi"))
    assert design.excluded["reason"].tolist() == ["no value of 'bmi'"]
    assert "no value of 'bmi': b" in design.notes[-1].text


def test_covariates_enter_the_model_as_numbers_or_factors():
    frame = rows_of("abcdef", age=["3m"] * 3 + ["24m"] * 3, bmi=list("123124"), sex=list("fmffmm"))
    design = resolve(from_table(frame), Question("age", ("3m",), (("24m",),), formula="~ bmi + sex"))
    stratum = design.strata[0]
    assert stratum.columns == ("Intercept", "age[24m]", "bmi", "sex[T.m]")
    assert stratum.matrix[:, 2].tolist() == [1, 2, 3, 1, 2, 4]
    assert stratum.contrasts[design.terms[0].name].tolist() == [0, 1, 0, 0]


def test_an_interaction_is_estimated_at_the_mean_of_the_donors():
    frame = rows_of("abcdefgh", age=["3m"] * 4 + ["24m"] * 4, sex=list("fmfmfmff"))
    question = Question("age", ("3m",), (("24m",),), formula="~ age * sex")
    design = resolve(from_table(frame), question)
    contrast = design.strata[0].contrasts[design.terms[0].name]
    names = design.strata[0].columns
    found = dict(zip(names, contrast, strict=True))
    assert found["age[T.24m]"] == 1
    assert found["age[T.24m]:sex[T.m]"] == pytest.approx(3 / 8)


def test_a_formula_alone_has_a_question_for_each_coefficient():
    frame = rows_of("abcdef", bmi=list("123124"), sex=list("fmffmm"))
    design = resolve(from_table(frame), Question(formula="~ bmi + sex"))
    assert [term.name for term in design.terms] == ["bmi", "sex: f to m"]


def test_three_groups_have_every_pair():
    design = resolve(from_table(rows_of("abcdef", g=list("xxyyzz"))), Question("g", ("x",), (("y",), ("z",))))
    assert [(term.reference, term.other) for term in design.terms] == [("x", "y"), ("x", "z"), ("y", "z")]
    assert design.strata[0].contrasts["g: y to z"].tolist() == [0, -1, 1]


def test_a_group_absent_from_a_stratum_cannot_be_estimated_there():
    frame = rows_of("abcd", age=AGES[:4])
    there = rows_of("ab", age=AGES[:2]).assign(stratum="skin")
    design = resolve(from_table(pd.concat([frame, there])), Question("age", ("3m",), (("24m",),)))
    skin = next(one for one in design.strata if one.name == "skin")
    assert np.isnan(skin.contrasts[design.terms[0].name]).all()


def test_a_trend_follows_numbers():
    design = resolve(from_table(rows_of("abcde", age=AGES)), Question(trend="age"))
    assert design.axis_title == "age (months)"
    assert design.strata[0].axis.tolist() == [3, 3, 24, 24, 18]
    with pytest.raises(ArgumentError, match="name a numeric column"):
        resolve(from_table(rows_of("abcde", age=list("vwxyz"))), Question(trend="age"))


def test_what_is_not_there_is_named():
    with pytest.raises(ColumnError, match="no column 'agee'"):
        resolve(from_table(rows_of("ab", age=["3m", "24m"])), Question("agee", ("3m",), (("24m",),)))
    with pytest.raises(ArgumentError, match="the formula"):
        resolve(
            from_table(rows_of("abcd", age=AGES[:4])),
            Question("age", ("3m",), (("24m",),), formula="~ age + I("),
        )


def test_the_common_depth_is_that_of_the_smallest_unit_compared():
    frame = rows_of("abcd", age=AGES[:4])
    frame.loc[frame["donor"] == "c", "n_cells"] = 35
    stratum = resolve(from_table(frame), Question("age", ("3m",), (("24m",),))).strata[0]
    assert (stratum.depth(Settings()), stratum.depth(Settings(depth=60))) == (70, 60)
