"""Ablation tables in the forms they are found in, and what is refused."""

from __future__ import annotations

import os
import re
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from concentra.errors import (
    AmountError,
    ArgumentError,
    ColumnError,
    DataAbsentError,
    FileFormatError,
    TableError,
)
from concentra.io.importance import UnequalHeadsWarning, importance_values, read_importance

DATA = pytest.mark.skipif(
    "CONCENTRA_DATA_DIR" not in os.environ, reason="CONCENTRA_DATA_DIR names no data folder"
)


def tidy(**changes: object) -> pd.DataFrame:
    """Two checkpoints, two layers of two heads: what the sweep of this package writes."""
    baseline = np.repeat([4.0, 2.0], 4)
    delta = np.array([-0.5, 0.25, -0.125, 0.0, -1.0, -0.5, 0.5, -0.25])
    table = {
        "model": "tiny", "checkpoint": np.repeat([512, 1000], 4), "layer": [0, 0, 1, 1] * 2, "head": [0, 1] * 4,
        "ablation": "zero", "method": "exact", "baseline_loss": baseline, "ablated_loss": baseline * (1 - delta),
        "delta": delta, "delta_se": 0.01, "n_sequences": 8, "n_tokens": 512, "seconds": 0.1,
    }  # fmt: skip
    return pd.DataFrame(table | changes)


def old_form() -> pd.DataFrame:
    """With rows for whole layers and noise, and the index names of the published tables."""
    table = tidy().rename(
        columns={"layer": "layer_idx", "head": "head_idx", "ablated_loss": "perturbed_loss"}
    )
    table = table.drop(columns=["model", "method", "delta_se"]).rename(columns={"ablation": "subtype"})
    table.insert(1, "perturbation_type", "head")
    layer = table.iloc[:2].assign(perturbation_type="layer", head_idx=-1, subtype="full_zero")
    noise = table.iloc[:2].assign(perturbation_type="type_a", head_idx=-1, subtype="block_noise")
    return pd.concat([layer, table, noise], ignore_index=True)


def seven_columns() -> pd.DataFrame:
    table = tidy().rename(
        columns={"layer": "layer_idx", "head": "head_idx", "ablated_loss": "perturbed_loss"}
    )
    table["checkpoint"] = "step" + table["checkpoint"].astype(str)
    whole_layer = table.iloc[:1].assign(head_idx=-1)
    names = ["checkpoint", "layer_idx", "head_idx", "baseline_loss", "perturbed_loss", "delta", "seconds"]
    return pd.concat([table, whole_layer], ignore_index=True)[names]


