"""Tabula Muris Senis, Droplet, with its matrix: what clusters within types need."""

from concentra.study.cohorts._cohort import first_of
from concentra.study.cohorts._matrix import Expression
from concentra.study.cohorts._tms import CITATION, OBTAIN, OFFICIAL, official_patterns
from concentra.study.cohorts._tms_matrix import CLUSTERED, COLUMNS, DROPLET, LEVELS

COHORT = Expression(
    name="tms_droplet_expression",
    title="Tabula Muris Senis, Droplet, expression",
    citation=CITATION,
    licence="no restrictions on use",
    obtain=OBTAIN.format(cohort="tms_droplet_expression", file=OFFICIAL["droplet"].file),
    find=first_of(*official_patterns("droplet")),
    remotes=(OFFICIAL["droplet"],),
    order=1,
    columns=COLUMNS,
    groups=DROPLET,
    levels=LEVELS,
    clustered=CLUSTERED,
)
