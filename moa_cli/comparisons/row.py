"""What a comparison says about one row: its indicators, its points, its spread over seeds, its scores per prompt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from benchmarks import Front, Weights
from benchmarks.measure import known, read_answers
from benchmarks.spec import simplex_grid
from benchmarks.stats import Bootstrap, attainment, expected_utility, hypervolume, igd_plus, kendall_tau, pareto

KINDS = ("reward", "evaluator")


REFS = (1.0, 1.5, 2.0, 3.0, 4.0)
"""Corners at which the order of rows is looked at again, in SFT standard deviations below the SFT mean."""


def counted(front: Front, kind: str, *, keep_collapsed: bool = False) -> np.ndarray:
    """Scores (K, N, M) as they count: a collapsed point lies at or below every corner and adds no hypervolume."""
    scores = front.scores if kind == "reward" else front.evaluator
    if keep_collapsed:
        return scores
    return np.where(front.sound[:, None, None], scores, np.minimum(front.card.ref, -max(REFS)))


def best_points(fronts: Sequence[np.ndarray]) -> np.ndarray:
    """The non-dominated points (R, M) of several fronts (K, M) together."""
    pooled = np.concatenate(fronts)
    return pooled[pareto(pooled)]


def quality(
    volume: Bootstrap, seeds: Sequence[np.ndarray], best: np.ndarray, few: Sequence[int] | None, ref: Sequence[float]
) -> dict[str, float | None]:
    """Indicators of a row under one kind of score.

    `seeds` holds each seed's points (K, M), `few` the points that make it as large as the smallest front, `best` what
    IGD+ is the distance to.
    """
    even = simplex_grid(best.shape[1], 10)
    value, low, high = volume.interval()
    return {
        "hypervolume": value,
        "hv_low": low,
        "hv_high": high,
        "hv_corrected": volume.corrected,
        "hv_equal": None if few is None else mean([hypervolume(points[list(few)], ref) for points in seeds]),
        "igd_plus": mean([igd_plus(points, best) for points in seeds]),
        "eum": mean([expected_utility(points, even) for points in seeds]),
    }


def smallest_grid(fronts: Sequence[Front]) -> tuple[Weights, ...] | None:
    """The weights of the smallest steered front, None where all have as many points."""
    grids = [f.weights for f in fronts if not knows_no_weights(f)]
    return min(grids, key=len) if len({len(grid) for grid in grids}) > 1 else None


def knows_no_weights(front: Front) -> bool:
    """Whether all weights have the same single point."""
    return len(front.weights) == 1 and (front.steering == "none" or len(set(front.weights[0])) == 1)


def nearest_points(weights: Sequence[Weights], grid: Sequence[Weights]) -> list[int]:
    """For each of the grid's weights the nearest point that is not yet taken, as far as there are any.

    >>> nearest_points([(1.0, 0.0), (0.6, 0.4), (0.5, 0.5), (0.0, 1.0)], [(1.0, 0.0), (0.5, 0.5), (0.0, 1.0)])
    [0, 2, 3]
    """
    left, taken = list(range(len(weights))), []
    for w in grid[: len(weights)]:
        nearest = min(left, key=lambda k: float(np.abs(np.subtract(weights[k], w)).sum()))
        left.remove(nearest)
        taken.append(nearest)
    return taken


def obedience(seeds: Sequence[Front], m: int) -> float | None:
    """How well objective m's held-out score follows its weight: Kendall's tau, None where the weight does not vary."""
    weights = [w[m] for w in seeds[0].weights]
    if len(set(weights)) < 2:
        return None
    return mean([kendall_tau(weights, f.evaluator_points[:, m]) for f in seeds])


def surfaces(seeds: Sequence[np.ndarray]) -> dict[str, Any]:
    """What the best seed attains, half of them, and all of them: corners of each surface, of points (K, 2)."""
    shares = {"best": 1 / len(seeds), "median": 0.5, "worst": 1.0}
    return {name: attainment(seeds, share).tolist() for name, share in shares.items()}


def points(seeds: Sequence[Front]) -> list[dict[str, Any]]:
    """Each weight's scores (M), KL and share of collapsed answers, averaged over seeds."""
    reward, evaluator, kl, collapse = (
        np.mean([read(f) for f in seeds], axis=0).tolist()
        for read in (lambda f: f.points, lambda f: f.evaluator_points, lambda f: f.mean_kl, lambda f: f.collapse_rate)
    )
    sound, language = [f.sound for f in seeds], [f.language for f in seeds]
    return [
        {
            "weights": list(weights),
            "label": seeds[0].labels[k],
            "reward": reward[k],
            "evaluator": evaluator[k],
            "kl": known(kl[k]),
            "collapse": collapse[k],
            "collapsed": not any(one[k] for one in sound),
            "collapsed_seeds": sum(not one[k] for one in sound),
            "language": {name: known_mean([one[k][name] for one in language]) for name in language[0][k]},
        }
        for k, weights in enumerate(seeds[0].weights)
    ]


def samples(groups: Mapping[str, Sequence[Front]]) -> list[dict[str, Any]]:
    """What all rows say to three prompts, at the point nearest to equal weights and the first seed.

    The prompts are those on which the first row's held-out scores are best, in the middle, and worst. None where
    answers are not on disk.
    """
    fronts = {name: seeds[0] for name, seeds in groups.items() if seeds[0].folder is not None}
    if not fronts:
        return []
    points = {
        name: int(np.abs(np.array(f.weights) - 1 / len(f.weights[0])).sum(axis=1).argmin())
        for name, f in fronts.items()
    }
    answers = {name: read_answers(f.folder, points[name]) for name, f in fronts.items() if f.folder is not None}
    first = next(iter(fronts))
    order = np.argsort(-fronts[first].evaluator[points[first]].mean(axis=1))
    picked = {"best": order[0], "median": order[len(order) // 2], "worst": order[-1]}
    return [
        {
            "kind": kind,
            "prompt": answers[first][n].prompt,
            "answers": [
                {
                    "method": name,
                    "response": answers[name][n].response,
                    "evaluator": front.evaluator[points[name], n].tolist(),
                }
                for name, front in fronts.items()
            ],
        }
        for kind, n in picked.items()
    ]


def prompt_scores(scores: Mapping[int, np.ndarray], objectives: Sequence[str]) -> list[dict[str, Any]]:
    """Held-out scores (K, N, M) by seed, by which the comparison can be a baseline.

    Per seed and point, they are N numbers per objective in one text.
    """
    return [
        {
            "seed": seed,
            "points": [
                {name: " ".join(f"{v:.4f}" for v in point[:, m]) for m, name in enumerate(objectives)} for point in own
            ],
        }
        for seed, own in scores.items()
    ]


def mean(values: Sequence[float]) -> float:
    """As a number for JSON."""
    return float(np.mean(values))


def known_mean(values: Sequence[float | None]) -> float | None:
    """None where one of them is unknown, or there are none."""
    numbers = [value for value in values if value is not None]
    return mean(numbers) if numbers and len(numbers) == len(values) else None
