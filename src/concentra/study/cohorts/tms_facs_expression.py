"""Tabula Muris Senis, FACS, with its matrix: what clusters within types need."""

from concentra.study.cohorts._cohort import first_of
from concentra.study.cohorts._matrix import Expression
from concentra.study.cohorts._tms import CITATION
from concentra.study.cohorts._tms_matrix import CLUSTERED, COLUMNS, FACS, LEVELS

OFFICIAL = "tabula-muris-senis-facs*.h5ad"

COHORT = Expression(
    name="tms_facs_expression",
    title="Tabula Muris Senis, FACS, expression",
    citation=CITATION,
    licence="no restrictions on use",
    obtain="download tabula-muris-senis-facs-processed-official-annotations.h5ad "
    "from doi:10.6084/m9.figshare.12654728 into the data folder",
    find=first_of(OFFICIAL, f"tms/{OFFICIAL}"),
    order=0,
    columns=COLUMNS,
    groups=FACS,
    levels=LEVELS,
    clustered=CLUSTERED,
)
