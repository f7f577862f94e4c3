"""What each study finds in its runs on one benchmark, as tables of words, numbers, and numbers with their interval."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np

from benchmarks import Benchmark, Front, Weights
from benchmarks.spec import SIGNALS
from benchmarks.stats import Bootstrap, bootstrap_means, spearman
from moa_cli.comparisons import OnBenchmark, Sides, compare, differences, known_mean
from moa_cli.runs import SWEEP, SWEEP_BEFORE, Contestant, last_rows
from moa_cli.studies.document import Cell, Curves, Estimate, FoundTable, KLCurves
from moa_cli.studies.kl import kl_curves
from moa_cli.words import scorers_word

Contestants = Sequence[Contestant]


Cells = Sequence[Cell]


class Findings(NamedTuple):
    """What a study found on one benchmark."""

    tables: list[FoundTable]
    comparison: OnBenchmark | None = None
    """Where runs of several configurations were compared."""
    kl: KLCurves | None = None
    """Where methods were compared at the same KL."""


@runtime_checkable
class InRounds(Protocol):
    """A method that trains for one objective after the other, and keeps the earlier ones as `alpha` says."""

    alphas: tuple[float, ...]

    def after(self, benchmark: Benchmark, rounds: int, alpha: float) -> Weights:
        """The point of its front after so many rounds."""
        ...


def controllability(runs: Contestants) -> Findings:
    """All scores at every intensity of every goal, and how a goal's own score follows, before training and after.

    How it follows is its rank correlation with the intensity, and the highest intensity's score less the lowest's.
    """
    sweeps = {
        policy: [run.front(name) for run in runs] for policy, name in (("starting", SWEEP_BEFORE), ("trained", SWEEP))
    }
    fronts = sweeps["trained"]
    names = fronts[0].card.objectives
    asked = [(int(np.argmax(point)), int(max(point))) for point in fronts[0].weights]
    tables: list[FoundTable] = []
    following: list[list[Cell]] = []
    family: list[Sides] = []
    scores = {policy: _scores(swept) for policy, swept in sweeps.items()}
    for title in scores["trained"]:
        reached = {policy: bootstrap_means(found[title]) for policy, found in scores.items()}
        means = reached["trained"]
        rows: list[Cells] = [
            [names[i], n, *(_estimate(mean) for mean in means[k]), *_behaviour(fronts, k)]
            for k, (i, n) in enumerate(asked)
        ]
        curves = Curves(panel=0, x=1, y=tuple(2 + m for m in range(len(names))), level=None)
        tables.append(_table(title, ["goal", "intensity", *names, "KL", "collapsed"], rows, curves))
        for i, name in enumerate(names):
            for policy, at in reached.items():
                own = [k for k, (goal, _) in enumerate(asked) if goal == i]
                following.append([name, title, policy, _correlation([at[k][i] for k in own])])
                family.append(_sides(scores[policy][title], (own[-1], i), (own[0], i)))
    columns = ["goal", "under", "policy", "Spearman", "highest - lowest"]
    told = [[*row, gain] for row, gain in zip(following, differences(family), strict=True)]
    return Findings([*tables, _table("does a goal's own score follow its intensity", columns, told)])


def retention(runs: Contestants) -> Findings:
    """The first objective's score after the first round, and after the second one for every alpha."""
    method, benchmark = runs[0].method, runs[0].benchmark
    assert isinstance(method, InRounds)
    fronts = [run.front() for run in runs]
    first, second = benchmark.names[:2]
    points: list[tuple[int, float | None, Weights]] = [(1, None, method.after(benchmark, 1, 0.0))]
    points += [(2, alpha, method.after(benchmark, 2, alpha)) for alpha in sorted(set(method.alphas))]
    at = [fronts[0].weights.index(weights) for _, _, weights in points]
    tables = []
    for under, scores in _scores(fronts).items():
        means = bootstrap_means({seed: own[at] for seed, own in scores.items()})
        others = [k for k, (_, alpha, _) in zip(at, points, strict=True) if alpha != 0]
        kept = dict(zip(others, differences([_sides(scores, (k, 0), (at[1], 0)) for k in others]), strict=True))
        rows: list[Cells] = [
            [rounds, alpha, _estimate(mean[0]), kept.get(k), _estimate(mean[1]), *_behaviour(fronts, k)]
            for (rounds, alpha, _), mean, k in zip(points, means, at, strict=True)
        ]
        columns = ["rounds", "alpha", first, f"{first} vs alpha 0", second, "KL", "collapsed"]
        title = f"{first}, then {second}: {under}"
        curves = Curves(panel=None, x=1, y=(2, 4), level="after one round")
        tables.append(_table(title, columns, rows, curves))
    return Findings(tables)


