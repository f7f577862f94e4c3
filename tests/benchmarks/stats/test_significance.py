"""Pseudo-values, Holm's correction and dominance: hand-derived numbers."""

from __future__ import annotations

import numpy as np

from benchmarks.stats.indicators import hypervolume
from benchmarks.stats.significance import dominance, holm, pseudo_values

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


def test_a_single_prompt_contributes_nothing():
    """Left out it leaves nothing, so nothing can be told: 0 in each of two trainings."""
    assert pseudo_values([np.ones((2, 1, 2))] * 2, REF).tolist() == [[0], [0]]


def test_holm_by_hand():
    """Sorted: .005 x 4 = .02; .02 x 3 = .06; .03 x 2 = .06; .9 x 1."""
    np.testing.assert_allclose(holm([0.9, 0.02, 0.005, 0.03]), [0.9, 0.06, 0.02, 0.06])
    np.testing.assert_allclose(holm([0.6, 0.7]), [1, 1])
    assert holm([]).tolist() == []


def test_dominance_counts_draws_in_which_every_objective_is_better():
    a = np.array([[[1.0, 1.0], [0.0, 2.0]], [[1.0, 0.0], [2.0, 2.0]]])
    assert dominance(a - 0.5) == 0.5, "first and last of the four"
    assert dominance(a - a) == 0, "equal points do not dominate each other"
