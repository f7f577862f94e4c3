"""The score-KL study: curves of methods, of best-of-n and of the ceiling, and what each gains at a given KL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from benchmarks import Front, Weights
from benchmarks.ceiling import Samples, best_of, best_of_kl, find_samples
from benchmarks.spec import SIGNALS, Signal
from benchmarks.stats import Bootstrap, bootstrap_means
from moa_cli.comparisons import BEST_OF, STEP
from moa_cli.runs import Contestant
from moa_cli.studies.document import Estimate, KLCurve, KLCurves, KLPoint

AT = (1.0, 2.0, 4.0)
"""Nats per answer at which curves are read [choice]."""


STEEP = (0.0, 1 / 32, 1 / 16, 1 / 8)
"""Nats below the first step of a ceiling's curve at which it has points as well: there it rises as a root does."""


def read_at(kl: Sequence[Bootstrap], values: Sequence[Bootstrap], at: float) -> Bootstrap | None:
    """A curve's value at a KL, linear between neighbouring points; None where the curve of some seed does not reach it.

    The P points are put in the order of their KL, for every seed on all prompts and in every draw anew: KL is measured
    on the same prompts. A draw whose own curve just fails to reach takes the end of it.
    """
    x, y = (np.stack([one.values for one in of], axis=-1) for of in (kl, values))
    if (x.min(axis=-1) > at).any() or (x.max(axis=-1) < at).any():
        return None
    x_drawn, y_drawn = (np.stack([one.draws for one in of], axis=-1) for of in (kl, values))
    return Bootstrap(_interpolated(x, y, at), _interpolated(x_drawn, y_drawn, at), kl[0].seeds)


def _interpolated(x: np.ndarray, y: np.ndarray, at: float) -> np.ndarray:
    """Values (...) of many curves with points x, y (..., P) at one place, or at the end that is nearest to it."""
    order = np.argsort(x, axis=-1)
    x, y = (np.take_along_axis(values, order, axis=-1) for values in (x, y))
    last = x.shape[-1] - 1
    after = (x < at).sum(axis=-1, keepdims=True)
    ends = np.clip(after - 1, 0, last), np.clip(after, 0, last)
    (x0, x1), (y0, y1) = ([np.take_along_axis(values, k, axis=-1)[..., 0] for k in ends] for values in (x, y))
    return y0 + (y1 - y0) * np.divide(at - x0, x1 - x0, out=np.zeros_like(x0), where=x1 > x0)


def kl_curves(runs: Sequence[Contestant]) -> KLCurves:
    """The curves of all methods among runs on one benchmark, a point per variant, and what they are held against.

    Runs without a variant are the starting policy's. Best-of-n and the ceiling are there where samples are.
    """
    benchmark = runs[0].benchmark
    grid, start = benchmark.trained_grid, [run.front() for run in runs if not run.variant]
    base = {signal: np.mean([f.under(signal)[0] for f in start], axis=0) for signal in SIGNALS}
    found: dict[str, dict[str, list[Front]]] = {}
    for run in runs:
        if run.variant:
            found.setdefault(run.method_name, {}).setdefault(run.variant, []).append(run.front())
    samples = find_samples(benchmark.home, start[0].card)
    drawn = [_of_method(name, variants, base, grid) for name, variants in found.items()]
    return KLCurves(
        at=AT,
        sampled=samples.prompts if samples else None,
        curves=(*drawn, *(_references(samples, base, grid) if samples else ())),
    )


def asked_points(front: Front, grid: Sequence[Weights]) -> list[int]:
    """The points at which a front is looked at: those of the grid, where it has them all; else all it has."""
    at = [front.weights.index(w) for w in grid if w in front.weights]
    return at if len(at) == len(grid) else list(range(len(front.weights)))


def _of_method(
    name: str, variants: Mapping[str, Sequence[Front]], base: Mapping[Signal, np.ndarray], grid: Sequence[Weights]
) -> KLCurve:
    """The curve of a method, from its least KL to its largest."""
    points, kls, utilities = [], [], []
    for setting, seeds in variants.items():
        at = asked_points(seeds[0], grid)
        [kl], [reward], [score], [utility] = bootstrap_means({f.seed: _measured(f, at, base) for f in seeds})
        counts = all(f.sound[at].all() for f in seeds)
        point = KLPoint(
            setting=setting, kl=kl.value, reward=_estimate(reward), score=_estimate(score), utility=_estimate(utility),
            collapsed=float(np.mean([f.collapse_rate[at].mean() for f in seeds])), counts=counts,
        )  # fmt: skip
        points.append(point)
        if counts:
            kls.append(kl)
            utilities.append(utility)
    return _curve(name, "method", sorted(points, key=lambda point: point.kl), kls, utilities)


