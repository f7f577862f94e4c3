"""Preference-conditioned RLOO: the weights stand in the prompt, the reward is w . r, and one policy learns to obey all
of them (RLOO: Ahmadian et al. 2024, arXiv 2402.14740; conditioning: Wang et al. 2024, arXiv 2407.15762).

    moa compare -m sft -m examples/conditioned_rloo.py
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from moa_cli import Benchmark, Method, Policy, Reinforcement, Run, Task, Weights, load_trained, shown, steered, train_rl


@dataclass(frozen=True, kw_only=True)
class ConditionedRloo(Reinforcement, Method):
    """`Reinforcement` brings kl_coef, learning_rate, optimizer and what else RL has: `-c kl_coef=0.1`."""

    steering = "prompt"

    def train(self, benchmark: Benchmark, run: Run) -> None:
        """One RL run from the starting policy; every prompt is asked under weights drawn from the grid."""

        def pose(prompt: str, generator: np.random.Generator) -> list[Task]:
            w = benchmark.grid[generator.integers(len(benchmark.grid))]
            return [Task(shown(benchmark.prepared.policy, prompt, writes(w)), w)]

        def reward(
            prompts: Sequence[str], responses: Sequence[str], goals: Sequence[Weights]
        ) -> tuple[np.ndarray, dict[str, float]]:
            rewards = benchmark.rewards(prompts, responses)  # (N, M), in units of the scale card
            values = (rewards * np.array(goals)).sum(axis=1)  # w . r of each answer, under its own w
            return values, dict(zip(benchmark.names, rewards.mean(axis=0).tolist(), strict=True))

        train_rl(benchmark, None, self, run.stage("policy"), reward=reward, pose=pose)

    def policy(self, benchmark: Benchmark, run: Run, weights: Weights) -> Policy:
        """The one policy, told these weights as in training."""
        return steered(load_trained(benchmark, run.stage("policy").folder), writes(weights))


def writes(weights: Weights) -> Callable[[str], str]:
    """Writes weights before what the user says: `[0.3 0.7] How?`."""
    return lambda text: f"[{' '.join(f'{w:.2g}' for w in weights)}] {text}"
