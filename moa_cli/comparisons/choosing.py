"""Which row to take, and what to ask it for, for somebody who weighs the objectives in a way of their own.

The best of many points that were measured on some prompts looks better on these than it is. So the test prompts are
dealt into two halves: on one the best point of every row is chosen and rows are put in order; on the other, of which
nothing was chosen, all is reported: values, how probable it is that the first is the best, and by how much it is ahead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from benchmarks import BadInput
from benchmarks.spec import are_weights
from benchmarks.stats import Bootstrap, bootstrap_means
from moa_cli.comparisons.contributions import (
    Contributions,
    Sides,
    Training,
    by_preparation,
    differences,
    over_preparations,
)
from moa_cli.comparisons.document import Comparison, OnBenchmark
from moa_cli.comparisons.equal import DIGITS, nearness
from moa_cli.comparisons.parts import Beyond, Candidate, Choice, Limit, Row, Wish
from moa_cli.words import typed_weights

Own = tuple[Row, int]
"""A row, and the number of one of its points."""


def choose(comparison: Comparison, wish: Wish) -> Comparison:
    """The comparison with what to take for a wish on each of its benchmarks. BadInput where nobody can tell."""
    found = [on.model_copy(update={"choice": _choice(on, wish)}) for on in comparison.benchmarks]
    return comparison.with_(benchmarks=tuple(found))


def _choice(on: OnBenchmark, wish: Wish) -> Choice:
    _check(on, wish)
    costs, beyond = _answer_costs(on), list[Beyond]()
    chosen, reported = halves(on.prompts)
    best: list[tuple[float, Own]] = []
    for row in on.rows:
        left, limits = list(range(len(row.points))), _limited(row, costs[row.method], wish, on.keeps_collapsed)
        for limit, (values, most) in limits.items():
            over = [k for k in left if (value := values[k]) is None or value > most]
            if over:
                beyond.append(_beyond(row, limit, [values[k] for k in over]))
                left = [k for k in left if k not in over]
        if left:
            worth = {k: _means(_worth(_scores(row, k, chosen), wish.weights)) for k in left}
            k = min(left, key=lambda k: (-round(worth[k], DIGITS), nearness(row.points[k].weights, wish.weights)))
            best.append((worth[k], (row, k)))
    order = [own for _, own in sorted(best, key=lambda one: -round(one[0], DIGITS))]
    return Choice(
        wish=wish, chosen_on=len(chosen), reported_on=len(reported), beyond=tuple(beyond),
        candidates=tuple(_reported(order, costs, wish, reported)),
    )  # fmt: skip


def halves(prompts: int) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of the prompts to choose on and of those to report on, always the same for as many prompts."""
    dealt = np.random.default_rng(prompts).permutation(prompts)
    return np.sort(dealt[: prompts // 2]), np.sort(dealt[prompts // 2 :])


def _check(on: OnBenchmark, wish: Wish) -> None:
    """BadInput for weights that are none on this benchmark, and for what cannot be told of it."""
    if not are_weights(wish.weights, len(on.objectives)):
        raise BadInput(
            f"--at {typed_weights(wish.weights, 6)} are no weights for {on.name}",
            f"they must be {len(on.objectives)} numbers ({', '.join(on.objectives)}), none negative, that sum to 1",
            f"for instance --at {typed_weights([1 / len(on.objectives)] * len(on.objectives), 3)}",
        )
    if on.prompts < 2:
        raise BadInput(
            f"nothing can be chosen on {on.prompts} test prompt of {on.name}",
            "what is chosen on some prompts is reported on others",
            "-c eval_prompts=400",
        )
    if wish.max_answer_cost is not None and _one_answer(on) is None:
        raise BadInput(
            f"what an answer costs on {on.name} is not known as a multiple",
            "it is one of the starting policy's, which is not among the rows or was not counted",
            "add -m sft, or leave out --max-answer-cost",
        )


def _one_answer(on: OnBenchmark) -> float | None:
    """Operations of an answer of the starting policy."""
    return next((row.cost.get("serving_flops") for row in on.rows if row.method == on.base), None) or None


def _answer_costs(on: OnBenchmark) -> dict[str, float | None]:
    """Of every row, operations of an answer as a multiple of the starting policy's."""
    one = _one_answer(on)
    own = {row.method: row.cost.get("serving_flops") for row in on.rows}
    return {name: None if one is None or flops is None else flops / one for name, flops in own.items()}


def _limited(row: Row, cost: float | None, wish: Wish, keeps: bool) -> dict[Limit, tuple[list[float | None], float]]:
    """What each of a row's points has of what is limited, and the most that it may have."""
    points = row.points
    found: dict[Limit, tuple[list[float | None], float]] = {}
    if not keeps:  # one that collapsed in any training may do so again
        found["collapse"] = [float(point.collapsed_seeds) for point in points], 0.0
    if wish.max_answer_cost is not None:
        found["max_answer_cost"] = [cost] * len(points), wish.max_answer_cost
    if wish.max_kl is not None:
        found["max_kl"] = [point.kl for point in points], wish.max_kl
    return found


def _beyond(row: Row, limit: Limit, values: list[float | None]) -> Beyond:
    known = [value for value in values if value is not None]
    ends = (min(known), max(known)) if known else (None, None)
    return Beyond(method=row.method, limit=limit, points=len(values), of=len(row.points), least=ends[0], most=ends[1])


def _scores(row: Row, k: int, prompts: np.ndarray) -> dict[Training, np.ndarray]:
    """Scores (N, M) at point k of a row on some prompts, by training."""
    return {
        (own.preparation, own.seed): np.array([told.split() for told in own.points[k].values()], float).T[prompts]
        for own in row.runs
    }


def _means(contributions: Contributions) -> float:
    """The mean over preparations of the mean over trainings and prompts."""
    return float(np.mean([one.mean() for one in contributions]))


def _worth(scores: Mapping[Training, np.ndarray], weights: Sequence[float]) -> Contributions:
    """w . score of each prompt, at every training."""
    return by_preparation(scores, [one @ weights for one in scores.values()])


def _reported(order: list[Own], costs: Mapping[str, float | None], wish: Wish, prompts: np.ndarray) -> list[Candidate]:
    """What these prompts say of the best points of rows, in the order that they have."""
    if not order:
        return []
    scores = [_scores(row, k, prompts) for row, k in order]
    worth = [_worth(one, wish.weights) for one in scores]
    values = [_means(one) for one in worth]
    pairs = [Sides(worth[0], one, values[0] - value) for one, value in zip(worth[1:], values[1:], strict=True)]
    ahead = [None, *differences(pairs)]
    sampled = [_sampled(one, wish.weights) for one in scores]
    chances = probabilities(sampled, shared=len(worth[0]) > 1)
    found = []
    for (row, k), own, one, chance, lead in zip(order, scores, sampled, chances, ahead, strict=True):
        value, low, high = one.interval()
        objectives = range(len(wish.weights))
        found.append(
            Candidate(
                method=row.method, weights=None if row.steering == "none" else row.points[k].weights,
                value=value, low=low, high=high,
                scores=tuple(_means(by_preparation(own, [x[:, m] for x in own.values()])) for m in objectives),
                kl=row.points[k].kl, answer_cost=costs[row.method], probability=chance, ahead=lead,
            )
        )  # fmt: skip
    return found


def _sampled(scores: Mapping[Training, np.ndarray], weights: Sequence[float]) -> Bootstrap:
    """The mean of w . score, under resampling of prompts; of every preparation where there are several."""
    [[mean]] = bootstrap_means({key: (one @ weights)[None, :, None] for key, one in scores.items()})
    return over_preparations(mean, scores)


def probabilities(rows: Sequence[Bootstrap], *, shared: bool = False) -> list[float]:
    """How often each of these rows is the best, with other prompts and other trainings: shares of draws, of sum 1.

    Prompts are the same for all. Trainings of two rows are pairs with none, so each row varies on its own. What is
    `shared` are preparations: what one does to all rows cancels, so rows are compared in each.
    """
    first = rows[0]
    if shared:
        apart = [Bootstrap(one.values - first.values, one.draws - first.draws, one.seeds) for one in rows[1:]]
        held = np.stack([np.zeros(first.draws.shape[1]), *(one.nested(stream=n) for n, one in enumerate(apart))])
    else:
        held = np.stack([one.nested(stream=n) for n, one in enumerate(rows)])
    best = held == held.max(axis=0)
    return (best / best.sum(axis=0)).mean(axis=1).tolist()  # equals share a draw
