import matplotlib as mpl
import pandas as pd
import pytest
from matplotlib.figure import Figure

from concentra import get, pl, pp, tl
from concentra.errors import ArgumentError
from concentra.pl._style import readable
from concentra.simulate import simulate_labels

GROUPS = {"group": "age", "early": "3m", "late": "24m", "n_draws": 200}


@pytest.fixture(scope="module")
def adata():
    cells = simulate_labels(n_donors=3, n_cells=150, rng=2).cells
    made = pp.composition(cells, unit="mouse.id", stratum="tissue", part="cell_ontology_class", about=["age"])
    tl.concentration(made)
    tl.lorenz(made)
    tl.contrast(made, **GROUPS)
    tl.drivers(made, **GROUPS)
    tl.plane(made, **GROUPS)
    tl.multiverse(made, group="age", early="3m", late="24m")
    made.var["half"] = ["first" if name < "type_07" else "second" for name in made.var_names]
    tl.granularity(made, levels=["half"], group="age", early="3m", late="24m")
    return made


@pytest.fixture
def ax():
    return Figure().subplots()


def test_each_draws_on_the_axes_given_and_returns_them(adata, ax):
    ages = (
        adata.obs.drop_duplicates("donor")
        .set_index("donor")["age"]
        .astype(str)
        .str[:-1]
        .astype(int)
        .rename("months")
    )
    for draw in (pl.forest, pl.plane, pl.drivers, pl.lorenz, pl.specification_curve, pl.granularity):
        assert draw(adata, ax=ax) is ax
    assert pl.trend(adata, along=ages, ax=ax) is ax
    ax.figure.savefig(__import__("io").BytesIO(), format="svg")


def test_a_frame_gives_the_same_picture_as_the_adata(adata):
    first, second = Figure().subplots(), Figure().subplots()
    pl.forest(adata, metric="gini_present", ax=first)
    pl.forest(get.contrast(adata), metric="gini_present", ax=second)
    assert [line.get_xydata().tolist() for line in first.lines] == [
        line.get_xydata().tolist() for line in second.lines
    ]


def test_the_forest_shows_the_numbers_of_the_table(adata, ax):
    pl.forest(adata, ax=ax)
    rows = get.contrast(adata).query("metric == 'hill_q1'").reset_index(drop=True)
    drawn = [line.get_xdata() for line in ax.lines[1:]]
    assert [pair.tolist() for pair in drawn[::2]] == rows[["low", "high"]].values.tolist()
    assert [point[0] for point in drawn[1::2]] == rows["corrected"].tolist()


def test_drivers_are_the_largest_contributions(adata, ax):
    pl.drivers(adata, stratum="disperses", n_parts=3, ax=ax)
    rows = get.drivers(adata).query("metric == 'hill_q1' and stratum == 'disperses'")
    expected = rows["contribution"].reindex(rows["contribution"].abs().sort_values(ascending=False).index)[:3]
    assert [bar.get_width() for bar in ax.patches] == expected.tolist()


def test_the_curve_marks_the_choice_made(adata, ax):
    pl.specification_curve(adata, stratum="crystallizes", ax=ax)
    rows = get.multiverse(adata).query("stratum == 'crystallizes' and published")
    assert ax.lines[1].get_ydata().tolist() == rows["hill_q1"].tolist()


def test_granularity_shows_the_shift_at_every_scale(adata, ax):
    pl.granularity(adata, stratum="disperses", ax=ax)
    found = get.granularity(adata).query("stratum == 'disperses' and metric == 'hill_q1'")
    points = [line.get_ydata()[0] for line in ax.lines if line.get_marker() not in ("None", None, "")]
    assert points == found["shift"].tolist()
    assert [label.get_text() for label in ax.get_xticklabels()] == found["resolution"].tolist()


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
    ax.figure.savefig(__import__("io").BytesIO(), format="svg")
    assert len(readable(label)) <= 34
