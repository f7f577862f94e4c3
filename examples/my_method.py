"""Ranked fine-tuning: imitate the best of one's own answers, for every w (RAFT, Dong et al. 2023, arXiv 2304.06767).

A method of one's own: `moa compare -m sft -m examples/my_method.py`. docs/methods.md explains every line.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np

from moa_cli import Adapter, Answer, Benchmark, Method, Policy, Range, Run, Weights, load_trained, point_name, train_sft


@dataclass(frozen=True, kw_only=True)
class RankedFineTuning(Adapter, Method):
    """The starting policy answers training prompts several times; for every w, the answers with the highest w . r are
    imitated. Fields are hyperparameters: `-c keep=0.1`. `Adapter` brings `lora_rank`."""

    steering = "retrain"

    prompts: Annotated[int, Range(1)] = 2000
    """Training prompts that are answered, at most all there are."""
    samples: Annotated[int, Range(1)] = 4
    """Answers to each of the prompts (RAFT: 8 to 32)."""
    keep: Annotated[float, Range(above=0, high=1)] = 0.125
    """Share of the answers that is imitated."""
    epochs: Annotated[float, Range(above=0)] = 2.0
    """Passes over the imitated answers."""
    learning_rate: Annotated[float, Range(0, 1)] = 1e-4
    """For a model of width 4096; narrower ones get more."""
    batch: Annotated[int, Range(1)] = 32
    """Answers per step."""

    def train(self, benchmark: Benchmark, run: Run) -> None:
        """Answers once, then fine-tunes once per weight. What is done already is left alone."""
        stages = {w: run.stage(point_name(benchmark, w)) for w in self.points(benchmark)}
        if all(stage.done for stage in stages.values()):
            return
        run.log("answers", 0, 1, {})
        prompts = benchmark.prompts("train")[: self.prompts] * self.samples
        responses = benchmark.prepared.policy.generate(prompts, benchmark.sampling, run.seed)
        rewards = benchmark.rewards(prompts, responses)  # (N, M), in units of the scale card
        run.log("answers", 1, 1, dict(zip(benchmark.names, rewards.mean(axis=0).tolist(), strict=True)))
        for w, stage in stages.items():
            ranked = np.argsort(-(rewards @ np.array(w)), kind="stable")
            best = ranked[: max(1, round(self.keep * len(ranked)))]
            train_sft(
                benchmark,
                [Answer(prompts[i], responses[i]) for i in best],
                stage,
                epochs=self.epochs,
                batch=self.batch,
                learning_rate=self.learning_rate,
                lora_rank=self.lora_rank,
            )

    def policy(self, benchmark: Benchmark, run: Run, weights: Weights) -> Policy:
        """The policy that answers for these weights."""
        return load_trained(benchmark, run.stage(point_name(benchmark, weights)).folder)
