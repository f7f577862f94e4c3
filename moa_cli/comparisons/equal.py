"""Equal points: by which points of each row all rows are compared, and which point answers a weight."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from benchmarks import Front, Weights

DIGITS = 9
"""Distances that differ by less are equal: weights are decimal, their sums are not."""


class Asked(NamedTuple):
    """What a front was asked for: K weights, and for each the number of the policy that answered."""

    weights: tuple[Weights, ...]
    policies: tuple[int, ...]

    @property
    def distinct(self) -> int:
        return len(set(self.policies))


def policies(seeds: Sequence[Front]) -> tuple[int, ...]:
    """For each of K points the number of its policy: the same where answers to all prompts are, at every seed.

    All methods draw an answer with the same random numbers, so that one policy asked for the same says the same; and
    the same answers have the same rewards, scores and lengths.
    """
    numbers: dict[bytes, int] = {}
    return tuple(numbers.setdefault(_said(seeds, k), len(numbers)) for k in range(len(seeds[0].points)))


def _said(seeds: Sequence[Front], k: int) -> bytes:
    """What tells the answers of a point from others."""
    points = [front.points[k] for front in seeds]
    told = [values for p in points for values in (p.rewards, p.scores, p.tokens)]
    return b"".join((np.round(values, 6) + 0.0).tobytes() for values in told)


def equal_points(rows: Mapping[str, Asked]) -> dict[str, list[int]]:
    """The points by which rows are compared: of every row K that are distinct policies.

    More points make a larger hypervolume without being better. So K is the least number of distinct policies among rows
    that have several, and a larger front is taken at its points nearest to the weights of the smallest. A row that has
    one policy is that point, whatever it was asked for.
    """
    several = [asked for asked in rows.values() if asked.distinct > 1]
    if not several:
        return {name: [0] for name in rows}
    smallest = min(several, key=lambda asked: (asked.distinct, len(asked.weights), asked.weights))
    grid = [smallest.weights[k] for k in _first_asked(smallest)]
    return {name: nearest_points(asked, grid) if asked.distinct > 1 else [0] for name, asked in rows.items()}


def _first_asked(asked: Asked) -> list[int]:
    """One point for every policy of a front: that of a corner of the simplex, else the middle of its points."""
    chosen = []
    for policy in dict.fromkeys(asked.policies):
        own = [k for k, other in enumerate(asked.policies) if other == policy]
        middle = np.mean([asked.weights[k] for k in own], axis=0)
        chosen.append(min(own, key=lambda k: (max(asked.weights[k]) < 1, *nearness(asked.weights[k], middle))))
    return chosen


def nearest_points(asked: Asked, grid: Sequence[Weights]) -> list[int]:
    """For each of the grid's weights the nearest point whose policy is not yet taken, as far as there are any.

    >>> asked = Asked(((1.0, 0.0), (0.6, 0.4), (0.5, 0.5), (0.0, 1.0)), (0, 1, 1, 2))
    >>> nearest_points(asked, [(1.0, 0.0), (0.5, 0.5), (0.0, 1.0)])
    [0, 2, 3]
    """
    left, taken = list(range(len(asked.weights))), []
    for w in grid[: asked.distinct]:
        nearest = min(left, key=lambda k: nearness(asked.weights[k], w))
        left = [k for k in left if asked.policies[k] != asked.policies[nearest]]
        taken.append(nearest)
    return taken


def answering(weights: Sequence[Weights], asked: Sequence[Weights]) -> list[int]:
    """For each weight that is asked for, the point that answers: the one whose weights are nearest.

    >>> answering([(1.0, 0.0), (0.5, 0.5), (0.0, 1.0)], [(0.8, 0.2), (0.7, 0.3)])
    [0, 1]
    """
    return [min(range(len(weights)), key=lambda k: nearness(weights[k], w)) for w in asked]


def largest_grid(grids: Iterable[tuple[Weights, ...]]) -> tuple[Weights, ...]:
    """The weights that all rows are asked for: those of the row that has most."""
    return max(grids, key=lambda weights: (len(weights), weights))


def nearness(weights: Weights, to: Sequence[float] | np.ndarray) -> tuple[float, float]:
    """What is least for the nearest weights; of two as near, those farther from equal weights."""
    distance = float(np.abs(np.subtract(weights, to)).sum())
    from_equal = float(np.abs(np.subtract(weights, 1 / len(weights))).sum())
    return round(distance, DIGITS), -round(from_equal, DIGITS)
