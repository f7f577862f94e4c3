"""What a comparison says about two rows, and about the order of all: differences, tests, dominance, other refs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from itertools import combinations

import numpy as np

from benchmarks import Front
from benchmarks.stats import (
    Bootstrap,
    bootstrap_hypervolume,
    bootstrap_means,
    dominance,
    holm,
    hypervolume,
    kendall_tau,
    permutation_test,
    pseudo_values,
)
from moa_cli.comparisons.document import Pair
from moa_cli.comparisons.parts import Dominance, OtherRef
from moa_cli.comparisons.row import REFS, knows_no_weights, nearest_points

DRAWS = 2_000
"""Draws for the probability that one point dominates another."""


Groups = Mapping[str, Sequence[Front]]


Counted = Mapping[str, Mapping[int, np.ndarray]]
"""Scores (K, N, M) of each row by seed, as they count."""


def differences(groups: Groups, scores: Counted) -> list[Pair]:
    """Every pair of rows once, in the order of `groups`, with all that tells the two apart.

    That is the difference of their hypervolumes, at equally many points, with its interval, the permutation test
    (alone, and corrected for the number of tests), and who dominates whom at the weights that both have.
    """
    ref = next(iter(groups.values()))[0].card.ref
    means = {name: bootstrap_means(by_seed, draws=DRAWS) for name, by_seed in scores.items()}

    @cache
    def sampled(name: str, points: tuple[int, ...]) -> tuple[Bootstrap, np.ndarray]:
        """The hypervolume of some points of a row, and what every prompt contributes to it."""
        own = {seed: one[list(points)] for seed, one in scores[name].items()}
        return bootstrap_hypervolume([own], ref)[0], pseudo_values(list(own.values()), ref).mean(axis=0)

    found: list[Pair] = []
    tests: list[float] = []
    for a, b in combinations(groups, 2):
        fronts = groups[a][0], groups[b][0]
        (one, ours), (other, theirs) = map(sampled, (a, b), equally_many(*fronts))
        i, j = shared_points(*fronts)
        moved = _moved([means[a][k] for k in i], [means[b][k] for k in j])
        tests.append(permutation_test(ours, theirs))
        dominates = Dominance(a=dominance(moved), b=dominance(-moved)) if i else None
        difference = one.minus(other)._asdict()
        found.append(Pair(a=a, b=b, **difference, p_permutation=tests[-1], p_holm=None, dominance=dominates))
    return [pair.model_copy(update={"p_holm": p}) for pair, p in zip(found, holm(tests).tolist(), strict=True)]


def _moved(a: Sequence[Sequence[Bootstrap]], b: Sequence[Sequence[Bootstrap]]) -> np.ndarray:
    """Differences (draws, K, M) between K points each, over other prompts and seeds."""
    points = [[one.less(other) for one, other in zip(*rows, strict=True)] for rows in zip(a, b, strict=True)]
    return np.array(points).transpose(2, 0, 1) if points else np.empty((0, 0, 0))


def equally_many(a: Front, b: Front) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The points by which two fronts are compared: as many of the one as of the other.

    More points make a larger hypervolume without being better, so the larger front is reduced to those nearest to the
    weights of the smaller. All of both where one does not know weights: that point is its whole front.
    """
    if len(a.weights) > len(b.weights):
        return equally_many(b, a)[::-1]
    few = range(len(b.weights)) if knows_no_weights(a) else nearest_points(b.weights, a.weights)
    return tuple(range(len(a.weights))), tuple(few)


def shared_points(a: Front, b: Front) -> tuple[list[int], list[int]]:
    """Points of two fronts that are for the same weights; one that knows no weights is there for all."""
    if knows_no_weights(b):
        return list(range(len(a.weights))), [0] * len(a.weights)
    if knows_no_weights(a):
        return [0] * len(b.weights), list(range(len(b.weights)))
    both = [(i, b.weights.index(w)) for i, w in enumerate(a.weights) if w in b.weights]
    return [i for i, _ in both], [j for _, j in both]


def other_refs(scores: Counted, ref: Sequence[float]) -> list[OtherRef]:
    """Held-out hypervolumes of all rows above other refs, and the pairs whose order is another there than at `ref`."""

    def volumes(lower: Sequence[float]) -> dict[str, float]:
        return {
            name: float(np.mean([hypervolume(own.mean(axis=1), lower) for own in seeds.values()]))
            for name, seeds in scores.items()
        }

    usual = volumes(ref)
    rows = []
    for sds in REFS:
        lower = (-sds,) * len(ref)
        at = volumes(lower)
        flips = tuple((a, b) for a, b in combinations(scores, 2) if (usual[a] - usual[b]) * (at[a] - at[b]) < 0)
        rows.append(OtherRef(sds=sds, ref=lower, hypervolume=at, flips=flips))
    return rows


def agreement(rewards: Mapping[str, Bootstrap], scores: Mapping[str, Bootstrap]) -> float | None:
    """Whether rewards and scores order the rows alike: Kendall's tau of the hypervolumes."""
    if len(rewards) < 3:
        return None
    return kendall_tau([rewards[name].value for name in rewards], [scores[name].value for name in rewards])
