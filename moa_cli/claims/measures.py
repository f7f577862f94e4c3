"""The measures that claims are about: each makes one number with its interval from what is measured on a benchmark."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import combinations

import numpy as np

from benchmarks import BadInput, Front
from benchmarks.common import digest, plain, to_type
from benchmarks.measure import read_front
from benchmarks.stats import Bootstrap, Interval, bootstrap_means, kendall_tau, spearman
from methods import Method
from moa_cli.comparisons import Difference, Headline, OnBenchmark, Sides, answering, compare, differences
from moa_cli.jobs import TakesGoals
from moa_cli.runs import SWEEP, Source, as_config, beside_front, default_config, method_source
from moa_cli.studies import InRounds

DRAWS = 2_000


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One method's runs on one benchmark with one configuration, ordered by seed."""

    source: Source
    """What names the benchmark: its scores can be read without it."""
    method: Method
    fronts: tuple[Front, ...]


class Missing(Exception):
    """A claim cannot be checked on what is measured: why, and which command would measure what lacks.

    There may be no such command. Which benchmark and seeds it is about is for the caller to add.
    """

    def __init__(self, reason: str, command: str | None = None):
        super().__init__(reason)
        self.reason, self.command = reason, command


class Variants(dict[str, list[Variant]]):
    """The configurations of each method on one benchmark, its own hyperparameters first."""

    @cached_property
    def compared(self) -> OnBenchmark:
        """Every method that can be compared, in the configuration that was trained most often, beside the others."""
        return _compared(self._comparable)

    @cached_property
    def collapses(self) -> dict[tuple[str, str], Difference]:
        """Share of degenerate answers of one method less that of another, for every pair that can be compared, at the
        weights that all are asked for."""
        fronts = {name: one.fronts for name, one in self._comparable.items()}
        asked = self.compared.asked  # where the fronts have other units there is none
        shares = {
            name: [np.stack([f.collapsed[answering(f.weights, asked)].mean(axis=0) for f in own])]
            for name, own in fronts.items()
        }
        pairs = list(combinations(shares, 2))
        told = differences(
            [Sides(shares[a], shares[b], float(np.mean(shares[a]) - np.mean(shares[b]))) for a, b in pairs]
        )
        found = dict(zip(pairs, told, strict=True))
        return found | {(b, a): one.turned() for (a, b), one in found.items()}

    @property
    def _comparable(self) -> dict[str, Variant]:
        found = {}
        for name in self:
            with suppress(Missing):
                found[name] = most_trained(self, name)
        return found


def volume_gain(found: Variants, of: Sequence[str]) -> Difference:
    """Hypervolume of a less that of b, at as many policies of every method that is measured."""
    return _headline(found, of, "hypervolume")


def utility_gain(found: Variants, of: Sequence[str]) -> Difference:
    """Mean over the same weights w for all methods of w . score(w), a less b."""
    return _headline(found, of, "utility")


def collapse_gain(found: Variants, of: Sequence[str]) -> Difference:
    """Share of degenerate answers of a less that of b, at the same weights for all methods that are measured."""
    for name in of:
        most_trained(found, name)
    return found.collapses[of[0], of[1]]


def cost_ratio(found: Variants, of: Sequence[str]) -> Interval:
    """Training of a over training of b, each with what it used, in floating-point operations.

    The interval is over seeds.
    """
    a, b = (_operations(found, name) for name in of)
    seeds = tuple(seed for seed in a if seed in b)
    if not seeds:
        typed = [method_source(type(most_trained(found, name).method)) for name in of]
        raise Missing(f"{of[0]} and {of[1]} have no seed in common", _compare(typed))
    if not all(b[seed] for seed in seeds):
        raise Missing(f"{of[1]} trains nothing and uses no trained reward, so there is no ratio to its cost")
    ratios = np.array([a[seed] / b[seed] for seed in seeds])
    return Bootstrap(ratios, np.tile(ratios[:, None], DRAWS), seeds).interval()


