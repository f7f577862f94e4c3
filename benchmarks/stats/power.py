"""How small a difference a comparison can see: what its trainings, prompts and rows allow."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np

from benchmarks.stats.nested import PRIOR, contrasts, variances

LEVEL = 0.05
"""Chance of calling any row better than its equal."""


class Spread(NamedTuple):
    """Standard deviations of a row's mean from training to training, and of the difference of two rows from prompt to
    prompt: what trainings of both have in common.
    """

    trainings: float
    prompts: float


def spread(rows: Sequence[np.ndarray]) -> Spread:
    """How much the rows (S_i, N) of a comparison vary on the whole: root mean squares over rows, and over pairs.

    Raises ValueError where no row has several trainings, or there is a single row or prompt: nothing varies there.
    """
    R, N = len(rows), np.shape(rows[0])[1]
    pairs = list(combinations(range(R), 2))
    found = variances(rows, contrasts(R, pairs))
    if R < 2 or N < 2 or not found.freedom.any():
        raise ValueError(f"a spread needs 2 rows, 2 prompts, 2 trainings, got shapes {[np.shape(row) for row in rows]}")
    i, j = np.transpose(pairs)
    prompts = np.maximum(found.paired - N * (found.own[i] + found.own[j]), 0).mean()
    return Spread(float(np.sqrt(np.average(found.between, weights=found.freedom))), float(np.sqrt(prompts)))


def detectable_difference(
    spread: Spread, *, seeds: int, prompts: int, rows: int, power: float = 0.8, level: float = LEVEL
) -> float:
    """The difference between two of `rows` rows that `compare_rows` finds with a chance of `power`.

    All rows have `seeds` trainings on `prompts` prompts, and vary alike. Found means: at `level` after the correction
    for all pairs, counted as the first of them (Holm's later steps ask for less). By the t distribution off its centre
    (Lehmann & Romano 2005, 5.2), with the degrees of freedom of tests that meet just this spread; as a spread is itself
    estimated, a little fewer are found, .73 of what should be .8 with ten rows and three trainings.

    Raises ValueError for fewer than 2 rows, trainings or prompts: there nothing can be found.
    """
    from scipy.special import nctdtrinc, stdtrit  # light commands import this package too

    if min(seeds, prompts, rows) < 2:
        raise ValueError(f"needs 2 rows, trainings, prompts, got {rows}, {seeds}, {prompts}")
    between, paired = spread.trainings**2 / seeds, spread.prompts**2 / prompts
    squared = 2 * between + paired
    if squared == 0:
        return 0.0
    # Of the two rows' moderated variances, what comes from each row's own: that of the two, that of the others.
    others = 2 * PRIOR / rows / (PRIOR + seeds - 1)
    ours = others + (seeds - 1) / (PRIOR + seeds - 1)
    shares = 2 * ours**2 + (rows - 2) * others**2
    freedom = squared**2 / (between**2 * shares / (seeds - 1) + paired**2 / (prompts - 1))
    critical = stdtrit(freedom, 1 - level / (rows * (rows - 1)))
    return float(np.sqrt(squared) * nctdtrinc(freedom, 1 - power, critical))
