"""What reinforcement learning asks, and how the answers are judged: tasks made of prompts, rewards of answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, SupportsFloat

import numpy as np

from benchmarks import BadInput, Benchmark, Policy, Weights
from benchmarks.common import charge
from benchmarks.spec import are_weights


class Task(NamedTuple):
    """What a group of answers is sampled for."""

    shown: str
    """The prompt as the policy reads it."""
    goals: tuple[float, ...] = ()
    """What the answers are to reach, where rewards depend on it: intensities, or weights. As many for every task."""


Pose = Callable[[str, np.random.Generator], Sequence[Task]]
"""A prompt, as the benchmark has it -> the tasks that are made of it in one pass."""


class Reward(Protocol):
    """Judges answers to the benchmark's own prompts."""

    def __call__(
        self, prompts: Sequence[str], responses: Sequence[str], goals: Sequence[tuple[float, ...]]
    ) -> tuple[np.ndarray, dict[str, float]]:
        """One number per answer (N,), and what is worth logging."""
        ...


def weights_of(benchmark: Benchmark, weights: Weights | None) -> np.ndarray:
    """Weights (M,) as an array. BadInput for anything else: of another sum, they would weigh the KL anew."""
    M = len(benchmark.objectives)
    try:
        found = np.asarray(weights, dtype=float)
    except (TypeError, ValueError):
        found = np.zeros(0)
    if found.ndim != 1 or not are_weights(found.tolist(), M):
        given = f"a function, {getattr(weights, '__name__', 'weights')}" if callable(weights) else repr(weights)
        raise BadInput(
            f"the weights of train_rl are {given}",
            f"w . r is maximised: {M} numbers, one for each of {', '.join(benchmark.names)}, none negative, with sum 1",
            "one of self.points(benchmark); a reward of your own: train_rl(benchmark, None, self, stage, reward=...)",
        )
    return found


def weighted(benchmark: Benchmark, weights: np.ndarray) -> Reward:
    """The reward w . r, which has the mean of each r logged."""

    def reward(
        prompts: Sequence[str], responses: Sequence[str], goals: Sequence[tuple[float, ...]]
    ) -> tuple[np.ndarray, dict[str, float]]:
        rewards = benchmark.rewards(prompts, responses)
        means = zip(benchmark.names, rewards.mean(axis=0), strict=True)
        return rewards @ weights, {f"reward/{name}": float(mean) for name, mean in means}

    return reward


def tasks_of(posed: object, contrast: int) -> Sequence[Task]:
    """What `pose` returned. BadInput where these are not so many tasks."""
    if isinstance(posed, list | tuple) and len(posed) == contrast and all(map(_is_task, posed)):
        return posed
    raise BadInput(
        f"pose returned {posed!r:.80}",
        f"it makes a list of {contrast} Tasks of a prompt, since contrast is {contrast}",
        "return [Task(shown, goals), ...], goals being a tuple, and say contrast= how many they are",
    )


def _is_task(one: object) -> bool:
    return isinstance(one, Task) and np.ndim(one.goals) == 1


def judged(found: object, count: int) -> tuple[np.ndarray, dict[str, float]]:
    """What a reward returned. BadInput where that is not a finite number for each answer and a dict."""
    logged = found[1] if isinstance(found, tuple) and len(found) == 2 else None
    if isinstance(found, tuple) and isinstance(logged, dict) and np.shape(found[0]) == (count,) and _all_real(logged):
        values = np.asarray(found[0])
        if not (odd := values[~np.isfinite(values.astype(float))]).size:
            return values, logged
        raise BadInput(
            f"the reward of train_rl is {odd[0]} for {len(odd)} of {count} answers",
            "an answer without a reward has no place among the others: nothing can be learned from the step",
            "return finite numbers; an answer that cannot be judged has the lowest",
        )
    raise BadInput(
        f"the reward of train_rl returned {found!r:.80} for {count} answers",
        f"it returns two things: an array of {count} numbers, and a dict of numbers that are worth logging, by name",
        "return values, {}",
    )


def _all_real(logged: Mapping[object, object]) -> bool:
    return all(isinstance(name, str) and isinstance(value, SupportsFloat) for name, value in logged.items())


class Judge:
    """Judges the answers of a step as a trainer asks for it, charges what drawing them cost, and keeps what is worth
    logging."""

    __name__ = "judge"  # by which the trainer logs it

    def __init__(self, reward: Reward, policy: Policy, stop: tuple[str, ...], unfinished_penalty: float):
        self.reward, self.policy, self.stop = reward, policy, stop
        self.unfinished_penalty = unfinished_penalty
        self._measured: dict[str, list[float]] = {}

    def __call__(
        self,
        prompts: list[str],
        completion_ids: list[list[int]],
        plain: list[str],
        goals: list[list[int]],
        **_: Any,
    ) -> list[float]:
        answers = [self.policy.decode(ids, self.stop) for ids in completion_ids]  # an end may be no special token
        found = self.reward(plain, answers, [tuple(g) for g in goals])
        values, means = judged(found, len(plain))
        for name, mean in means.items():
            self._measured.setdefault(name, []).append(mean)
        generated = sum(map(len, completion_ids))
        tokens = generated + sum(map(len, self.policy.encode_prompts(prompts)))
        charge(generated_tokens=generated, flops=2.0 * self.policy.parameters * tokens)
        short = np.array([not self.policy.ended(ids, self.stop) for ids in completion_ids])
        return [float(value) for value in values - self.unfinished_penalty * short]

    def means(self) -> dict[str, float]:
        """What was measured since this was last asked."""
        means = {name: float(np.mean(values)) for name, values in self._measured.items()}
        self._measured.clear()
        return means
