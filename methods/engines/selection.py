"""Choosing good answers by their rewards."""

from __future__ import annotations

import moocore
import numpy as np

from benchmarks import Weights


def pareto_layers(rewards: np.ndarray, quota: int) -> np.ndarray:
    """Indices of the first non-dominated layers of rewards (N, M) with at least `quota` answers, best layer first.

    The last layer is taken whole. Higher is better; equal rewards share a layer.
    """
    if len(rewards) == 0 or quota <= 0:
        return np.zeros(0, dtype=int)
    rank = moocore.pareto_rank(rewards, maximise=True)
    order = np.argsort(rank, kind="stable")
    last = rank[order[min(quota, len(order)) - 1]]
    return order[rank[order] <= last]


def nearest_answers(rewards: np.ndarray, among: np.ndarray, weights: Weights, count: int) -> np.ndarray:
    """Indices of the `count` answers in `among` that lie nearest to the preference direction of w, nearest first.

    The direction is the ray from the ideal point r_max through r_min + w (r_max - r_min), r_min and r_max the extremes
    of all scored answers' rewards (N, M); distances are perpendicular to it, in units of r_max - r_min (arXiv
    2504.16628). No answer lies behind the start of the ray, as none is better than the ideal point in any objective.
    For M = 2 the steps down the ray have the ratio w_2 / w_1 in these units, and w = e_i is nearest to the highest r_i.
    """
    low, high = rewards.min(axis=0), rewards.max(axis=0)
    below = (rewards[among] - high) / np.where(high > low, high - low, 1.0)
    ray = np.asarray(weights) - 1.0
    length = np.linalg.norm(ray)  # zero where there is but one objective: the ray is a point
    along = below @ ray / length if length > 0 else np.zeros(len(below))
    distance = np.sqrt(np.maximum((below**2).sum(axis=1) - along**2, 0.0))
    return among[np.argsort(distance, kind="stable")[:count]]
