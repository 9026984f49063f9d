"""One complete use of the library: the sixteen steps, their cohorts, figures, claims and summaries.

`declare`
    What a table, a step, a figure and a summary are, and the registry of all that are declared.
`raw`
    Raw inputs: which cohorts are on this machine, and what is restored from the archive instead.
`engine`
    Runs one declared node, or all of them through Snakemake.
`claims`
    The published numbers and directions, each looked up in one cell of one table.
"""
