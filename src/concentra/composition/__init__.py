"""The composition of every sample: what any file, frame or AnnData of cells or counts becomes.

=====================  ===============================================================================================
`reading`              the one way in: `read`, `join_donors`, `levels_of`
`composition`          `Composition` and `from_table`: counts (units × parts), labels of units, what was left out
`units`, `described`   which cells belong to which sample of which donor, and what describes it
`roles`, `spelling`    columns guessed from names; labels that look the same
`checks`, `rows`       what a table holds that is no composition; whether a row is a cell or a count, or read before
`donors`, `totals`     who is a donor, and who is not; sums and means, which are neither donor nor part
`labels`               columns as text, and their names
`clusters`, `nesting`  compositions over clusters, and within each coarser part
`annotated`            AnnData in and out
=====================  ===============================================================================================
"""

from concentra.composition.annotated import from_anndata, to_anndata
from concentra.composition.composition import Composition, from_table
from concentra.composition.reading import join_donors, levels_of, read

__all__ = ["Composition", "from_anndata", "from_table", "join_donors", "levels_of", "read", "to_anndata"]
