"""Inference for few donors: arrays and a Generator in, small frozen results out.

================ =============================================================================
`verdict`        the verdict on a tissue: its words and its rule, nowhere else
`linear_model`   the model of one tissue: estimates, and what their variance rests on
`part_variance`  the variance of a metric that the variances of its parts predict
`shrinkage`      variances shrunk across tissues
`moderated`      tests of one contrast in many tissues at once
`power`          what a design of so many donors and cells can show
`exact`          rank tests by enumeration, and the smallest p that the donors allow
`permutation`    permutation tests over one tissue or all, within strata, or paired
`multiplicity`   the false discovery rate over a declared family
`effect`         Hodges-Lehmann shift and Cliff's delta
`equivalence`    "no change" as a claim with a margin
`bootstrap`      the shift between two groups of donors, by resampling donors and cells
`joint`          two metrics at once: a region, and one test
`synthesis`      one shift from several cohorts
`parts`          resampled parts (attention heads), one left out, and the floor of noise
`trajectory`     the shift between checkpoints, what it rests on, and a verdict
`attribution`    what each part contributes to a shift
`pairs`          the same averaged over pairs of donors, with intervals
`trend`          slopes over an ordered axis, and rank correlation, exact
`null_cloud`     where pairs of shifts fall when nothing has happened
`hull`           the region of a cloud of draws
`specifications` many comparisons of the same donors under many arrangements of labels
`median_shifts`  the median over those that are distinct, in thousands of arrangements
`multiverse`     one test for all of them
`log_ratio`      centred log-ratios, and what replaces zeros
`streams`        random numbers for a named place
================ =============================================================================

The unit is the donor: values of donors go in, or their counts of cells. `rng` is a seed or a Generator, and the
same seed gives the same bytes on any number of cores. Nothing here reads files or knows labels.
"""

from __future__ import annotations

from concentra.stats.bootstrap import ShiftDraws, ShiftInterval, bootstrap_shift, correct_for_depth
from concentra.stats.effect import EffectResult, cliffs_delta, hodges_lehmann
from concentra.stats.equivalence import EquivalenceResult, equivalence_from_interval, equivalence_test
from concentra.stats.exact import (
    MannWhitneyResult,
    SignedRankResult,
    mann_whitney_exact,
    smallest_attainable_p,
    smallest_attainable_p_paired,
    wilcoxon_signed_rank_exact,
)
from concentra.stats.joint import JointRegion, joint_region, mahalanobis_test
from concentra.stats.multiplicity import AdjustedResult, benjamini_hochberg
from concentra.stats.parts import (
    NoiseFloor,
    PartDraws,
    bootstrap_parts,
    leave_one_part_out,
    noise_floor,
)
from concentra.stats.permutation import PermutationResult, permutation_test, sign_flip_test
from concentra.stats.synthesis import SynthesisResult, random_effects
from concentra.stats.trajectory import PartShift, TrajectoryShift, shift_by_first, trajectory_shift, verdict

__all__ = [
    "AdjustedResult",
    "EffectResult",
    "EquivalenceResult",
    "JointRegion",
    "MannWhitneyResult",
    "NoiseFloor",
    "PartDraws",
    "PartShift",
    "PermutationResult",
    "ShiftDraws",
    "ShiftInterval",
    "SignedRankResult",
    "SynthesisResult",
    "TrajectoryShift",
    "benjamini_hochberg",
    "bootstrap_parts",
    "bootstrap_shift",
    "cliffs_delta",
    "correct_for_depth",
    "equivalence_from_interval",
    "equivalence_test",
    "hodges_lehmann",
    "joint_region",
    "leave_one_part_out",
    "mahalanobis_test",
    "mann_whitney_exact",
    "noise_floor",
    "permutation_test",
    "random_effects",
    "shift_by_first",
    "sign_flip_test",
    "smallest_attainable_p",
    "smallest_attainable_p_paired",
    "trajectory_shift",
    "verdict",
    "wilcoxon_signed_rank_exact",
]
