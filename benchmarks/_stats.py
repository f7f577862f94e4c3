"""How sure a hypervolume or a mean score is: the paired bootstrap over prompts.

Every draw resamples the N prompts once, for all methods, seeds and weights alike, so that what is easy or hard about a
prompt cancels in differences. Intervals speak about other prompts, not about other training seeds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import moocore
import numpy as np

from benchmarks._indicators import hypervolume

DRAWS = 10_000
LEVEL = 95.0
"""Per cent of the draws inside an interval."""


class Interval(NamedTuple):
    """A value with its 95 % percentile interval."""

    value: float
    low: float
    high: float


class Difference(NamedTuple):
    """A difference with its 95 % percentile interval and two-sided p value."""

    difference: float
    low: float
    high: float
    p: float


class Bootstrap(NamedTuple):
    """A statistic on all prompts, and on each resampled set of them: (draws,). Two made in one call are paired."""

    value: float
    draws: np.ndarray

    def interval(self) -> Interval:
        """Value and 95 % percentile interval."""
        return Interval(self.value, *_percentiles(self.draws))

    def minus(self, other: Bootstrap) -> Difference:
        """The difference from a paired statistic.

        p is twice the smaller share of draws on either side of 0, with one added to each count: never 0, 1 for equals.
        """
        draws = self.draws - other.draws
        smaller = int(min((draws <= 0).sum(), (draws >= 0).sum()))
        p = min(1.0, 2 * (smaller + 1) / (len(draws) + 1))
        return Difference(self.value - other.value, *_percentiles(draws), p)


def bootstrap_hypervolume(
    methods: Sequence[Sequence[np.ndarray]], ref: Sequence[float], *, draws: int = DRAWS, seed: int = 0
) -> list[Bootstrap]:
    """The hypervolume of every method under resampling of the prompts.

    `methods` has one entry per method: the scores (K, N, M) of each of its seeds. N and the prompts' order are the same
    everywhere; K may differ. A method's hypervolume is the mean over its seeds of the seed's hypervolume at `ref` (M,).
    """
    sizes = {scores.shape[1] for seeds in methods for scores in seeds}
    if len(sizes) != 1:
        raise ValueError(f"all scores must be on the same prompts, got {sorted(sizes)} of them")
    counts = _prompt_counts(sizes.pop(), draws, np.random.default_rng(seed))
    return [
        Bootstrap(
            float(np.mean([hypervolume(scores.mean(axis=1), ref) for scores in seeds])),
            np.mean([hypervolumes(_resampled_points(scores, counts), ref) for scores in seeds], axis=0),
        )
        for seeds in methods
    ]


def bootstrap_means(scores: np.ndarray, *, draws: int = DRAWS, seed: int = 0) -> list[list[Bootstrap]]:
    """The mean of every point and objective of scores (K, N, M) under resampling of the prompts: K lists of M, all paired."""
    K, N, M = scores.shape
    means = scores.mean(axis=1)
    drawn = _resampled_points(scores, _prompt_counts(N, draws, np.random.default_rng(seed)))
    return [[Bootstrap(float(means[k, m]), drawn[:, k, m]) for m in range(M)] for k in range(K)]


def hypervolumes(points: np.ndarray, ref: Sequence[float]) -> np.ndarray:
    """Hypervolumes (draws,) of many sets of points (draws, K, M): all at once in numpy for M <= 2, by moocore beyond.

    >>> hypervolumes(np.array([[[3.0, 1.0], [1.0, 2.0]], [[3.0, -1.0], [1.0, 2.0]]]), [0, 0])
    array([4., 2.])
    """
    objectives = points.shape[2]
    if objectives > 2:
        measure = moocore.Hypervolume(ref=ref, maximise=True)
        return np.array([measure(p) for p in points])
    above = np.maximum(points - np.asarray(ref), 0)
    if objectives == 1:
        return above[..., 0].max(axis=1)
    # From the widest point to the narrowest, each adds the slab by which it is higher than all before it.
    width, height = above[..., 0], above[..., 1]
    order = np.argsort(-width, axis=1)
    stairs = np.maximum.accumulate(np.take_along_axis(height, order, axis=1), axis=1)
    slabs = np.diff(stairs, axis=1, prepend=0)
    return (np.take_along_axis(width, order, axis=1) * slabs).sum(axis=1)


def _prompt_counts(prompts: int, draws: int, random: np.random.Generator) -> np.ndarray:
    """How often each prompt is in each resampled set: (draws, N), rows summing to N."""
    counts = np.empty((draws, prompts))
    for row in counts:
        row[:] = np.bincount(random.integers(prompts, size=prompts), minlength=prompts)
    return counts


def _resampled_points(scores: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Mean scores (draws, K, M) of (K, N, M) over each resampled set of prompts."""
    K, N, M = scores.shape
    return (counts @ scores.transpose(1, 0, 2).reshape(N, K * M) / N).reshape(-1, K, M)


def _percentiles(draws: np.ndarray) -> tuple[float, float]:
    low, high = np.percentile(draws, [50 - LEVEL / 2, 50 + LEVEL / 2])
    return float(low), float(high)
