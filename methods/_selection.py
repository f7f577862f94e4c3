"""Choosing good answers by their scores."""

from __future__ import annotations

import moocore
import numpy as np


def pareto_layers(scores: np.ndarray, quota: int) -> np.ndarray:
    """Indices of the first non-dominated layers of scores (N, M) until at least `quota` answers are in, best layer first.

    The last layer is taken whole. Higher is better; equal scores share a layer.
    """
    if len(scores) == 0 or quota <= 0:
        return np.zeros(0, dtype=int)
    rank = moocore.pareto_rank(scores, maximise=True)
    order = np.argsort(rank, kind="stable")
    last = rank[order[min(quota, len(order)) - 1]]
    return order[rank[order] <= last]
