"""Files in: label columns of cells, tables of head ablations, tables of counts.

`concentra.io.cells`
    `read_labels`, `read_all_labels`, `label_columns`: label columns of any cell table.
`concentra.io.importance`
    `read_importance`, `importance_values`: ablation tables, and checkpoints × heads amounts from them.
`concentra.io.counts`
    `read_counts`: a wide or long table of counts, as units × parts.
`concentra.io.expression`
    `select_cells`, `read_expression`: expression of chosen cells, streamed.
`concentra.io.counting`, `concentra.io.soma`
    `count_cells`, `count_to`, `merge_counts`, `count_soma`: cells of every combination of labels, at any scale.
`concentra.io.shards`
    `count_in_shards`: the same through Snakemake, on many processors or a cluster.
`concentra.io.fetch`
    `fetch`: public raw files, continued where a download broke off, taken only when whole.

Below them lie `tables` (text, spreadsheets, R, Parquet), with `dialect`, `quotes` and `text` for text and `numbers` for
the numbers in it; `annotated` (`obs` of ``.h5ad`` and ``.zarr``), `labels` (text and categoricals), `blocks` (labels as
codes, a stretch of rows at a time) and `grouping` (from codes to sorted counts).
"""
