"""Whether two methods differ, with other prompts and with other trainings in mind."""

from __future__ import annotations

from math import atan2, exp, lgamma, pi, sqrt
from typing import NamedTuple

import numpy as np

from benchmarks.stats.bootstrap import LEVEL


class NestedTest(NamedTuple):
    """A difference with its 95 % interval and two-sided p value."""

    difference: float
    low: float
    high: float
    p: float


def nested_test(a: np.ndarray, b: np.ndarray) -> NestedTest:
    """The mean of a (S, N) less that of b (T, N): what each of N prompts contributes at each training.

    Trainings are not paired, and their means vary by Welch's variances over S and T; prompts are common to all of them,
    and vary by their paired differences. The sum of the three has Satterthwaite's degrees of freedom. With one training
    on a side nothing is known of others on it: the result is about these trainings then, and whoever calls says so.

    >>> np.round(nested_test(np.array([[1.0, 3.0]]), np.array([[0.0, 0.0]])), 2)  # 2 +- 12.71 x 1, p = 2/pi atan(1/2)
    array([  2.  , -10.71,  14.71,   0.3 ])
    """
    difference = float(a.mean() - b.mean())
    paired = a.mean(axis=0) - b.mean(axis=0)
    parts = [(side.mean(axis=1).var(ddof=1) / len(side), len(side) - 1) for side in (a, b) if len(side) > 1]
    parts += [(paired.var(ddof=1) / len(paired), len(paired) - 1)] if len(paired) > 1 else []
    variance = float(sum(part for part, _ in parts))
    if variance <= 1e-24 * (1 + difference**2):  # of numbers that are equal but for rounding
        return NestedTest(difference, difference, difference, float(abs(difference) < 1e-9))
    freedom = float(variance**2 / sum(part**2 / df for part, df in parts))
    error = sqrt(variance)
    half = error * _quantile(freedom)
    return NestedTest(difference, difference - half, difference + half, 1 - _within(abs(difference) / error, freedom))


def _within(t: float, freedom: float) -> float:
    """The probability that Student's t is between -t and t, over its angle: tan(angle) = t / sqrt(freedom)."""
    angles = np.linspace(0, atan2(t, sqrt(freedom)), 2_001)
    scale = 2 * exp(lgamma((freedom + 1) / 2) - lgamma(freedom / 2)) / sqrt(pi)
    return min(1.0, float(scale * np.trapezoid(np.cos(angles) ** (freedom - 1), angles)))


def _quantile(freedom: float) -> float:
    """The t that `LEVEL` of Student's t do not exceed in size, by bisection."""
    low, high = 0.0, 1e4
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _within(middle, freedom) < LEVEL else (low, middle)
    return (low + high) / 2
