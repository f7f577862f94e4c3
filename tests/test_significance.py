"""Permutation tests, Holm's correction and dominance: hand-derived numbers, exact enumeration, false alarms."""

from __future__ import annotations

import doctest
from itertools import product

import numpy as np
import pytest

from benchmarks import _significance, dominance, holm, hypervolume, permutation_test

REF = (-2.0, -2.0)


def noisy(random: np.random.Generator, mean: float, prompts: int = 40) -> np.ndarray:
    """Scores (2, N, 2) around two points."""
    return np.array([[0.0, 1.0], [1.0, 0.0]])[:, None] + mean + random.normal(size=(2, prompts, 2))


def test_docstring_numbers():
    assert doctest.testmod(_significance).failed == 0


def test_the_p_value_is_that_of_all_permutations():
    """Six prompts have 64 ways of swapping; the share of them that differ at least as much is what sampling must find."""
    random = np.random.default_rng(0)
    a, b = noisy(random, 0.6, 6), noisy(random, 0.0, 6)

    def difference(swapped: tuple[bool, ...]) -> float:
        mask = np.array(swapped)[None, :, None]
        x, y = np.where(mask, b, a), np.where(mask, a, b)
        return hypervolume(x.mean(axis=1), REF) - hypervolume(y.mean(axis=1), REF)

    observed = difference((False,) * 6)
    exact = np.mean([abs(difference(s)) >= abs(observed) - 1e-12 for s in product((False, True), repeat=6)])
    assert 0.02 < exact < 0.98
    assert permutation_test({0: a}, {0: b}, REF) == pytest.approx(exact, abs=0.025)


def test_all_seeds_of_a_prompt_are_swapped_together():
    """With two equal seeds on each side nothing changes: they say the same thing twice."""
    random = np.random.default_rng(1)
    a, b = noisy(random, 0.3), noisy(random, 0.0)
    assert permutation_test({0: a, 1: a}, {0: b, 1: b}, REF) == permutation_test({0: a}, {0: b}, REF)
    assert permutation_test({0: a, 1: a}, {2: b, 3: b}, REF) == permutation_test({0: a}, {0: b}, REF)


def test_equal_methods_and_different_ones():
    random = np.random.default_rng(2)
    a = noisy(random, 0.0)
    assert permutation_test({0: a}, {0: a.copy()}, REF) == 1
    assert permutation_test({0: a + 1}, {0: a}, REF) == pytest.approx(1 / 5000), "what was observed counts as a draw"
    three = np.random.default_rng(3).normal(size=(2, 20, 3))
    assert permutation_test({0: three + 1}, {0: three}, (-2, -2, -2)) <= 0.01


def test_false_alarms_are_as_rare_as_they_should_be():
    """At level .05, of 400 comparisons of a method with itself 5 % give or take three binomial SDs (3.3 %)."""
    random = np.random.default_rng(4)
    p = [permutation_test({0: noisy(random, 0)}, {0: noisy(random, 0)}, REF) for _ in range(400)]
    assert abs(np.mean(np.array(p) <= 0.05) - 0.05) < 0.033


def test_other_shapes_are_refused():
    with pytest.raises(ValueError, match="same weights and prompts"):
        permutation_test({0: np.zeros((2, 5, 2))}, {0: np.zeros((3, 5, 2))}, REF)


def test_holm_by_hand():
    """Sorted: .005 x 4 = .02; .02 x 3 = .06; .03 x 2 = .06; .9 x 1."""
    np.testing.assert_allclose(holm([0.9, 0.02, 0.005, 0.03]), [0.9, 0.06, 0.02, 0.06])
    np.testing.assert_allclose(holm([0.6, 0.7]), [1, 1])
    assert holm([]).tolist() == []


def test_dominance_counts_draws_in_which_every_objective_is_better():
    a = np.array([[[1.0, 1.0], [0.0, 2.0]], [[1.0, 0.0], [2.0, 2.0]]])
    assert dominance(a, np.full((2, 2, 2), 0.5)) == 0.5, "first and last of the four"
    assert dominance(a, a) == 0, "equal points do not dominate each other"