def reward_accuracies(runs: Contestants) -> Findings:
    """Fronts side by side, and how often each reward model is right on prompts that it has not seen."""
    accuracies = ("preference_accuracy", "intensity_accuracy")
    rows: list[Cells] = []
    for variant, seeds in _variants(runs).items():
        logs = [_logged(run) for run in seeds]
        for name in seeds[0].benchmark.names:
            rows.append(
                [variant, name, *(known_mean([log.get(f"{one}/{name}") for log in logs]) for one in accuracies)]
            )
    columns = ["reward model", "objective", *(one.replace("_", " ") for one in accuracies)]
    return Findings([_table("accuracy on unseen prompts", columns, rows)], _compared(runs))


def spent_costs(runs: Contestants) -> Findings:
    """Fronts side by side, and what each training spent."""
    columns = {
        "time": "seconds", "generated tokens": "generated_tokens", "trained tokens": "trained_tokens",
        "reward calls": "reward_calls", "FLOP": "flops", "peak bytes": "peak_memory_bytes",
    }  # fmt: skip
    rows: list[Cells] = []
    for variant, seeds in _variants(runs).items():
        spent = [run.front().cost for run in seeds]
        rows.append([variant, *(known_mean([cost.get(key) for cost in spent]) for key in columns.values())])
    return Findings([_table("what training spent", ["optimizer", *columns], rows)], _compared(runs))


def score_and_kl(runs: Contestants) -> Findings:
    """The utility of every method at some KLs, and the settings by which its curve was measured."""
    found = kl_curves(runs)
    read: list[Cells] = [[one.name, *one.utility_at] for one in found.curves]
    methods = [one for one in found.curves if one.kind == "method"]
    settings = {one.name: [point.setting.partition("=") for point in one.points] for one in methods}
    rows: list[Cells] = [
        [one.name, value, point.kl, point.reward, point.utility, point.collapsed]
        for one in methods
        for point, (_, _, value) in zip(one.points, settings[one.name], strict=True)
    ]
    fields = ", ".join(f"{known[0][0]} of {name}" for name, known in settings.items())
    nats = [f"{at:g} nat{'s' * (at != 1)}" for at in found.at]
    columns = ["method", "strength", "KL", "reward", "utility", "collapsed"]
    tables = [
        _table("utility at the same KL", ["method", *nats], read),
        _table(f"what was measured (strength: {fields})", columns, rows),
    ]
    return Findings(tables, kl=found)


def _compared(runs: Contestants) -> OnBenchmark:
    """The benchmark's part of a comparison, in which a row bears its variant's name alone, everywhere."""
    named = [replace(run.front(), method=run.variant or run.method_name) for run in runs]
    [part] = compare(named, answers=0).benchmarks
    return part


def _variants(runs: Contestants) -> dict[str, list[Contestant]]:
    """The seeds of each variant."""
    variants: dict[str, list[Contestant]] = {}
    for run in runs:
        if run.variant:
            variants.setdefault(run.variant, []).append(run)
    return variants


def _logged(run: Contestant) -> dict[str, float]:
    """The accuracies that a run has logged."""
    rows = last_rows(run.folder, sys.maxsize)
    return {name: value for row in rows for name, value in row.measured.items() if "_accuracy/" in name}


def _table(title: str, columns: Sequence[str], rows: Sequence[Cells], curves: Curves | None = None) -> FoundTable:
    return FoundTable(title=title, columns=tuple(columns), rows=tuple(map(tuple, rows)), curves=curves)


def _scores(fronts: Sequence[Front]) -> dict[str, dict[int, np.ndarray]]:
    """What counts (K, N, M) of each seed, by what gives it."""
    held_out = not fronts[0].card.not_held_out
    return {scorers_word(signal, held_out): {f.seed: f.under(signal) for f in fronts} for signal in SIGNALS}


def _estimate(sampled: Bootstrap) -> Estimate:
    return Estimate(**sampled.interval()._asdict())


def _sides(scores: Mapping[int, np.ndarray], one: tuple[int, int], other: tuple[int, int]) -> Sides:
    """Two points' scores on objectives, (k, m) each, of scores (K, N, M) of one method by seed."""
    a, b = (np.stack([own[k, :, m] for own in scores.values()]) for k, m in (one, other))
    return Sides([a], [b], float(a.mean() - b.mean()), together=True)


def _correlation(own: Sequence[Bootstrap]) -> Estimate:
    """Spearman's, of each seed's mean scores at intensities 1..K with the intensity."""
    intensities = range(1, len(own) + 1)
    values, draws = np.stack([score.values for score in own], axis=-1), np.stack([s.draws for s in own], axis=-1)
    found = Bootstrap(spearman(intensities, values), spearman(intensities, draws), own[0].seeds)
    return Estimate(**found.interval().within(-1, 1)._asdict())


def _behaviour(fronts: Sequence[Front], k: int) -> list[float]:
    """Cells: KL and share of collapsed answers of the k-th point, averaged over seeds."""
    return [float(np.mean([f.mean_kl[k] for f in fronts])), float(np.mean([f.collapse_rate[k] for f in fronts]))]
