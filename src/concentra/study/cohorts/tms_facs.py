"""Tabula Muris Senis, FACS-sorted cells on plates (Smart-seq2)."""

from functools import partial

from concentra.study.cohorts._cohort import Atlas
from concentra.study.cohorts._tms import CITATION, OBTAIN, OFFICIAL, finder, load

UNUSABLE = {("Liver", "3m", "female"): "hepatocytes sorted apart: no sample of the tissue"}

COHORT = Atlas(
    name="tms_facs",
    title="Tabula Muris Senis, FACS",
    citation=CITATION,
    licence="no restrictions on use",
    obtain=OBTAIN.format(cohort="tms_facs", file=OFFICIAL["facs"].file),
    find=finder("facs"),
    remotes=(OFFICIAL["facs"],),
    order=0,
    early=("3m",),
    late=("24m",),
    load=partial(load, unusable=UNUSABLE),
)
