"""How the files of each cohort are laid out: columns, groups of donors, tissues."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import pandas as pd

from concentra.errors import ArgumentError, nearest
from concentra.simulate.tissues import (
    PlantedTissue,
    Stage,
    crystallizing,
    dispersing,
    flipping,
    steady,
    within,
)

SEXES = ("female", "male")


@dataclass(frozen=True)
class Group:
    """Donors at one stage: how many, and the labels they carry in `obs` (age, treatment)."""

    stage: Stage
    short: str
    n_donors: int
    labels: Mapping[str, str]


@dataclass(frozen=True)
class Layout:
    """A cohort's file.

    Attributes
    ----------
    donor, part, state
        Columns of `obs` that hold the donor, the cell type and the planted state.
    log_normalised
        X holds `ln(1 + 10,000 count / total)`, as processed files do; counts otherwise.
    columns
        The columns of `obs` in their order.
    """

    name: str
    donor: str
    part: str
    state: str
    columns: tuple[str, ...]
    groups: tuple[Group, ...]
    tissues: Callable[[], list[PlantedTissue]]
    donor_name: Callable[[Group, int, str, str], str]
    constants: Mapping[str, str]
    log_normalised: bool

    def donors(self, tissue: str) -> pd.DataFrame:
        """The donors of one tissue: the donor column, `sex`, `stage` and the labels of their group."""
        rows = []
        for group in self.groups:
            for index in range(group.n_donors):
                sex = SEXES[index % 2]
                name = self.donor_name(group, index, sex, tissue)
                rows.append({self.donor: name, "sex": sex, "stage": group.stage, **group.labels})
        return pd.DataFrame(rows)


TMS_COLUMNS = (
    "age",
    "cell",
    "cell_ontology_class",
    "cell_ontology_id",
    "free_annotation",
    "method",
    "mouse.id",
    "sex",
    "subtissue",
    "tissue",
    "n_genes",
    "n_counts",
)
COUNTED = ("n_genes", "n_counts")


def _tms(method: str, pattern: str) -> Layout:
    def name(group: Group, index: int, sex: str, tissue: str) -> str:
        return pattern.format(months=group.short, number=index + 1, sex=sex[0].upper())

    return Layout(
        name=f"tms_{method}",
        donor="mouse.id",
        part="cell_ontology_class",
        state="free_annotation",
        columns=TMS_COLUMNS,
        groups=(
            Group("early", "3", 6, MappingProxyType({"age": "3m"})),
            Group("late", "24", 6, MappingProxyType({"age": "24m"})),
        ),
        tissues=lambda: [crystallizing("Marrow"), flipping("Kidney"), within("Spleen"), steady("Lung")],
        donor_name=name,
        constants=MappingProxyType({"method": method, "cell_ontology_id": "CL:0000000"}),
        log_normalised=True,
    )


LAYOUTS: Mapping[str, Layout] = MappingProxyType(
    {
        "tms_facs": _tms("facs", "{months}_{number}_{sex}"),
        "tms_droplet": _tms("droplet", "{months}-{sex}-{number}"),
        "kimmel2019": Layout(
            name="kimmel2019",
            donor="animal",
            part="cell_type",
            state="subtype",
            columns=("animal", "age", "tissue", "cell_type", "subtype", *COUNTED),
            groups=(
                Group("early", "Y", 4, MappingProxyType({"age": "young"})),
                Group("late", "O", 4, MappingProxyType({"age": "old"})),
            ),
            tissues=lambda: [flipping("kidney"), dispersing("lung"), steady("spleen")],
            donor_name=lambda group, index, sex, tissue: f"{group.short}{index + 1}",
            constants=MappingProxyType({}),
            log_normalised=False,
        ),
        "rat_cr": Layout(
            name="rat_cr",
            donor="library",
            part="cell_type",
            state="subtype",
            columns=("library", "age", "diet", "sex", "tissue", "cell_type", "subtype", *COUNTED),
            groups=(
                Group("early", "Y", 2, MappingProxyType({"age": "young", "diet": "ad libitum"})),
                Group("late", "O", 2, MappingProxyType({"age": "old", "diet": "ad libitum"})),
                Group("treated", "CR", 2, MappingProxyType({"age": "old", "diet": "restricted"})),
            ),
            tissues=lambda: [crystallizing("BM", rescue=0.6), crystallizing("Aorta"), steady("Skin")],
            donor_name=lambda group, index, sex, tissue: f"{tissue}-{sex[0].upper()}-{group.short}",
            constants=MappingProxyType({}),
            log_normalised=False,
        ),
    }
)
"""Every layout by its name: tms_facs, tms_droplet, kimmel2019, rat_cr.

:meta hide-value:
"""


def layout_named(name: str) -> Layout:
    """The layout of that name, or an error that names the nearest."""
    if name not in LAYOUTS:
        raise ArgumentError(
            found=f"layout {name!r}",
            expected="one of " + ", ".join(LAYOUTS),
            fix=nearest(name, LAYOUTS),
        )
    return LAYOUTS[name]
