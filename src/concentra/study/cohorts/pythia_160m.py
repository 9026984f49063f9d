"""Pythia-160M: all 144 heads ablated at eight checkpoints."""

from concentra.study.cohorts._cohort import Model, first_of
from concentra.study.cohorts._pythia import CITATION, OBTAIN, load

COHORT = Model(
    name="pythia_160m",
    title="Pythia-160M",
    citation=CITATION,
    licence="CC-BY 4.0",
    obtain=OBTAIN.format(source="data/tier2_t21_scaling_160m.csv", name="pythia_160m_ablations.csv"),
    find=first_of("pythia/pythia_160m_ablations.csv", "pythia_160m_ablations.csv"),
    order=1,
    load=load,
)
