"""Whether two fronts differ: paired permutation tests, Holm's correction, and dominance at equal weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike

from benchmarks._stats import hypervolumes

PERMUTATIONS = 4_999
"""For up to two objectives, and..."""
FEW = 999
"""...beyond, where a hypervolume takes a hundred times as long."""


def permutation_test(
    a: Mapping[int, np.ndarray], b: Mapping[int, np.ndarray], ref: Sequence[float], *, seed: int = 0
) -> float:
    """Two-sided p value of the difference between two methods' hypervolumes at `ref` (M,).

    `a` and `b` hold scores (K, N, M) by training seed: the same K weights and N prompts. Under the null hypothesis nothing
    but the name tells what the two say to a prompt, so each prompt's scores are swapped between them, at all weights and in
    all seeds at once, with probability 1/2 (Good 2005). It is about these trained policies, not about others of the methods.
    """
    shapes = {scores.shape for scores in (*a.values(), *b.values())}
    if len(shapes) != 1:
        raise ValueError(f"both methods need the same weights and prompts, got shapes {sorted(shapes)}")
    ((_, N, M),) = shapes
    swapped = _swaps(N, PERMUTATIONS if M <= 2 else FEW, seed)
    if a.keys() == b.keys():
        pairs = [(a[s], b[s]) for s in a]
    else:
        pairs = [(np.mean(list(a.values()), axis=0), np.mean(list(b.values()), axis=0))]
    differences = np.mean([_swapped_differences(x, y, swapped, ref) for x, y in pairs], axis=0)
    reached = np.abs(differences) >= abs(differences[0]) - 1e-12  # counts what was observed as one draw
    return float(reached.mean())


@lru_cache(maxsize=2)
def _swaps(prompts: int, draws: int, seed: int) -> np.ndarray:
    """Which prompts are exchanged (1 + draws, N): none first, then a random half of them."""
    swapped = np.random.default_rng(seed).random((draws, prompts)) < 0.5
    return np.concatenate([np.zeros((1, prompts)), swapped])


def _swapped_differences(a: np.ndarray, b: np.ndarray, swapped: np.ndarray, ref: Sequence[float]) -> np.ndarray:
    """Hypervolume of a less that of b (draws,), both (K, N, M), after exchanging the prompts marked in `swapped` (draws, N)."""
    K, N, M = a.shape
    moved = (swapped @ (b - a).transpose(1, 0, 2).reshape(N, K * M) / N).reshape(-1, K, M)
    return hypervolumes(a.mean(axis=1) + moved, ref) - hypervolumes(b.mean(axis=1) - moved, ref)


def holm(p: ArrayLike) -> np.ndarray:
    """p values (n,) corrected for being n tests at once (Holm 1979): rejected at level l, the chance of any false rejection is
    at most l.

    >>> holm([0.01, 0.04, 0.03])  # 3 x .01; 2 x .03; the largest cannot fall below the one before
    array([0.03, 0.06, 0.06])
    """
    values = np.asarray(p, dtype=float)
    order = np.argsort(values)
    steps = np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1))
    corrected = np.empty_like(values)
    corrected[order] = np.minimum(steps, 1)
    return corrected


def dominance(a: np.ndarray, b: np.ndarray) -> float:
    """How likely a's point is better than b's on every objective, from paired draws (draws, K, M) of both at the same K weights;
    mean over the weights.

    >>> dominance(np.array([[[1.0, 1.0]], [[1.0, 0.0]]]), np.zeros((2, 1, 2)))
    0.5
    """
    return float((a > b).all(axis=2).mean())
