"""MOD, multi-objective decoding: mix experts' next-token probabilities (Shi et al., NeurIPS 2024, arXiv 2406.18853)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks import Benchmark, Weights
from methods import Effort, Method, Reinforcement, Run, point_name

if TYPE_CHECKING:
    from benchmarks import Policy


@dataclass(frozen=True, kw_only=True)
class MOD(Reinforcement, Method):
    """pi_w(y_t | x, y_<t) ~ prod_i pi_i(y_t | x, y_<t)^{w_i}, pi_i maximising reward i alone (section 4, reverse KL).

    Nothing is trained beyond the experts; every token costs one forward pass of each expert whose weight is not zero.
    """

    steering = "decode"
    builds_on = "rewarded-soups"

    def train(self, benchmark: Benchmark, run: Run) -> None:
        """One RL run per objective."""
        from methods import train_rl

        for corner in benchmark.corners:
            train_rl(benchmark, corner, self, run.stage(point_name(benchmark, corner)))

    def effort(self, benchmark: Benchmark, parameters: int) -> tuple[Effort, ...]:
        """An RL run per objective."""
        return (self.practice(benchmark, len(benchmark.objectives)),)

    def serving(self, benchmark: Benchmark, prompts: int) -> Effort:
        """Every token passes all experts whose weight is not zero."""
        points = self.points(benchmark)
        answers, passed = len(points) * prompts, sum(w > 0 for weights in points for w in weights) * prompts
        return Effort(own=True, drawn=passed, read=passed + answers, scored=answers)

    def policy(self, benchmark: Benchmark, run: Run, weights: Weights) -> Policy:
        """The experts, mixed token by token."""
        from methods import mix

        experts = [run.stage(point_name(benchmark, corner)).folder for corner in benchmark.corners]
        return mix(benchmark, experts, weights)
