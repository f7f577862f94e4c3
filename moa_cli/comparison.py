"""Fronts side by side: the document `moa.compare/1`, which every table, figure and verdict is made from."""

from __future__ import annotations

import json
from itertools import combinations, pairwise
from typing import Any

import numpy as np

from benchmarks import (
    BadInput,
    Bootstrap,
    Front,
    bootstrap_hypervolume,
    expected_utility,
    igd_plus,
    kendall_tau,
    pareto,
    simplex_grid,
)

SCHEMA = "moa.compare/1"


def compare(fronts: list[Front]) -> dict[str, Any]:
    """Compares fronts, benchmark by benchmark, as JSON types.

    A row is a method with one configuration; it may have several seeds, and its numbers are means over them: of points
    (`points`), of each seed's own indicator (all else). Rows go from the highest hypervolume under the held-out
    evaluators to the lowest. `pairs` are differences a - b in that hypervolume. Intervals and p values come from the
    paired bootstrap over prompts. IGD+ is the distance to the non-dominated points of all fronts together; expected
    utility is over an even grid of weights. BadInput for fronts of one benchmark that were measured in different units.
    """
    if not fronts:
        raise BadInput("there is nothing to compare", "no front was given", "moa train -m METHOD, then moa compare")
    names = dict.fromkeys(f.card.benchmark for f in fronts)
    benchmarks = [_benchmark([f for f in fronts if f.card.benchmark == name]) for name in names]
    return {"schema": SCHEMA, "benchmarks": benchmarks}


def _benchmark(fronts: list[Front]) -> dict[str, Any]:
    """The part of the document on one benchmark."""
    card = fronts[0].card
    for other in fronts[1:]:
        _check_same_units(fronts[0], other)
    groups = _rows(fronts)
    scores = [[f.scores for f in seeds] for seeds in groups.values()]
    evaluator = [[f.evaluator for f in seeds] for seeds in groups.values()]
    sampled = bootstrap_hypervolume(scores + evaluator, card.ref)
    reward_volumes = dict(zip(groups, sampled[: len(groups)], strict=True))
    evaluator_volumes = dict(zip(groups, sampled[len(groups) :], strict=True))
    reward_best, evaluator_best = _best([f.points for f in fronts]), _best([f.evaluator_points for f in fronts])

    order = sorted(groups, key=lambda name: -evaluator_volumes[name].value)
    rows = []
    for name in order:
        seeds = groups[name]
        rows.append(
            {
                "method": name,
                "steering": seeds[0].steering,
                "seeds": [f.seed for f in seeds],
                **_quality(reward_volumes[name], [f.points for f in seeds], reward_best),
                "evaluator": _quality(evaluator_volumes[name], [f.evaluator_points for f in seeds], evaluator_best),
                "kendall_tau": {o: _control(seeds, m) for m, o in enumerate(card.objectives)},
                "collapse": _mean([f.collapse_rate.mean() for f in seeds]),
                "kl": _mean([f.mean_kl.mean() for f in seeds]),
                "points": _points(seeds),
                "cost": {key: _mean([f.cost[key] for f in seeds]) for key in seeds[0].cost},
                "config": seeds[0].config,
            }
        )
    pairs = [
        {"a": a, "b": b, **evaluator_volumes[a].minus(evaluator_volumes[b])._asdict()}
        for a, b in combinations(order, 2)
    ]
    return {
        "name": card.benchmark,
        "version": card.version,
        "objectives": list(card.objectives),
        "ref": list(card.ref),
        "card": card.to_json(),
        "prompts": card.prompts,
        "rows": rows,
        "pairs": pairs,
    }


def _check_same_units(one: Front, other: Front) -> None:
    differences = one.card.differences(other.card)
    if not differences:
        return
    ours, theirs = one.card.to_json(), other.card.to_json()
    details = [f"{name} ({_short(ours[name])} or {_short(theirs[name])})" for name in differences]
    raise BadInput(
        f"the fronts of {one.method} and {other.method} on {one.card.benchmark} cannot be compared",
        f"their scale cards differ in {', '.join(details)}, so their numbers have different units",
        f"measure both under the same card: moa prepare -b {one.card.benchmark}, then train and evaluate again",
    )


