"""The AnnData way to levels: the functions of the analysis, stored in a file and read again."""

from __future__ import annotations

import anndata
import pandas as pd
import pytest

from concentra import get, tl
from concentra.analysis.levels import contrast_within, decompose_levels
from concentra.composition.annotated import from_anndata
from concentra.design import Question, Settings, resolve
from concentra.errors import ColumnError
from concentra.tl._shared import example

HOW = {"group": "age", "reference": "3m", "other": "24m"}


@pytest.fixture
def adata():
    made = example()
    made.var["half"] = ["first" if name < "type_07" else "second" for name in made.var_names]
    made.var["other"] = "one"
    return made


def test_numbers_are_those_of_the_analysis_and_survive_a_file(adata, tmp_path):
    tl.levels(adata, levels=["half"], **HOW)
    composition = from_anndata(adata)
    composition = composition.with_levels(composition.parts[["half"]])
    design = resolve(composition, Question("age", ("3m",), (("24m",),)), Settings())
    adata.write_h5ad(tmp_path / "stored.h5ad")
    again = anndata.read_h5ad(tmp_path / "stored.h5ad")
    for found, expected in (
        (get.levels(again), decompose_levels(design)[0]),
        (get.nested(again), contrast_within(design)),
    ):
        for name in ("shift", "p_value"):
            assert found[name].to_numpy(dtype=float) == pytest.approx(
                expected[name].to_numpy(dtype=float), nan_ok=True
            )
        assert found["part"].fillna("").tolist() == expected["part"].fillna("").tolist()


def test_only_the_levels_named_are_used(adata):
    tl.levels(adata, levels=["half"], **HOW)
    assert set(get.levels(adata)["coarse"]) == {"half"}
    assert isinstance(get.nested(adata), pd.DataFrame)


def test_a_level_that_var_lacks_is_refused(adata):
    with pytest.raises(ColumnError, match="no column 'hal' in var"):
        tl.levels(adata, levels=["hal"], **HOW)
