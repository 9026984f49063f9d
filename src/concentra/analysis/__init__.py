"""One scientific question a module: a design or a composition in, a frame out, its table declared beside it.

`concentration`
    How concentrated is each unit? Both metrics, beside them support, evenness, dominance and depth.
`lorenz`
    The Lorenz curve of every unit.
`support`
    Who is compared with whom in every stratum, and who is left out and why?
`contrast`
    Does concentration differ between groups, or along a number, and what can be concluded?
`model`
    The model that decides: both responses of every stratum, fitted together; several groups at once.
`exact`
    What do tests conclude that assume nothing but exchangeable donors?
`across`
    Do the groups differ over all strata at once?
`trend`
    Does concentration rise or fall along a number, by ranks?
`drivers`, `attribution`
    Which parts drive a stratum's shift: contributions over donors that add up, with intervals.
`part_tests`
    Which parts differ in share? One moderated test a part, on centred log-ratios.
`power`
    Which change would a study of so many donors and cells show, from a pilot or from assumptions?
`part_changes`
    Which parts change their share, and which carry the shift in concentration?
`plane`
    Strata and models in the plane of the two shifts: joint regions, null clouds, and axes that can be shared.
`multiverse`, `choices`
    Would another defensible choice lead to another result? Every choice crossed; what each combination compares.
`granularity`
    Does the direction of a change depend on how finely parts are cut?
`levels`
    On which level of a hierarchy does concentration change: between coarse types, or within them?
`few_donors`
    What are few donors worth? Small studies drawn from a large one, and what each rule concludes from them.
`rescue`
    How much of an ageing shift does a treatment undo, and is that evidence?
`concordance`
    Do two platforms agree on the concentration of a stratum, in level and in direction?
`lineages`
    Lineage, stage and compartment of cell types; readable names of tissues.
`trajectory`
    How does the concentration of head importance change along the training of a model, and what does that rest on?
`across_models`
    Do models become more concentrated as they are trained? One shift a model, and the mean over models.
`head_multiverse`
    Would another defensible choice lead to another result about a model's heads?
"""
