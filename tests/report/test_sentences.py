"""Sentences of the report, for one, for two, for many and for none."""

from __future__ import annotations

import pandas as pd
import pytest

from concentra.report import sentences
from definitions_report import contrast

SIZE = "ratio of effective numbers 0.77, 95% interval 0.67 to 0.87"


def answer(**verdicts: str) -> str:
    (text,) = sentences.answer(contrast(list(verdicts), list(verdicts.values())))
    return text


@pytest.mark.parametrize(
    ("verdicts", "words"),
    [
        ({"Marrow": "more concentrated"}, f"Marrow is more concentrated in 24m than in 3m ({SIZE})."),
        (
            {"Marrow": "less concentrated", "Lung": "undecided"},
            f"Marrow is less concentrated in 24m than in 3m ({SIZE}); Lung is undecided.",
        ),
        (
            {"Marrow": "more concentrated", "Lung": "more concentrated", "Skin": "not testable",
             "Heart": "not testable"},
            "Marrow and Lung are more concentrated in 24m than in 3m (ratios of effective numbers 0.77 and 0.79); Skin "
            "and Heart could not be tested.",
        ),
        (
            {"Marrow": "mixed", "Lung": "one metric only", "Skin": "no change beyond the margin"},
            f"Marrow changed in both metrics, without one direction, from 3m to 24m ({SIZE}); Lung changes in one "
            "metric only; Skin shows no change beyond the margin.",
        ),
        ({"Lung": "undecided"}, f"Lung is undecided ({SIZE})."),
        ({"all cells": "undecided"}, f"Whether the composition changes is undecided ({SIZE})."),
        (
            {"Lung": "undecided", "Skin": "undecided"},
            "No tissue shows a change in both metrics that can be distinguished from chance; Lung and Skin are "
            "undecided.",
        ),
        ({"Lung": "not testable", "Skin": "not testable"}, "Lung and Skin could not be tested."),
        ({"all cells": "more concentrated"}, f"The composition is more concentrated in 24m than in 3m ({SIZE})."),
    ],
)  # fmt: skip
def test_the_answer(verdicts: dict[str, str], words: str) -> None:
    assert answer(**verdicts) == words


def test_many_tissues_are_counted() -> None:
    text = answer(
        Marrow="more concentrated", Skin="not testable", **{f"t{place}": "undecided" for place in range(7)}
    )
    assert text.endswith("; of the other eight tissues, seven are undecided and one could not be tested.")


@pytest.mark.parametrize(
    ("changed", "n", "verdict", "words"),
    [
        (1, 9, "undecided", "; the other nine tissues are undecided."),
        (0, 9, "undecided", "from chance; all nine tissues are undecided."),
        (1, 20, "not testable", "; the other 20 tissues could not be tested."),
        (0, 9, "not testable", "None of the nine tissues could be tested."),
    ],
)
def test_tissues_of_one_verdict_are_not_counted_twice(changed: int, n: int, verdict: str, words: str) -> None:
    found = {f"c{place}": "more concentrated" for place in range(changed)}
    assert answer(**found, **{f"t{place}": verdict for place in range(n)}).endswith(words)


def test_each_contrast_has_its_sentence() -> None:
    both = pd.concat(
        [contrast(["Lung"], ["undecided"]), contrast(["Lung"], ["undecided"], title="sex: f to m")]
    )
    assert len(sentences.answer(both)) == 2


def test_every_verdict_has_a_meaning_and_a_look() -> None:
    from concentra.pl._style import VERDICTS

    assert list(sentences.MEANINGS) == list(VERDICTS)
    assert {*sentences.DIRECTIONS, *sentences.PREDICATES} == set(VERDICTS)


def test_both_metrics_of_a_tissue_are_one_row() -> None:
    (row,) = sentences.records(sentences.verdicts(contrast(["Marrow"], ["undecided"])))
    assert (row["hill_q1_effect"], row["gini_effect"]) == (0.77, 0.1)


