"""Whether rows of a table differ, over other preparations too: paired t tests over whole preparations.

A preparation is a draw of everything that is made before a method is trained: starting policy, rewards, noise of the
data. All rows share it, so what it does to all of them cancels: rows are compared in each, and the differences vary
from preparation to preparation by whatever it does to one row alone, and by the trainings in it. Prompts are the same
in all preparations, and vary beside that, as they do beside trainings (`benchmarks.stats.nested`).

Few preparations tell as little as few trainings do. Each pair's variance is drawn towards the mean over all pairs in
the same way, and for the same reason; no test has more degrees of freedom than all rows together. Two rows on two
preparations have a single one, even where prompts seem to vary more: a variance of one degree is often small by chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from benchmarks.stats.nested import PRIOR, NestedTest, t_test
from benchmarks.stats.significance import holm


def compare_preparations(
    rows: Sequence[Sequence[np.ndarray]],
    pairs: Sequence[tuple[int, int]] | None = None,
    by_chance: Sequence[float] | None = None,
) -> list[NestedTest]:
    """Pairs of R rows, row i less row j: all of i < j, or `pairs`; a row has an (S, N) for each of P >= 2 preparations.

    Preparations and prompts are the same for all rows; S may differ, and may be 1, as a preparation is a training too.
    Each value is in the units of its own preparation's card. p is of what differences exceed those `by_chance` by, as
    `compare_contrasts` has it.

    Raises ValueError for fewer than 2 preparations, rows with unequally many, or other prompts.
    """
    shapes = {(len(row), *(one.shape[1] for one in row)) for row in rows}
    if len(shapes) != 1 or len(next(iter(shapes))) < 3 or len(set(next(iter(shapes))[1:])) > 1:
        raise ValueError(f"rows must have the same 2 or more preparations, all on the same prompts, got {shapes}")
    means = np.array([[one.mean(axis=0) for one in row] for row in rows])
    R, P, N = means.shape
    i, j = np.array(list(combinations(range(R), 2)) if pairs is None else pairs, dtype=int).reshape(-1, 2).T
    paired = means[i] - means[j]
    difference, over = paired.mean(axis=(1, 2)), paired.mean(axis=2)
    own = over.var(axis=1, ddof=1)
    if N == 1:
        p, reach = np.ones(len(i)), np.full(len(i), np.inf)
    else:
        least = min(PRIOR + P - 1, (R - 1) * (P - 1))
        moderated = (PRIOR * own.mean() + (P - 1) * own) / (PRIOR + P - 1) / P if len(i) else own
        prompts = paired.mean(axis=1).var(axis=1, ddof=1) / N
        left = paired - paired.mean(axis=1, keepdims=True) - over[:, :, None] + difference[:, None, None]
        both = (left**2).sum(axis=(1, 2)) / ((P - 1) * (N - 1)) / (P * N)
        squared = np.maximum(moderated + prompts - both, np.maximum(moderated, prompts))
        spread = moderated**2 / least + prompts**2 / (N - 1)
        freedom = np.divide(squared**2, spread, out=np.ones(len(i)), where=(spread > 0) & (least > 1))
        p, reach = t_test(difference, np.sqrt(squared), freedom, by_chance)
    return [
        NestedTest(value, value - far, value + far, alone, corrected, trainings=True)
        for value, far, alone, corrected in zip(*(x.tolist() for x in (difference, reach, p, holm(p))), strict=True)
    ]
