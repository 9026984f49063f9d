"""The gallery: for every picture of `concentra.pl` a function of its name, drawn when the site is built.

A function's docstring is the caption; its body is shown as the code.
"""

from __future__ import annotations

import inspect
import textwrap
from io import BytesIO
from pathlib import Path

import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

import concentra
from concentra import analysis, datasets, pl
from concentra.study.raw import archive_folder

mice = concentra.analyze(datasets.path("mouse_ageing"), amount="n_cells", contrast="age:3m:24m")

archive = archive_folder()
counts = pd.read_csv(archive / "donor_counts.csv")
levels_of_types = (
    pd.read_csv(archive / "type_levels.csv")
    .pivot(index="part", columns="level", values="coarser")
    .reset_index()[["part", "27 types", "7 types"]]
)
how = {"cell_type": "part", "amount": "n_cells", "tissue": "none", "multiverse": False}
blood = concentra.analyze(counts, contrast="group:young:old", levels=levels_of_types, **how)
years = concentra.analyze(counts, trend="age_years", **how)
# The data: end


def forest(ax: Axes) -> None:
    """Mice, 3 and 24 months: the ratio of effective numbers in every tissue with its 95% interval; beside each name
    the numbers of young and old mice."""
    pl.forest(mice, ax=ax)


def donors(ax: Axes) -> None:
    """The effective number of cell types in the marrow of every mouse, the medians, and the effect of the model."""
    contrast = mice.tables["contrast"]
    pl.donors(mice, group="age", stratum="Marrow", order=["3m", "24m"], contrast=contrast, ax=ax)


def composition(ax: Axes) -> None:
    """The marrow of nine mice: a bar a mouse, divided by the shares of its cell types."""
    pl.composition(mice, stratum="Marrow", group="age", order=["3m", "24m"], names=False, ax=ax)


def drivers(ax: Axes) -> None:
    """Marrow of five young and four old mice: the cell types that contribute most to the shift."""
    pl.drivers(mice, stratum="Marrow", n_parts=10, ax=ax)


def plane(ax: Axes) -> None:
    """Mice: each tissue in the plane of the two shifts, over the cloud of the same mice with ages exchanged."""
    pl.plane(mice, axes="normalised", n_labels=4, ax=ax)


def lorenz(ax: Axes) -> None:
    """Marrow: the share of cells that the rarest types of a mouse hold together; old mice in pink."""
    units = mice.tables["concentration"]
    old = units.loc[units["age"] == "24m", "donor"]
    pl.lorenz(mice, stratum="Marrow", colours=dict.fromkeys(old, "#CC79A7"), ax=ax)


def specification_curve(ax: Axes) -> None:
    """Marrow: the shift in the effective number under every defensible choice of the analysis."""
    pl.specification_curve(mice, stratum="Marrow", ax=ax)


def levels(ax: Axes) -> None:
    """Blood, 49 young and 47 old donors: the same comparison over 7, 27 and 69 cell types."""
    pl.levels(blood.tables["granularity"].sort_values("n_parts"), ax=ax)


def trend(ax: Axes) -> None:
    """Blood, 69 cell types: the effective number of 96 donors against their age."""
    pl.trend(years, along="age_years", metric="hill_q1_corrected", ax=ax)


def few_donors(ax: Axes) -> None:
    """Blood, 69 cell types: what 200 small studies of each size, drawn from the 96 donors, conclude."""
    (design,) = blood.designs
    pl.few_donors(analysis.few_donors.few_donors(design, blood.tables["concentration"], n_draws=200), ax=ax)


def power(ax: Axes) -> None:
    """The power to detect a loss of a fifth of the effective number, by donors a group, with mice as the pilot."""
    spread = analysis.power.spread_of(mice.composition, group="age")
    table = analysis.power.power(spread, n_donors=range(3, 13), n_cells=[100, 1000])
    marrow = table.query("metric == 'hill_q1' and stratum == 'Marrow'")
    pl.power(marrow, by="n_cells", ax=ax)


def head_trajectory(ax: Axes) -> None:
    """Pythia-410M, 144 of 384 attention heads: the effective number of heads along training."""
    path = pd.read_csv(archive / "head_trajectory.csv").query("cohort == 'pythia_410m' and value == 'abs'")
    pl.head_trajectory(path, metric="hill_q1", ax=ax)


def caption(name: str) -> str:
    """What the picture shows."""
    return " ".join(inspect.getdoc(globals()[name]).split())


def code(name: str) -> str:
    """The lines that draw it."""
    source = inspect.getsource(globals()[name])
    return textwrap.dedent(source.split('"""', 2)[2]).strip().replace(", ax=ax)", ")")


def draw(name: str, path: Path) -> None:
    """Write the picture, where it is not there already."""
    with rc_context({"font.size": 9}):
        figure = Figure(figsize=(6.4, 4), layout="constrained")
        FigureCanvasAgg(figure)
        globals()[name](figure.subplots())
        drawn = BytesIO()
        figure.savefig(drawn, dpi=130, metadata={"Software": None})
    if not path.exists() or path.read_bytes() != drawn.getvalue():
        path.write_bytes(drawn.getvalue())


def shown(name: str) -> list[str]:
    """A picture with its caption and its code, in reStructuredText."""
    return [
        f".. figure:: /{FOLDER}/{name}.png",
        f"   :alt: {caption(name)}",
        "   :width: 640",
        "",
        f"   {caption(name)}",
        "",
        ".. code-block:: python",
        "",
        *(f"   {line}" for line in code(name).splitlines()),
        "",
    ]


def thumbnail(name: str) -> list[str]:
    """A small picture that leads to the large one."""
    return [
        f"   .. image:: /{FOLDER}/{name}.png",
        f"      :alt: {caption(name)}",
        f"      :target: gallery.html#{name.replace('_', '-')}",
        "",
    ]


def write_all(docs: Path) -> None:
    """Draw every picture; write the page that shows all with captions and code, and the row that leads to it."""
    (docs / FOLDER).mkdir(parents=True, exist_ok=True)
    page: list[str] = []
    for name in PICTURES:
        draw(name, docs / FOLDER / f"{name}.png")
        title = name.replace("_", " ").capitalize()
        page += [title, "-" * len(title), "", f":py:obj:`concentra.pl.{name}`", "", *shown(name)]
    row = [".. container:: gallery", "", *(line for name in PICTURES[:6] for line in thumbnail(name))]
    for target, lines in (("pictures.txt", page), ("row.txt", row)):
        whole, path = "\n".join(lines) + "\n", docs / FOLDER / target
        if not path.exists() or path.read_text(encoding="utf-8") != whole:
            path.write_text(whole, encoding="utf-8")


FOLDER = "api/generated/gallery"
PICTURES = [name for name in globals() if name in pl.__all__]
"""In the order of this file."""
