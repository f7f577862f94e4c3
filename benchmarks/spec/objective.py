"""Objectives: the reward that methods may train on, and the evaluator that only scores."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

import numpy as np

from benchmarks.common import BadInput, Range, nearest


@dataclass(frozen=True, kw_only=True)
class HubReward:
    """A sequence classifier by hub id or local path: one of its logits is the reward (METHODS: rewards)."""

    model: str
    label: Annotated[int, Range(0)] = 0
    """Index of the logit."""
    sign: float = 1.0
    """-1 for a classifier of something bad."""
    inputs: str = "pair"
    """"pair" = (prompt, response) as two segments, "pair-reversed" = (response, prompt), "response" = response only,
    otherwise a template with {prompt}, {response} and {bos}, scored as one text."""
    revision: str | None = None


@dataclass(frozen=True, kw_only=True)
class TrainedReward:
    """A Bradley-Terry classifier trained at preparation from the objective's own preference pairs."""

    base: str = "policy"
    """What it starts from: "policy", an untrained model of a scratch size ("0.3m", "1m", ...), a hub id or a path.
    "policy" is the benchmark's starting policy, which knows what fits a prompt."""
    steps: Annotated[int, Range(1)] = 300
    batch: Annotated[int, Range(1)] = 12
    """Pairs per step."""
    learning_rate: Annotated[float, Range(0, 1)] = 7e-4
    seed: Annotated[int, Range(0)] = 0
    """Two objectives' seeds may agree; a held-out evaluator trained on the same pairs needs another."""
    fold: Literal["all", "even", "odd"] = "all"
    """Which training pairs it sees: all, or the "even" or "odd" half.
    With a half each, a reward and its held-out evaluator share none."""


@dataclass(frozen=True, kw_only=True)
class FunctionReward:
    """A Python function `f(prompts, responses) -> sequence of N floats`: "module:function" or "file.py:function"."""

    function: str
    version: str = "1"
    """Part of the identity: change it when the function's meaning changes."""


Reward = HubReward | TrainedReward | FunctionReward


@dataclass(frozen=True, kw_only=True)
class Objective:
    """One thing to be good at: the reward that methods may train on, and the evaluator that only scores evaluation."""

    name: str
    reward: Reward
    evaluator: Reward
    description: str = ""


def reward_identity(reward: Reward) -> Reward:
    """A reward as it enters identities: a function in a file by content, wherever the file lies."""
    if isinstance(reward, FunctionReward) and ".py:" in reward.function:
        path, _, name = reward.function.rpartition(":")
        content = hashlib.sha256(Path(path).read_bytes()).hexdigest()[:12]
        return replace(reward, function=f"{Path(path).name}:{name}", version=f"{reward.version}+{content}")
    return reward


def choose(name: str, known: Iterable[Objective], chosen: Sequence[str]) -> tuple[Objective, ...]:
    """The objectives of these names, in this order. Raises BadInput for unknown, repeated or no names."""
    by_name = {objective.name: objective for objective in known}
    has = f"it has: {', '.join(by_name)}"
    if not chosen or len(set(chosen)) < len(chosen):
        raise BadInput(f"{name}: objectives {list(chosen)}", "name at least one, each once", has)
    left = [o for o in by_name if o not in chosen]
    if unknown := [f"{o!r}{nearest(o, left)}" for o in chosen if o not in by_name]:
        raise BadInput(f"{name} has no objective {', '.join(unknown)}", has, "choose among those")
    return tuple(by_name[o] for o in chosen)


Scorer = Callable[[Sequence[str], Sequence[str]], np.ndarray]
"""(N prompts, N responses) -> N raw rewards, higher is better."""