def _operations(found: Variants, name: str) -> dict[int, float]:
    """What training took with what it used, by seed."""
    spent = {f.seed: f.charged.get("flops") for f in most_trained(found, name).fronts}
    known = {seed: flops for seed, flops in spent.items() if flops is not None}
    if len(known) < len(spent):
        raise Missing(f"what {name} spent in training was not counted")
    return known


def weight_following(found: Variants, of: Sequence[str]) -> Interval:
    """Lowest rank correlation of an objective's score with its weight (Kendall's tau)."""
    fronts = most_trained(found, of[0]).fronts
    weights = np.array(fronts[0].weights)
    if len(weights) < 2:
        raise Missing(f"the front of {of[0]} is a single point, which follows no weights")

    def lowest(points: np.ndarray) -> float:
        return min(kendall_tau(weights[:, m], points[:, m]) for m in range(points.shape[1]))

    return _of_points(fronts, lowest).interval().within(-1, 1)


def height_above_chord(found: Variants, of: Sequence[str]) -> Interval:
    """Height of the lowest point between the end points above the chord that joins these, in SFT SDs; two objectives.

    Each end of the interval is the lowest one among the points' own: it lies above a number where those of all points
    do. The lowest of each resampled front would do worse, since the least of several noisy heights is low by chance
    alone.
    """
    fronts = most_trained(found, of[0]).fronts
    K, M = np.shape(fronts[0].weights)
    if M != 2:
        raise Missing(f"it is about two objectives, and here are {M}")
    if K < 3:
        raise Missing(f"the front of {of[0]} has no point between its end points")
    first, *between, last = np.argsort([w[0] for w in fronts[0].weights])

    def height(points: np.ndarray, k: int) -> float:
        chord = points[last] - points[first]
        if chord.prod() >= 0:  # one end dominates the other: no direction is up
            return np.nan
        up = np.abs(chord)[::-1]
        return float((points[k] - points[first]) @ up / np.linalg.norm(up))

    heights = [_of_points(fronts, partial(height, k=k)) for k in between]
    # to leave such draws out would suppose the very trade-off that the claim is about
    if any(np.isnan(one.draws).any() for one in heights):
        raise Missing(
            f"one end of the front of {of[0]} dominates the other, or might: without a trade-off there is no chord"
        )
    return Interval(*np.min([one.interval() for one in heights], axis=0).tolist())


def goal_following(found: Variants, of: Sequence[str]) -> Interval:
    """Lowest rank correlation of a goal's score with the intensity asked for (Spearman)."""
    one = most_trained(found, of[0])
    if not isinstance(one.method, TakesGoals):
        raise Missing(f"{of[0]} cannot be asked for intensities")
    command = to_type("moa", "study", "controllability", "-m", of[0])
    swept = [beside_front(f.folder, SWEEP) for f in one.fronts if f.folder is not None]
    if not swept or not all((folder / "front.json").exists() for folder in swept):
        raise Missing(f"{of[0]} has not been measured at every intensity", command)
    try:
        fronts = [read_front(folder) for folder in swept]
    except BadInput as error:
        raise Missing(error.what, command) from error
    goals = np.array(fronts[0].weights)

    def lowest(points: np.ndarray) -> float:
        asked = [goals[:, i] > 0 for i in range(goals.shape[1])]
        return min(float(spearman(goals[rows, i], points[rows, i])) for i, rows in enumerate(asked))

    return _of_points(fronts, lowest).interval().within(-1, 1)


def kept_of_first(found: Variants, of: Sequence[str]) -> Difference:
    """First objective after the second round, largest alpha less alpha 0."""
    one = most_trained(found, of[0])
    method = one.method
    command = to_type("moa", "study", "retention", "-m", of[0])
    if not isinstance(method, InRounds):
        raise Missing(f"{of[0]} does not train for one objective after the other")
    if 0 not in method.alphas or len(set(method.alphas)) < 2:
        raise Missing(f"{of[0]} was trained with alphas {list(method.alphas)}, not with 0 and others", command)
    benchmark, weights = one.source.load(), one.fronts[0].weights
    points = [method.after(benchmark, 2, alpha) for alpha in (max(method.alphas), 0.0)]
    if not set(points) <= set(weights):
        raise Missing(f"the front of {of[0]} does not hold the points after two rounds", command)
    kept, forgot = (np.stack([f.scores[weights.index(point), :, 0] for f in one.fronts]) for point in points)
    (difference,) = differences([Sides([kept], [forgot], float(kept.mean() - forgot.mean()), together=True)])
    return difference


