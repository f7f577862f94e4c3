"""Permutation tests, Holm's correction and dominance: hand-derived numbers, exact enumeration, false alarms."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from benchmarks.stats.indicators import hypervolume
from benchmarks.stats.significance import dominance, holm, permutation_test, pseudo_values

REF = (-2.0, -2.0)


def noisy(random: np.random.Generator, mean: float, prompts: int = 40) -> np.ndarray:
    """Scores (2, N, 2) around two points."""
    return np.array([[0.0, 1.0], [1.0, 0.0]])[:, None] + mean + random.normal(size=(2, prompts, 2))


def test_pseudo_values_are_the_jackknife():
    """By leaving out one prompt after the other, for every seed; of a mean they are the values themselves, here for one
    objective."""
    scores = noisy(np.random.default_rng(0), 0.0, 7)
    whole = hypervolume(scores.mean(axis=1), REF)
    expected = [7 * whole - 6 * hypervolume(np.delete(scores, n, axis=1).mean(axis=1), REF) for n in range(7)]
    np.testing.assert_allclose(pseudo_values([scores], REF), [expected])
    one = np.random.default_rng(1).normal(size=(1, 9, 1))
    np.testing.assert_allclose(pseudo_values([one, one + 2], [-9.0]), [one[0, :, 0] + 9, one[0, :, 0] + 11])


def test_the_p_value_is_that_of_all_permutations():
    """Six prompts have 64 ways of changing signs; the share of them that differ at least as much is what sampling must
    find."""
    random = np.random.default_rng(0)
    a, b = random.normal(size=6) + 0.5, random.normal(size=6)
    sums = np.array(list(product((-1, 1), repeat=6))) @ (a - b)
    exact = np.mean(np.abs(sums) >= abs((a - b).sum()) - 1e-9)
    assert 0.05 < exact < 0.95
    assert permutation_test(a, b) == pytest.approx(exact, abs=0.015)


def test_equal_methods_and_different_ones():
    (a,) = pseudo_values([noisy(np.random.default_rng(2), 0.0)], REF)
    assert permutation_test(a, a.copy()) == 1
    assert permutation_test(a + 1, a) == pytest.approx(1 / 10_000), "what was observed counts as a draw"
    assert permutation_test(*(pseudo_values([noisy(np.random.default_rng(s), s, 1)], REF)[0] for s in (0, 3))) == 1


def test_fronts_of_different_size_are_tested_too():
    random = np.random.default_rng(3)
    few, many = noisy(random, 0.0), noisy(random, 0.0)
    many = np.concatenate([many, many[:1] + 1.0])
    assert permutation_test(pseudo_values([many], REF)[0], pseudo_values([few], REF)[0]) < 0.01


def test_false_alarms_are_as_rare_as_they_should_be():
    """At level .05, of 400 comparisons of a method with itself 5 % give or take three binomial SDs (3.3 %)."""
    random = np.random.default_rng(4)
    p = [
        permutation_test(*(pseudo_values([noisy(random, 0), noisy(random, 0)], REF).mean(axis=0) for _ in range(2)))
        for _ in range(400)
    ]
    assert abs(np.mean(np.array(p) <= 0.05) - 0.05) < 0.033


def test_holm_by_hand():
    """Sorted: .005 x 4 = .02; .02 x 3 = .06; .03 x 2 = .06; .9 x 1."""
    np.testing.assert_allclose(holm([0.9, 0.02, 0.005, 0.03]), [0.9, 0.06, 0.02, 0.06])
    np.testing.assert_allclose(holm([0.6, 0.7]), [1, 1])
    assert holm([]).tolist() == []


def test_dominance_counts_draws_in_which_every_objective_is_better():
    a = np.array([[[1.0, 1.0], [0.0, 2.0]], [[1.0, 0.0], [2.0, 2.0]]])
    assert dominance(a - 0.5) == 0.5, "first and last of the four"
    assert dominance(a - a) == 0, "equal points do not dominate each other"
