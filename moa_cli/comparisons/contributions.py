"""What prompts contribute to the headline numbers, and the one test of differences that is made of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import isfinite
from typing import NamedTuple

import numpy as np

from benchmarks import Front, Weights
from benchmarks.spec import Signal
from benchmarks.stats import Bootstrap, compare_contrasts, compare_preparations, gain_by_chance, pseudo_values
from moa_cli.comparisons.parts import LEAST_PROMPTS, Difference

Training = tuple[int, int]
"""What tells the trainings of a row apart: preparation and seed."""


def training(front: Front) -> Training:
    """What tells a front from others of its row."""
    return front.card.preparation, front.seed


Contributions = Sequence[np.ndarray]
"""What N prompts contribute to a number at every training: for each preparation an (S, N)."""


class Sides(NamedTuple):
    """Two numbers to be told apart, with what prompts contribute to each: the same prompts, the same preparations."""

    a: Contributions
    b: Contributions
    value: float
    """The one number less the other."""
    together: bool = False
    """Whether both are of the same trainings, in their order, as two points of one method are."""
    by_chance: float = 0.0
    """The one number less the other where nothing but chance tells the two apart."""


def to_volume(trainings: Mapping[Training, np.ndarray], ref: Sequence[float]) -> Contributions:
    """What each prompt contributes to the hypervolume of scores (K, N, M) by training."""
    return by_preparation(trainings, pseudo_values(list(trainings.values()), ref))


class Volume(NamedTuple):
    """The hypervolume of a row: the scores (K, N, M) of its trainings, what prompts contribute, the number itself."""

    scores: Mapping[Training, np.ndarray]
    contributions: Contributions
    value: float

    @property
    def single(self) -> bool:
        """Whether the row has a single point."""
        return all(len(points) == 1 for points in self.scores.values())


def volume_by_chance(ours: Volume, theirs: Volume, ref: Sequence[float]) -> float:
    """By how much a hypervolume exceeds another where nothing but chance tells the two apart.

    Of several points and a single one: where all of them are that point in truth, beyond what the prompts'
    contributions, which tests are made of, are already without.
    """
    if ours.single == theirs.single:
        return 0.0
    if ours.single:
        return 0 - volume_by_chance(theirs, ours, ref)
    [point] = np.mean([one.mean(axis=1) for one in theirs.scores.values()], axis=0)
    taken_off = ours.value - np.mean([one.mean() for one in ours.contributions])
    return max(gain_by_chance(ours.scores, point, ref) - float(taken_off), 0.0)


def to_utility(
    trainings: Mapping[Training, np.ndarray], asked: Sequence[Weights], answering: Sequence[int]
) -> Contributions:
    """The mean over asked weights w of w . score(w) on each prompt, of scores (K, N, M) by training."""
    weights = np.array(asked)[:, None, :]
    values = [(scores[list(answering)] * weights).sum(axis=2).mean(axis=0) for scores in trainings.values()]
    return by_preparation(trainings, values)


def by_preparation(trainings: Iterable[Training], values: Iterable[np.ndarray]) -> Contributions:
    """One (N,) per training as an (S, N) for each preparation, in the order of their numbers."""
    found: dict[int, list[np.ndarray]] = {}
    for (preparation, _), one in zip(trainings, values, strict=True):
        found.setdefault(preparation, []).append(one)
    return [np.stack(found[preparation]) for preparation in sorted(found)]


def worth(front: Front, signal: Signal, *, keep_collapsed: bool = False) -> np.ndarray:
    """Values (K, N, M) as they count for utility: a collapsed point is worth no more than the ref, on all prompts."""
    values = front.under(signal)
    if keep_collapsed:
        return values
    lost = np.minimum(values.mean(axis=1, keepdims=True), front.card.ref)
    return np.where(front.sound[:, None, None], values, lost)


def over_preparations(sampled: Bootstrap, trainings: Iterable[Training]) -> Bootstrap:
    """A number of every training, as one of every preparation where there are several."""
    return sampled.over([preparation for preparation, _ in trainings])


def _terms(sides: Sides) -> list[tuple[np.ndarray, int]]:
    """Rows (S, N) whose trainings have nothing to do with each other, and the signs with which they make the
    difference."""
    (a,), (b,) = sides.a, sides.b
    return [(a - b, 1)] if sides.together else [(a, 1), (b, -1)]


def differences(family: Sequence[Sides]) -> list[Difference]:
    """Every difference, tested, its p corrected for being one of so many (Holm 1979).

    A row that is in several differences is the same array in each: all rows together say how much trainings vary. An
    interval is widened to hold its value, as the contributions to a hypervolume make it without the bias that the best
    of noisy points has; of a single prompt it is the value alone. Nothing is concluded from one training on a side,
    which says nothing of others, nor from few prompts: what is not tested is none of the tests that p is corrected for.
    With several preparations these are compared, whose differences hold how trainings vary.
    """
    if not family:
        return []
    by_chance = [sides.by_chance for sides in family]
    if len(family[0].a) > 1:
        rows = {id(side): side for sides in family for side in (sides.a, sides.b)}
        places = {key: place for place, key in enumerate(rows)}
        pairs = [(places[id(sides.a)], places[id(sides.b)]) for sides in family]
        found = compare_preparations([*rows.values()], pairs, by_chance)
    else:
        terms = [_terms(sides) for sides in family]
        trained = {id(row): row for own in terms for row, _ in own}
        signs = [{id(row): sign for row, sign in own} for own in terms]
        found = compare_contrasts(
            [*trained.values()], np.array([[own.get(key, 0) for key in trained] for own in signs]), by_chance
        )
    return [
        Difference(
            value=sides.value, by_chance=sides.by_chance,
            p=one.p, p_holm=one.p_holm if sides.a[0].shape[1] >= LEAST_PROMPTS else None,
            low=min(one.low, sides.value) if isfinite(one.low) else sides.value,
            high=max(one.high, sides.value) if isfinite(one.high) else sides.value,
        )
        for sides, one in zip(family, found, strict=True)
    ]  # fmt: skip
