"""Quality of a set of points as one number, after moocore. Everything is maximised; K points, M objectives.

Points and weights must be finite matrices of matching width, else ValueError: moocore itself counts a NaN as nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import moocore
import numpy as np
from numpy.typing import ArrayLike


def hypervolume(points: ArrayLike, ref: ArrayLike) -> float:
    """Volume dominated by points (K, M) above `ref` (M,): exact, in the product of all units.

    A point counts where it exceeds `ref` on every objective; one that is below on any of them contributes nothing.

    >>> hypervolume([[3, 1], [1, 2]], [0, 0])  # 3 x 1 + 1 x 2, less the shared 1 x 1
    4.0
    """
    low = _vector(ref, "ref")
    return float(moocore.hypervolume(_matrix(points, "points", len(low)), ref=low, maximise=True))


def pareto(points: ArrayLike) -> np.ndarray:
    """Indices, ascending, of the points (K, M) that no other point dominates. Equal points stay together.

    >>> pareto([[3, 1], [2, 0], [1, 2]])
    array([0, 2])
    """
    found = moocore.is_nondominated(_matrix(points, "points"), maximise=True, keep_weakly=True)
    return np.flatnonzero(found)


def igd_plus(points: ArrayLike, reference: ArrayLike) -> float:
    """Mean distance by which points (K, M) fall short of each reference point (R, M); 0 is best (IGD+, Ishibuchi 2015).

    Only shortfalls count: the distance from a reference point is zero once some point is at least as good everywhere.

    >>> igd_plus([[0, 5]], [[3, 1], [0, 4]])  # 3 short of the first, beyond the second
    1.5
    """
    points = _matrix(points, "points")
    return float(moocore.igd_plus(points, ref=_matrix(reference, "reference", points.shape[1]), maximise=True))


def epsilon(points: ArrayLike, reference: ArrayLike) -> float:
    """The least amount to add to every coordinate of `points` (K, M) so that they weakly dominate `reference` (R, M).

    Negative where the points are better throughout (additive epsilon, Zitzler et al. 2003).

    >>> epsilon([[0, 5]], [[3, 1], [0, 4]])
    3.0
    """
    points = _matrix(points, "points")
    return float(moocore.epsilon_additive(points, ref=_matrix(reference, "reference", points.shape[1]), maximise=True))


def expected_utility(points: ArrayLike, weights: ArrayLike) -> float:
    """Mean over weights (L, M) of the best scalarised value max_k w . point_k (EUM, Zintgraf et al. 2015).

    >>> expected_utility([[3, 1], [1, 2]], [[1, 0], [0, 1]])  # (3 + 2) / 2
    2.5
    """
    points = _matrix(points, "points")
    return float((_matrix(weights, "weights", points.shape[1]) @ points.T).max(axis=1).mean())


def utility(points: ArrayLike, weights: ArrayLike) -> float:
    """Mean over k of w_k . point_k: what points (K, M) are worth to who asked for weights (K, M) and got them.

    Unlike `expected_utility` it takes the point that a weight was answered with, not the best of all: there is nothing
    to gain from noise, and obeying the weights counts.

    >>> utility([[3, 1], [1, 2]], [[1, 0], [0.5, 0.5]])  # (3 + 1.5) / 2
    2.25
    """
    points = _matrix(points, "points")
    asked = _matrix(weights, "weights", points.shape[1])
    if len(asked) != len(points):
        raise ValueError(f"points and weights must be as many, got {len(points)} and {len(asked)}")
    return float((points * asked).sum(axis=1).mean())


def attainment(fronts: Sequence[ArrayLike], share: float) -> np.ndarray:
    """Corners (R, M) of the surface that at least `share` of the fronts (K, M) attain.

    Everything a corner dominates is dominated by that many of them (empirical attainment function, Fonseca et al.
    2011).

    >>> attainment([[[3, 1], [1, 2]], [[2, 2]]], 1.0)  # what both attain
    array([[1., 2.],
           [2., 1.]])
    """
    points = [_matrix(front, "front") for front in fronts]
    sets = np.repeat(np.arange(len(points)), [len(p) for p in points])
    # the smallest percentile that rounding cannot push beyond the next front
    percentile = 100 * np.ceil(share * len(points) - 1e-9) / len(points)
    found = moocore.eaf(-np.concatenate(points), sets=sets, percentiles=[percentile])
    corners = -found[:, :-1]
    return corners[np.argsort(corners[:, 0])]


def kendall_tau(x: ArrayLike, y: ArrayLike) -> float:
    """Rank correlation tau-b of two vectors (K,), K >= 2: 1 where y rises with x, -1 where it falls; ties count.

    0 where one of them is constant: it follows nothing.

    >>> kendall_tau([1, 2, 3], [1, 3, 2])  # two pairs agree, one does not
    0.3333333333333333
    """
    x, y = _vector(x, "x"), _vector(y, "y")
    if len(x) != len(y) or len(x) < 2:
        raise ValueError(f"x and y must be equally long, at least 2, got {len(x)} and {len(y)}")
    rising_x, rising_y = np.sign(x[:, None] - x), np.sign(y[:, None] - y)
    untied = np.abs(rising_x).sum() * np.abs(rising_y).sum()
    return float((rising_x * rising_y).sum() / np.sqrt(untied)) if untied else 0.0


def spearman(x: ArrayLike, y: ArrayLike) -> np.ndarray:
    """Spearman's rank correlation of x (K,) with each row of y (..., K): 1 where it rises with x, -1 where it falls.

    Ties share the mean of their ranks. 0 where x or a row is constant: it follows nothing.

    >>> spearman([1, 2, 3], [[1, 3, 2], [5, 5, 5]])
    array([0.5, 0. ])
    """
    rows = np.asarray(y, dtype=float)
    x = _vector(x, "x")
    if rows.shape[-1:] != x.shape:
        raise ValueError(f"the rows of y must have {len(x)} entries, as x has, got shape {rows.shape}")
    a, b = (ranks - (len(x) + 1) / 2 for ranks in (_ranks(x), _ranks(_finite(rows, "y"))))
    size = np.sqrt((a**2).sum() * (b**2).sum(axis=-1))
    return np.divide((a * b).sum(axis=-1), size, out=np.zeros(size.shape), where=size > 0)


def _ranks(rows: np.ndarray) -> np.ndarray:
    """Ranks 1..K along the last axis; equal entries share the mean of theirs."""
    one, other = rows[..., :, None], rows[..., None, :]
    return (one > other).sum(axis=-1) + ((one == other).sum(axis=-1) + 1) / 2


def _matrix(values: ArrayLike, name: str, width: int | None = None) -> np.ndarray:
    """`values` as a finite, non-empty float matrix, `width` wide where given. Never the caller's own array."""
    matrix = np.array(values, dtype=float)
    if matrix.ndim != 2 or 0 in matrix.shape or (width is not None and matrix.shape[1] != width):
        expected = "(K, M)" if width is None else f"(K, {width})"
        raise ValueError(f"{name} must have shape {expected} and not be empty, got {matrix.shape}")
    return _finite(matrix, name)


def _vector(values: ArrayLike, name: str) -> np.ndarray:
    """`values` as a finite, non-empty float vector."""
    vector = np.array(values, dtype=float)
    if vector.ndim != 1 or len(vector) == 0:
        raise ValueError(f"{name} must be a vector and not be empty, got shape {vector.shape}")
    return _finite(vector, name)


def _finite(values: np.ndarray, name: str) -> np.ndarray:
    if not np.isfinite(values).all():
        raise ValueError(f"{name} must be finite, got {values.tolist()}")
    return values
