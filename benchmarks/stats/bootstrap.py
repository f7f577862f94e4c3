"""How sure a hypervolume or a mean score is: the paired bootstrap over prompts, nested in the variation between seeds.

Every draw resamples the N prompts once, for all methods, seeds and weights alike, so that what is easy or hard about a
prompt cancels in differences. With one seed an interval speaks about other prompts only. With S >= 2 it speaks about
other trainings too. A few seeds cannot be resampled, as no draw would reach beyond those that happen to be there:
instead every draw adds Student's t with S - 1 degrees of freedom, times the standard error of the mean over seeds.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, TypeVar

import moocore
import numpy as np

from benchmarks.stats.indicators import hypervolume

Key = TypeVar("Key", bound=Hashable)


DRAWS = 10_000


LEVEL = 0.95
"""Share of the draws inside an interval."""


class Interval(NamedTuple):
    """A value with its 95 % interval."""

    value: float
    low: float
    high: float

    def within(self, least: float, most: float) -> Interval:
        """The interval of a quantity that is never outside these bounds, cut to them.

        >>> Interval(0.9, 0.7, 1.1).within(-1, 1)
        Interval(value=0.9, low=0.7, high=1)
        """
        return Interval(*(min(max(number, least), most) for number in self))


class Difference(NamedTuple):
    """A difference with its 95 % interval and two-sided p value."""

    difference: float
    low: float
    high: float
    p: float


@dataclass(frozen=True, eq=False)
class Bootstrap:
    """A statistic of every seed: on all prompts (S,), and on each resampled set of them (S, draws).

    Those that are made in one call are paired.
    """

    values: np.ndarray
    draws: np.ndarray
    seeds: tuple[Hashable, ...]
    """What tells trainings apart: seeds, or preparations with seeds."""

    @property
    def value(self) -> float:
        """Mean over seeds."""
        return float(self.values.mean())

    def over(self, preparations: Sequence[int]) -> Bootstrap:
        """The mean of each preparation where there are several, of S trainings on these preparations (S,).

        How these means vary holds how trainings do.
        """
        several = tuple(dict.fromkeys(preparations))
        if len(several) == 1:
            return self
        own = [[p == preparation for p in preparations] for preparation in several]
        values, draws = zip(*((self.values[k].mean(), self.draws[k].mean(axis=0)) for k in own), strict=True)
        return Bootstrap(np.array(values), np.stack(draws), several)

    @property
    def corrected(self) -> float:
        """The value less its bias, as the draws show it: the best of several noisy points looks better than it is.

        Where points are equal in truth, what is taken off is only a part of the bias.
        """
        return 2 * self.value - float(self.draws.mean())

    def interval(self) -> Interval:
        """Value and 95 % percentile interval, widened to hold the value.

        A value at a bound would lie outside, as draws only fall short of it.
        """
        low, high = _percentiles(self.nested())
        return Interval(self.value, min(low, self.value), max(high, self.value))

    def minus(self, other: Bootstrap) -> Difference:
        """The difference from a paired statistic, seed by seed where both have the same seeds.

        The interval is the basic one (Davison & Hinkley 1997, 5.2): draws are reflected at the difference. In every
        draw the best of several noisy points looks better than it is, more so than in the data; percentiles would count
        that bias twice where this takes it off. p is twice the smaller share of draws on either side of 0, with one
        added to each count: never 0, 1 for equals.
        """
        draws = 2 * (self.value - other.value) - self.less(other)
        smaller = int(min((draws <= 0).sum(), (draws >= 0).sum()))
        p = min(1.0, 2 * (smaller + 1) / (len(draws) + 1))
        return Difference(self.value - other.value, *_percentiles(draws), p)

    def less(self, other: Bootstrap) -> np.ndarray:
        """What the difference from a paired statistic might have been (draws,), see `nested`."""
        if self.seeds == other.seeds:
            return Bootstrap(self.values - other.values, self.draws - other.draws, self.seeds).nested()
        return self.nested() - other.nested(stream=1)

    def nested(self, stream: int = 0) -> np.ndarray:
        """What the mean over seeds might have been (draws,), with other prompts and other seeds.

        Seeds vary where there are several. Equal streams draw equal noise.

        The variance between seeds holds what each seed's own answers add to it; the draws over prompts are narrowed to
        what all seeds have in common, so that this is not counted twice.
        """
        common, S = self.draws.mean(axis=0), len(self.seeds)
        if S == 1:
            return common
        center, variance = common.mean(), common.var()
        own = (self.draws - common).var(axis=1).sum() / (S - 1)
        narrower = np.sqrt(max(0.0, 1 - own / (S * variance))) if variance > 0 else 0.0
        error = self.values.std(ddof=1) / np.sqrt(S)
        return center + narrower * (common - center) + error * _noise(stream, S, common.size)


@lru_cache(maxsize=8)
def _noise(stream: int, seeds: int, draws: int) -> np.ndarray:
    """How far the mean over so many seeds may be off (draws,), in its standard errors."""
    noise = np.random.default_rng([stream, seeds]).standard_t(seeds - 1, size=draws)
    noise.flags.writeable = False
    return noise


def bootstrap_hypervolume(
    methods: Sequence[Mapping[Key, np.ndarray]], ref: Sequence[float], *, draws: int = DRAWS, seed: int = 0
) -> list[Bootstrap]:
    """The hypervolume at `ref` (M,) of every method and seed, under resampling of the prompts.

    `methods` has one entry per method: the scores (K, N, M) by training seed. N and the prompts' order are the same
    everywhere; K may differ.
    """
    sizes = {scores.shape[1] for seeds in methods for scores in seeds.values()}
    if len(sizes) != 1:
        raise ValueError(f"all scores must be on the same prompts, got {sorted(sizes)} of them")
    counts = _prompt_counts(sizes.pop(), draws, seed)
    return [
        Bootstrap(
            np.array([hypervolume(scores.mean(axis=1), ref) for scores in seeds.values()]),
            np.stack([hypervolumes(_resampled_points(scores, counts), ref) for scores in seeds.values()]),
            tuple(seeds),
        )
        for seeds in methods
    ]


def gain_by_chance(
    seeds: Mapping[Key, np.ndarray], point: Sequence[float], ref: Sequence[float], *, draws: int = 2_000
) -> float:
    """By how much the hypervolume of points (K, N, M), by training seed, would exceed that of one `point` (M,) that all
    of them equal in truth: the best of K noisy points looks better than it is.

    By resampled prompts of the points' own scores, each moved to have that mean.
    """
    equal = {seed: scores - scores.mean(axis=1, keepdims=True) + point for seed, scores in seeds.items()}
    [found] = bootstrap_hypervolume([equal], ref, draws=draws)
    return float(found.draws.mean()) - hypervolume([point], ref)


def bootstrap_means(seeds: Mapping[Key, np.ndarray], *, draws: int = DRAWS, seed: int = 0) -> list[list[Bootstrap]]:
    """The mean of every point and objective under resampling of the prompts: K lists of M, all paired.

    `seeds` holds the scores (K, N, M) of each training seed.
    """
    scores = np.stack(list(seeds.values()))
    _, K, N, M = scores.shape
    counts = _prompt_counts(N, draws, seed)
    means, drawn = scores.mean(axis=2), np.stack([_resampled_points(s, counts) for s in scores])
    return [[Bootstrap(means[:, k, m], drawn[:, :, k, m], tuple(seeds)) for m in range(M)] for k in range(K)]


def hypervolumes(points: np.ndarray, ref: Sequence[float]) -> np.ndarray:
    """Hypervolumes (draws,) of many sets of points (draws, K, M): all at once in numpy for M <= 3, by moocore beyond.

    >>> hypervolumes(np.array([[[3.0, 1.0], [1.0, 2.0]], [[3.0, -1.0], [1.0, 2.0]]]), [0, 0])
    array([4., 2.])
    """
    objectives = points.shape[2]
    if objectives > 3:
        measure = moocore.Hypervolume(ref=ref, maximise=True)
        return np.array([measure(p) for p in points])
    above = np.maximum(points - np.asarray(ref), 0)
    if objectives == 1:
        return above[..., 0].max(axis=1)
    if objectives == 3:  # slabs from the highest point down, each as wide as the points that reach it
        above = np.take_along_axis(above, np.argsort(-above[..., 2:], axis=1), axis=1)
        slabs = -np.diff(above[..., 2], axis=1, append=0)
        areas = [hypervolumes(above[:, : k + 1, :2], (0, 0)) for k in range(above.shape[1])]
        return (np.stack(areas, axis=1) * slabs).sum(axis=1)
    # From the widest point to the narrowest, each adds the slab by which it is higher than all before it.
    width, height = above[..., 0], above[..., 1]
    order = np.argsort(-width, axis=1)
    stairs = np.maximum.accumulate(np.take_along_axis(height, order, axis=1), axis=1)
    slabs = np.diff(stairs, axis=1, prepend=0)
    return (np.take_along_axis(width, order, axis=1) * slabs).sum(axis=1)


@lru_cache(maxsize=2)
def _prompt_counts(prompts: int, draws: int, seed: int) -> np.ndarray:
    """How often each prompt is in each resampled set: (draws, N), rows summing to N."""
    picked = np.random.default_rng(seed).integers(prompts, size=(draws, prompts)) + prompts * np.arange(draws)[:, None]
    return np.bincount(picked.ravel(), minlength=draws * prompts).reshape(draws, prompts).astype(float)


def _resampled_points(scores: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Mean scores (draws, K, M) of (K, N, M) over each resampled set of prompts."""
    K, N, M = scores.shape
    return (counts @ scores.transpose(1, 0, 2).reshape(N, K * M) / N).reshape(-1, K, M)


def _percentiles(draws: np.ndarray) -> tuple[float, float]:
    low, high = np.percentile(draws, [50 - 50 * LEVEL, 50 + 50 * LEVEL])
    return float(low), float(high)
