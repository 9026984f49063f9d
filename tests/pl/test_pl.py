import inspect
import io

import matplotlib as mpl
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

import concentra
from concentra import get, pl, pp, tl
from concentra.analysis.trajectory import follow
from concentra.errors import ArgumentError
from concentra.pl import _style
from concentra.pl._style import readable
from concentra.simulate import simulate_labels
from definitions_report import contrast

GROUPS = {"group": "age", "reference": "3m", "other": "24m"}


@pytest.fixture(scope="module")
def adata():
    cells = simulate_labels(n_donors=3, n_cells=150, rng=2).cells
    made = pp.composition(
        cells, unit="mouse.id", stratum="tissue", part="cell_ontology_class", about=["age", "sex"]
    )
    tl.concentration(made)
    tl.lorenz(made)
    tl.contrast(made, **GROUPS)
    tl.drivers(made, **GROUPS, n_draws=200)
    tl.plane(made, **GROUPS, n_draws=200)
    tl.multiverse(made, **GROUPS, restricted_by="sex")
    made.var["half"] = ["first" if name < "type_07" else "second" for name in made.var_names]
    tl.granularity(made, levels=["half"], **GROUPS)
    return made


@pytest.fixture
def ax():
    return Figure().subplots()


def test_each_draws_on_the_axes_given_and_returns_them(adata):
    ages = (
        adata.obs.drop_duplicates("donor")
        .set_index("donor")["age"]
        .astype(str)
        .str[:-1]
        .astype(int)
        .rename("months")
    )
    for draw in (
        pl.forest,
        pl.plane,
        pl.drivers,
        pl.lorenz,
        pl.specification_curve,
        pl.levels,
        pl.composition,
    ):
        ax = Figure().subplots()
        assert draw(adata, ax=ax) is ax
        ax.figure.savefig(io.BytesIO(), format="svg")
    ax = Figure().subplots()
    assert pl.trend(adata, along=ages, ax=ax) is ax


@pytest.fixture(scope="module")
def analysis():
    cells = simulate_labels(n_donors=3, n_cells=150, rng=2).cells
    parts = sorted(cells["cell_ontology_class"].unique())
    levels = pd.DataFrame(
        {"type": parts, "half": ["first" if one < "type_07" else "second" for one in parts]}
    )
    return concentra.analyze(cells, donor="mouse.id", contrast="age:3m:24m", levels=levels, draws=200, seed=0)


def shown(draw, data, **how):
    """What a picture shows: the data of its lines, bars and points, and its words."""
    ax = draw(data, ax=Figure().subplots(), **how)
    ax.figure.canvas.draw()
    return (
        [line.get_xydata().round(9).tolist() for line in ax.lines],
        [
            (round(bar.get_x(), 9), round(bar.get_width(), 9))
            for bar in ax.patches
            if isinstance(bar, Rectangle)
        ],
        [points.get_offsets().round(9).tolist() for points in ax.collections],
        (ax.get_title(), ax.get_xlabel(), ax.get_ylabel()),
    )


FRAMES = {
    "composition": get.composition, "donors": get.concentration, "drivers": get.drivers, "forest": get.contrast,
    "levels": get.granularity, "lorenz": get.lorenz, "plane": get.plane, "specification_curve": get.multiverse,
    "trend": get.concentration,
}  # fmt: skip
"""The getter of the table that each picture shows; those of tables that no AnnData stores take frames alone."""


def test_every_picture_is_tested():
    takes = {
        name: next(iter(inspect.signature(getattr(pl, name)).parameters.values())).annotation
        for name in pl.__all__
    }
    assert {name for name, kind in takes.items() if kind != "pd.DataFrame"} == set(FRAMES)


@pytest.mark.parametrize("name", sorted(FRAMES))
def test_an_analysis_an_adata_and_a_frame_give_the_same_picture(adata, analysis, name):
    draw, how = getattr(pl, name), {"group": "age"} if name == "donors" else {}
    if name == "trend":
        how = {
            "along": adata.obs.drop_duplicates("donor")
            .set_index("donor")["age"]
            .astype(str)
            .str[:-1]
            .astype(int)
        }
    frame = FRAMES[name](adata)
    if name == "donors":  # a frame of units has the labels of its donors beside
        frame = analysis.tables["concentration"]
    first = shown(draw, adata, **how)
    assert (
        shown(draw, frame, **how | ({"points": get.plane_points(adata)} if name == "plane" else {})) == first
    )
    assert shown(draw, analysis, **how) == first


