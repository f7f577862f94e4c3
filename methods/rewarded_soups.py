"""Rewarded Soups: interpolate the weights of one expert per reward (Rame et al., NeurIPS 2023, arXiv 2306.04488)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from benchmarks import BadInput, Benchmark, Weights
from benchmarks.common import Answering
from methods import Effort, Method, Reinforcement, Run

if TYPE_CHECKING:
    from benchmarks import Policy


@dataclass(frozen=True, kw_only=True)
class RewardedSoups(Reinforcement, Method):
    """theta(w) = sum_i w_i theta_i, theta_i maximising reward i alone (eq. 1): any weights from M trained policies.

    The experts must share their starting point, and with LoRA the adapter's initialisation, or they cannot be mixed
    (linear mode connectivity, section 2.2).
    """

    steering = "merge"

    average: Annotated[Literal["updates", "factors"], Answering] = "updates"
    """What of LoRA adapters is averaged: what they add to the weights, or their factors A and B apart
    (paper: the former, eq. 1; code: the latter)."""

    def train(self, benchmark: Benchmark, run: Run) -> None:
        """One RL run per objective: MORLHF at the corners of the simplex."""
        from methods import train_rl

        self._check_factors(benchmark)
        for objective, corner in zip(benchmark.objectives, benchmark.corners, strict=True):
            train_rl(benchmark, corner, self, run.stage(objective.name))

    def effort(self, benchmark: Benchmark, parameters: int) -> tuple[Effort, ...]:
        """An RL run per objective."""
        return (self.practice(benchmark, len(benchmark.objectives)),)

    def policy(self, benchmark: Benchmark, run: Run, weights: Weights) -> Policy:
        """The soup of the experts."""
        from methods import soup

        self._check_factors(benchmark)
        folders = [run.stage(o.name).folder for o in benchmark.objectives]
        return soup(benchmark, folders, weights, self.average)

    def _check_factors(self, benchmark: Benchmark) -> None:
        """BadInput where factors are to be averaged and there are none."""
        from methods import rank_for

        if self.average == "factors" and not rank_for(benchmark.prepared.policy, self.lora_rank):
            raise BadInput(
                "policies that are trained whole have no factors to average",
                'average = "factors" is about LoRA adapters, which small policies get on request only',
                "-c lora_rank=64, or leave average out",
            )