@pytest.mark.parametrize(
    ("n", "words"), [(0, "0 donors"), (1, "1 donor"), (2, "2 donors"), (1200, "1,200 donors")]
)
def test_numbers_with_their_nouns(n: int, words: str) -> None:
    assert sentences.counted(n, "donor") == words


def test_methods_cite_what_was_done_and_number_in_order() -> None:
    tables = {
        "contrast": contrast(["Lung", "Skin"], ["undecided"] * 2),
        "multiverse": pd.DataFrame({"a": [1]}),
    }
    text, cited = sentences.methods(
        tables, {"min_cells": 50, "level": 0.9}, {"concentra": "1.0", "numpy": "2.0"}
    )
    assert "90% intervals" in text
    assert text.endswith("Computed with concentra 1.0, numpy 2.0.")
    numbers = [int(one) for one in __import__("re").findall(r"\[(\d+)", text)]
    assert numbers == sorted(numbers)
    assert len(cited) == 8
    assert "Cauchy" not in sentences.methods({}, {}, {})[0]


def test_methods_of_one_tissue_speak_of_no_others() -> None:
    text, cited = sentences.methods({"contrast": contrast(["all cells"], ["undecided"])}, {}, {})
    assert "over tissues" not in text
    assert "across tissues" not in text
    assert "empirical Bayes" not in text  # a tissue alone is tested by its own variance
    assert not any("Benjamini" in one for one in cited)


def test_sentences_of_several_contrasts_name_them() -> None:
    sexes = contrast(["Lung"], ["more concentrated"], title="sex: f to m")
    both = sentences.named_answers(pd.concat([contrast(["Lung"], ["undecided"]), sexes]))
    assert [words.split(": ", 2)[:2] for words in both] == [["age", "3m to 24m"], ["sex", "f to m"]]
    assert sentences.named_answers(sexes) == sentences.answer(sexes)


@pytest.mark.parametrize(
    ("reason", "words"),
    [("hill_q1", ", the effective number"), ("gini_stratum", ", the Gini coefficient"), ("", "")],
)
def test_the_one_metric_that_changes_is_named(reason: str, words: str) -> None:
    (text,) = sentences.answer(contrast(["Lung"], ["one metric only"]).assign(reason=reason))
    assert text.startswith(f"Lung changes in one metric only{words} (")
    assert ("(difference in Gini coefficients +0.100, 95% interval" in text) == (reason == "gini_stratum")


def test_a_change_along_a_number_names_it() -> None:
    rows = contrast(["Lung"], ["more concentrated"], title="trend along age").assign(other=None)
    assert sentences.answer(rows) == [
        "Lung becomes more concentrated along age (ratio of effective numbers 0.77, 95% interval 0.67 to 0.87)."
    ]


def test_hostile_labels_stay_on_one_line() -> None:
    text = answer(**{"a\nb\x1b[2J": "undecided", "c": "undecided"})
    assert text.isprintable()


def test_an_answer_over_several_levels_says_which_it_speaks_of() -> None:
    rows = contrast(["all cells"], ["more concentrated"])
    granular = pd.DataFrame({"level": ["finest", "L1"], "n_parts": [69, 7]})
    types = sentences.types_counted({"granularity": granular})
    assert sentences.answer(rows, types=types)[0].startswith(
        "At the finest level of cell types (69 types), the composition is more concentrated"
    )
    assert sentences.types_counted({"granularity": granular.assign(level=["0.4", "0.8"])}) == ""


def test_sentences_over_all_tissues_name_their_contrast_where_there_are_several() -> None:
    rows = pd.DataFrame({"contrast": ["age", "sex"], "metric": "hill_q1", "n_strata": 2, "n_reference": 4, "n_other": 5,
                         "mean_shift": 0.1, "p_value": 0.2})  # fmt: skip
    assert [words.partition(" ")[0] for words in sentences.across(rows)] == ["age:", "sex:"]
