"""Kimmel et al. 2019: lung, spleen and kidney of young and old mice."""

from concentra.study.cohorts._cohort import first_of
from concentra.study.cohorts._kimmel import COLUMNS, GROUPS, LEVELS
from concentra.study.cohorts._matrix import Expression

COHORT = Expression(
    name="kimmel2019",
    title="Kimmel 2019 (lung, spleen, kidney)",
    citation="Kimmel et al. (2019), Murine single-cell RNA-seq reveals cell-identity- and tissue-specific trajectories "
    "of aging, Genome Research 29, 2088-2103",
    licence="as GEO GSE132901 states",
    obtain="make an .h5ad of GEO GSE132901 (which serves archives of counts, not this file) with the columns animal, "
    "age (young, old), tissue, cell_type in obs, named kimmel2019.h5ad, and put it into the data folder",
    find=first_of("kimmel2019*.h5ad", "kimmel/*.h5ad"),
    order=2,
    columns=COLUMNS,
    groups=GROUPS,
    levels=LEVELS,
)
