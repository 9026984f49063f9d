"""Pythia-1.4B: 144 of 384 heads ablated at seven checkpoints."""

from concentra.io.fetch import Remote
from concentra.study.cohorts._cohort import Model, first_of
from concentra.study.cohorts._pythia import CITATION, OBTAIN, REPOSITORY, loading

SOURCE = "data/tier2_pre1p4b_ablations.csv"
# At this commit the table has the length and the tail of the copy that gave the hash.
PUBLIC = Remote(
    f"{REPOSITORY}/a23562a2416bc86fa9ef01b2c3d8e15400ac37e0/{SOURCE}",
    "heads/pythia_1p4b_ablations.csv",
    sha256="d95e6ae09fc2cd144c18694dfef5ce526ee230cff807ec042b276274037fd1eb",
    size=90_551,
)

COHORT = Model(
    name="pythia_1p4b",
    title="Pythia-1.4B",
    citation=CITATION,
    licence="CC-BY 4.0",
    obtain=OBTAIN.format(source=SOURCE, cohort="pythia_1p4b", folder="heads"),
    find=first_of("heads/pythia_1p4b_ablations.csv", "pythia_1p4b_ablations.csv"),
    remotes=(PUBLIC,),
    order=2,
    load=loading(384),
)