FORMS = {
    "tidy": tidy,
    "old": old_form,
    "seven": seven_columns,
    "no delta": lambda: tidy().drop(columns="delta"),
    "no losses": lambda: tidy().drop(columns=["baseline_loss", "ablated_loss"]),
    "step": lambda: tidy().rename(columns={"checkpoint": "step"}),
    "float steps": lambda: tidy(checkpoint=np.repeat([512.0, 1000.0], 4)),
    "shuffled": lambda: tidy().sample(frac=1, random_state=1),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("ending", [None, ".csv", ".csv.gz", ".tsv", ".parquet"])
def test_every_form_gives_the_same_table(tmp_path: Path, form: str, ending: str | None) -> None:
    source: pd.DataFrame | Path = FORMS[form]()
    if ending is not None:
        path = tmp_path / f"table{ending}"
        if ending == ".parquet":
            source.to_parquet(path)
        else:
            source.to_csv(path, index=False, sep="\t" if ending == ".tsv" else ",")
        source = path
    table = read_importance(source)
    assert list(table.columns)[:4] == ["checkpoint", "layer", "head", "delta"]
    assert [table[name].dtype.kind for name in table.columns[:4]] == ["i", "i", "i", "f"]
    pd.testing.assert_frame_equal(
        table[["checkpoint", "layer", "head"]], tidy()[["checkpoint", "layer", "head"]]
    )
    np.testing.assert_array_equal(table["delta"], tidy()["delta"])
    if form != "no losses":
        np.testing.assert_array_equal(table["perturbed_loss"], tidy()["ablated_loss"])
        np.testing.assert_array_equal(table["baseline_loss"], tidy()["baseline_loss"])
    assert ("delta_se" in table) == (form not in ("old", "seven"))


def test_the_source_is_left_as_it_was() -> None:
    source = old_form()
    before = source.copy()
    read_importance(source)
    pd.testing.assert_frame_equal(source, before)


def test_amounts_by_hand() -> None:
    table = read_importance(tidy())
    checkpoints, heads, amounts = importance_values(table)
    assert checkpoints.tolist() == [512, 1000]
    assert heads.tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]
    assert amounts.tolist() == [[0.5, 0.25, 0.125, 0.0], [1.0, 0.5, 0.5, 0.25]]
    assert importance_values(table, "harm")[2].tolist() == [[0.5, 0.0, 0.125, 0.0], [1.0, 0.5, 0.0, 0.25]]
    assert importance_values(table, "help")[2].tolist() == [[0.0, 0.25, 0.0, 0.0], [0.0, 0.0, 0.5, 0.0]]
    assert importance_values(table, "signed")[2].tolist() == [[0.75, 0.0, 0.375, 0.25], [1.5, 1.0, 0.0, 0.75]]


@given(
    st.lists(st.floats(-1, 1), min_size=2, max_size=9).filter(lambda deltas: min(deltas) < 0 < max(deltas))
)
def test_harm_and_help_make_abs_and_signed_keeps_order_and_differences(deltas: list[float]) -> None:
    table = pd.DataFrame({"checkpoint": 1, "layer": 0, "head": range(len(deltas)), "delta": deltas})
    amounts = {value: importance_values(table, value)[2][0] for value in ("abs", "harm", "help", "signed")}
    np.testing.assert_array_equal(amounts["harm"] + amounts["help"], amounts["abs"])
    np.testing.assert_allclose(np.diff(amounts["signed"]), -np.diff(deltas), atol=1e-12)
    assert amounts["signed"].min() == 0


def test_the_order_of_rows_does_not_matter() -> None:
    table = read_importance(tidy())
    for first, second in zip(importance_values(table), importance_values(table[::-1]), strict=True):
        np.testing.assert_array_equal(first, second)


def test_duplicate_rows_are_named() -> None:
    table = pd.concat([tidy(), tidy().iloc[[5, 2]]])
    message = "checkpoint 512, layer 1, head 0 in data rows 3, 10; 4 such rows in all"
    with pytest.raises(TableError, match=message):
        read_importance(table)
    with pytest.raises(TableError, match="layer 1, head 0 in data rows 3, 9\n"):
        read_importance(pd.concat([tidy(), tidy().iloc[[2]]]))


def test_unequal_heads_are_intersected_with_a_warning() -> None:
    with pytest.warns(
        UnequalHeadsWarning, match="1 head is not in every checkpoint and left out: L0H1"
    ) as seen:
        table = read_importance(tidy().drop(index=5))
    assert seen[0].filename == __file__
    assert table.groupby("checkpoint").size().tolist() == [3, 3]
    many = pd.DataFrame(
        {"checkpoint": [1, 2, *[1] * 25], "layer": 0, "head": [0, 0, *range(1, 26)], "delta": 1.0}
    )
    with pytest.warns(UnequalHeadsWarning, match=r"25 heads .*L0H20 and 5 more"):
        assert len(read_importance(many)) == 2


def test_no_head_in_common() -> None:
    with pytest.raises(TableError, match="no head in all 2 checkpoints"):
        read_importance(tidy().iloc[[0, 5]])


