"""What a comparison says about one row: its indicators, its points, its spread over seeds, its scores per prompt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from benchmarks import Front
from benchmarks.measure import known
from benchmarks.spec import SIGNALS, Signal, simplex_grid
from benchmarks.stats import (
    Bootstrap,
    attainment,
    bootstrap_means,
    expected_utility,
    hypervolume,
    igd_plus,
    kendall_tau,
    pareto,
)
from moa_cli.comparisons.contributions import Training, over_preparations, training
from moa_cli.comparisons.parts import Attained, Attainment, PromptScores, Quality, Row, RowPoint

ALIKE = 0.99
"""Self-BLEU from which the answers of a point are one and the same, but for a word here and there. [choice]"""
REFS = (1.0, 1.5, 2.0, 3.0, 4.0)
"""Other refs, at which the order of rows is looked at again, in SFT standard deviations below the SFT mean."""


def counted(front: Front, signal: Signal, *, keep_collapsed: bool = False) -> np.ndarray:
    """Values (K, N, M) as they count: a collapsed point lies at or below every ref and adds no hypervolume."""
    values = front.under(signal)
    if keep_collapsed:
        return values
    return np.where(front.sound[:, None, None], values, np.minimum(front.card.ref, -max(REFS)))


def best_points(fronts: Sequence[np.ndarray]) -> np.ndarray:
    """The non-dominated points (R, M) of several fronts (K, M) together."""
    pooled = np.concatenate(fronts)
    return pooled[pareto(pooled)]


def quality(
    volume: Bootstrap,
    seeds: Sequence[np.ndarray],
    compared: Sequence[int],
    best: np.ndarray,
    utility: tuple[float, float, float],
    ref: Sequence[float],
) -> Quality:
    """Indicators of a row under one signal.

    `seeds` holds each seed's points (K, M), `compared` says which of them rows are compared by, `best` is what IGD+ is
    the distance to.
    """
    few, even = [points[list(compared)] for points in seeds], simplex_grid(best.shape[1], 10)
    value, low, high = volume.interval()
    return Quality(
        hypervolume=value,
        low=low,
        high=high,
        all_weights=mean([hypervolume(points, ref) for points in seeds]),
        corrected=volume.corrected,
        utility=utility[0],
        utility_low=utility[1],
        utility_high=utility[2],
        igd_plus=mean([igd_plus(points, best) for points in few]),
        expected_utility=mean([expected_utility(points, even) for points in few]),
    )


def one_answer(rows: Sequence[Row]) -> list[str]:
    """Who answers every prompt alike at some weights: each answer is a sound one, so that none counts as collapsed."""
    alike = {
        row.method: [point.label for point in row.points if (point.language.get("self_bleu") or 0) >= ALIKE]
        for row in rows
    }
    return [
        f"{name} gives nearly the same answer to every prompt, at {' and at '.join(labels[:2])}"
        + (f" and at {len(labels) - 2} more" if len(labels) > 2 else "")
        for name, labels in alike.items()
        if labels
    ]


def obedience(seeds: Sequence[Front], m: int) -> float | None:
    """How well objective m's score follows its weight: Kendall's tau, None where the weight does not vary."""
    weights = [w[m] for w in seeds[0].weights]
    if len(set(weights)) < 2:
        return None
    return mean([kendall_tau(weights, f.means("scores")[:, m]) for f in seeds])


def surfaces(points: Mapping[Signal, Sequence[np.ndarray]]) -> Attainment | None:
    """The surfaces that seeds attain with points (K, M) under each signal.

    None for one seed alone and for other than two objectives.
    """
    seeds = points["rewards"]
    if len(seeds) < 2 or seeds[0].shape[1] != 2:
        return None
    return Attainment(rewards=_attained(points["rewards"]), scores=_attained(points["scores"]))


def _attained(seeds: Sequence[np.ndarray]) -> Attained:
    """What the best seed attains, half of them, and all of them, of points (K, 2)."""
    shares = {"best": 1 / len(seeds), "median": 0.5, "worst": 1.0}
    return Attained(**{name: attainment(seeds, share).tolist() for name, share in shares.items()})


def row_points(seeds: Sequence[Front], policies: Sequence[int], compared: Sequence[int]) -> list[RowPoint]:
    """What is said of each weight, averaged over seeds; the number of its policy, and whether it is `compared`."""
    rewards, scores, kl, collapse = (
        np.mean(found, axis=0).tolist()
        for found in (
            [f.means("rewards") for f in seeds],
            [f.means("scores") for f in seeds],
            [f.mean_kl for f in seeds],
            [f.collapse_rate for f in seeds],
        )
    )
    sound, language = [f.sound for f in seeds], [f.language for f in seeds]
    between = {signal: _intervals(seeds, signal) for signal in SIGNALS}
    return [
        RowPoint(
            weights=weights,
            label=seeds[0].labels[k],
            rewards=rewards[k],
            scores=scores[k],
            kl=known(kl[k]),
            collapse=collapse[k],
            collapsed=not any(one[k] for one in sound),
            collapsed_seeds=sum(not one[k] for one in sound),
            policy=policies[k],
            compared=k in compared,
            language={name: known_mean([one[k].get(name) for one in language]) for name in language[0][k]},
            reward_intervals=between["rewards"][k],
            score_intervals=between["scores"][k],
        )
        for k, weights in enumerate(seeds[0].weights)
    ]


def _intervals(seeds: Sequence[Front], signal: Signal) -> list[tuple[tuple[float, float], ...]]:
    """The 95 % interval (K, M) of every point's mean, over prompts and trainings."""
    values = {training(f): f.under(signal) for f in seeds}
    found = [[over_preparations(mean, values).interval() for mean in point] for point in bootstrap_means(values)]
    return [tuple((one.low, one.high) for one in point) for point in found]


def prompt_scores(scores: Mapping[Training, np.ndarray], objectives: Sequence[str]) -> list[PromptScores]:
    """Scores (K, N, M) by training, by which the comparison can be a baseline."""
    return [
        PromptScores(
            preparation=preparation,
            seed=seed,
            points=tuple(
                {name: " ".join(f"{v:.4f}" for v in point[:, m]) for m, name in enumerate(objectives)} for point in own
            ),
        )
        for (preparation, seed), own in scores.items()
    ]


def mean(values: Sequence[float]) -> float:
    """As a number for JSON."""
    return float(np.mean(values))


def mean_costs(seeds: Sequence[Mapping[str, float | None]]) -> dict[str, float | None]:
    """Costs over seeds; None for what was not counted of one of them."""
    return {name: known_mean([cost.get(name) for cost in seeds]) for name in seeds[0]}


def known_mean(values: Sequence[float | None]) -> float | None:
    """None where one of them is unknown, or there are none."""
    numbers = [value for value in values if value is not None]
    return mean(numbers) if numbers and len(numbers) == len(values) else None
