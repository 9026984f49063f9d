"""Tabula Muris Senis, FACS, with its matrix: what clusters within types need."""

from concentra.study.cohorts._cohort import first_of
from concentra.study.cohorts._matrix import Expression
from concentra.study.cohorts._tms import CITATION, OBTAIN, OFFICIAL, official_patterns
from concentra.study.cohorts._tms_matrix import CLUSTERED, COLUMNS, FACS, LEVELS

COHORT = Expression(
    name="tms_facs_expression",
    title="Tabula Muris Senis, FACS, expression",
    citation=CITATION,
    licence="no restrictions on use",
    obtain=OBTAIN.format(cohort="tms_facs_expression", file=OFFICIAL["facs"].file),
    find=first_of(*official_patterns("facs")),
    remotes=(OFFICIAL["facs"],),
    order=0,
    columns=COLUMNS,
    groups=FACS,
    levels=LEVELS,
    clustered=CLUSTERED,
)
