import pytest

from concentra.design.question import (
    Question,
    contrast_columns,
    formula_columns,
    group_values,
    parse_contrast,
)
from concentra.errors import ArgumentError, ColumnError

AGES = {"age": ["1m", "3m", "24m"]}


def test_groups_of_labels():
    question = parse_contrast("age:1m+3m:24m", AGES, within="sex")
    assert question.groups == {"1m+3m": ("1m", "3m"), "24m": ("24m",)}
    assert question.two_groups
    assert question.name == "age: 1m+3m to 24m, within sex"
    assert question.columns() == ["age", "sex"]


def test_several_groups():
    question = parse_contrast("age:1m:3m:24m", AGES)
    assert question.others == (("3m",), ("24m",))
    assert question.name == "age: 1m to 3m to 24m"
    assert not question.two_groups


def test_colons_and_pluses_in_labels_and_columns():
    values = {"a:b": ["x:y", "z"], "a": ["q"], "t": ["CD4+", "CD8+", "CD4+T+B"]}
    assert parse_contrast("a:b:x:y:z", values).reference == ("x:y",)
    assert parse_contrast("a:b:z:x:y", values).others == (("x:y",),)
    assert parse_contrast("t:CD4+T+B:CD8+", values).reference == ("CD4+T+B",)


def test_what_cannot_be_parsed():
    with pytest.raises(ArgumentError, match="COLUMN:REFERENCE:OTHER"):
        contrast_columns("age:3m", ["age"])
    with pytest.raises(ColumnError, match="did you mean 'age'"):
        contrast_columns("agge:3m:24m", ["age"])
    with pytest.raises(ArgumentError, match="did you mean '24m'"):
        parse_contrast("age:3m:24 m", AGES)
    with pytest.raises(ArgumentError, match="in two groups"):
        parse_contrast("age:3m:3m", AGES)
    with pytest.raises(ArgumentError, match="an empty group"):
        Question("age", (), (("24m",),))
    with pytest.raises(ArgumentError, match="leave out one of them"):
        Question("age", ("3m",), (("24m",),), within="sex", paired_by="donor")
    with pytest.raises(ArgumentError, match="without groups, formula or trend"):
        Question()


def test_groups_given_as_lists_numbers_and_truth_values():
    assert group_values(["1m", "3m", "1m"], AGES["age"], "age") == ("1m", "3m")
    assert group_values(3, ["3", "24"], "age") == group_values(3.0, ["3", "24"], "age") == ("3",)
    assert group_values(True, ["True", "False"], "case") == ("True",)
    assert group_values([0, 1], ["0", "1", "2"], "case") == ("0", "1")
    with pytest.raises(ArgumentError, match="which no cell has"):
        group_values(["1m+3m"], AGES["age"], "age")


def test_columns_of_a_formula():
    assert formula_columns("~ age + C(sex) + age:bmi") == ["age", "bmi", "sex"]
    assert formula_columns(None) == []
    with pytest.raises(ArgumentError, match="the formula '~ age \\+ \\('"):
        formula_columns("~ age + (")


def test_a_column_alone_is_no_contrast_and_the_message_shows_how_to_go_on():
    with pytest.raises(ArgumentError, match="the reference first: treatment:REFERENCE:OTHER"):
        contrast_columns("treatment", ["treatment", "sex"])
    with pytest.raises(ArgumentError, match="write all three"):
        contrast_columns("dose", ["treatment", "sex"])
