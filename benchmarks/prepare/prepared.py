"""What preparation left, opened: the starting policy, the loaded rewards, the scale card."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from benchmarks.common import BadInput, charge, digest
from benchmarks.models import Policy, load_policy, untrained_policy
from benchmarks.prepare.card import Card
from benchmarks.prepare.places import policy_source, reward_folder, reward_id, root
from benchmarks.rewards import Classifier, load_function
from benchmarks.spec import SIZES, Description, FunctionReward, Objective, Reward, Scorer, TrainedReward


@dataclass(frozen=True, eq=False)
class Prepared:
    """A benchmark that is ready to measure."""

    benchmark: Description
    card: Card
    report: dict[str, Any]
    """Pair accuracies of the trained rewards, cost of the preparation, share of answers that are collapsed.
    The answers are the starting policy's."""

    @cached_property
    def policy(self) -> Policy:
        """The policy that every method starts from, loaded. Not to be trained in place: use `load_starting_policy`."""
        return self.load_starting_policy()

    def load_starting_policy(self) -> Policy:
        """A fresh copy of the starting policy."""
        return load_policy(policy_source(self.benchmark), self.benchmark.max_prompt_tokens)

    def load_base(self, base: str, seed: int) -> Policy:
        """A model to train: "policy" (a fresh copy of the starting policy), an untrained one of a scratch size ("0.3m",
        "1m", ...) with the starting policy's tokenizer, or a hub id / local path."""
        if base == "policy":
            return self.load_starting_policy()
        if base in SIZES:
            return untrained_policy(self.benchmark, self.policy.tokenizer, base, seed)
        return load_policy(base, self.benchmark.max_prompt_tokens)

    @cached_property
    def _rewards(self) -> list[Scorer]:
        return [load_reward(self.benchmark, o, o.reward) for o in self.benchmark.objectives]

    @cached_property
    def _evaluators(self) -> list[Scorer]:
        return [load_reward(self.benchmark, o, o.evaluator) for o in self.benchmark.objectives]

    def score(self, prompts: Sequence[str], responses: Sequence[str]) -> np.ndarray:
        """Training rewards (N, M), z-scored by the card. Charged to the ledger in force."""
        charge(reward_calls=len(prompts) * len(self._rewards))
        return standardise(self._rewards, self.card.reward_mean, self.card.reward_std, prompts, responses)

    def evaluate(self, prompts: Sequence[str], responses: Sequence[str]) -> np.ndarray:
        """Evaluator scores (N, M), z-scored by the card."""
        return standardise(self._evaluators, self.card.evaluator_mean, self.card.evaluator_std, prompts, responses)


def standardise(
    scorers: Sequence[Scorer],
    mean: Sequence[float],
    std: Sequence[float],
    prompts: Sequence[str],
    responses: Sequence[str],
) -> np.ndarray:
    """Scores (N, M) in units of the card."""
    columns = [(s(prompts, responses) - m) / d for s, m, d in zip(scorers, mean, std, strict=True)]
    return np.stack(columns, axis=1) if columns else np.zeros((len(prompts), 0))


def load_reward(benchmark: Description, objective: Objective, reward: Reward) -> Scorer:
    """The reward as a function."""
    if isinstance(reward, FunctionReward):
        return load_function(reward)
    cache = root(benchmark) / "scores" / f"{digest(reward_id(benchmark, objective, reward))}.sqlite"
    cache.parent.mkdir(parents=True, exist_ok=True)
    source = reward_folder(benchmark, objective, reward) if isinstance(reward, TrainedReward) else reward.model
    return Classifier(source, reward, cache)


def open_prepared(benchmark: Description) -> Prepared:
    """What `prepare` left. Raises BadInput where it has not run."""
    path = root(benchmark) / f"card-{benchmark.identity}.json"
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        return Prepared(benchmark, Card.from_json(stored["card"]), stored["report"])
    except FileNotFoundError:
        raise BadInput(
            f"benchmark {benchmark.name} is not prepared",
            "its starting policy, rewards and scale card have to be made first",
            f"moa prepare -b {benchmark.name}",
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadInput(
            f"{path} is damaged: {error}",
            "the scale card cannot be read",
            f"delete it, then: moa prepare -b {benchmark.name}",
        ) from error


def is_prepared(benchmark: Description) -> bool:
    """Whether the scale card exists (nothing is loaded)."""
    return (root(benchmark) / f"card-{benchmark.identity}.json").exists()
