"""Labelled frames in and out, one scientific question a module.

`composition`
    Which cells does each unit have? Counts per (donor, stratum, part), and what was left out and why.
`tally`
    Cells or counts, however labelled, as the composition of units; what was mended or left out is said.
`concentration`
    How concentrated is each unit? Both metrics, beside them support, evenness, dominance and depth.
`contrast`
    Does the concentration of a later group of donors differ from that of an earlier one, and can one tell?
`compare`
    A later group against an earlier one in every stratum: plainly, within a covariate, or in pairs.
`trend`
    Does the concentration of a stratum rise or fall over all ages, not only from one group to another?
`drivers`
    Which parts drive a stratum's shift: an attribution over donors that adds up, with intervals.
`components`
    Which parts of a stratum change their share with age, and which of them carry the shift in concentration?
`lineages`
    Lineage, stage and compartment of cell types; readable names of tissues.
`concordance`
    Do two platforms agree on the concentration of a stratum, in level and in direction?
`plane`
    Tissues and models in the plane of the two shifts: joint regions, null clouds, and axes that can be shared.
`multiverse`
    Would another defensible choice have told another story? Every choice crossed, as a specification curve.
`choices`
    The choices of a comparison of donors, and what each combination of them compares.
`head_multiverse`
    Would another defensible choice have told another story of a model's heads? Every choice crossed.
`trajectory`
    How does the concentration of head importance change along the training of a model, and what does that rest on?
`granularity`
    Does concentration shift within a type, and does its direction depend on how finely parts are cut?
`states`
    From a file of cells and features to cells of each donor in each state, and what shifts among the states.
`rescue`
    How much of an ageing shift does a treatment undo, and is that evidence?
`cohort`
    Anyone's cohort: from labelled cells to every table of an analysis.
`cohort_tables`
    The tables of one comparison of a cohort, stratum by stratum, each from the module that knows the question.
`cohort_scales`
    The same at several granularities: all cells of a stratum clustered together, each comparison at every scale.
`question`
    What is asked: which groups are compared, within what, paired by what.
`columns`
    Which column is the donor, the stratum, the part: guesses from names, each said aloud.
`spelling`
    One label, one spelling: case and white space mended, doubtful labels said.
`ages`
    Ages as people write them, as months; any label column as a numeric axis.
`feasible`
    Can this design answer the question? What it has, and a refusal with the reason where it cannot.
`ends`
    The early and the late donors of one stratum, as two tables of amounts over the same parts.
`annotated`
    Compositions as annotated matrices: units × parts, counts in X, labels of units in `obs`.
"""
