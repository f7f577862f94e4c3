"""What a comparison holds of the best that is possible: fronts at some KL, and the share of it that rows reach."""

from __future__ import annotations

from benchmarks.common import Part
from benchmarks.spec import Signal


class CeilingFront(Part):
    """The best points (K, M) at a mean KL, for the weights (K, M) that are in reach."""

    kl: float
    weights: tuple[tuple[float, ...], ...]
    points: tuple[tuple[float, ...], ...]
    share: float
    """Of the samples, what is effective at least."""


class BestOfN(Part):
    """The points (K, M) of choosing the best of n answers at each weight, by what the ceiling is tilted by."""

    n: int
    kl: float
    """Nats per answer, log n - (n - 1) / n."""
    weights: tuple[tuple[float, ...], ...]
    points: tuple[tuple[float, ...], ...]


class CurvePoint(Part):
    """The best that is possible for a weight at a KL."""

    kl: float
    weights: tuple[float, ...]
    values: tuple[float, ...]


class Share(Part):
    """What a row gains over the starting policy, as a share of what the ceiling gains at the same weights and KL.

    With its 95 % interval.
    """

    value: float
    low: float
    high: float


class Unreached(Part):
    """The point of a row that is farthest beyond what the samples reach, and what the row's share is at most."""

    label: str
    kl: float
    reach: float
    at_most: float | None
    """None where more KL might also gain less: where what is measured is not what was optimised."""


class CeilingOf(Part):
    """What the policies that are KL-optimal for one signal reach under one signal."""

    prompts: int
    fronts: tuple[CeilingFront, ...]
    best_of_n: tuple[BestOfN, ...]
    """From few answers to many."""
    curve: tuple[CurvePoint, ...]
    efficiency: dict[str, Share | None]
    """By row; None where its KL is unknown or out of reach, or where the ceiling gains nothing."""
    unreached: dict[str, Unreached]

    @property
    def shown_best(self) -> BestOfN:
        """The best of 16 answers, or of as many as there are: what a drawing of fronts has room for."""
        return max((best for best in self.best_of_n if best.n <= 16), key=lambda best: best.n)


class Ceiling(Part):
    """The best that any policy could reach at some KL from the starting policy."""

    rewards: CeilingOf
    """Optimal for the rewards, under the rewards."""
    scores: CeilingOf
    """Optimal for the rewards, under the evaluators: what optimising these rewards perfectly would reach in truth."""
    evaluators: CeilingOf
    """Optimal for the evaluators, which no method sees, under the evaluators: the best scores that are possible."""

    def of(self, signal: Signal) -> CeilingOf:
        """The policies that are optimal for the rewards, under one signal."""
        return self.scores if signal == "scores" else self.rewards
