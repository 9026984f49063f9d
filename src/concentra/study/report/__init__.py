"""The sections of the study's report: tables of the run in, sections of `concentra.report` out, one file a section.

`answer`
    The first screen: what is reproduced, what is established, the plane, every statement.
`plane`
    Every tissue, level and model in the plane of the two shifts.
`atlas`
    The tissues of one cohort, old against young donors.
`hierarchy`
    A cohort with a hierarchy of cell types: the same question at every granularity.
`states`
    Sub-states and clusters, validation and rescue: real where the data is there, else simulated and labelled so.
`background`
    Drivers and specifications over all tissues, design, what was left out, figures, sources.
"""
