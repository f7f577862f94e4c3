"""The paired bootstrap: the fast sweep against moocore, coverage, pairing, determinism."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from benchmarks.stats.bootstrap import Bootstrap, bootstrap_hypervolume, bootstrap_means, gain_by_chance, hypervolumes
from benchmarks.stats.indicators import hypervolume

REF = (-2.0, -2.0)


def scores(random: np.random.Generator, prompts: int, means: list[list[float]]) -> np.ndarray:
    """(K, N, M): given means plus prompt difficulty shared by all points plus noise."""
    means = np.array(means)
    difficulty = random.normal(size=(1, prompts, means.shape[1]))
    return means[:, None] + difficulty + 0.3 * random.normal(size=(len(means), prompts, means.shape[1]))


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
    seeds = {3: scores(random, 20, [[0, 1], [1, 0]]), 5: scores(random, 20, [[0, 2], [2, 0], [1, 1]])}
    (found,) = bootstrap_hypervolume([seeds], REF, draws=50)
    np.testing.assert_allclose(found.values, [hypervolume(s.mean(axis=1), REF) for s in seeds.values()])
    assert found.value == pytest.approx(found.values.mean())
    assert found.draws.shape == (2, 50)
    assert found.seeds == (3, 5)


def test_a_draw_is_the_hypervolume_of_the_resampled_prompts():
    """Two prompts, scores 0 and 1: a draw holds the second 0, 1 or 2 times: (m + 2)^2 for m = 0, .5, 1."""
    two_prompts = np.array([[[0.0, 0.0], [1.0, 1.0]]])
    (found,) = bootstrap_hypervolume([{0: two_prompts}], REF, draws=4000)
    values, counts = np.unique(found.draws, return_counts=True)
    np.testing.assert_allclose(values, [4, 6.25, 9])
    np.testing.assert_allclose(counts / 4000, [0.25, 0.5, 0.25], atol=0.04)


def trained(random: np.random.Generator, seeds: int, between: float, prompts: int = 60) -> dict[int, np.ndarray]:
    """One method's scores (2, N, 2) by seed: each training moves all points by `between` SDs, the prompts' difficulty
    is common to all seeds, and every answer has noise of its own."""
    means = np.array([[0.0, 1.0], [1.0, 0.0]])[:, None]
    difficulty = random.normal(size=(1, prompts, 2))
    return {
        s: means + between * random.normal() + difficulty + random.normal(size=(2, prompts, 2)) for s in range(seeds)
    }


def shares_covered(seeds: int, between: float, trials: int = 600) -> tuple[float, float, float]:
    """How often the interval of a hypervolume holds the expected one; that of a difference between two trainings of the
    same method holds 0; and that of the difference lies below 0.

    A training that moves both points by t has (2 + t)(3 + t) + (3 + t)(2 + t) - (2 + t)^2 = 8 + 6 t + t^2, so 8 +
    between^2 is expected.
    """
    random = np.random.default_rng([seeds, int(10 * between)])
    held, equal, worse = [], [], []
    for trial in range(trials):
        difficulty_seed = random.integers(2**32)
        methods = []
        for _ in range(2):
            one = trained(np.random.default_rng(difficulty_seed), seeds, 0.0)
            methods.append(
                {s: scores + between * random.normal() + random.normal(size=scores.shape) for s, scores in one.items()}
            )
        a, b = bootstrap_hypervolume(methods, REF, draws=500, seed=trial)
        low, high = a.interval()[1:]
        held.append(low <= 8 + between**2 <= high)
        difference = a.minus(b)
        equal.append(difference.low <= 0 <= difference.high)
        worse.append(difference.high < 0)
    return tuple(float(np.mean(found)) for found in (held, equal, worse))


@pytest.mark.parametrize(("seeds", "between"), [(1, 0.0), (3, 0.0), (3, 0.2), (3, 0.5), (5, 0.2)])
def test_intervals_cover_the_truth(seeds, between):
    """95 % intervals hold what they should in 93 to 97 % of 600 simulated comparisons, give or take two binomial SDs
    (1.8 %): over prompts with one seed, over trainings too with several. A method compared with itself is worse in at
    most 5 %."""
    held, equal, worse = shares_covered(seeds, between)
    assert 0.93 - 0.018 < held < 0.97 + 0.018
    assert 0.93 - 0.018 < equal < 0.97 + 0.018
    assert worse <= 0.05


def test_the_variation_of_seeds_widens_an_interval():
    """Without training noise three seeds tell more than one; with it the interval must grow."""
    random = np.random.default_rng(7)
    calm, wild = ({s: v + shift * random.normal() for s, v in trained(random, 3, 0).items()} for shift in (0, 1))
    widths = []
    for seeds in (calm, wild):
        (found,) = bootstrap_hypervolume([seeds], REF, draws=500)
        widths.append(found.interval().high - found.interval().low)
    assert widths[1] > 2 * widths[0]


def test_the_seeds_of_two_methods_are_compared_one_by_one():
    """What both methods share of a seed cancels: here all of it."""
    seeds = trained(np.random.default_rng(8), 3, 1.0)
    better = {s: v + 0.05 for s, v in seeds.items()}
    a, b = bootstrap_hypervolume([better, seeds], REF, draws=500)
    assert a.minus(b).low > 0
    others = bootstrap_hypervolume([{s + 1: v for s, v in better.items()}, seeds], REF, draws=500)
    assert others[0].minus(others[1]).low < 0, "seeds that are not the same are not pairs"


def test_the_correction_takes_away_the_bias():
    """One point (x, x), x the mean of 20 numbers with variance 1: E (2 + x)^2 = 4 + 1/20. What the bootstrap takes off
    is the variance it finds, (N - 1) / N of that, again over N: .0475 on average."""
    random, found = np.random.default_rng(9), []
    for trial in range(300):
        x = np.repeat(random.normal(size=(1, 20, 1)), 2, axis=2)
        (sampled,) = bootstrap_hypervolume([{0: x}], REF, draws=1000, seed=trial)
        found.append(sampled.value - sampled.corrected)
    assert np.mean(found) == pytest.approx(0.0475, abs=0.005)


def test_the_best_of_equal_points_is_hardly_taken_for_better():
    """Eleven points that all equal the one of another method, on 400 prompts: their front looks larger by chance. The
    interval of the difference must not add to that; what is left of it is a limit that README tells."""
    random, above, above_by_percentiles = np.random.default_rng(10), [], []
    for trial in range(100):
        shared = random.normal(size=(1, 400, 2))
        many, one = ({0: shared + random.normal(size=(K, 400, 2))} for K in (11, 1))
        a, b = bootstrap_hypervolume([many, one], REF, draws=400, seed=trial)
        above.append(a.minus(b).low > 0)
        above_by_percentiles.append(np.percentile(a.less(b), 2.5) > 0)
    assert np.mean(above) < 0.3
    assert np.mean(above) < np.mean(above_by_percentiles) / 2


def test_what_equal_points_gain_by_chance():
    """One objective: the largest of 5 and of 11 independent means over N prompts is 1.163 and 1.586 standard errors
    above the truth on average (order statistics of normal numbers). Nothing where all points say the same."""
    random = np.random.default_rng(0)
    for K, highest in ((5, 1.163), (11, 1.586)):
        seeds = {seed: random.normal(3, 2, (K, 400, 1)) for seed in range(3)}
        assert gain_by_chance(seeds, [0.5], [-2]) == pytest.approx(highest * 2 / 20, rel=0.05)
    same = np.repeat(random.normal(size=(1, 400, 2)), 5, axis=0)
    assert gain_by_chance({0: same}, [0.0, 0.0], [-2, -2]) == pytest.approx(0, abs=0.01)


def test_identical_methods_do_not_differ():
    same = scores(np.random.default_rng(2), 50, [[0, 1], [1, 0]])
    a, b = bootstrap_hypervolume([{0: same}, {0: same.copy()}], REF, draws=500)
    assert a.minus(b) == (0, 0, 0, 1)


def test_pairing_finds_a_difference_that_single_intervals_hide():
    """Prompts vary much more than methods differ; the same prompts in both make the difference plain."""
    worse = scores(np.random.default_rng(3), 100, [[0, 1], [1, 0]])
    better = worse + 0.1
    a, b = bootstrap_hypervolume([{0: better}, {0: worse}], REF)
    assert a.interval().low < b.interval().high
    difference = a.minus(b)
    assert difference.low > 0
    assert difference.p == pytest.approx(2 / 10_001)
    back = b.minus(a)
    assert (back.difference, back.low, back.high, back.p) == pytest.approx(
        (-difference.difference, -difference.high, -difference.low, difference.p)
    )


def test_the_seed_decides():
    method = {0: scores(np.random.default_rng(4), 30, [[0, 1], [1, 0]])}
    first, again, other = (bootstrap_hypervolume([method], REF, draws=100, seed=s)[0].draws for s in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_methods_on_other_prompts_are_refused():
    with pytest.raises(ValueError, match="same prompts"):
        bootstrap_hypervolume([{0: np.zeros((1, 5, 2))}, {0: np.zeros((1, 6, 2))}], REF)
    with pytest.raises(ValueError, match="same prompts"):
        bootstrap_hypervolume([], REF)


def test_means_are_paired_with_each_other():
    """Every draw of every mean is over the same prompts: scores that differ by a constant do so in every draw."""
    values = scores(np.random.default_rng(5), 40, [[0, 1], [1, 0], [2, 2]])
    values[2] = values[0] + 3
    means = bootstrap_means({0: values}, draws=200)
    found = [[mean.value for mean in row] for row in means]
    np.testing.assert_allclose(found, values.mean(axis=1))
    np.testing.assert_allclose(means[2][1].draws - means[0][1].draws, 3)
    assert means[2][0].minus(means[0][0]).low == pytest.approx(3)
    spread = means[0][0].draws[0].std() / (values[0, :, 0].std() / np.sqrt(40))
    assert 0.85 < spread < 1.15


def test_over_preparations_there_is_one_number_for_each():
    """Values 1 and 3 on preparation 0, 10 on preparation 2: means 2 and 10, draws likewise."""
    draws = np.array([[0.0, 2.0], [2.0, 4.0], [9.0, 11.0]])
    found = Bootstrap(np.array([1.0, 3.0, 10.0]), draws, ((0, 0), (0, 1), (2, 0))).over([0, 0, 2])
    assert found.seeds == (0, 2)
    np.testing.assert_array_equal(found.values, [2, 10])
    np.testing.assert_array_equal(found.draws, [[1, 3], [9, 11]])


def test_one_preparation_keeps_its_trainings():
    found = Bootstrap(np.array([1.0, 3.0]), np.ones((2, 5)), (0, 1))
    assert found.over([0, 0]) is found
