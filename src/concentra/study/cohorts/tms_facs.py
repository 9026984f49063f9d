"""Tabula Muris Senis, FACS-sorted cells on plates (Smart-seq2)."""

from functools import partial

from concentra.study.cohorts._cohort import Atlas
from concentra.study.cohorts._tms import CITATION, finder, load

UNUSABLE = {("Liver", "3m", "female"): "hepatocytes sorted apart: no sample of the tissue"}

COHORT = Atlas(
    name="tms_facs",
    title="Tabula Muris Senis, FACS",
    citation=CITATION,
    licence="no restrictions on use",
    obtain="download tabula-muris-senis-facs-processed-official-annotations.h5ad "
    "from doi:10.6084/m9.figshare.12654728 into the data folder",
    find=finder("facs"),
    order=0,
    early=("3m",),
    late=("24m",),
    load=partial(load, unusable=UNUSABLE),
)
