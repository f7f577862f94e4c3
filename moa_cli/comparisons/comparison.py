"""Fronts side by side: the document `moa.compare/2`, which every table, figure and verdict is made from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import pairwise
from types import MappingProxyType
from typing import Any

import numpy as np

from benchmarks import BadInput, Front
from benchmarks.ceiling import Samples
from benchmarks.measure import known
from benchmarks.stats import bootstrap_hypervolume
from moa_cli.comparisons import pairs, row
from moa_cli.comparisons.ceiling import ceiling_part

COMPARISON_SCHEMA = "moa.compare/2"


def compare(
    fronts: list[Front], *, keep_collapsed: bool = False, ceilings: Mapping[str, Samples] = MappingProxyType({})
) -> dict[str, Any]:
    """Compares fronts, benchmark by benchmark, as JSON types.

    A row is a method with one configuration; it may have several seeds, and its numbers are means over them: of points
    (`points`), of each seed's own indicator (all else). Rows go from the highest hypervolume under the held-out
    evaluators to the lowest. `pairs` are differences a - b in that hypervolume at equally many points. Intervals come
    from the paired bootstrap over prompts, nested in seeds. IGD+ is the distance to the non-dominated points of all
    fronts together; expected utility is over an even grid of weights. Points at which too many answers are degenerate
    do not count, unless they are kept. `ceilings` maps the hash of a scale card to the samples that its ceiling is
    estimated from. BadInput for fronts of one benchmark that were measured in different units.
    """
    if not fronts:
        raise BadInput("there is nothing to compare", "no front was given", "moa train -m METHOD, then moa compare")
    names = dict.fromkeys(f.card.benchmark for f in fronts)
    benchmarks = [
        _benchmark([f for f in fronts if f.card.benchmark == name], keep_collapsed, ceilings) for name in names
    ]
    return {"schema": COMPARISON_SCHEMA, "benchmarks": benchmarks}


def _benchmark(fronts: list[Front], keep_collapsed: bool, ceilings: Mapping[str, Samples]) -> dict[str, Any]:
    """The part of the document on one benchmark."""
    card = fronts[0].card
    for other in fronts[1:]:
        _check_same_units(fronts[0], other)
    groups = _rows(fronts)
    scores = {
        kind: {
            name: {f.seed: row.counted(f, kind, keep_collapsed=keep_collapsed) for f in seeds}
            for name, seeds in groups.items()
        }
        for kind in row.KINDS
    }
    sampled = bootstrap_hypervolume([by_seed for rows in scores.values() for by_seed in rows.values()], card.ref)
    volumes = {kind: dict(zip(groups, sampled[k * len(groups) :], strict=False)) for k, kind in enumerate(row.KINDS)}
    means = {
        kind: {name: [own.mean(axis=1) for own in by_seed.values()] for name, by_seed in rows.items()}
        for kind, rows in scores.items()
    }
    best = {kind: row.best_points([p for seeds in rows.values() for p in seeds]) for kind, rows in means.items()}
    grid = row.smallest_grid(fronts)
    groups = dict(sorted(groups.items(), key=lambda item: -volumes["evaluator"][item[0]].value))

    def measured(name: str, kind: str) -> dict[str, float | None]:
        few = row.nearest_points(groups[name][0].weights, grid) if grid else None
        return row.quality(volumes[kind][name], means[kind][name], best[kind], few, card.ref)

    rows = [
        {
            "method": name,
            "steering": seeds[0].steering,
            "seeds": [f.seed for f in seeds],
            **measured(name, "reward"),
            "evaluator": measured(name, "evaluator"),
            "kendall_tau": {o: row.obedience(seeds, m) for m, o in enumerate(card.objectives)},
            "collapse": row.mean([f.collapse_rate.mean() for f in seeds]),
            "kl": known(row.mean([f.mean_kl.mean() for f in seeds])),
            "points": row.points(seeds),
            "attainment": _attainment({kind: means[kind][name] for kind in row.KINDS}),
            "cost": {key: row.mean([f.cost[key] for f in seeds]) for key in seeds[0].cost},
            "config": seeds[0].config,
            "runs": row.prompt_scores(scores["evaluator"][name], card.objectives),
        }
        for name, seeds in groups.items()
    ]
    return {
        "name": card.benchmark,
        "version": card.version,
        "objectives": list(card.objectives),
        "ref": list(card.ref),
        "card": card.to_json(),
        "prompts": card.prompts,
        "keeps_collapsed": keep_collapsed,
        "rows": rows,
        "pairs": pairs.differences(groups, scores["evaluator"]),
        "refs": pairs.other_refs({name: scores["evaluator"][name] for name in groups}, card.ref),
        "samples": row.samples(groups),
        "agreement": pairs.agreement(volumes["reward"], volumes["evaluator"]),
        "ceiling": ceiling_part(groups, ceilings[card.hash], keep_collapsed=keep_collapsed)
        if card.hash in ceilings
        else None,
    }


def _attainment(means: dict[str, list[np.ndarray]]) -> dict[str, Any] | None:
    """The surfaces of a row under each kind of score, for two objectives and several seeds."""
    seeds = means["reward"]
    if len(seeds) < 2 or seeds[0].shape[1] != 2:
        return None
    return {kind: row.surfaces(points) for kind, points in means.items()}


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
