"""Pythia-410M: 144 of 384 heads ablated at eight checkpoints."""

from concentra.study.cohorts._cohort import Model, first_of
from concentra.study.cohorts._pythia import CITATION, OBTAIN, load

COHORT = Model(
    name="pythia_410m",
    title="Pythia-410M",
    citation=CITATION,
    licence="CC-BY 4.0",
    obtain=OBTAIN.format(source="data/all_ablations.csv", name="pythia_410m_ablations.csv"),
    find=first_of("pythia/pythia_410m_ablations.csv", "pythia_410m_ablations.csv"),
    order=0,
    load=load,
)
