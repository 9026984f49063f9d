"""Labelled frames in and out, one scientific question a module.

`composition`
    Which cells does each unit have? Counts per (donor, stratum, part), and what was left out.
`concentration`
    How concentrated is each unit? Both metrics, beside them support, evenness and depth.
`contrast`
    Does the concentration of a later group differ from that of an earlier one?
`trajectory`
    How does the concentration of head importance change along the training of a model?
"""
