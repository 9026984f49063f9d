"""Steps are functions of frames: chained on a handful of hostile cells, with what they write read back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from concentra.errors import DesignError
from concentra.study.declare import nodes, tables
from concentra.study.steps.s01_compute_proportions import compute_proportions
from concentra.study.steps.s02_compute_metrics import compute_metrics
from definitions_study import HOSTILE

COHORT = "tms_facs"
PLAIN = "several donors"  # a mark that no label here bears


def hostile_cells() -> pd.DataFrame:
    """Four young and four old donors in one tissue, every label of which hurts."""
    rng = np.random.default_rng(1)
    rows = []
    for place, donor in enumerate(HOSTILE[:8]):
        shares = rng.dirichlet(np.full(len(HOSTILE), 2.0))
        for part, n in zip(HOSTILE, rng.multinomial(200, shares), strict=True):
            rows += [{"donor": donor, "part": part, "age": "3m" if place < 4 else "24m"}] * int(n)
    return pd.DataFrame(rows).assign(stratum=HOSTILE[6], sex="male", donor_source="=1+1", unusable=None)


@pytest.fixture(scope="module")
def chain() -> dict[str, pd.DataFrame]:
    composition, parts, left_out = compute_proportions({COHORT: hostile_cells()}, pooled_mark=PLAIN)
    return {
        "composition": composition,
        "parts": parts,
        "left_out": left_out,
        "concentration": compute_metrics(composition, min_cells=50, depth=100),
    }


@pytest.mark.parametrize("name", ["composition", "parts", "left_out", "concentration"])
def test_hostile_labels_from_cells_to_files_and_back(
    chain: dict[str, pd.DataFrame], tmp_path: Path, name: str
) -> None:
    table = tables()[name]
    written = table.check(chain[name], name)
    table.write(chain[name], tmp_path)
    pd.testing.assert_frame_equal(table.read(tmp_path), written)


def test_cells_are_kept(chain: dict[str, pd.DataFrame]) -> None:
    composition = chain["composition"]
    cells = hostile_cells()
    cells["part"] = cells["part"].str.strip()  # blanks around a label are no part of it
    counts = cells.groupby(["donor", "part"]).size()
    assert composition.set_index(["donor", "part"])["n_cells"].sort_index().to_dict() == counts.to_dict()
    assert set(composition["part"]) == set(cells["part"])
    assert set(composition["donor"]) == set(HOSTILE[:8])
    assert chain["left_out"].empty


def test_units_below_the_minimum_are_marked() -> None:
    cells = hostile_cells()
    composition, _, _ = compute_proportions({COHORT: cells}, pooled_mark=PLAIN)
    with pytest.raises(DesignError, match="no donor with 201 cells in any tissue; the largest has 200"):
        compute_metrics(composition, min_cells=201)
    assert compute_metrics(composition, min_cells=200)["included"].all()


def test_a_figure_of_hostile_labels_is_drawn(chain: dict[str, pd.DataFrame], tmp_path: Path) -> None:
    node, step = nodes()["figure_S2_donors_age"], nodes()["make_figures"]
    made = step.function(*[chain[name] for name in step.reads], **step.parameters())
    frames = made if isinstance(made, tuple) else (made,)
    known = chain | {
        table.name(): table.check(frame, "") for table, frame in zip(step.tables, frames, strict=True)
    }
    drawing = node.function(*[known[name] for name in node.reads], **node.parameters())
    drawing.figure.savefig(tmp_path / "figure.svg")
    text = (tmp_path / "figure.svg").read_text(encoding="utf-8")
    assert "<script>" not in text
    assert "&lt;script&gt;" in text
    assert drawing.caption
    assert drawing.alternative
