"""Whether rows of a table differ, over other trainings and other prompts at once: nested t tests.

A row is (S, N): what each of N prompts contributes to S independent trainings of one method, in the unit of the mean
that the rows are compared by (`pseudo_values` of a hypervolume; utilities). The prompts are the same for all rows, so
what is easy about a prompt cancels; trainings are pairs with none, not even those that carry the same seed.

The squared standard error of a difference is the variance between trainings of either row over S, which is that of its
S means (all of them on the same prompts, whose luck is in each and not in their variance), plus the variance of the
prompts' differences over N, less what single answers put into both (two crossed random factors; Searle, Casella &
McCulloch 1992, 4.2).

Three trainings tell little about the variance between trainings: Welch's t with so few degrees of freedom sees nothing
beyond 45 pairs, and errs. So each row's is moderated (Smyth 2004): drawn towards the mean over all rows that are
compared, which counts like `PRIOR` further degrees of freedom. What is assumed is that trainings of different methods
vary by similar amounts; a row that varies five times as much as the others is still not taken for better or worse too
often. Degrees of freedom are those of all variances that enter, each with the weight that it has (Satterthwaite 1946):
for two rows alone that is Welch's test.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np

from benchmarks.stats.bootstrap import LEVEL
from benchmarks.stats.significance import holm

PRIOR = 2
"""Degrees of freedom that all rows' mean variance between trainings counts for in each row's.

