"""What a comparison says about two rows, and about the order of all: differences, tests, dominance, other corners."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from benchmarks import (
    Bootstrap,
    Front,
    bootstrap_means,
    dominance,
    holm,
    hypervolume,
    kendall_tau,
    permutation_test,
    pseudo_values,
)

REFS = (1.0, 1.5, 2.0, 3.0, 4.0)
"""Corners at which the order is looked at again, in SFT standard deviations below the SFT mean."""
DRAWS = 2_000
"""For the probability that one point dominates another."""

Groups = Mapping[str, Sequence[Front]]
Counted = Mapping[str, Mapping[int, np.ndarray]]
"""Scores (K, N, M) of each row by seed, as they count."""


def differences(groups: Groups, volumes: Mapping[str, Bootstrap], scores: Counted) -> list[dict[str, Any]]:
    """Every pair of rows once, in the order of `groups`: the difference of their hypervolumes with its interval, the permutation
    test (alone, and corrected for the number of tests), and who dominates whom at the weights that both have."""
    means = {name: _means(by_seed) for name, by_seed in scores.items()}
    ref = next(iter(groups.values()))[0].card.ref
    contributions = {name: pseudo_values(list(by_seed.values()), ref) for name, by_seed in scores.items()}
    found = []
    for a, b in combinations(groups, 2):
        i, j = shared_points(groups[a][0], groups[b][0])
        one, other = means[a][:, i], means[b][:, j]
        better = {"a": dominance(one, other), "b": dominance(other, one)} if i else None
        p = permutation_test(contributions[a], contributions[b])
        difference = volumes[a].minus(volumes[b])._asdict()
        found.append({"a": a, "b": b, **difference, "p_permutation": p, "dominance": better})
    corrected = holm([pair["p_permutation"] for pair in found])
    return [pair | {"p_holm": p} for pair, p in zip(found, corrected.tolist(), strict=True)]


def _means(scores: Mapping[int, np.ndarray]) -> np.ndarray:
    """Mean scores (draws, K, M) over other prompts and seeds."""
    means = bootstrap_means(scores, draws=DRAWS)
    return np.array([[mean.nested() for mean in row] for row in means]).transpose(2, 0, 1)


def shared_points(a: Front, b: Front) -> tuple[list[int], list[int]]:
    """Points of two fronts that are for the same weights; a front of one point that knows no weights is there for all."""
    if len(a.weights) == 1 or len(b.weights) == 1:
        K = max(len(a.weights), len(b.weights))
        return tuple(list(range(K)) if len(f.weights) == K else [0] * K for f in (a, b))  # type: ignore[return-value]
    both = [(i, b.weights.index(w)) for i, w in enumerate(a.weights) if w in b.weights]
    return [i for i, _ in both], [j for _, j in both]


def other_refs(scores: Counted, ref: Sequence[float]) -> list[dict[str, Any]]:
    """Held-out hypervolumes of all rows at other corners, and the pairs whose order is another there than at `ref`."""

    def volumes(corner: Sequence[float]) -> dict[str, float]:
        return {
            name: float(np.mean([hypervolume(own.mean(axis=1), corner) for own in seeds.values()]))
            for name, seeds in scores.items()
        }

    usual = volumes(ref)
    rows = []
    for sds in REFS:
        corner = (-sds,) * len(ref)
        at = volumes(corner)
        flips = [[a, b] for a, b in combinations(scores, 2) if (usual[a] - usual[b]) * (at[a] - at[b]) < 0]
        rows.append({"sds": sds, "ref": list(corner), "hypervolume": at, "flips": flips})
    return rows


def agreement(reward: Mapping[str, Bootstrap], evaluator: Mapping[str, Bootstrap]) -> float | None:
    """Whether training rewards and held-out evaluators put the rows in the same order: Kendall's tau of the hypervolumes."""
    if len(reward) < 3:
        return None
    return kendall_tau([reward[name].value for name in reward], [evaluator[name].value for name in reward])
