"""Values of packages that nobody here wrote, on published cohorts: limma, lme4 with lmerTest, and vegan.

``make peers`` writes them (`benchmarks/peers.R`); here the same cohorts go through this package.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from concentra.metrics import hill_number, rarefied_hill
from concentra.stats.linear_model import donor_correlation, linear_model
from concentra.stats.log_ratio import centred_log_ratio
from concentra.stats.moderated import contrast_tests
from concentra.stats.shrinkage import squeeze_variances

PEERS = Path(__file__).parent / "peers"
GROUPS = {
    "pelka_hitme": ("Tissue", "N", "T"),
    "zhang_fine": ("Tissue", "blood", "tumor"),
    "bassez_hitme": ("expansion", "NE", "E"),
    "lee_fine": ("condition", "GBM.new", "GBM.PD1"),
}


def counts_of(data: Path, cohort: str) -> pd.DataFrame:
    return pd.read_csv(data / f"cohorts/{cohort}.csv.gz", index_col=0)


def two_groups(data: Path, cohort: str) -> tuple[pd.DataFrame, np.ndarray]:
    column, first, second = GROUPS[cohort]
    counts = counts_of(data, cohort)
    samples = pd.read_csv(data / f"cohorts/{cohort.split('_')[0]}_samples.csv", index_col=0)
    label = samples.loc[counts.index, column]
    kept = label.isin([first, second]).to_numpy()
    counts = counts[kept]
    return counts.loc[:, counts.sum() > 0], (label[kept] == second).to_numpy().astype(float)


def read(name: str, **columns: str) -> pd.DataFrame:
    table = pd.read_csv(PEERS / name)
    for column, value in columns.items():
        table = table[table[column] == value]
    return table.reset_index(drop=True)


def test_variances_are_squeezed_as_by_limma() -> None:
    """`squeezeVar`: from its residual variances alone, no data needed."""
    for cohort in GROUPS:
        peer = read("limma.csv", cohort=cohort)
        peer = peer[~peer["robust"]]
        found = squeeze_variances(peer["variance"], peer["df"], robust=False)
        assert found.variance == pytest.approx(peer["variance_moderated"].to_numpy(), rel=1e-6)
        assert found.prior_df == pytest.approx(peer["df_prior"].to_numpy(), rel=1e-6)
        assert found.prior_variance == pytest.approx(peer["variance_prior"].to_numpy(), rel=1e-6)


def test_robust_squeezing_spares_the_same_parts_as_limma() -> None:
    """Another rule than Phipson's, the same parts: those that it shrinks less are those that limma shrinks less."""
    for cohort in ("pelka_hitme", "zhang_fine"):
        peer = read("limma.csv", cohort=cohort)
        peer = peer[peer["robust"]]
        found = squeeze_variances(peer["variance"], peer["df"])
        ratio = np.log(found.variance / peer["variance_moderated"].to_numpy())
        assert np.abs(ratio).max() < 0.25


@pytest.mark.data
@pytest.mark.parametrize("cohort", GROUPS)
def test_parts_are_tested_as_by_limma(data: Path, cohort: str) -> None:
    """`lmFit` and `eBayes` on log-ratios of all parts."""
    counts, group = two_groups(data, cohort)
    logs = np.log(counts.to_numpy() + 0.5)
    response = logs - logs.mean(axis=1, keepdims=True)
    peer = read("limma.csv", cohort=cohort)
    peer = peer[~peer["robust"]]
    assert [name.replace(",", ";") for name in counts.columns] == peer["part"].tolist()
    model = linear_model(np.column_stack([np.ones(group.size), group]), [0, 1])
    assert model.estimates(response)[0] == pytest.approx(peer["estimate"].to_numpy(), rel=1e-9, abs=1e-12)
    assert model.variances(response)[0] == pytest.approx(peer["variance"].to_numpy(), rel=1e-9)
    squeezed = squeeze_variances(
        model.variances(response)[0], np.full(peer.shape[0], model.df[0]), robust=False
    )
    t = model.estimates(response)[0] / np.sqrt(model.unscaled[0, 0, 0] * squeezed.variance)
    assert t == pytest.approx(peer["t"].to_numpy(), rel=1e-6, abs=1e-9)


