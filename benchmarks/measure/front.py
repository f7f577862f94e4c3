"""A front: one policy family measured at K weights on N prompts for M objectives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common import SUMS
from benchmarks.measure.point import Point
from benchmarks.prepare import Card
from benchmarks.spec import Signal, Weights
from benchmarks.stats import hypervolume, pareto

TOO_MANY = 0.2
"""Share of degenerate answers up to which a point counts."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Front:
    """K measured points. Rewards and scores are in benchmark units; higher is better.

    ValueError for no points, points that are not what the card says, or a part that was used and does not say all that
    making it cost.
    """

    method: str
    seed: int
    steering: str
    points: tuple[Point, ...]
    """K."""
    card: Card
    cost: dict[str, float | None]
    """What the method spent in training, and what it spends on an answer; None for what was not counted.
    In training: seconds, generated_tokens, trained_tokens, reward_calls, flops, peak_memory_bytes. On an answer:
    serving_tokens, serving_reward_calls, serving_flops."""
    config: dict[str, Any]
    """The method's hyperparameters."""
    used: dict[str, dict[str, float]] = field(default_factory=dict)
    """What it took of what preparation made for those who use it, and what making that cost: trained rewards that it
    called, in training or for answers, and tags."""
    trials: int = 0
    """How many configurations were tried to find this one."""
    tuned_on: Signal = "rewards"
    """What decided between them."""
    policy_name: str = ""
    """What the starting policy was made of, in words: "scratch:1m", a hub id; empty where nobody wrote it."""
    folder: Path | None = None
    """Where it was read from, answers included."""

    def __post_init__(self) -> None:
        if not self.points:
            raise ValueError("a front needs at least one point")
        expected = self.card.prompts, len(self.card.objectives)
        for point in self.points:
            if point.rewards.shape != expected:
                raise ValueError(f"points of the front must have shape {expected}, got {point.rewards.shape}")
        for part, spent in self.used.items():
            if untold := [name for name in SUMS if name in self.cost and name not in spent]:
                raise ValueError(f"what it used of {part} does not say {', '.join(untold)}")

    def __repr__(self) -> str:
        """In a line, as notebooks show what a cell ends in."""
        return f"<Front of {self.method}, seed {self.seed}: {len(self.points)} points, {self.card.prompts} prompts>"

    @property
    def charged(self) -> dict[str, float | None]:
        """What training cost with what was used: seconds, generated_tokens, trained_tokens, reward_calls, flops."""
        return {name: _total(self.cost[name], name, self.used) for name in SUMS if name in self.cost}

    @cached_property
    def weights(self) -> tuple[Weights, ...]:
        """(K, M)."""
        return tuple(point.weights for point in self.points)

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """K short names of the points."""
        return tuple(point.label for point in self.points)

    @cached_property
    def rewards(self) -> np.ndarray:
        """(K, N, M) what methods train on."""
        return np.stack([point.rewards for point in self.points])

    @cached_property
    def scores(self) -> np.ndarray:
        """(K, N, M) what the held-out evaluators say."""
        return np.stack([point.scores for point in self.points])

    @cached_property
    def kl(self) -> np.ndarray:
        """(K, N) nats per answer from the starting policy; NaN where unknown."""
        return np.stack([point.kl for point in self.points])

    @cached_property
    def log_prob(self) -> np.ndarray:
        """(K, N) log-probability in nats of each answer under the starting policy; NaN where unknown."""
        return np.stack([point.log_prob for point in self.points])

    @cached_property
    def ended(self) -> np.ndarray:
        """(K, N) 1 where the answer ended by itself, else 0; NaN where unknown."""
        return np.stack([point.ended for point in self.points])

    @cached_property
    def tokens(self) -> np.ndarray:
        """(K, N) length of each answer in tokens."""
        return np.stack([point.tokens for point in self.points])

    @cached_property
    def collapsed(self) -> np.ndarray:
        """(K, N) bool: degenerate text."""
        return np.stack([point.collapsed for point in self.points])

    def under(self, signal: Signal) -> np.ndarray:
        """(K, N, M) rewards or scores."""
        return self.rewards if signal == "rewards" else self.scores

    def means(self, signal: Signal) -> np.ndarray:
        """(K, M) mean rewards or scores."""
        return self.under(signal).mean(axis=1)

    def pareto(self, signal: Signal) -> np.ndarray:
        """Indices of the points that no other dominates."""
        return pareto(self.means(signal))

    def hypervolume(self, signal: Signal) -> float:
        """Hypervolume above the card's ref."""
        return hypervolume(self.means(signal), self.card.ref)

    @property
    def mean_kl(self) -> np.ndarray:
        """(K,) mean nats per answer from the starting policy; NaN where that of any answer is unknown."""
        return self.kl.mean(axis=1)

    @property
    def collapse_rate(self) -> np.ndarray:
        """(K,) share of degenerate answers, 0 to 1."""
        return self.collapsed.mean(axis=1)

    @property
    def sound(self) -> np.ndarray:
        """(K,) bool: whether no more than `TOO_MANY` of a point's answers are degenerate.

        Other points do not count in a comparison.
        """
        return self.collapse_rate <= TOO_MANY

    @property
    def language(self) -> list[dict[str, float | None]]:
        """K times `text_statistics` with "ended" and "perplexity", each None where it is unknown.

        "ended" is the share of answers that ended by themselves, "perplexity" that of all answers together per token
        under the starting policy.
        """
        perplexity = np.exp(-self.log_prob.sum(axis=1) / self.tokens.sum(axis=1))
        return [
            point.text_statistics | {"ended": known(ended), "perplexity": known(value)}
            for point, ended, value in zip(self.points, self.ended.mean(axis=1), perplexity, strict=True)
        ]


def _total(own: float | None, name: str, used: Mapping[str, Mapping[str, float]]) -> float | None:
    return None if own is None else own + sum(cost[name] for cost in used.values())


def known(value: float) -> float | None:
    """A number for JSON: NaN, which it lacks, as None."""
    return None if np.isnan(value) else float(value)
