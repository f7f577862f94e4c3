"""The paired bootstrap: the fast sweep against moocore, coverage, pairing, determinism."""

from __future__ import annotations

import doctest

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from benchmarks import _stats, bootstrap_hypervolume, bootstrap_means, hypervolume
from benchmarks._stats import hypervolumes

REF = (-2.0, -2.0)


def scores(random: np.random.Generator, prompts: int, means: list[list[float]]) -> np.ndarray:
    """(K, N, M): given means plus prompt difficulty shared by all points plus noise."""
    means = np.array(means)
    difficulty = random.normal(size=(1, prompts, means.shape[1]))
    return means[:, None] + difficulty + 0.3 * random.normal(size=(len(means), prompts, means.shape[1]))


def test_docstring_numbers():
    assert doctest.testmod(_stats).failed == 0


@given(
    st.tuples(st.integers(1, 4), st.integers(1, 6), st.integers(1, 4)).flatmap(
        lambda shape: arrays(float, shape, elements=st.sampled_from([-3.0, -2.0, -1.0, 0.0, 0.25, 1.0, 3.0]))
    )
)
def test_many_hypervolumes_at_once_equal_one_at_a_time(points):
    ref = [-2.0] * points.shape[2]
    expected = [hypervolume(p, ref) for p in points]
    np.testing.assert_allclose(hypervolumes(points, ref), expected, atol=1e-12)


def test_the_value_is_the_mean_over_seeds_of_their_hypervolumes():
    random = np.random.default_rng(0)
    seeds = [scores(random, 20, [[0, 1], [1, 0]]), scores(random, 20, [[0, 2], [2, 0], [1, 1]])]
    (found,) = bootstrap_hypervolume([seeds], REF, draws=50)
    assert found.value == pytest.approx(np.mean([hypervolume(s.mean(axis=1), REF) for s in seeds]))
    assert found.draws.shape == (50,)


def test_a_draw_is_the_hypervolume_of_the_resampled_prompts():
    """Two prompts, scores 0 and 1: a draw holds the second 0, 1 or 2 times: (m + 2)^2 for m = 0, .5, 1."""
    two_prompts = np.array([[[0.0, 0.0], [1.0, 1.0]]])
    (found,) = bootstrap_hypervolume([[two_prompts]], REF, draws=4000)
    values, counts = np.unique(found.draws, return_counts=True)
    np.testing.assert_allclose(values, [4, 6.25, 9])
    np.testing.assert_allclose(counts / 4000, [0.25, 0.5, 0.25], atol=0.04)


def test_the_interval_covers_the_truth():
    """One point, N(0, 1) scores: the truth is (0 + 2)^2 = 4. 95 % of 300 intervals hold it, within 3 binomial SDs."""
    random = np.random.default_rng(1)
    covered = 0
    for trial in range(300):
        (found,) = bootstrap_hypervolume([[random.normal(size=(1, 60, 2))]], REF, draws=400, seed=trial)
        _, low, high = found.interval()
        covered += low <= 4 <= high
    assert abs(covered / 300 - 0.95) < 3 * np.sqrt(0.95 * 0.05 / 300)


def test_identical_methods_do_not_differ():
    same = scores(np.random.default_rng(2), 50, [[0, 1], [1, 0]])
    a, b = bootstrap_hypervolume([[same], [same.copy()]], REF, draws=500)
    assert a.minus(b) == (0, 0, 0, 1)


def test_pairing_finds_a_difference_that_single_intervals_hide():
    """Prompts vary much more than methods differ; the same prompts in both make the difference plain."""
    worse = scores(np.random.default_rng(3), 100, [[0, 1], [1, 0]])
    better = worse + 0.1
    a, b = bootstrap_hypervolume([[better], [worse]], REF)
    assert a.interval().low < b.interval().high
    difference = a.minus(b)
    assert difference.low > 0
    assert difference.p == pytest.approx(2 / 10_001)
    back = b.minus(a)
    assert (back.difference, back.low, back.high, back.p) == pytest.approx(
        (-difference.difference, -difference.high, -difference.low, difference.p)
    )


def test_the_seed_decides():
    method = [scores(np.random.default_rng(4), 30, [[0, 1], [1, 0]])]
    first, again, other = (bootstrap_hypervolume([method], REF, draws=100, seed=s)[0].draws for s in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_methods_on_other_prompts_are_refused():
    with pytest.raises(ValueError, match="same prompts"):
        bootstrap_hypervolume([[np.zeros((1, 5, 2))], [np.zeros((1, 6, 2))]], REF)
    with pytest.raises(ValueError, match="same prompts"):
        bootstrap_hypervolume([], REF)


def test_means_are_paired_with_each_other():
    """Every draw of every mean is over the same prompts: scores that differ by a constant do so in every draw."""
    values = scores(np.random.default_rng(5), 40, [[0, 1], [1, 0], [2, 2]])
    values[2] = values[0] + 3
    means = bootstrap_means(values, draws=200)
    found = [[mean.value for mean in row] for row in means]
    np.testing.assert_allclose(found, values.mean(axis=1))
    np.testing.assert_allclose(means[2][1].draws - means[0][1].draws, 3)
    assert means[2][0].minus(means[0][0]).low == pytest.approx(3)
    spread = means[0][0].draws.std() / (values[0, :, 0].std() / np.sqrt(40))
    assert 0.85 < spread < 1.15
