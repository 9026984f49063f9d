"""Tabula Muris Senis marrow, Droplet: activity of a hundred gene-ontology terms in each cell."""

from concentra.study.cohorts._cohort import first_of
from concentra.study.cohorts._matrix import Activity
from concentra.study.cohorts._tms import CITATION
from concentra.study.cohorts._tms_matrix import COLUMNS, DROPLET

FILE = "tms_marrow_go_activity.h5ad"

COHORT = Activity(
    name="tms_droplet_activity",
    title="Tabula Muris Senis, Droplet, activity of terms",
    citation=CITATION,
    licence="no restrictions on use",
    obtain=f"put {FILE} (marrow cells by 100 activities of gene-ontology terms; no public address serves it) into tms/ "
    "in the data folder",
    find=first_of(f"tms/{FILE}", FILE),
    order=1,
    columns=COLUMNS,
    groups=DROPLET,
    only={"method": ("droplet",)},
    levels=("states",),
    features="given",
)
