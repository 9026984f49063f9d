"""Resampled parts: against sorting each draw anew, and the half-normal floor against its integrals."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import digamma

import definitions_stats as definitions
from concentra.errors import AmountError, ArgumentError
from concentra.metrics import gini, hill_number
from concentra.stats import parts
from concentra.stats.parts import bootstrap_parts, leave_one_part_out, noise_floor, sample_parts

amounts_with_zeros = arrays(float, (3, 7), elements=st.sampled_from([0.0, 0.5, 1.0, 1.0, 2.5, 40.0])).filter(
    lambda table: (table.sum(axis=1) > 0).all()
)


def weights_of(chosen, n):
    return np.bincount(chosen, minlength=n).astype(float)[:, None]


@given(amounts_with_zeros, st.lists(st.integers(0, 6), min_size=7, max_size=7))
def test_weights_on_a_fixed_order_are_the_resampled_parts_sorted_anew(amounts, chosen):
    orders = np.argsort(amounts, axis=1)
    weights = weights_of(chosen, 7)
    present, effective = parts._weighted(amounts, orders, weights, "present")[:, :, 0]
    stratum = parts._weighted(amounts, orders, weights, "stratum")[0, :, 0]
    for row in range(3):
        sample = amounts[row, chosen]
        if sample.sum() == 0:
            assert np.isnan([present[row], stratum[row], effective[row]]).all()
            continue
        ginis, numbers = definitions.resampled_parts(amounts[[row]], chosen)
        assert present[row] == pytest.approx(ginis[0], abs=1e-12)
        assert effective[row] == pytest.approx(numbers[0], rel=1e-12)
        assert stratum[row] == pytest.approx(definitions.gini(sample), abs=1e-12)


def test_draws_are_drawn_with_replacement_and_paired_over_checkpoints():
    rng = np.random.default_rng(0)
    amounts = rng.gamma(0.5, size=12)
    draws = bootstrap_parts(np.stack([amounts, 3 * amounts]), rng=1, n_draws=4000)
    np.testing.assert_allclose(draws.gini_draws[:, 0], draws.gini_draws[:, 1], rtol=1e-12)
    slow = [definitions.gini(amounts[rng.integers(0, 12, 12)]) for _ in range(4000)]
    assert draws.gini_draws[:, 0].mean() == pytest.approx(np.mean(slow), abs=0.01)
    assert draws.gini_draws[:, 0].std() == pytest.approx(np.std(slow), rel=0.06)
    assert draws.gini[0] == pytest.approx(definitions.gini(amounts))
    assert draws.hill_q1[1] == pytest.approx(definitions.hill_q1(amounts))


def test_same_seed_same_bytes_and_chunks_do_not_repeat():
    amounts = np.random.default_rng(0).gamma(0.5, size=(2, 9))
    first, again = (bootstrap_parts(amounts, rng=3, n_draws=2 * parts.ROWS + 1) for _ in range(2))
    assert first.gini_draws.tobytes() == again.gini_draws.tobytes()
    assert np.unique(first.gini_draws[:, 0]).size > 1.5 * parts.ROWS


@pytest.mark.slow
def test_same_bytes_on_one_thread_and_on_two():
    code = (
        "import numpy as np, hashlib; from concentra.stats.parts import bootstrap_parts\n"
        "from concentra.stats.bootstrap import bootstrap_shift; from concentra.metrics import gini, hill_number\n"
        "rng = np.random.default_rng(0); d = bootstrap_parts(rng.gamma(0.5, size=(8, 144)), rng=1)\n"
        "counts = rng.multinomial(900, rng.dirichlet(np.ones(30), 12))\n"
        "s = bootstrap_shift(counts[:6], counts[6:], {'g': gini, 'h': hill_number}, rng=1)\n"
        "print(hashlib.sha256(d.gini_draws.tobytes() + d.hill_q1_draws.tobytes() + s.draws.tobytes())"
        ".hexdigest())"
    )
    hashes = set()
    for n_threads in ("1", "2"):
        threads = {"OMP_NUM_THREADS": n_threads, "OPENBLAS_NUM_THREADS": n_threads}
        done = subprocess.run(
            [sys.executable, "-c", code], env=os.environ | threads, capture_output=True, text=True, check=True
        )
        hashes.add(done.stdout)
    assert len(hashes) == 1


@given(amounts_with_zeros)
@settings(max_examples=50)
def test_leaving_one_part_out_is_deleting_it(amounts):
    present, effective = leave_one_part_out(amounts)
    stratum, _ = leave_one_part_out(amounts, support="stratum")
    for row, part in np.ndindex(*amounts.shape):
        rest = np.delete(amounts[row], part)
        if rest.sum() == 0:
            assert np.isnan([present[row, part], effective[row, part], stratum[row, part]]).all()
            continue
        assert present[row, part] == pytest.approx(definitions.gini(rest[rest > 0]), abs=1e-12)
        assert stratum[row, part] == pytest.approx(definitions.gini(rest), abs=1e-12)
        assert effective[row, part] == pytest.approx(definitions.hill_q1(rest), rel=1e-12)


def test_noise_floor_tends_to_the_half_normal_distribution():
    # Gini of |N(0, 1)|: sqrt(2) - 1; E[y ln y] / E y = (ln 2 + digamma(1)) / 2 for the entropy
    floor = noise_floor(20_000, rng=1, n_draws=40)
    entropy_below_maximum = (np.log(2) + digamma(1)) / 2 - np.log(np.sqrt(2 / np.pi))
    assert floor.gini == pytest.approx(np.sqrt(2) - 1, abs=1e-3)
    assert floor.hill_q1 / 20_000 == pytest.approx(np.exp(-entropy_below_maximum), abs=1e-3)
    small = noise_floor(144, rng=1)
    assert small.gini == pytest.approx(0.4115, abs=2e-3)
    assert small.hill_q1 / 144 == pytest.approx(0.754, abs=1e-3)
    assert small.gini_low < 0.38 < 0.44 < small.gini_high
    assert small.hill_q1_low < small.hill_q1 < small.hill_q1_high


def test_wrong_input_says_what_to_do():
    with pytest.raises(AmountError, match=r"shape \(3,\)"):
        bootstrap_parts([1, 2, 3], rng=1)
    with pytest.raises(AmountError, match=r"checkpoint 1 \(row\) with all amounts zero"):
        leave_one_part_out([[1, 2], [0, 0]])
    with pytest.raises(ArgumentError, match="support="):
        bootstrap_parts([[1, 2]], rng=1, support="all")
    with pytest.raises(ArgumentError, match="n_draws=0"):
        bootstrap_parts([[1, 2]], rng=1, n_draws=0)


def every_sample(row: list[float], copies: int) -> list[tuple[float, float]]:
    """Both metrics of every sample of as many parts from so many copies of each, without replacement."""
    population = row * copies
    samples = [
        [population[place] for place in chosen] for chosen in combinations(range(len(population)), len(row))
    ]
    return [(float(gini(sample, support="stratum")), float(hill_number(sample, 1.0))) for sample in samples]


def test_samples_from_a_finite_population_by_enumeration() -> None:
    row = [1.0, 2.0, 4.0, 9.0]
    draws = sample_parts([row], 8, rng=1, n_draws=40_000, support="stratum")
    for drawn, place in ((draws.gini_draws, 0), (draws.hill_q1_draws, 1)):
        exact = np.array([values[place] for values in every_sample(row, 2)])
        assert drawn.mean() == pytest.approx(exact.mean(), rel=0.01)
        assert drawn.std() == pytest.approx(exact.std(), rel=0.02)
        np.testing.assert_allclose(
            np.quantile(drawn, [0.1, 0.5, 0.9]), np.quantile(exact, [0.1, 0.5, 0.9]), rtol=0.01
        )


def test_samples_within_strata_keep_their_numbers() -> None:
    row = np.arange(1.0, 9.0)
    strata = [0, 0, 0, 0, 1, 1, 1, 1]
    within = sample_parts([row], 10, rng=1, n_draws=2_000, strata=strata, support="stratum")
    assert within.gini_draws.std() < sample_parts([row], 10, rng=1, n_draws=2_000).gini_draws.std()
    exact = sample_parts([row], 8, rng=1, n_draws=20, strata=strata)
    assert np.ptp(exact.gini_draws) == np.ptp(exact.hill_q1_draws) == 0
    with pytest.raises(ArgumentError, match="n_population"):
        sample_parts([row], 7, rng=1)


def test_the_sampling_interval_covers_the_populations_shift() -> None:
    """Three eighths of 96 parts in 8 strata, as of a model's heads: 95% intervals cover in 88 to 100% of samples."""
    rng = np.random.default_rng(3)
    population = rng.lognormal(0, 0.8, (2, 8, 12))
    population[1] **= 1.3
    truth = np.diff(gini(population.reshape(2, -1), support="stratum"))[0]
    covered, widths = [], []
    for seed in range(150):
        chosen = np.sort(np.argsort(rng.random((8, 12)), axis=1)[:, :5], axis=1)
        sample = np.take_along_axis(population, np.broadcast_to(chosen, (2, 8, 5)), axis=2).reshape(2, -1)
        ends = []
        for draws in (
            sample_parts(
                sample, 96, rng=seed, n_draws=400, strata=np.repeat(np.arange(8), 5), support="stratum"
            ),
            bootstrap_parts(sample, rng=seed, n_draws=400, support="stratum"),
        ):
            ends.append(np.quantile(np.diff(draws.gini_draws, axis=1)[:, 0], [0.025, 0.975]))
        covered.append(ends[0][0] <= truth <= ends[0][1])
        widths.append([np.ptp(one) for one in ends])
    assert 0.88 <= np.mean(covered) <= 1.0
    finite, infinite = np.mean(widths, axis=0)
    assert finite < 0.9 * infinite
