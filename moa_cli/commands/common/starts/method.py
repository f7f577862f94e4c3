"""MyMethod: one sentence that says how it works (Authors, arXiv 0000.00000).

moa check FILE                  examines it in under a minute
moa compare -m sft -m FILE      trains and measures it, and compares it with the starting policy
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np

from moa_cli import Adapter, Answer, Benchmark, Method, Policy, Range, Run, Weights, load_trained, point_name, train_sft


@dataclass(frozen=True, kw_only=True)
class MyMethod(Adapter, Method):
    """What it does. Inherit `Reinforcement` for train_rl and `Preference` for train_dpo: they bring their settings.

    Here, for every w, the training answers with the highest w . r are imitated.
    """

    # How weights reach the policy: "prompt", "merge", "retrain", "decode" or "none" (docs/methods.md, The contract).
    steering = "retrain"

    # Every field is a hyperparameter, which is set with -c keep=0.2 and has a docstring below it.
    keep: Annotated[float, Range(above=0, high=1)] = 0.1
    """Share of the training answers that is imitated [choice]."""
    epochs: Annotated[float, Range(above=0)] = 1.0
    """Passes over them."""

    def train(self, benchmark: Benchmark, run: Run) -> None:
        """Trains into stages of the run. A stage that is done is left alone, so resuming needs no code."""
        answers: list[Answer] = benchmark.responses()
        # (N, M): a row for each answer, a column for each objective; 0 is the starting policy's mean, 1 its SD.
        rewards = benchmark.rewards([a.prompt for a in answers], [a.response for a in answers])
        for w in self.points(benchmark):
            ranked = np.argsort(-(rewards @ np.array(w)), kind="stable")
            best = [answers[i] for i in ranked[: max(1, round(self.keep * len(answers)))]]
            stage = run.stage(point_name(benchmark, w))
            # Also: train_dpo(benchmark, pairs, self, stage, margin=...), train_rl(benchmark, w, self, stage), or
            # train_rl(benchmark, None, self, stage, reward=..., pose=...) with a reward of your own.
            train_sft(
                benchmark, best, stage, epochs=self.epochs, batch=16, learning_rate=1e-4, lora_rank=self.lora_rank
            )

    def policy(self, benchmark: Benchmark, run: Run, weights: Weights) -> Policy:
        """The policy that answers for `weights`: load_trained, soup, mix or steered make one."""
        return load_trained(benchmark, run.stage(point_name(benchmark, weights)).folder)
