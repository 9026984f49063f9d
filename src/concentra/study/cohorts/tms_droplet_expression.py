"""Tabula Muris Senis, Droplet, with its matrix: what clusters within types need."""

from concentra.study.cohorts._cohort import first_of
from concentra.study.cohorts._matrix import Expression
from concentra.study.cohorts._tms import CITATION
from concentra.study.cohorts._tms_matrix import CLUSTERED, COLUMNS, DROPLET, LEVELS

OFFICIAL = "tabula-muris-senis-droplet*.h5ad"

COHORT = Expression(
    name="tms_droplet_expression",
    title="Tabula Muris Senis, Droplet, expression",
    citation=CITATION,
    licence="no restrictions on use",
    obtain="download tabula-muris-senis-droplet-processed-official-annotations.h5ad "
    "from doi:10.6084/m9.figshare.12654728 into the data folder",
    find=first_of(OFFICIAL, f"tms/{OFFICIAL}"),
    order=1,
    columns=COLUMNS,
    groups=DROPLET,
    levels=LEVELS,
    clustered=CLUSTERED,
)
