"""What tests of two fronts are made of: jackknife values, Holm's correction, and dominance at equal weights."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from benchmarks.stats.bootstrap import hypervolumes


def pseudo_values(seeds: Sequence[np.ndarray], ref: Sequence[float]) -> np.ndarray:
    """What each of N prompts contributes to a hypervolume at `ref` (M,): (S, N), of S seeds with scores (K, N, M) each.

    Jackknife (Tukey 1958): N times the hypervolume, less N - 1 times that without the prompt. Their mean is the
    hypervolume without its first-order bias, and they make a mean over prompts of what is none. Of a single prompt it
    is 0.
    """
    found = []
    for scores in seeds:
        N = scores.shape[1]
        if N == 1:
            return np.zeros((len(seeds), 1))  # leaving it out leaves nothing, so nothing can be told
        mean = scores.mean(axis=1)
        without = mean[None] + (mean[None] - scores.transpose(1, 0, 2)) / (N - 1)
        found.append(N * hypervolumes(mean[None], ref) - (N - 1) * hypervolumes(without, ref))
    return np.stack(found)


def holm(p: ArrayLike) -> np.ndarray:
    """p values (n,) corrected for being n tests at once (Holm 1979).

    Rejected at level l, the chance of any false rejection is at most l.

    >>> holm([0.01, 0.04, 0.03])  # 3 x .01; 2 x .03; the largest cannot fall below the one before
    array([0.03, 0.06, 0.06])
    """
    values = np.asarray(p, dtype=float)
    order = np.argsort(values)
    steps = np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1))
    corrected = np.empty_like(values)
    corrected[order] = np.minimum(steps, 1)
    return corrected


def dominance(differences: np.ndarray) -> float:
    """How likely one method's point is better than another's on every objective: mean over K weights.

    `differences` are draws (draws, K, M) of how much the one exceeds the other at the same weights.

    >>> dominance(np.array([[[1.0, 1.0]], [[1.0, 0.0]]]))
    0.5
    """
    return float((differences > 0).all(axis=2).mean())
