"""One road: `concentra.analyze` on the cells of a cohort finds the numbers of the study, to the last digit."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from concentra.run import analyze
from concentra.study.cohorts import Atlas, cohorts
from concentra.study.declare import all_parameters, nodes
from study_tables import table

DRAWS = 400
UNUSED = ("head_shift", "head_plane", "head_cloud", "donor_counts", "type_levels", "level_contrast")
SAME = {
    "concentration": "concentration", "contrast": "age_contrast", "drivers": "drivers", "plane": "overlay_null"
}  # fmt: skip


def cells_of(cohort: Atlas, data: Path | None) -> pd.DataFrame:
    """The cells of a cohort, but for those that the study leaves out as no sample of one donor."""
    cells = cohort.load(cohort.files(data))
    pooled = (
        cells["donor"]
        .astype(object)
        .str.contains(all_parameters()["compute_proportions"]["pooled_mark"], regex=False)
    )
    return cells[cells["unusable"].isna() & ~pooled.eq(True)].drop(columns="unusable")


def studied(cohort: Atlas, data: Path | None) -> dict[str, pd.DataFrame]:
    """The tables of the study's steps on the cells of one cohort."""
    known: dict[str, object] = {
        name: table(name).iloc[:0]
        for name in (
            "head_shift",
            "head_plane",
            "head_cloud",
            "donor_counts",
            "type_levels",
            "level_contrast",
        )
    }
    known["cells"] = {cohort.name: cohort.load(cohort.files(data))}
    for name in ("compute_proportions", "compute_metrics", "summary", "attribute_drivers", "overlay_with_ci"):
        node = nodes()[name]
        given = node.parameters()
        given |= {"n_draws": DRAWS} if "n_draws" in given else {}
        found = node.function(*(known[one] for one in node.reads), **given)
        for kind, frame in zip(node.tables, found if isinstance(found, tuple) else (found,), strict=True):
            known[kind.name()] = kind.check(frame, kind.name())
    return {name: frame for name, frame in known.items() if isinstance(frame, pd.DataFrame)}


def check(name: str, data: Path | None) -> None:
    cohort = cohorts()[name]
    assert isinstance(cohort, Atlas)
    theirs, settings = studied(cohort, data), all_parameters()["settings"]
    ours = analyze(
        cells_of(cohort, data), donor="donor", tissue="stratum", cell_type="part", contrast=cohort.question,
        allow_missing=True, multiverse=False, draws=DRAWS,
        **{key: settings[key] for key in ("min_cells", "depth", "alpha", "level", "seed")},
    ).tables  # fmt: skip
    for own, other in SAME.items():
        frame = theirs[other][theirs[other]["cohort"] == name].reset_index(drop=True)
        shared = [column for column in ours[own] if column in frame]
        assert {"concentration": 19, "contrast": 30, "drivers": 21, "plane": 15}[own] <= len(shared)
        pd.testing.assert_frame_equal(
            ours[own][shared].reset_index(drop=True),
            frame[shared],
            check_exact=True,
            check_dtype=False,
            obj=other,
        )
        assert len(frame)


def test_simulated_cells() -> None:
    check("simulated", None)


@pytest.mark.data
@pytest.mark.parametrize("name", ["tms_facs", "tms_droplet"])
def test_cells_of_an_atlas(name: str, data: Path) -> None:
    check(name, data)
