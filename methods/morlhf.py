"""MORLHF: one RL run per weight, on the weighted sum of rewards (arXiv 2310.03708, eq. 2; baseline of 2402.10207)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from benchmarks import Benchmark, Weights
from methods import Effort, Method, Reinforcement, Run, point_name

if TYPE_CHECKING:
    from benchmarks import Policy


@dataclass(frozen=True, kw_only=True)
class MORLHF(Reinforcement, Method):
    """max_pi E[w . r(x, y)] - beta KL(pi || pi_0), from the start for every w.

    Rewards are z-scored by the scale card [choice]: on raw scales, which the public code uses, w means something else
    for every reward.

    At w = e_i it is the expert of objective i that averaging methods start from.
    """

    steering = "retrain"
    builds_on = "rewarded-soups"

    weights: Literal["trained", "all"] = "trained"
    """For which weights a policy is trained: those meant for methods that retrain, or all that are measured.
    The benchmark's grid says which are meant for methods that retrain (papers: 5 of 11)."""

    def points(self, benchmark: Benchmark) -> tuple[Weights, ...]:
        """One point per policy."""
        return benchmark.grid if self.weights == "all" else benchmark.trained_grid

    def train(self, benchmark: Benchmark, run: Run) -> None:
        """One RL run per weight, all with the same seed."""
        from methods import train_rl

        for weights in self.points(benchmark):
            train_rl(benchmark, weights, self, run.stage(point_name(benchmark, weights)))

    def effort(self, benchmark: Benchmark, parameters: int) -> tuple[Effort, ...]:
        """An RL run per weight."""
        return (self.practice(benchmark, len(self.points(benchmark))),)

    def policy(self, benchmark: Benchmark, run: Run, weights: Weights) -> Policy:
        """The policy that was trained for these weights."""
        from methods import load_trained

        return load_trained(benchmark, run.stage(point_name(benchmark, weights)).folder)
