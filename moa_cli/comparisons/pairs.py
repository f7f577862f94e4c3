"""What a comparison says about two rows, and about the order of all: differences, tests, dominance, other refs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np

from benchmarks import Front
from benchmarks.stats import (
    Bootstrap,
    bootstrap_means,
    detectable_difference,
    dominance,
    hypervolume,
    kendall_tau,
    spread,
)
from moa_cli.comparisons.contributions import Contributions, Sides, Training, differences, over_preparations
from moa_cli.comparisons.parts import LEAST_PROMPTS, Difference, Dominance, Headline, OtherRef, Pair
from moa_cli.comparisons.row import REFS

DRAWS = 2_000
"""Draws for the probability that one point dominates another."""


Counted = Mapping[str, Mapping[Training, np.ndarray]]
"""Scores (K, N, M) of each row by training, as they count."""


Headlines = Mapping[Headline, Mapping[str, tuple[Contributions, float]]]
"""For each headline number, what prompts contribute to that of each row, and the number itself."""


def paired(
    fronts: Mapping[str, Front],
    headlines: Headlines,
    scores: Counted,
    by_chance: Mapping[tuple[str, str], float],
) -> list[Pair]:
    """Every pair of rows once, in the order of the rows, with all that tells the two apart.

    That is the difference in each headline number, tested, and who dominates whom at the weights that both have.
    `fronts` are the rows' first ones; `by_chance` is by how much hypervolumes differ without any reason.
    """
    names = list(combinations(fronts, 2))

    def sides(headline: Headline, a: str, b: str) -> Sides:
        (ours, value), (theirs, other) = (headlines[headline][name] for name in (a, b))
        chance = by_chance[a, b] if headline == "hypervolume" else 0.0
        return Sides(ours, theirs, value - other, by_chance=chance)

    told: dict[Headline, list[Difference]] = {
        headline: differences([sides(headline, a, b) for a, b in names]) for headline in headlines
    }
    means = {
        name: [[over_preparations(m, scores[name]) for m in k] for k in bootstrap_means(scores[name], draws=DRAWS)]
        for name in fronts
    }
    found = []
    for (a, b), volume, worth in zip(names, told["hypervolume"], told["utility"], strict=True):
        i, j = shared_points(fronts[a], fronts[b])
        moved = _moved([means[a][k] for k in i], [means[b][k] for k in j])
        dominates = Dominance(a=dominance(moved), b=dominance(-moved)) if i else None
        found.append(Pair(a=a, b=b, hypervolume=volume, utility=worth, dominance=dominates))
    return found


def detectable(fronts: Mapping[str, Front], headlines: Headlines) -> dict[Headline, float]:
    """How small a difference between two rows is found, in each headline number, with a chance of 80 %.

    Of the rows that are trained several times: the starting policy does not vary as they do. Nothing where there are no
    two of them, or too few prompts, for then nothing is concluded.
    """
    found: dict[Headline, float] = {}
    for headline, rows in headlines.items():
        trained = [own for name, (own, _) in rows.items() if fronts[name].steering != "none"]
        several = [own for own in _apart(trained) if len(own) > 1]
        if len(several) > 1 and several[0].shape[1] >= LEAST_PROMPTS:
            trainings, prompts = min(map(len, several)), several[0].shape[1]
            found[headline] = detectable_difference(spread(several), seeds=trainings, prompts=prompts, rows=len(rows))
    return found


def _apart(rows: Sequence[Contributions]) -> list[np.ndarray]:
    """Rows (S, N) of independent trainings: those of one preparation, or each preparation's mean without what it does
    to all rows alike, which cancels where rows are compared."""
    if not rows or len(rows[0]) == 1:
        return [row[0] for row in rows]
    means = np.array([[one.mean(axis=0) for one in row] for row in rows])
    moved = means.mean(axis=2) - means.mean(axis=(1, 2))[:, None]
    own = (moved - moved.mean(axis=0)) * np.sqrt(len(rows) / max(len(rows) - 1, 1))
    return list(means - moved[:, :, None] + own[:, :, None])


def _moved(a: Sequence[Sequence[Bootstrap]], b: Sequence[Sequence[Bootstrap]]) -> np.ndarray:
    """Differences (draws, K, M) between K points each, over other prompts and seeds."""
    points = [[one.less(other) for one, other in zip(*rows, strict=True)] for rows in zip(a, b, strict=True)]
    return np.array(points).transpose(2, 0, 1) if points else np.empty((0, 0, 0))


def shared_points(a: Front, b: Front) -> tuple[list[int], list[int]]:
    """Points of two fronts that are for the same weights; one that knows no weights is there for all."""
    if _knows_no_weights(b):
        return list(range(len(a.weights))), [0] * len(a.weights)
    if _knows_no_weights(a):
        return [0] * len(b.weights), list(range(len(b.weights)))
    both = [(i, b.weights.index(w)) for i, w in enumerate(a.weights) if w in b.weights]
    return [i for i, _ in both], [j for _, j in both]


def _knows_no_weights(front: Front) -> bool:
    """Whether all weights have the same single point."""
    return len(front.weights) == 1 and (front.steering == "none" or len(set(front.weights[0])) == 1)


def other_refs(scores: Counted, ref: Sequence[float]) -> list[OtherRef]:
    """Hypervolumes of all rows above other refs, and the pairs whose order is another there than at `ref`."""

    def volumes(lower: Sequence[float]) -> dict[str, float]:
        return {
            name: float(np.mean([hypervolume(own.mean(axis=1), lower) for own in trainings.values()]))
            for name, trainings in scores.items()
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