def test_a_checkpoint_of_zeros() -> None:
    table = tidy(delta=[0.0] * 4 + [1.0] * 4).drop(columns=["baseline_loss", "ablated_loss"])
    with pytest.raises(AmountError, match="every delta of checkpoint 512 is 0"):
        read_importance(table)


@pytest.mark.parametrize(
    "value, shown", [(np.nan, "nan"), (np.inf, "inf"), (-np.inf, "-inf"), ("few", "few")]
)
@pytest.mark.parametrize("name", ["delta", "baseline_loss", "ablated_loss"])
def test_amounts_that_are_not_finite_name_their_row(name: str, value: object, shown: str) -> None:
    table = tidy().astype({name: object})
    table.loc[5, name] = value
    stored = "perturbed_loss" if name == "ablated_loss" else name
    message = rf"{stored} '{shown}' in data row 6 \(checkpoint 1000, layer 0, head 1\)"
    with pytest.raises(AmountError, match=message):
        read_importance(table)


def test_a_standard_error_may_be_missing_but_not_wrong() -> None:
    table = tidy(delta_se=[None, *[0.01] * 7])
    assert read_importance(table)["delta_se"].isna().tolist() == [True] + [False] * 7
    table.loc[1, "delta_se"] = np.inf
    with pytest.raises(AmountError, match="delta_se 'inf' in data row 2"):
        read_importance(table)


def test_a_baseline_of_zero() -> None:
    with pytest.raises(AmountError, match="baseline_loss 0 in data row 1"):
        read_importance(tidy(baseline_loss=0.0))


def test_the_opposite_sign_is_refused() -> None:
    message = re.escape(
        "delta 0.5 where the loss changes by +50.00%, data row 1 (checkpoint 512, layer 0, head 0)"
    )
    with pytest.raises(TableError, match=message):
        read_importance(tidy(delta=-tidy()["delta"]))
    rounded = tidy(ablated_loss=tidy()["ablated_loss"].round(0))
    np.testing.assert_array_equal(read_importance(rounded)["delta"], tidy()["delta"])  # not recomputed


@pytest.mark.parametrize(
    "name, argument", [("model", "model"), ("ablation", "ablation"), ("method", "method")]
)
def test_several_models_ablations_or_methods_ask_to_choose(name: str, argument: str) -> None:
    table = pd.concat([tidy(**{name: "first"}), tidy(**{name: "second"}).iloc[:4]])
    with pytest.raises(
        TableError, match=rf"several values of '{name}': 'first', 'second'(.|\n)*{argument}=\.\.\."
    ):
        read_importance(table)
    assert len(read_importance(table, **{argument: "first"})) == 8
    assert len(read_importance(table, **{argument: "second"})) == 4
    with pytest.raises(ArgumentError, match=rf"{name}='secnd'(.|\n)*did you mean 'second'"):
        read_importance(table, **{argument: "secnd"})
    with pytest.raises(ColumnError, match=f"no column '{name}', and {argument}='first' was asked for"):
        read_importance(table.drop(columns=name), **{argument: "first"})


def test_subtype_is_read_as_ablation() -> None:
    table = old_form()
    table.loc[3, "subtype"] = "mean"
    with pytest.raises(TableError, match="several values of 'ablation': 'mean', 'zero'"):
        read_importance(table)


@pytest.mark.parametrize(
    "name, value, message",
    [
        (
            "checkpoint",
            "final",
            r"checkpoint 'final' in data row 2\nexpected: a whole number, or a step such as",
        ),
        ("checkpoint", "-5", "checkpoint '-5' in data row 2"),
        ("checkpoint", "1.5", "checkpoint '1.5' in data row 2"),
        ("layer", None, r"layer 'None' in data row 2\nexpected: a whole number\n"),
        ("layer", -1, "layer '-1' in data row 2"),
        ("head", "step3", "head 'step3' in data row 2"),
        ("head", -2, "head '-2' in data row 2"),
    ],
)
def test_what_is_no_whole_number(name: str, value: object, message: str) -> None:
    table = tidy().astype({name: object})
    table.loc[1, name] = value
    with pytest.raises(TableError, match=message):
        read_importance(table)