def _rows(fronts: list[Front]) -> dict[str, list[Front]]:
    """The fronts of each row, ordered by seed, under its name: the method, and what tells its configurations apart."""
    rows: dict[str, list[Front]] = {}
    for method in dict.fromkeys(f.method for f in fronts):
        configs: dict[str, list[Front]] = {}
        for front in fronts:
            if front.method == method:
                configs.setdefault(json.dumps(front.config, sort_keys=True), []).append(front)
        flat = [_flat(seeds[0].config) for seeds in configs.values()]
        keys = [key for key in dict.fromkeys(k for f in flat for k in f) if len({_short(f.get(key)) for f in flat}) > 1]
        for facts, seeds in zip(flat, configs.values(), strict=True):
            name = " ".join([method, *(f"{key}={_short(facts.get(key))}" for key in keys)])
            rows[name] = sorted(seeds, key=lambda f: f.seed)
            _check_seeds(name, rows[name])
    return rows


def _check_seeds(name: str, seeds: list[Front]) -> None:
    """Refuses a seed that is there twice, and seeds whose points cannot be averaged."""
    for one, other in pairwise(seeds):
        if one.seed == other.seed:
            raise BadInput(
                f"seed {one.seed} of {name} is there twice",
                "a run that counts twice would pass for more evidence",
                "name each run once",
            )
        if one.weights != other.weights:
            raise BadInput(
                f"seeds {one.seed} and {other.seed} of {name} were measured at different weights",
                "points at different weights cannot be averaged",
                "measure both at the same weights: moa eval --pareto",
            )


def _flat(config: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested entries by their dotted names."""
    flat: dict[str, Any] = {}
    for key, value in config.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return flat


def _short(value: Any) -> str:
    """A value in few characters, different for different values."""
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def _best(fronts: list[np.ndarray]) -> np.ndarray:
    """The non-dominated points (R, M) of several fronts (K, M) together."""
    pooled = np.concatenate(fronts)
    return pooled[pareto(pooled)]


def _quality(volume: Bootstrap, seeds: list[np.ndarray], best: np.ndarray) -> dict[str, float]:
    """Indicators of a row under one kind of score; `seeds` holds each seed's points (K, M)."""
    even = simplex_grid(best.shape[1], 10)
    value, low, high = volume.interval()
    return {
        "hypervolume": value,
        "hv_low": low,
        "hv_high": high,
        "igd_plus": _mean([igd_plus(points, best) for points in seeds]),
        "eum": _mean([expected_utility(points, even) for points in seeds]),
    }


def _control(seeds: list[Front], m: int) -> float | None:
    """How well objective m's held-out score follows its weight: Kendall's tau, None where the weight does not vary."""
    weights = [w[m] for w in seeds[0].weights]
    if len(set(weights)) < 2:
        return None
    return _mean([kendall_tau(weights, f.evaluator_points[:, m]) for f in seeds])


def _points(seeds: list[Front]) -> list[dict[str, Any]]:
    """Each weight's scores (M), KL and share of collapsed answers, averaged over seeds."""
    reward, evaluator, kl, collapse = (
        np.mean([read(f) for f in seeds], axis=0).tolist()
        for read in (lambda f: f.points, lambda f: f.evaluator_points, lambda f: f.mean_kl, lambda f: f.collapse_rate)
    )
    return [
        {
            "weights": list(weights),
            "label": seeds[0].labels[k],
            "reward": reward[k],
            "evaluator": evaluator[k],
            "kl": kl[k],
            "collapse": collapse[k],
        }
        for k, weights in enumerate(seeds[0].weights)
    ]


def _mean(values: list[float]) -> float:
    return float(np.mean(values))