@pytest.mark.data
@pytest.mark.parametrize("cohort", GROUPS)
def test_diversity_and_rarefaction_are_those_of_vegan(data: Path, cohort: str) -> None:
    counts = counts_of(data, cohort).to_numpy()
    peer = read("vegan.csv", cohort=cohort)
    assert np.log(hill_number(counts, 1)) == pytest.approx(peer["shannon"].to_numpy(), rel=1e-10)
    assert hill_number(counts, 2) == pytest.approx(peer["inverse_simpson"].to_numpy(), rel=1e-10)
    depth = int(peer["depth"][0])
    assert rarefied_hill(counts, depth, 0) == pytest.approx(peer["richness"].to_numpy(), rel=1e-9)


def visits(data: Path, level: int) -> tuple[pd.DataFrame, np.ndarray]:
    counts = pd.read_csv(data / f"blood_ageing/counts_{level}_types.csv.gz", index_col="sample")
    samples = pd.read_csv(data / "blood_ageing/samples.csv", index_col="sample").loc[counts.index]
    return samples, np.log(np.asarray(hill_number(counts.to_numpy(), 1)))


@pytest.mark.data
@pytest.mark.parametrize("level", [7, 27, 69])
def test_two_visits_are_compared_as_by_lme4_and_limma(data: Path, level: int) -> None:
    """The correlation within donors of `duplicateCorrelation` and `lmer`; estimate, error and p of lmerTest."""
    samples, y = visits(data, level)
    days = ["Flu Year 1 Day 0", "Flu Year 1 Day 7"]
    kept = samples["visit"].isin(days).to_numpy()
    design = np.column_stack([np.ones(kept.sum()), samples["visit"][kept] == days[1]]).astype(float)
    donors = samples["donor"][kept].tolist()
    peer = read("mixed.csv").set_index("level").loc[level]
    correlation = donor_correlation([y[kept]], [design], [donors])
    assert correlation == pytest.approx(peer["correlation_limma"], abs=1e-3)
    assert correlation == pytest.approx(peer["correlation_lme4"], abs=1e-3)
    model = linear_model(design, [0, 1], donors=donors, correlation=correlation)
    found = contrast_tests([model], [y[kept][:, None]], moderate=False)
    ours = found.estimate[0, 0], found.error[0, 0], found.df[0, 0], found.p_value[0, 0]
    assert ours == pytest.approx(peer[["estimate", "error", "df", "p_value"]].to_numpy(), rel=1e-4)


@pytest.mark.data
@pytest.mark.parametrize("level", [7, 27, 69])
def test_all_visits_of_96_donors_count_as_96_donors(data: Path, level: int) -> None:
    """Means over visits beside the mixed model: other weights, hence close and not equal."""
    samples, y = visits(data, level)
    design = np.column_stack([np.ones(len(y)), samples["age_group"] == "old"]).astype(float)
    model = linear_model(design, [0, 1], donors=samples["donor"].tolist())
    found = contrast_tests([model], [y[:, None]], moderate=False)
    peer = read("repeated.csv").set_index("level").loc[level]
    assert found.df[0, 0] == pytest.approx(94)
    assert found.error[0, 0] == pytest.approx(peer["error"], rel=0.05)
    assert found.estimate[0, 0] == pytest.approx(peer["estimate"], abs=0.15 * peer["error"])
    assert (
        peer["error_visits_as_donors"] < 0.5 * found.error[0, 0]
    )  # what counting visits as donors would claim


@pytest.mark.data
@pytest.mark.parametrize("cohort", ["pelka_hitme", "zhang_fine"])
@pytest.mark.parametrize("transform", ["logit", "arcsin"])
def test_parts_stand_in_the_order_of_scanpro(data: Path, cohort: str, transform: str) -> None:
    """propeller tests shares and this package log-ratios: another zero point, the same order of parts."""
    counts, group = two_groups(data, cohort)
    ratios = np.asarray(centred_log_ratio(counts.to_numpy()))
    model = linear_model(np.column_stack([np.ones(group.size), group]), [0, 1], groups=group.tolist())
    tests = contrast_tests([model] * ratios.shape[1], list(ratios.T[:, :, None]))
    ours = pd.Series(
        (tests.estimate / tests.error)[:, 0], [name.replace(",", ";") for name in counts.columns]
    )
    peer = read("scanpro.csv", cohort=cohort, transform=transform).set_index("part")["t"].loc[ours.index]
    assert abs(ours.corr(peer, method="spearman")) > 0.9
