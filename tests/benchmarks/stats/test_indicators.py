"""Indicators against naive twins, hand-derived numbers (in the docstrings, run here) and properties that must hold."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from benchmarks.stats.indicators import (
    attainment,
    epsilon,
    expected_utility,
    hypervolume,
    igd_plus,
    kendall_tau,
    pareto,
    spearman,
    utility,
)


def naive_hypervolume(points: np.ndarray, ref: np.ndarray) -> float:
    """Inclusion-exclusion over the boxes between ref and each point."""
    total = 0.0
    for size in range(1, len(points) + 1):
        for chosen in combinations(points, size):
            total -= (-1) ** size * np.prod(np.maximum(np.min(chosen, axis=0) - ref, 0))
    return total


def naive_pareto(points: np.ndarray) -> list[int]:
    def dominated(p: np.ndarray) -> bool:
        return any((q >= p).all() and (q > p).any() for q in points)

    return [k for k, p in enumerate(points) if not dominated(p)]


def naive_igd_plus(points: np.ndarray, reference: np.ndarray) -> float:
    return float(np.mean([min(np.linalg.norm(np.maximum(r - p, 0)) for p in points) for r in reference]))


def naive_epsilon(points: np.ndarray, reference: np.ndarray) -> float:
    return max(min((r - p).max() for p in points) for r in reference)


def naive_tau(x: np.ndarray, y: np.ndarray) -> float:
    pairs = list(combinations(range(len(x)), 2))
    agreement = sum(np.sign(x[i] - x[j]) * np.sign(y[i] - y[j]) for i, j in pairs)
    untied = [sum(v[i] != v[j] for i, j in pairs) for v in (x, y)]
    return agreement / np.sqrt(untied[0] * untied[1]) if all(untied) else 0.0


# Few different values, so that ties and duplicates are common.
coordinate = st.sampled_from([-1.5, -1.0, -0.25, 0.0, 0.5, 1.0, 2.0])


@st.composite
def point_sets(draw, sets: int = 1):
    M = draw(st.integers(1, 4))
    made = [draw(arrays(float, (draw(st.integers(1, 6)), M), elements=coordinate)) for _ in range(sets)]
    return made[0] if sets == 1 else made


@given(point_sets())
def test_hypervolume_equals_inclusion_exclusion(points):
    ref = np.full(points.shape[1], -1.0)
    assert hypervolume(points, ref) == pytest.approx(naive_hypervolume(points, ref), abs=1e-12)


@given(point_sets(sets=2))
def test_more_points_never_lose_hypervolume(sets):
    ref = np.full(sets[0].shape[1], -1.0)
    assert hypervolume(np.concatenate(sets), ref) >= max(hypervolume(s, ref) for s in sets) - 1e-12


def test_points_below_ref_contribute_nothing():
    assert hypervolume([[5, -1], [1, 1]], [0, 0]) == 1
    assert hypervolume([[5, -1]], [0, 0]) == 0
    assert hypervolume([[5], [7]], [4]) == 3


def test_hypervolume_of_negative_values_by_hand():
    """Of (-1, -1) over (-2, -2) one; (-3, 5) is beyond the corner in the first objective, (-2, 9) on its boundary. The
    corner stays what the caller gave, whole numbers too."""
    ref = np.array([-2, -2])
    assert hypervolume([[-1, -1], [-3, 5], [-2, 9]], ref) == 1
    assert ref.dtype.kind == "i"
    assert ref.tolist() == [-2, -2]


@given(point_sets())
def test_pareto_equals_brute_force(points):
    assert pareto(points).tolist() == naive_pareto(points)


@given(point_sets(sets=2))
def test_distances_to_a_reference_set_equal_their_definitions(sets):
    points, reference = sets
    assert igd_plus(points, reference) == pytest.approx(naive_igd_plus(points, reference), abs=1e-12)
    assert epsilon(points, reference) == pytest.approx(naive_epsilon(points, reference), abs=1e-12)
    assert igd_plus(reference, reference) == 0
    assert epsilon(points + epsilon(points, reference), reference) == pytest.approx(0, abs=1e-12)


@given(point_sets())
def test_expected_utility_at_the_corners_is_the_best_of_each_objective(points):
    assert expected_utility(points, np.eye(points.shape[1])) == pytest.approx(points.max(axis=0).mean())


@given(point_sets())
def test_utility_is_a_mean_of_means(points):
    """Whoever is asked for each objective alone with one point is worth its mean; in order, point by point."""
    (point, *_), M = points, points.shape[1]
    assert utility([point] * M, np.eye(M)) == pytest.approx(point.mean())
    weights = np.full(points.shape, 1 / M)
    assert utility(points, weights) == pytest.approx(points.mean())


@given(st.integers(2, 12).flatmap(lambda K: arrays(float, (2, K), elements=coordinate)))
def test_kendall_tau_equals_its_definition(xy):
    x, y = xy
    assert kendall_tau(x, y) == pytest.approx(naive_tau(x, y), abs=1e-12)
    assert kendall_tau(y, x) == pytest.approx(kendall_tau(x, y), abs=1e-12)
    assert kendall_tau(x, -y) == pytest.approx(-kendall_tau(x, y), abs=1e-12)


def test_kendall_tau_with_ties_by_hand():
    """x = 1 2 2 3, y = 1 3 2 3: of 6 pairs one is tied in x and one in y; of the other 4 all agree: 4 / sqrt(5 x 5)."""
    assert kendall_tau([1, 2, 2, 3], [1, 3, 2, 3]) == pytest.approx(4 / 5)
    assert kendall_tau([1, 2, 3], [7, 7, 7]) == 0


@pytest.mark.parametrize(
    "call",
    [
        lambda bad: hypervolume(bad, [0, 0]),
        lambda bad: hypervolume([[1, 1]], bad[0]),
        pareto,
        lambda bad: igd_plus(bad, [[1, 1]]),
        lambda bad: igd_plus([[1, 1]], bad),
        lambda bad: epsilon(bad, [[1, 1]]),
        lambda bad: expected_utility([[1, 1]], bad),
        lambda bad: utility([[1, 1]], bad),
        lambda bad: kendall_tau(bad[0], [1, 2]),
        lambda bad: spearman([1, 2], bad),
    ],
)
@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_numbers_that_are_not_finite_are_refused(call, number):
    with pytest.raises(ValueError, match="finite"):
        call([[number, 1]])


@pytest.mark.parametrize(
    "call",
    [
        lambda: hypervolume([1, 2], [0, 0]),
        lambda: hypervolume([[1, 2]], [0]),
        lambda: hypervolume([[1, 2]], 0),
        lambda: hypervolume(np.empty((0, 2)), [0, 0]),
        lambda: pareto([1, 2]),
        lambda: pareto([[]]),
        lambda: igd_plus([[1, 2]], [[1, 2, 3]]),
        lambda: epsilon([[1, 2]], [[1]]),
        lambda: expected_utility([[1, 2]], [[1]]),
        lambda: utility([[1, 2]], [[1]]),
        lambda: utility([[1, 2]], [[1, 0], [0, 1]]),
        lambda: kendall_tau([1, 2], [1, 2, 3]),
        lambda: kendall_tau([1], [1]),
        lambda: spearman([1, 2], [1, 2, 3]),
    ],
)
def test_wrong_shapes_are_refused(call):
    with pytest.raises(ValueError):
        call()


def test_spearman_by_hand():
    """Ranks of (7, 7, 1, 9) are 2.5, 2.5, 1, 4, less their mean 0, 0, -1.5, 1.5; of 1..4 -1.5, -.5, .5, 1.5:
    (-.75 + 2.25) / sqrt(4.5 x 5). One row at a time or all at once; nothing follows a constant."""
    rows = [[7.0, 7.0, 1.0, 9.0], [4.0, 3.0, 2.0, 1.0], [5.0, 5.0, 5.0, 5.0]]
    expected = [1.5 / np.sqrt(22.5), -1.0, 0.0]
    np.testing.assert_allclose(spearman([1, 2, 3, 4], rows), expected)
    np.testing.assert_allclose([spearman([1, 2, 3, 4], row) for row in rows], expected)
    np.testing.assert_allclose(spearman([2, 2, 2, 2], rows), 0)


def test_spearman_without_ties_is_the_textbook_formula():
    """1 - 6 sum d^2 / (K (K^2 - 1)) of the differences between ranks."""
    random = np.random.default_rng(0)
    x, y = random.normal(size=9), random.normal(size=(20, 9))
    differences = x.argsort().argsort() - y.argsort(axis=1).argsort(axis=1)
    np.testing.assert_allclose(spearman(x, y), 1 - 6 * (differences**2).sum(axis=1) / (9 * 80))


@pytest.mark.parametrize("share", [1 / 3, 0.5, 2 / 3, 1.0])
def test_an_attained_surface_is_what_so_many_fronts_reach(share):
    """By definition: a place is under the surface exactly where at least `share` of the fronts have a point at or
    beyond it."""
    random = np.random.default_rng(5)
    fronts = [random.integers(0, 6, size=(4, 2)).astype(float) for _ in range(3)]
    corners = attainment(fronts, share)
    for place in np.stack(np.meshgrid(np.arange(-1, 7), np.arange(-1, 7)), axis=-1).reshape(-1, 2):
        reached = np.mean([bool((front >= place).all(axis=1).any()) for front in fronts])
        assert bool((corners >= place).all(axis=1).any()) == (reached >= share - 1e-9)