def test_a_table_that_the_analysis_lacks(analysis, ax):
    without = concentra.analyze(analysis.composition)
    with pytest.raises(ArgumentError, match="no table 'contrast' in the analysis"):
        pl.forest(without, ax=ax)


def test_a_frame_gives_the_same_picture_as_the_adata(adata):
    first, second = Figure().subplots(), Figure().subplots()
    pl.forest(adata, metric="gini_stratum", ax=first)
    pl.forest(get.contrast(adata), metric="gini_stratum", ax=second)
    assert [line.get_xydata().tolist() for line in first.lines] == [
        line.get_xydata().tolist() for line in second.lines
    ]


def test_the_forest_shows_the_numbers_of_the_table(adata, ax):
    pl.forest(adata, ax=ax)
    rows = get.contrast(adata).query("metric == 'hill_q1'").reset_index(drop=True)
    drawn = [line.get_xdata() for line in ax.lines[1:]]
    assert [pair.tolist() for pair in drawn[::2]] == rows[["low", "high"]].values.tolist()
    assert [point[0] for point in drawn[1::2]] == rows["effect"].tolist()


def test_drivers_are_the_largest_contributions(adata, ax):
    pl.drivers(adata, stratum="disperses", n_parts=3, ax=ax)
    rows = get.drivers(adata).query("metric == 'hill_q1' and stratum == 'disperses'")
    expected = rows["contribution"].reindex(rows["contribution"].abs().sort_values(ascending=False).index)[:3]
    assert [bar.get_width() for bar in ax.patches] == expected.tolist()


def test_the_curve_marks_the_choice_made(adata, ax):
    pl.specification_curve(adata, stratum="crystallizes", ax=ax)
    rows = get.multiverse(adata).query("stratum == 'crystallizes' and published")
    assert ax.lines[1].get_ydata().tolist() == rows["hill_q1"].tolist()


def test_levels_show_the_effect_at_every_level(adata, ax):
    pl.levels(adata, stratum="disperses", ax=ax)
    found = get.granularity(adata).query("stratum == 'disperses' and metric == 'hill_q1'")
    points = [line.get_ydata()[0] for line in ax.lines if line.get_marker() not in ("None", None, "")]
    assert points == found["effect"].tolist()
    assert [label.get_text().split("\n")[0] for label in ax.get_xticklabels()] == found["level"].tolist()


def test_lorenz_curves_of_every_donor(adata, ax):
    pl.lorenz(adata, stratum="mixed", colours={"3_1_M": "red"}, ax=ax)
    assert len(ax.lines) == 1 + 6


def test_without_axes_a_figure_is_made(adata):
    mpl.use("agg")
    from matplotlib import pyplot

    made = pl.lorenz(adata)
    assert made.figure is pyplot.gcf()
    pyplot.close("all")


def test_unknown_strata_and_metrics(adata, ax):
    with pytest.raises(ArgumentError, match="did you mean 'mixed'"):
        pl.drivers(adata, stratum="mixd", ax=ax)
    with pytest.raises(ArgumentError, match="metric='nonsense'"):
        pl.forest(adata, metric="nonsense", ax=ax)
    with pytest.raises(ArgumentError, match="no rows to draw"):
        pl.drivers(pd.DataFrame({"stratum": []}), ax=ax)


def test_hostile_labels_are_drawn_as_text(ax):
    label = "<script>$\\frac$\n" + "x" * 100
    rows = pd.DataFrame(
        {
            "stratum": label,
            "metric": "hill_q1",
            "part": [label, "b"],
            "contribution": [1.0, 2.0],
            "low": 0.0,
            "high": 3.0,
        }
    )
    pl.drivers(rows, ax=ax)
    ax.figure.savefig(io.BytesIO(), format="svg")
    assert len(readable(label)) <= 34


def test_bars_of_every_donor_sum_to_one_in_the_same_order(adata, ax):
    pl.composition(adata, stratum="mixed", group="age", n_parts=4, ax=ax)
    donors = [label.get_text() for label in ax.get_yticklabels()]
    assert [name.split(" · ")[0] for name in donors] == ["3m"] * 3 + ["24m"] * 3
    widths = pd.Series([bar.get_width() for bar in ax.patches]).to_numpy().reshape(5, 6)
    assert widths.sum(axis=0) == pytest.approx(1)
    cells = (
        get.composition(adata).query("stratum == 'mixed' and donor == '3_1_F'").set_index("part")["n_cells"]
    )
    first = ax.get_legend_handles_labels()[1][0]
    shown = widths[0][[name.endswith("3_1_F") for name in donors].index(True)]
    assert shown == pytest.approx(cells[first.replace(" ", "_")] / cells.sum())