@pytest.mark.parametrize(
    "missing, hint", [("checkpoint", "there are"), ("layer", "there are"), ("delta", "delta_se")]
)
def test_missing_columns(missing: str, hint: str) -> None:
    table = tidy().drop(columns=[missing, "ablated_loss"])
    with pytest.raises(ColumnError, match=rf"no column '{missing}' among (.|\n)*{hint}"):
        read_importance(table)


def test_tables_without_heads() -> None:
    with pytest.raises(TableError, match="perturbation_type 'layer', 'noise'"):
        read_importance(tidy().assign(perturbation_type=["layer", "noise"] * 4))
    with pytest.raises(TableError, match="no row for a single head"):
        read_importance(tidy(head=-1))
    with pytest.raises(TableError, match="no row for a single head"):
        read_importance(tidy()[:0])


def test_one_column_under_two_names() -> None:
    table = pd.concat([tidy(), tidy()[["layer"]]], axis=1)
    with pytest.raises(TableError, match="column 'layer' more than once"):
        read_importance(table)


def test_files_that_are_not_tables(tmp_path: Path) -> None:
    with pytest.raises(DataAbsentError, match="no file"):
        read_importance(tmp_path / "absent.csv")
    (tmp_path / "a.json").write_text("{}")
    with pytest.raises(FileFormatError, match="no known format"):
        read_importance(tmp_path / "a.json")


def test_values_of_no_use() -> None:
    table = read_importance(tidy())
    with pytest.raises(ArgumentError, match="value='net'"):
        importance_values(table, "net")  # type: ignore[arg-type]
    helpful = table.assign(delta=np.where(table["checkpoint"] == 1000, 0.5, table["delta"]))
    for value in ("harm", "signed"):
        with pytest.raises(
            AmountError, match=f"value='{value}' gives every head of checkpoint 1000 the amount 0"
        ):
            importance_values(helpful, value)
    for broken in (table[:-1], table[:0], pd.concat([table, table[:1]])):
        with pytest.raises(TableError, match="pass the table through read_importance"):
            importance_values(broken)


def gini(amounts: np.ndarray) -> float:
    """Mean absolute difference over all pairs, relative to twice the mean."""
    return float(np.abs(amounts[:, None] - amounts).mean() / (2 * amounts.mean()))


def effective_number(amounts: np.ndarray) -> float:
    shares = amounts[amounts > 0] / amounts.sum()
    return float(np.prod(shares**-shares))


@pytest.mark.data
@DATA
@pytest.mark.parametrize(
    "model, value, gini_shift, effective_shift",
    [
        ("410m", "abs", 0.1449, -45.54),
        ("410m", "harm", 0.0338, -26.31),
        ("160m", "abs", -0.0703, 8.29),
    ],
)
def test_published_shifts(model: str, value: str, gini_shift: float, effective_shift: float) -> None:
    path = Path(os.environ["CONCENTRA_DATA_DIR"]) / "pythia" / f"pythia_{model}_ablations.csv"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = read_importance(path)
    checkpoints, heads, amounts = importance_values(table, value)  # type: ignore[arg-type]
    assert checkpoints.tolist() == [512, 1000, 2000, 4000, 8000, 16000, 64000, 143000]
    assert heads.shape == (144, 2)
    assert gini(amounts[-1]) - gini(amounts[0]) == pytest.approx(gini_shift, abs=5e-5)
    assert effective_number(amounts[-1]) - effective_number(amounts[0]) == pytest.approx(
        effective_shift, abs=5e-3
    )
    if (model, value) == ("410m", "abs"):
        assert [round(gini(amounts[step]), 4) for step in (0, -1)] == [0.6003, 0.7452]
        assert [round(effective_number(amounts[step]), 2) for step in (0, -1)] == [71.02, 25.48]
