"""Pythia-410M: 144 of 384 heads ablated at eight checkpoints."""

from concentra.io.fetch import Remote
from concentra.study.cohorts._cohort import Model, first_of
from concentra.study.cohorts._pythia import CITATION, OBTAIN, REPOSITORY, loading

SOURCE = "data/all_ablations.csv"
# At this commit the table has the length, the head and the tail of the copy that gave the hash.
PUBLIC = Remote(
    f"{REPOSITORY}/8388770868f1b7c56263becdf62c9d336b6756c0/{SOURCE}",
    "pythia/pythia_410m_ablations.csv",
    sha256="ecbdc7de545ca8d63c8947141e86b7ef17f472d1cb384f6cd71960d08ae25e03",
    size=178_163,
)

COHORT = Model(
    name="pythia_410m",
    title="Pythia-410M",
    citation=CITATION,
    licence="CC-BY 4.0",
    obtain=OBTAIN.format(source=SOURCE, cohort="pythia_410m", folder="pythia"),
    find=first_of("pythia/pythia_410m_ablations.csv", "pythia_410m_ablations.csv"),
    remotes=(PUBLIC,),
    order=0,
    load=loading(384),
)
