"""Ma et al. 2020: rats fed at will or restricted; bone marrow is what the study reads."""

from concentra.study.cohorts._cohort import first_of
from concentra.study.cohorts._matrix import Expression
from concentra.study.cohorts._rat import COLUMNS, GROUPS, LEVELS

COHORT = Expression(
    name="rat_cr",
    title="rat atlas of caloric restriction",
    citation="Ma et al. (2020), Caloric restriction reprograms the single-cell transcriptional landscape of Rattus "
    "norvegicus aging, Cell 180, 984-1001",
    licence="as GEO GSE137869 states",
    obtain="make an .h5ad of GEO GSE137869 (which serves archives of counts, not this file; the published analysis "
    "names GSE141784, which is a data set of mouse islets) with the columns library, age (young, old), diet "
    "(ad libitum, restricted), tissue (BM), cell_type in obs, named rat_cr.h5ad, and put it into the data folder",
    find=first_of("rat_cr*.h5ad", "rat/*.h5ad"),
    order=3,
    columns=COLUMNS,
    groups=GROUPS,
    levels=LEVELS,
)
