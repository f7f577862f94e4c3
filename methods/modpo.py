"""MODPO: DPO on one objective's pairs, with the other rewards as a margin (Zhou et al. 2023, arXiv 2310.03708)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Literal

import numpy as np

from benchmarks import BadInput, Benchmark, PreferencePair, Weights
from methods.contract import Method, Preference, Run, point_name
from methods.engines import preferences, reward_differences

if TYPE_CHECKING:
    from benchmarks import Policy


@dataclass(frozen=True, kw_only=True)
class MODPO(Preference, Method):
    """One policy per weights w, on the pairs of a base objective k, minimising

        -E log sigmoid((beta (D log pi - D log pi_0) - sum_{j != k} w_j D r_j) / w_k),   D f = f(chosen) - f(rejected).

    With w_k = 1 it is DPO. Where the base has no weight, the heaviest objective takes its place [choice]: with two
    objectives, plain DPO on the other one.
    """

    steering = "retrain"

    margins: Literal["explicit", "implicit"] = "explicit"
    """What r_j is: the benchmark's reward in its units ("explicit") [choice], or beta log(pi_j / pi_0) of a DPO model
    of objective j ("implicit") (code: implicit)."""
    base: str = "heaviest"
    """The objective on whose pairs is trained (paper: one for all weights; name it). "heaviest" takes the one with the
    largest weight [choice]: then w_k >= 1/M, and no weights are far from what the labels say."""

    def train(self, benchmark: Benchmark, run: Run) -> None:
        """One DPO run per weights; constants that several of them need are computed once."""
        if self.base not in ("heaviest", *benchmark.names):
            raise BadInput(
                f"{benchmark.name} has no objective {self.base!r}",
                "base names the objective on whose pairs is trained",
                f"one of: heaviest, {', '.join(benchmark.names)}",
            )

        @cache
        def pairs(k: int) -> list[PreferencePair]:
            return preferences(benchmark, k, self.epochs, run.seed)

        teachers = benchmark.corners if self.margins == "implicit" else ()
        for weights in dict.fromkeys((*teachers, *self.points(benchmark))):
            if not run.stage(point_name(benchmark, weights)).done:
                self._train(benchmark, run, weights, pairs)

    def policy(self, benchmark: Benchmark, run: Run, weights: Weights) -> Policy:
        """The policy that was trained for `weights`."""
        from methods.engines import load_trained

        return load_trained(benchmark, run.stage(point_name(benchmark, weights)).folder)

    def _train(
        self, benchmark: Benchmark, run: Run, weights: Weights, pairs: Callable[[int], list[PreferencePair]]
    ) -> None:
        """The policy for `weights`."""
        from methods.engines import log_probs, train_dpo

        k = self._base(benchmark, weights)
        reference = log_probs(benchmark, pairs(k), benchmark.names[k], run)
        rewards = np.zeros((len(pairs(k)), len(weights)))
        if weights[k] < 1:
            rewards = self._reward_differences(benchmark, run, pairs(k), k, reference)
        beta, margin = divided(self.beta, rewards, weights, k)
        train_dpo(
            benchmark,
            pairs(k),
            self,
            run.stage(point_name(benchmark, weights)),
            reference=reference,
            margin=margin,
            beta=beta,
        )

    def _base(self, benchmark: Benchmark, weights: Weights) -> int:
        """The objective on whose pairs the policy for `weights` is trained."""
        named = benchmark.names.index(self.base) if self.base in benchmark.names else None
        return named if named is not None and weights[named] > 0 else int(np.argmax(weights))

    def _reward_differences(
        self, benchmark: Benchmark, run: Run, pairs: list[PreferencePair], k: int, reference: np.ndarray
    ) -> np.ndarray:
        """D r_j (N, M) on the pairs of objective k."""
        from methods.engines import log_probs, remembered

        name = benchmark.names[k]
        if self.margins == "explicit":
            path = run.dir / "constants" / f"rewards on {name}.json"
            return remembered(path, lambda: reward_differences(benchmark, pairs))
        models = [run.stage(point_name(benchmark, corner)) for corner in benchmark.corners]
        ratios = [log_probs(benchmark, pairs, name, run, model) - reference for model in models]
        return self.beta * np.stack([ratio[:, 0] - ratio[:, 1] for ratio in ratios], axis=1)


def divided(beta: float, rewards: np.ndarray, weights: Weights, k: int) -> tuple[float, np.ndarray]:
    """The beta and the margins (N,) of DPO on objective k's pairs under the differences D r (N, M) of all rewards.

    (beta D log(pi / pi_0) - sum_{j != k} w_j D r_j) / w_k = beta / w_k D log(pi / pi_0) - margin.
    """
    others = np.array(weights)
    others[k] = 0.0
    return beta / weights[k], rewards @ others / weights[k]