def test_donors_stand_above_their_group_with_its_median(adata, ax):
    pl.donors(adata, group="age", stratum="mixed", ax=ax)
    named = [label.get_text().split("\n") for label in ax.get_xticklabels()]
    assert [name for name, _ in named] == ["3m", "24m"]
    ages = get.composition(adata).drop_duplicates("donor").set_index("donor")["age"]
    units = (
        get.concentration(adata).query("stratum == 'mixed'").assign(age=lambda rows: rows["donor"].map(ages))
    )
    for place, age in enumerate(("3m", "24m")):
        values = units[units["age"] == age]["hill_q1"]
        assert sorted(ax.collections[place].get_offsets()[:, 1]) == pytest.approx(sorted(values))
        assert ax.lines[place].get_ydata()[0] == pytest.approx(values.median())
        assert named[place][1] == f"(n = {len(values)})"
    with pytest.raises(ArgumentError, match="did you mean 'age'"):
        pl.donors(adata, group="agee", ax=ax)


def test_the_cloud_is_drawn_from_a_file_too(adata, ax, tmp_path):
    """By a reader of CSV that knows nothing of the table."""
    points = get.plane_points(adata)
    points.to_csv(tmp_path / "plane_points.csv", index=False)
    pl.plane(get.plane(adata), pd.read_csv(tmp_path / "plane_points.csv"), ax=ax)
    drawn = ax.collections[0].get_offsets()
    assert len(drawn) == ((points["what"] == "permuted") & (points["axes"] == "raw")).sum() > 0


def test_donors_tell_the_estimate(adata, ax):
    found = contrast(["mixed"], ["undecided"])
    pl.donors(adata, group="age", stratum="mixed", contrast=found, ax=ax)
    assert ax.get_title() == "mixed\nratio 0.77 (0.67 to 0.87), undecided"


def test_the_forest_of_ratios_has_its_line_at_one(ax):
    pl.forest(contrast(["a", "b"], ["more concentrated", "undecided"]), ax=ax)
    assert ax.get_xscale() == "log"
    assert ax.lines[0].get_xdata() == [1, 1]
    points = [line for line in ax.lines if line.get_marker() in ("^", "o")]
    assert [line.get_xdata()[0] for line in points] == pytest.approx([0.77, 0.79])
    assert [line.get_markerfacecolor() == "white" for line in points] == [False, True]


def test_the_plane_holds_its_points_whatever_a_region_does(ax):
    rows = pd.DataFrame({"stratum": ["a", "b"], "axes": "raw", "gini": [0.1, -0.02], "hill_q1": [-2.0, 0.5],
                         "excludes_zero": [True, False]})  # fmt: skip
    wild = pd.DataFrame({"stratum": "a", "axes": "raw", "what": "region", "place": range(4), "gini": [-15, 15, 15, -15],
                         "hill_q1": [-15, -15, 15, 15]})  # fmt: skip
    pl.plane(rows, wild, ax=ax)
    assert ax.get_xlim() == pytest.approx((-0.056, 0.136))
    assert ax.get_ylim() == pytest.approx((-2.75, 1.25))


def test_levels_and_power_show_their_rows(ax):
    rows = pd.DataFrame({"stratum": "blood", "metric": "hill_q1", "level": ["7", "27"], "effect": [1.0, 0.89],
                         "low": [0.9, 0.8], "high": [1.1, 0.95], "direction": "mixed",
                         "verdict": ["undecided", "more concentrated"]})  # fmt: skip
    pl.levels(rows, ax=ax)
    assert [line.get_marker() for line in ax.lines if line.get_marker() not in ("None", "")] == ["o", "^"]
    other = Figure().subplots()
    pl.power(pd.DataFrame({"n_donors": [6, 3], "power": [0.8, 0.3]}), ax=other)
    assert other.lines[1].get_xydata().tolist() == [[3.0, 0.3], [6.0, 0.8]]


