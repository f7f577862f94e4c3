"""What prompts contribute to the headline numbers, and the one test of differences that is made of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np

from benchmarks import Front, Weights
from benchmarks.spec import Signal
from benchmarks.stats import NestedTest, compare_rows, holm, pseudo_values
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

    How much trainings vary is learned from all sides together (`compare_rows`). An interval is widened to hold its
    value: the contributions to a hypervolume make it without the bias that the best of noisy points has. Nothing is
    concluded from one training on a side, which says nothing of others, nor from few prompts: what is not tested is
    none of the tests that p is corrected for.
    """
    rows = {id(side): side for sides in family for side in (sides.a, sides.b)}
    told = dict(zip(combinations(rows, 2), compare_rows(list(rows.values())), strict=True)) if rows else {}
    found = [told.get((id(sides.a), id(sides.b))) or _turned(told[id(sides.b), id(sides.a)]) for sides in family]
    tested = [one.trainings and sides.a.shape[1] >= LEAST_PROMPTS for sides, one in zip(family, found, strict=True)]
    corrected = iter(holm([one.p for one, is_test in zip(found, tested, strict=True) if is_test]).tolist())
    return [
        Difference(
            value=sides.value, low=min(one.low, sides.value), high=max(one.high, sides.value), p=one.p,
            p_holm=next(corrected) if is_test else None,
        )
        for sides, one, is_test in zip(family, found, tested, strict=True)
    ]  # fmt: skip


def _turned(test: NestedTest) -> NestedTest:
    """A test of the other side less the one."""
    return test._replace(difference=-test.difference, low=-test.high, high=-test.low)
