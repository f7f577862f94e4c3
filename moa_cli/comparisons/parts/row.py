"""A row of a comparison: a method with one configuration, over its trainings; and one row against another."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from typing import Literal

import numpy as np
from pydantic import JsonValue

from benchmarks.common import Part
from benchmarks.spec import Signal
from moa_cli.comparisons.parts.numbers import Difference, Dominance, Quality
from moa_cli.runs import GIVEN

Headline = Literal["hypervolume", "utility"]
"""The two numbers by which rows are judged."""


HEADLINES: tuple[Headline, ...] = ("hypervolume", "utility")


def method_of(name: str, steering: str) -> str:
    """The method of a row's name, of whatever settings: "ric" of "ric rounds=1".

    Answers made elsewhere have no settings, and their name may have spaces.
    """
    return name if steering == GIVEN else name.partition(" ")[0]


def least_trained(costs: Mapping[str, Mapping[str, float | None]]) -> str | None:
    """The name whose training had the fewest tokens to learn from, the first of several; None where there is none.

    >>> least_trained({"dpo": {"trained_tokens": 9}, "own": {"trained_tokens": None}, "sft": {"trained_tokens": 0}})
    'sft'
    """

    def tokens(name: str) -> float:
        found = costs[name].get("trained_tokens")
        return inf if found is None else found

    return min(costs, key=tokens, default=None)


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


class Row(Part):
    """A method with one configuration, over its trainings: its seeds on every preparation."""

    method: str
    """Its name, with what tells its configuration from others'."""
    steering: str
    seeds: tuple[int, ...]
    rewards: Quality
    scores: Quality
    kendall_tau: dict[str, float | None]
    """Between the weight of an objective and its score; None where the weight does not vary."""
    collapse: float
    kl: float | None
    points: tuple[RowPoint, ...]
    attainment: Attainment | None
    cost: dict[str, float | None]
    """Of its own training, and of an answer; None for what was not counted."""
    charged: dict[str, float | None]
    """Of its training with what it used: trained rewards that it called, and tags."""
    used: tuple[str, ...]
    """What it used of the preparation, beyond what all share, such as "reward helpful" or "tags"."""
    config: dict[str, JsonValue]
    trials: int
    """How many configurations were tried to find this one: 0 where nobody searched."""
    tuned_on: Signal = "rewards"
    """What decided between them: the rewards, or the evaluators, under which it is measured again here."""
    runs: tuple[PromptScores, ...]

    def quality(self, signal: Signal) -> Quality:
        """The indicators under one signal."""
        return self.scores if signal == "scores" else self.rewards

    @property
    def of_method(self) -> str:
        """The method alone, of whatever settings."""
        return method_of(self.method, self.steering)

    @property
    def trainings(self) -> int:
        """How often it was trained: seeds on all preparations."""
        return len(self.runs)

    @property
    def policies(self) -> int:
        """How many distinct policies its weights ask for."""
        return len({point.policy for point in self.points})

    @property
    def in_order(self) -> list[RowPoint]:
        """The points in the order of their weights."""
        return sorted(self.points, key=lambda point: point.weights)

    def values(self, signal: Signal) -> np.ndarray:
        """Scores or rewards (K, M) of the points in the order of their weights."""
        return np.array([point.scores if signal == "scores" else point.rewards for point in self.in_order])


class Pair(Part):
    """Row a less row b, in both headline numbers under the scores."""

    a: str
    b: str
    hypervolume: Difference
    utility: Difference
    dominance: Dominance | None

    def of(self, headline: Headline) -> Difference:
        """In one of them."""
        return self.hypervolume if headline == "hypervolume" else self.utility