def size_gain(found: Variants, of: Sequence[str]) -> Difference:
    """Hypervolume with the largest reward model less that with the smallest.

    Of those with a scratch size (such as "0.3m") that have all other hyperparameters in common: the method's own where
    they were measured with several sizes.
    """
    alike: dict[str, dict[float, Variant]] = {}
    for variant in found.get(of[0], ()):
        config, own = as_config(variant.method), default_config(type(variant.method))
        if size := re.fullmatch(r"(\d+(?:\.\d+)?)m", str(config.get("reward_base"))):
            others, first = ({**one, "reward_base": None} for one in (config, own))
            alike.setdefault("" if others == first else digest(plain(others)), {})[float(size[1])] = variant
    sized = next((alike[others] for others in sorted(alike) if len(alike[others]) > 1), None)
    if sized is None:
        raise Missing(
            f"{of[0]} has not been measured with reward models of two sizes",
            to_type("moa", "study", "reward-model-size", "-m", of[0]),
        )
    on = _compared({"largest": sized[max(sized)], "smallest": sized[min(sized)]})
    return _known(on.difference("largest", "smallest"), of)


MEASURES: Mapping[str, Callable[[Variants, Sequence[str]], Interval | Difference]] = {
    "hypervolume": volume_gain,
    "utility": utility_gain,
    "collapse": collapse_gain,
    "cost": cost_ratio,
    "obeys": weight_following,
    "concave": height_above_chord,
    "control": goal_following,
    "retention": kept_of_first,
    "scaling": size_gain,
}
"""What a claim can be about, as files of claims call it."""


PAIRED = ("hypervolume", "utility", "collapse", "cost")
"""Measures of two methods; the others are of one."""


def most_trained(found: Variants, name: str) -> Variant:
    """The runs of the configuration that was trained most often: of equally many the method's own hyperparameters, else
    the first ones there are."""
    if not found.get(name):
        raise Missing(f"{name} has not been measured", _compare([name]))
    most = max(found[name], key=lambda one: len(one.fronts))
    fronts = most.fronts
    if len({f.seed for f in fronts}) < len(fronts) or len({f.weights for f in fronts}) > 1:
        raise Missing(
            f"the runs of {name} cannot be averaged: a seed is there twice, or they were measured at different weights"
        )
    return most


def _compare(names: Sequence[str]) -> str:
    return to_type("moa", "compare", "-m", ",".join(names))


def _headline(found: Variants, of: Sequence[str], headline: Headline) -> Difference:
    """A headline number of a less that of b, as a comparison of all methods that are measured tests it."""
    for name in of:
        most_trained(found, name)
    return _known(found.compared.difference(of[0], of[1], headline), of)


def _known(difference: Difference | None, of: Sequence[str]) -> Difference:
    if difference is None:
        raise Missing(f"all points of {' or '.join(of)} are left out for collapse, so nothing can be compared")
    return difference


def _compared(variants: Mapping[str, Variant]) -> OnBenchmark:
    """Variants side by side, each in a row of this name."""
    fronts = [
        replace(front, method=name, config={}, folder=None) for name, one in variants.items() for front in one.fronts
    ]
    return compare(fronts, answers=0).benchmarks[0]


def _of_points(fronts: Sequence[Front], statistic: Callable[[np.ndarray], float]) -> Bootstrap:
    """A statistic of each seed's points under the scores (K, M)."""
    means = bootstrap_means({f.seed: f.scores for f in fronts}, draws=DRAWS)
    drawn = np.array([[mean.draws for mean in row] for row in means]).transpose(2, 3, 0, 1)
    values = np.array([statistic(f.means("scores")) for f in fronts])
    draws = np.array([[statistic(points) for points in seed] for seed in drawn])
    return Bootstrap(values, draws, tuple(f.seed for f in fronts))
