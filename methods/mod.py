"""MOD, multi-objective decoding: mix experts' next-token probabilities (Shi et al., NeurIPS 2024, arXiv 2406.18853)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks import Benchmark, Weights
from methods._base import Method, Run, point_name
from methods._settings import Reinforcement

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
        from methods import _rl

        for corner in benchmark.corners:
            _rl.train(benchmark, corner, self, run.stage(point_name(benchmark, corner)))

    def policy(self, benchmark: Benchmark, run: Run, weights: Weights) -> Policy:
        """The experts, mixed token by token."""
        from methods import _decoding

        experts = [run.stage(point_name(benchmark, corner)).folder for corner in benchmark.corners]
        return _decoding.mixture(benchmark, experts, weights)
