"""A front: one policy family measured at K weights on N prompts for M objectives."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.prepare import Card
from benchmarks.spec import Weights
from benchmarks.stats import hypervolume, pareto

TOO_MANY = 0.2
"""Share of degenerate answers up to which a point counts."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Front:
    """K measured points. Scores are in benchmark units; higher is better. Arrays of other shapes: ValueError."""

    method: str
    seed: int
    steering: str
    weights: tuple[Weights, ...]
    """(K, M)."""
    labels: tuple[str, ...]
    """K short names of the points, e.g. "0.3,0.7"."""
    scores: np.ndarray
    """(K, N, M) training rewards."""
    evaluator: np.ndarray
    """(K, N, M) held-out evaluators."""
    kl: np.ndarray
    """(K, N) nats per answer from the starting policy, along the sampled answer; NaN where unknown."""
    log_prob: np.ndarray
    """(K, N) log-probability in nats of each answer, over all its tokens; NaN where unknown.
    It is under the starting policy at the temperature of decoding."""
    ended: np.ndarray
    """(K, N) 1 where the answer ended by itself, 0 where it ran out of tokens; NaN where unknown."""
    tokens: np.ndarray
    """(K, N) length of each answer in tokens."""
    collapsed: np.ndarray
    """(K, N) bool: degenerate text (`collapse_reasons`)."""
    text_statistics: tuple[dict[str, float | None], ...]
    """(K,) of the answers' texts, see `text_statistics`."""
    card: Card
    cost: dict[str, float]
    """What the method spent in training, and what it spends on an answer.
    In training: seconds, generated_tokens, trained_tokens, reward_calls, flops, peak_memory_bytes. On an answer:
    serving_tokens, serving_reward_calls, serving_flops."""
    config: dict[str, Any]
    """The method's hyperparameters."""
    folder: Path | None = None
    """Where it was read from, answers included."""

    def __post_init__(self) -> None:
        K, N, M = len(self.weights), self.card.prompts, len(self.card.objectives)
        expected = {
            "weights": (K, M), "labels": (K,), "scores": (K, N, M), "evaluator": (K, N, M),
            "kl": (K, N), "log_prob": (K, N), "ended": (K, N), "tokens": (K, N), "collapsed": (K, N),
            "text_statistics": (K,),
        }  # fmt: skip
        if K == 0:
            raise ValueError("a front needs at least one point")
        for name, shape in expected.items():
            found = np.shape(getattr(self, name))
            if found != shape:
                raise ValueError(f"{name} of the front must have shape {shape}, got {found}")

    @property
    def points(self) -> np.ndarray:
        """(K, M) mean training rewards."""
        return self.scores.mean(axis=1)

    @property
    def evaluator_points(self) -> np.ndarray:
        """(K, M) mean held-out evaluator scores."""
        return self.evaluator.mean(axis=1)

    @property
    def pareto(self) -> np.ndarray:
        """Indices of the points that no other dominates under the training rewards."""
        return pareto(self.points)

    @property
    def evaluator_pareto(self) -> np.ndarray:
        """Indices of the points that no other dominates under the held-out evaluators."""
        return pareto(self.evaluator_points)

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
            statistics | {"ended": known(ended), "perplexity": known(value)}
            for statistics, ended, value in zip(self.text_statistics, self.ended.mean(axis=1), perplexity, strict=True)
        ]

    def hypervolume(self, *, held_out: bool = False) -> float:
        """Hypervolume above the card's ref, under the training rewards or under the held-out evaluators."""
        return hypervolume(self.evaluator_points if held_out else self.points, self.card.ref)


def known(value: float) -> float | None:
    """A number for JSON: NaN, which it lacks, as None."""
    return None if np.isnan(value) else float(value)
