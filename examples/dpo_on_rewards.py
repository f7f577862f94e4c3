"""DPO on w . r: the starting policy answers twice, the weighted rewards say which answer is better, and one policy per
weight learns from that (DPO: Rafailov et al. 2023, arXiv 2305.18290).

    moa compare -m sft -m examples/dpo_on_rewards.py
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np

from moa_cli import (
    Benchmark,
    Method,
    Policy,
    Preference,
    PreferencePair,
    Range,
    Run,
    Weights,
    load_trained,
    point_name,
    train_dpo,
)


@dataclass(frozen=True, kw_only=True)
class DpoOnRewards(Preference, Method):
    """`Preference` brings beta, epochs, batch, learning_rate and lora_rank: `-c beta=0.3`."""

    steering = "retrain"

    prompts: Annotated[int, Range(1)] = 2000
    """Training prompts that are answered twice, at most all there are [choice]."""

    def train(self, benchmark: Benchmark, run: Run) -> None:
        """Two answers to every prompt, once; then, for every w, DPO on them. What is done is left alone."""
        stages = {w: run.stage(point_name(benchmark, w)) for w in self.points(benchmark)}
        if all(stage.done for stage in stages.values()):
            return
        prompts = benchmark.prompts("train")[: self.prompts]
        drawn = benchmark.prepared.policy.generate([*prompts, *prompts], benchmark.sampling, run.seed)
        rewards = benchmark.rewards([*prompts, *prompts], drawn)  # (2 N, M), in units of the scale card
        rows = list(zip(prompts, drawn[: len(prompts)], drawn[len(prompts) :], strict=True))
        for w, stage in stages.items():
            gaps = (rewards[: len(prompts)] - rewards[len(prompts) :]) @ np.array(w)  # (N,)
            told = [PreferencePair(p, a, b) if gap > 0 else PreferencePair(p, b, a)
                    for (p, a, b), gap in zip(rows, gaps, strict=True) if gap != 0]  # fmt: skip
            train_dpo(benchmark, told, self, stage)

    def policy(self, benchmark: Benchmark, run: Run, weights: Weights) -> Policy:
        """The policy that was trained for these weights."""
        return load_trained(benchmark, run.stage(point_name(benchmark, weights)).folder)
