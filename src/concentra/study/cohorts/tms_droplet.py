"""Tabula Muris Senis, cells in droplets (10x)."""

from concentra.study.cohorts._cohort import Atlas
from concentra.study.cohorts._tms import CITATION, finder, load

COHORT = Atlas(
    name="tms_droplet",
    title="Tabula Muris Senis, Droplet",
    citation=CITATION,
    licence="no restrictions on use",
    obtain="download tabula-muris-senis-droplet-processed-official-annotations.h5ad "
    "from doi:10.6084/m9.figshare.12654728 into the data folder",
    find=finder("droplet"),
    order=1,
    early=("1m", "3m"),
    late=("24m", "30m"),
    load=load,
)
