"""Pythia-160M: all 144 heads ablated at eight checkpoints."""

from concentra.io.fetch import Remote
from concentra.study.cohorts._cohort import Model, first_of
from concentra.study.cohorts._pythia import CITATION, OBTAIN, REPOSITORY, loading

SOURCE = "data/tier2_t21_scaling_160m.csv"
# At this commit the table has the length, the head and the tail of the copy that gave the hash.
PUBLIC = Remote(
    f"{REPOSITORY}/bd0e6430bb6436f6e50e2d73c2dfc6cf2f020141/{SOURCE}",
    "pythia/pythia_160m_ablations.csv",
    sha256="25494ad03361f388e1a67a3c53540d280d979e03b7dec830a7cb67b70481d7f9",
    size=165_844,
)

COHORT = Model(
    name="pythia_160m",
    title="Pythia-160M",
    citation=CITATION,
    licence="CC-BY 4.0",
    obtain=OBTAIN.format(source=SOURCE, cohort="pythia_160m", folder="pythia"),
    find=first_of("pythia/pythia_160m_ablations.csv", "pythia_160m_ablations.csv"),
    remotes=(PUBLIC,),
    order=1,
    load=loading(144),
)
