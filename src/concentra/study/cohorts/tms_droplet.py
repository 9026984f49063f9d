"""Tabula Muris Senis, cells in droplets (10x)."""

from concentra.study.cohorts._cohort import Atlas
from concentra.study.cohorts._tms import CITATION, OBTAIN, OFFICIAL, finder, load

COHORT = Atlas(
    name="tms_droplet",
    title="Tabula Muris Senis, Droplet",
    citation=CITATION,
    licence="no restrictions on use",
    obtain=OBTAIN.format(cohort="tms_droplet", file=OFFICIAL["droplet"].file),
    find=finder("droplet"),
    remotes=(OFFICIAL["droplet"],),
    order=1,
    early=("1m", "3m"),
    late=("24m", "30m"),
    load=load,
)