[choice] With ten rows, three trainings and Holm's correction, 2 keeps the chance of any error below .06 whether rows
vary alike, or one varies five times as much, or half of them thrice as much; taking the mean alone (no end of degrees)
errs in .2 of such worlds, and each row's own alone (0) in .1.
"""


class NestedTest(NamedTuple):
    """A difference of two rows with its 95 % interval, and its two-sided p value: alone, and among all (Holm).

    `trainings` is false where one row has a single training. Interval and p then speak of other prompts only, about
    these trained policies: nobody may be called better, so there is no corrected p, nor are others corrected for it.
    """

    difference: float
    low: float
    high: float
    p: float
    p_holm: float | None
    trainings: bool


class Variances(NamedTuple):
    """Variances that R rows show: between trainings, as seed means tell it (R,); what single answers add to the mean of
    a row (R,); of the prompts' differences of P contrasts (P,); degrees of freedom of the first (R,), 0 for a
    single training.
    """

    between: np.ndarray
    own: np.ndarray
    paired: np.ndarray
    freedom: np.ndarray


def nested_test(a: np.ndarray, b: np.ndarray) -> NestedTest:
    """Row `a` (S_a, N) less row `b` (S_b, N), compared with each other alone: see `compare_rows`."""
    return compare_rows([a, b])[0]


def compare_rows(rows: Sequence[np.ndarray], pairs: Sequence[tuple[int, int]] | None = None) -> list[NestedTest]:
    """Pairs of R rows (S_i, N), row i less row j: all of i < j, in the order of `itertools.combinations`, or `pairs`.

    With a single prompt nothing can be told: p is 1, the interval has no ends. Rows that differ by the same amount on
    every prompt and in every training differ for certain: p is 0, or 1 where the amount is 0.

    Raises ValueError where rows are not matrices over the same prompts, or not finite.
    """
    return compare_contrasts(
        rows, contrasts(len(rows), list(combinations(range(len(rows)), 2)) if pairs is None else pairs)
    )


def t_test(
    difference: np.ndarray, error: np.ndarray, freedom: np.ndarray, by_chance: Sequence[float] | None
) -> tuple[np.ndarray, np.ndarray]:
    """Of differences (P,) with their standard errors and degrees of freedom: two-sided p values of what exceeds chance,
    and how far 95 % intervals reach to either side. Without an error a difference is certain."""
    from scipy.special import stdtr, stdtrit  # light commands import this package too

    beyond = np.abs(beyond_chance(difference, by_chance))
    t = np.divide(beyond, error, out=np.where(beyond == 0, 0, np.inf), where=error > 0)
    return 2 * stdtr(freedom, -t), error * stdtrit(freedom, (1 + LEVEL) / 2)


def beyond_chance(differences: np.ndarray, by_chance: Sequence[float] | None) -> np.ndarray:
    """What differences (P,) exceed those by that equals would have (P,): nothing where they have less of that sign.

    >>> beyond_chance(np.array([0.5, 0.1, -0.1]), [0.2, 0.2, 0.2])
    array([ 0.3,  0. , -0.1])
    """
    return differences - np.clip(by_chance or 0.0, np.minimum(differences, 0), np.maximum(differences, 0))


def contrasts(R: int, pairs: Sequence[tuple[int, int]]) -> np.ndarray:
    """By what R rows are multiplied in each of P differences (P, R): 1 and -1."""
    found = np.zeros((len(pairs), R))
    for row, (i, j) in zip(found, pairs, strict=True):
        row[i], row[j] = 1, -1
    return found


def compare_contrasts(
    rows: Sequence[np.ndarray], of: np.ndarray, by_chance: Sequence[float] | None = None
) -> list[NestedTest]:
    """As `compare_rows`, of sums of R rows, each multiplied by what P contrasts `of` (P, R) have for it: 1, -1 or 0.

    A row that stands alone in a contrast is a difference itself: of two points of the same trainings, in each of these.
    Two points are no two rows, whose trainings have nothing to do with each other: where a training that moved one of
    them up moved the other down, their difference varies by more than both do apart.

    p is of what differences exceed those `by_chance` (P,) by, which equals would have, see `beyond_chance`.
    """
    if not len(of):
        return []
    found = variances(rows, of)
    difference, N = of @ [np.mean(row) for row in rows], np.shape(rows[0])[1]
    if N == 1:
        p, reach = np.ones(len(of)), np.full(len(of), np.inf)
    else:
        p, reach = t_test(difference, *_standard_errors(found, of, N), by_chance)
    trainings = _several(found, of)
    corrected = iter(holm(p[trainings]).tolist())
    return [
        NestedTest(value, value - far, value + far, alone, next(corrected) if told else None, told)
        for value, far, alone, told in zip(*(x.tolist() for x in (difference, reach, p, trainings)), strict=True)
    ]


def variances(rows: Sequence[np.ndarray], of: np.ndarray) -> Variances:
    """What R rows (S_i, N), and contrasts of them `of` (P, R), show of how much trainings and prompts vary. A single
    prompt has a variance of 0.

    Raises ValueError where rows are not matrices over the same prompts, or not finite.
    """
    rows = [np.asarray(row, dtype=float) for row in rows]
    if not rows or any(row.ndim != 2 or 0 in row.shape for row in rows) or len({row.shape[1] for row in rows}) > 1:
        raise ValueError(f"rows must be (S, N) on the same prompts, got shapes {[row.shape for row in rows]}")
    if not all(np.isfinite(row).all() for row in rows):
        raise ValueError("rows must be finite")
    R, N = len(rows), rows[0].shape[1]
    between, own, paired = np.zeros(R), np.zeros(R), np.zeros(len(of))
    freedom = np.array([len(row) - 1 for row in rows])
    several = np.flatnonzero(freedom).tolist()
    for i in several:
        between[i] = rows[i].mean(axis=1).var(ddof=1)
    if N > 1:
        for i in several:
            left = rows[i] - rows[i].mean(axis=0)
            left -= left.mean(axis=1, keepdims=True)
            own[i] = (left**2).sum() / (freedom[i] * (N - 1)) / rows[i].size
        paired = (of @ np.stack([row.mean(axis=0) for row in rows])).var(axis=1, ddof=1)
    return Variances(between, own, paired, freedom)


def _several(found: Variances, of: np.ndarray) -> np.ndarray:
    """Whether all rows that enter a contrast have several trainings (P,)."""
    return ~np.any(of[:, found.freedom == 0], axis=1)


def _standard_errors(found: Variances, of: np.ndarray, N: int) -> tuple[np.ndarray, np.ndarray]:
    """Of contrasts `of` (P, R) on N > 1 prompts: standard errors, and degrees of freedom."""
    entering, several, d = np.abs(of), found.freedom > 0, found.freedom
    prompts, own = found.paired / N, entering @ found.own
    squared, spread = prompts, prompts**2 / (N - 1)
    both = _several(found, of)
    if both.any():
        # how much of each row's variance between trainings (columns) is in the squared error of each row's mean
        shares = (PRIOR * d / d.sum() + np.diag(d)) / ((PRIOR + d) * (d + 1))[:, None]
        parts = (entering @ shares * found.between)[:, several]
        trainings = parts.sum(axis=1)
        # either holds what answers add, so that together they are no less than the larger
        together = np.maximum(trainings + prompts - own, np.maximum(trainings, prompts))
        squared = np.where(both, together, squared)
        spread = np.where(both, spread + (parts**2 / d[several]).sum(axis=1), spread)
    freedom = np.divide(squared**2, spread, out=np.ones(len(spread)), where=spread > 0)
    return np.sqrt(squared), freedom
