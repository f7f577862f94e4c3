"""What prompts contribute to the headline numbers, and the one test of differences that is made of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import isfinite
from typing import NamedTuple

import numpy as np

from benchmarks import Front, Weights
from benchmarks.spec import Signal
from benchmarks.stats import compare_rows, pseudo_values
from moa_cli.comparisons.document import LEAST_PROMPTS
from moa_cli.comparisons.parts import Difference


class Sides(NamedTuple):
    """Two numbers to be told apart: what N prompts contribute to each at every training."""

    a: np.ndarray
    """(S, N)."""
    b: np.ndarray
    """(T, N)."""
    value: float
    """The one number less the other."""


def to_volume(seeds: Iterable[np.ndarray], ref: Sequence[float]) -> np.ndarray:
    """What each prompt contributes to the hypervolume (S, N) of scores (K, N, M) by seed."""
    return pseudo_values(list(seeds), ref)


def to_utility(seeds: Iterable[np.ndarray], asked: Sequence[Weights], answering: Sequence[int]) -> np.ndarray:
    """The mean over asked weights w of w . score(w) on each prompt (S, N), of scores (K, N, M) by seed."""
    weights = np.array(asked)[:, None, :]
    return np.stack([(scores[list(answering)] * weights).sum(axis=2).mean(axis=0) for scores in seeds])


def worth(front: Front, signal: Signal, *, keep_collapsed: bool = False) -> np.ndarray:
    """Values (K, N, M) as they count for utility: a collapsed point is worth no more than the ref, on all prompts."""
    values = front.under(signal)
    if keep_collapsed:
        return values
    lost = np.minimum(values.mean(axis=1, keepdims=True), front.card.ref)
    return np.where(front.sound[:, None, None], values, lost)


def differences(family: Sequence[Sides]) -> list[Difference]:
    """Every difference, tested, its p corrected for being one of so many (Holm 1979).

    A row that is in several differences is the same array in each: all rows together say how much trainings vary. An
    interval is widened to hold its value, as the contributions to a hypervolume make it without the bias that the best
    of noisy points has; of a single prompt it is the value alone. Nothing is concluded from one training on a side,
    which says nothing of others, nor from few prompts: what is not tested is none of the tests that p is corrected for.
    """
    rows = {id(side): side for sides in family for side in (sides.a, sides.b)}
    places = {key: place for place, key in enumerate(rows)}
    found = compare_rows(list(rows.values()), [(places[id(sides.a)], places[id(sides.b)]) for sides in family])
    return [
        Difference(
            value=sides.value, p=one.p, p_holm=one.p_holm if sides.a.shape[1] >= LEAST_PROMPTS else None,
            low=min(one.low, sides.value) if isfinite(one.low) else sides.value,
            high=max(one.high, sides.value) if isfinite(one.high) else sides.value,
        )
        for sides, one in zip(family, found, strict=True)
    ]  # fmt: skip
