"""OLMo-2-1B: all 256 heads ablated at five checkpoints."""

from concentra.io.fetch import Remote
from concentra.study.cohorts._cohort import Model, first_of
from concentra.study.cohorts._pythia import OBTAIN, REPOSITORY, SOURCE_OF_TABLES, loading

SOURCE = "data/tier2_olmo_ablations.csv"
# At this commit the table has the length and the tail of the copy that gave the hash.
PUBLIC = Remote(
    f"{REPOSITORY}/bea4ffce56e4592ea633997878ae1727435b461a/{SOURCE}",
    "heads/olmo2_1b_ablations.csv",
    sha256="eab6879ba430862a18979ede749b4b01e0737b7a0aad87fabec43f24a8f717e7",
    size=113_541,
)

COHORT = Model(
    name="olmo2_1b",
    title="OLMo-2-1B",
    citation=f"head ablations of OLMo 2 (OLMo team 2025, arXiv:2501.00656), {SOURCE_OF_TABLES}",
    licence="CC-BY 4.0",
    obtain=OBTAIN.format(source=SOURCE, cohort="olmo2_1b", folder="heads"),
    find=first_of("heads/olmo2_1b_ablations.csv", "olmo2_1b_ablations.csv"),
    remotes=(PUBLIC,),
    order=3,
    load=loading(256),
)
