"""What rows of a comparison and its ceiling are made of: means over prompts and seeds, as `moa.compare` holds them."""

from __future__ import annotations

from typing import Literal

from benchmarks.common import Part
from benchmarks.spec import Signal

LEAST_PROMPTS = 50
"""Test prompts below which nothing is told apart."""


ALPHA = 0.05
"""Below it a corrected p value tells two rows apart."""


class Difference(Part):
    """One row's number less another's, with its 95 % interval over prompts and trainings, or over preparations."""

    value: float
    low: float
    high: float
    p: float
    """Of the nested test, alone."""
    p_holm: float | None
    """Corrected for all that were tested (Holm). None where nothing may be concluded: on one training of a row, or on
    too few prompts."""

    @property
    def clear(self) -> bool:
        """Whether the two can be told apart. Every star and every "better" comes from here."""
        return self.p_holm is not None and self.p_holm < ALPHA

    @property
    def interval(self) -> tuple[float, float, float]:
        """Value, low, high."""
        return self.value, self.low, self.high

    def turned(self) -> Difference:
        """The other row's number less this one's."""
        return self.model_copy(update={"value": -self.value, "low": -self.high, "high": -self.low})


class Quality(Part):
    """The indicators of a row under one signal, means over its seeds, at as many policies as every row is compared by.

    But for `all_weights`, which more points make larger, and for the utility, which asks all rows the same.
    """

    hypervolume: float
    low: float
    high: float
    """95 % interval of the hypervolume, over prompts and seeds."""
    all_weights: float
    """The hypervolume of all points."""
    corrected: float
    """The hypervolume less part of what choosing among noisy points adds."""
    utility: float
    """Mean over the asked weights w of w . score(w), less the base's; as it is where there is no base."""
    utility_low: float
    utility_high: float
    """95 % interval of the utility."""
    igd_plus: float
    """Distance to the non-dominated points of all rows."""
    expected_utility: float
    """Best weighted score, mean over an even grid of weights."""

    @property
    def volume(self) -> tuple[float, float, float]:
        """The hypervolume with its interval."""
        return self.hypervolume, self.low, self.high

    @property
    def worth(self) -> tuple[float, float, float]:
        """The utility with its interval."""
        return self.utility, self.utility_low, self.utility_high


class RowPoint(Part):
    """A row's answers at one weight, averaged over prompts and seeds."""

    weights: tuple[float, ...]
    label: str
    rewards: tuple[float, ...]
    scores: tuple[float, ...]
    """(M,) each, in SFT standard deviations."""
    kl: float | None
    """Nats per answer from the starting policy; None where unknown."""
    collapse: float
    """Share of degenerate answers."""
    collapsed: bool
    """Whether too many answers are degenerate at every seed."""
    collapsed_seeds: int
    """At how many seeds they are."""
    policy: int
    """The same as another point's where both gave the same answers at every seed."""
    compared: bool
    """Whether it is among the points by which rows are compared."""
    language: dict[str, float | None]
    reward_intervals: tuple[tuple[float, float], ...] = ()
    score_intervals: tuple[tuple[float, float], ...] = ()
    """95 % interval (M,) of each reward and score, over prompts and trainings; empty in what earlier versions saved."""

    def under(self, signal: Signal) -> tuple[float, ...]:
        """Rewards or scores (M,)."""
        return self.scores if signal == "scores" else self.rewards

    def intervals(self, signal: Signal) -> tuple[tuple[float, float], ...]:
        """The intervals of rewards or scores."""
        return self.score_intervals if signal == "scores" else self.reward_intervals


class Attained(Part):
    """Steps (S, 2) of what the best seed attains, what half of the seeds attain, and what all attain."""

    best: tuple[tuple[float, float], ...]
    median: tuple[tuple[float, float], ...]
    worst: tuple[tuple[float, float], ...]


class Attainment(Part):
    """The surfaces that the seeds of a row attain under each signal."""

    rewards: Attained
    scores: Attained


class PromptScores(Part):
    """Held-out scores of one training: per point, N numbers per objective in one text, as a gate needs them."""

    preparation: int = 0
    seed: int
    points: tuple[dict[str, str], ...]


class Dominance(Part):
    """How probable it is that one row's point is better than the other's in everything, at the same weights."""

    a: float
    b: float


class OtherRef(Part):
    """Held-out hypervolumes above another ref, and the pairs of rows whose order is another there."""

    sds: float
    """SFT standard deviations below the SFT mean."""
    ref: tuple[float, ...]
    hypervolume: dict[str, float]
    flips: tuple[tuple[str, str], ...]


class SampleAnswer(Part):
    """What a row says to a prompt, with its held-out scores (M,)."""

    method: str
    response: str
    scores: tuple[float, ...]


class Sample(Part):
    """What all rows say to one prompt."""

    kind: Literal["best", "median", "worst"]
    """How the first row's scores are on it."""
    prompt: str
    answers: tuple[SampleAnswer, ...]


class AnswersAt(Part):
    """What a row says at one weight to some prompts (N,), at its first training."""

    method: str
    weights: tuple[float, ...]
    label: str
    responses: tuple[str, ...]
    scores: tuple[tuple[float, ...], ...]
    """(N, M)."""
    collapsed: tuple[bool, ...]
    """Which of them are degenerate."""


class Answers(Part):
    """Prompts, and what rows say to them at several weights."""

    numbers: tuple[int, ...]
    """Their places among all test prompts, from 1."""
    prompts: tuple[str, ...]
    given: tuple[AnswersAt, ...]


class Curve(Part):
    """What the first training of a row has logged in a stage: "loss", "reward" or "kl" by step, thinned out."""

    method: str
    stage: str
    measure: str
    steps: tuple[float, ...]
    values: tuple[float, ...]


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


GateWord = Literal["better", "same", "unsure", "regressed", "lost", "failed", "new"]
WORSE = ("regressed", "lost", "failed")
"""Verdicts that close the gate."""


class GateVerdict(Part):
    """What a gate thinks of one row: the difference to the baseline, where both have it."""

    benchmark: str
    method: str
    verdict: GateWord
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    base: float | None = None
    """The baseline's hypervolume."""
    reason: str | None = None
    """Why it failed, where it did."""

    @property
    def worse(self) -> bool:
        """Whether it closes the gate."""
        return self.verdict in WORSE

    @property
    def change(self) -> tuple[float, float, float] | None:
        """The difference with its interval, None for a row that is on one side only."""
        if self.difference is None or self.low is None or self.high is None:
            return None
        return self.difference, self.low, self.high

    @property
    def told(self) -> str:
        """The verdict in words, such as "regressed: -1.00 [-1.50, -0.50], from 4.00", or why it failed."""
        if self.change is None:
            return self.verdict if self.reason is None else f"{self.verdict}: {self.reason}"
        difference, low, high = self.change
        return f"{self.verdict}: {difference:+.2f} [{low:+.2f}, {high:+.2f}], from {self.base:.2f}"


class Gate(Part):
    """Whether anything became worse than a baseline."""

    baseline: str
    tolerance: float
    """Share of the baseline's hypervolume that may be lost."""
    verdict: Literal["passed", "regressed"]
    verdicts: tuple[GateVerdict, ...]