def _measured(front: Front, at: Sequence[int], base: Mapping[Signal, np.ndarray]) -> np.ndarray:
    """(4, N, 1) of one seed, means over its points prompt by prompt: KL, w . reward, w . score, and that less the
    starting policy's."""
    weights = [front.weights[k] for k in at]
    reward, score = _weighted(front.rewards[list(at)], weights), _weighted(front.scores[list(at)], weights)
    before = _weighted([base["scores"]] * len(at), weights)
    return np.stack([front.kl[list(at)].mean(axis=0), reward, score, score - before])[..., None]


def _weighted(values: Sequence[np.ndarray] | np.ndarray, weights: Sequence[Weights]) -> np.ndarray:
    """The mean over K points of w . value, prompt by prompt (N,), of values (K, N, M)."""
    return np.einsum("knm,km->n", np.asarray(values), np.asarray(weights)) / len(weights)


def _references(samples: Samples, base: Mapping[Signal, np.ndarray], grid: Sequence[Weights]) -> list[KLCurve]:
    """Best-of-n and the ceilings, each a mean over the grid: all weights at the same KL.

    What they gain on the prompts of the samples is added to what the starting policy has on all.
    """
    level = {signal: float(_weighted([base[signal]] * len(grid), grid).mean()) for signal in SIGNALS}
    chosen_by, ns = samples.base("rewards"), [n for n in BEST_OF if n <= samples.counts[0]]
    best: dict[Signal, list[Bootstrap]] = {}
    for signal in SIGNALS:
        own = samples.base(signal)
        gained = [[best_of(chosen_by, w, n, own) - own.mean(axis=1) for w in grid] for n in ns]
        best[signal] = _sampled([_weighted(one, grid) for one in gained])
    curves = [_reference("best of n", "best-of-n", [*map(best_of_kl, ns)], best, level, [f"n = {n}" for n in ns])]
    optima: dict[str, tuple[Signal, tuple[Signal, ...]]] = {
        "optimal for the rewards": ("rewards", SIGNALS),
        "optimal for the evaluators": ("scores", ("scores",)),
    }
    for name, (tilting, signals) in optima.items():
        ceilings = {signal: samples.ceiling(tilting, signal) for signal in signals}
        reach = min(ceilings["scores"].reach(w) for w in grid)
        kls = [kl for kl in (*STEEP, *np.arange(STEP, reach, STEP).tolist()) if kl <= reach]
        tilted = {
            signal: _sampled(
                [_weighted([c.at(w, kl).scores - c.tilt(w, 0.0).scores for w in grid], grid) for kl in kls]
            )
            for signal, c in ceilings.items()
        }
        curves.append(_reference(name, "optimum", kls, tilted, level, [""] * len(kls)))
    return curves


def _sampled(gains: Sequence[np.ndarray]) -> list[Bootstrap]:
    """The means of several gains (N,), under resampling of the prompts of the samples."""
    return [mean for [mean] in bootstrap_means({0: np.stack(gains)[..., None]})]


def _reference(
    name: str, kind: Literal["best-of-n", "optimum"], kls: Sequence[float],
    gains: Mapping[Signal, Sequence[Bootstrap]], level: Mapping[Signal, float], settings: Sequence[str],
) -> KLCurve:  # fmt: skip
    """A curve whose KL is known, by what it gains over the starting policy under each signal."""
    points = [
        KLPoint(
            setting=settings[k], kl=kl, utility=_estimate(gains["scores"][k]),
            score=_estimate(gains["scores"][k], level["scores"]),
            reward=_estimate(gains["rewards"][k], level["rewards"]) if "rewards" in gains else None,
        )
        for k, kl in enumerate(kls)
    ]  # fmt: skip
    known = [
        Bootstrap(np.full_like(gain.values, kl), np.full_like(gain.draws, kl), gain.seeds)
        for kl, gain in zip(kls, gains["scores"], strict=True)
    ]
    return _curve(name, kind, points, known, gains["scores"])


def _curve(
    name: str, kind: Literal["method", "best-of-n", "optimum"], points: Sequence[KLPoint],
    kls: Sequence[Bootstrap], utilities: Sequence[Bootstrap],
) -> KLCurve:  # fmt: skip
    """A curve, and its utility at every KL at which curves are read."""
    read = [read_at(kls, utilities, at) if kls else None for at in AT]
    return KLCurve(
        name=name,
        kind=kind,
        points=tuple(points),
        utility_at=tuple(None if one is None else _estimate(one) for one in read),
    )


def _estimate(sampled: Bootstrap, shift: float = 0.0) -> Estimate:
    value, low, high = sampled.interval()
    return Estimate(value=value + shift, low=low + shift, high=high + shift)
