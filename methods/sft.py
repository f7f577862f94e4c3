"""SFT: the policy every method starts from, as it is. The point to beat."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks import Benchmark, Weights
from methods import Effort, Method, Run

if TYPE_CHECKING:
    from benchmarks import Policy


@dataclass(frozen=True, kw_only=True)
class SFT(Method):
    """No training beyond the benchmark's own preparation, no steering: one point."""

    steering = "none"

    def train(self, benchmark: Benchmark, run: Run) -> None:
        """Nothing to do."""

    def effort(self, benchmark: Benchmark, parameters: int) -> tuple[Effort, ...]:
        """None."""
        return ()

    def policy(self, benchmark: Benchmark, run: Run, weights: Weights) -> Policy:
        """The starting policy, whatever the weights."""
        return benchmark.prepared.policy