def luminance(colour):
    parts = [
        value / 12.92 if value <= 0.03928 else ((value + 0.055) / 1.055) ** 2.4
        for value in mpl.colors.to_rgb(colour)
    ]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrast_ratio(one, other):
    low, high = sorted([luminance(one), luminance(other)])
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("page", ["#ffffff", "#141414"])
def test_colours_with_a_meaning_are_seen_on_both_pages(page):
    for colour in (*(look.colour for look in _style.VERDICTS.values()), *_style.GROUPS[:2], _style.ACCENT):
        assert contrast_ratio(colour, page) >= 3, colour


def test_what_must_be_distinguished_differs_without_colour():
    marks = [(look.marker, look.filled) for look in _style.VERDICTS.values()]
    assert len(set(marks)) == len(marks)
    assert len({look.sign for look in _style.VERDICTS.values()}) == len(marks)
    assert contrast_ratio(_style.MORE, _style.LESS) >= 1.4
    assert len(set(_style.GROUP_MARKERS)) == len(_style.GROUPS)
    assert not {_style.MORE, _style.LESS, _style.MIXED} & set(_style.GROUPS)
    for one, other in zip(_style.PARTS, _style.PARTS[1:], strict=False):
        assert contrast_ratio(one, other) >= 1.4, (one, other)


def test_donors_without_names_are_counted_by_group(adata, ax):
    cells = get.composition(adata)
    pl.composition(cells, group="age", order=["24m", "3m"], names=False, ax=ax)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["24m\n(n = 3)", "3m\n(n = 3)"]


def test_parts_stand_in_the_order_of_the_colours_given(adata, ax):
    cells = get.composition(adata)
    rows = cells[cells["stratum"] == cells["stratum"].iloc[0]]
    shares = rows.pivot_table(index="donor", columns="part", values="n_cells", fill_value=0, observed=True)
    smallest = shares.sum().idxmin()
    pl.composition(rows, colours={smallest: "#000000"}, ax=ax)
    first = [bar for bar in ax.patches if bar.get_x() == 0 and bar.get_facecolor()[:3] == (0, 0, 0)]
    assert len(first) == len(shares)


@pytest.mark.parametrize("data", [3, "a.csv", None])
def test_what_is_no_result_is_refused(data, ax):
    with pytest.raises(ArgumentError, match="data of type"):
        pl.forest(data, ax=ax)


def test_a_trend_follows_a_column_of_ages(ax):
    units = pd.DataFrame(
        {"stratum": "lung", "donor": ["a", "b"], "age": ["3m", "24m"], "hill_q1": [3.0, 2.0]}
    )
    drawn = pl.trend(units, along="age", ax=ax)
    assert drawn.collections[0].get_offsets()[:, 0].tolist() == [3, 24]
    assert drawn.get_xlabel() == "age (months)"
    with pytest.raises(ArgumentError, match="did you mean 'age'"):
        pl.trend(units, along="Age", ax=ax)


def test_a_forest_along_a_number_has_one_number_of_donors(ax):
    rows = pd.DataFrame({"stratum": ["lung"], "metric": ["hill_q1"], "effect": [0.8], "low": [0.6], "high": [0.9],
                         "n_reference": [8], "n_other": [0], "other": [None], "direction": ["more concentrated"],
                         "verdict": ["more concentrated"]})  # fmt: skip
    assert [label.get_text() for label in pl.forest(rows, ax=ax).get_yticklabels()] == ["lung  8"]


def test_a_trajectory_has_a_place_for_the_model_before_training(ax):
    rows = pd.DataFrame(
        {"checkpoint": [0, 0, 100, 100], "layer": 0, "head": [0, 1] * 2, "delta": [1.0, 2.0, 3.0, 1.0]}
    )
    drawn = pl.head_trajectory(follow(rows, rng=1, n_draws=10).path, ax=ax)
    assert drawn.lines[0].get_xdata().tolist() == [0, 100]
    assert drawn.get_xscale() == "symlog"
    assert "noise alone" in [text.get_text() for text in drawn.get_legend().get_texts()]


def test_symbols_are_those_of_the_verdicts(ax):
    verdicts = ["more concentrated", "undecided", "no change beyond the margin"]
    pl.forest(contrast(["a", "b", "c"], verdicts), ax=ax)
    marks = [line for line in ax.lines if line.get_marker() not in ("None", "")]
    assert [line.get_marker() for line in marks] == ["^", "o", "s"]
    assert [line.get_markerfacecolor() == "white" for line in marks] == [False, True, False]
