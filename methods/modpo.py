"""MODPO: DPO on one objective's pairs, with the other rewards as a margin (Zhou et al. 2023, arXiv 2310.03708)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Literal

import numpy as np

from benchmarks import BadInput, Benchmark, PreferencePair, Weights
from methods import (
    Effort,
    Method,
    Preference,
    Run,
    kept_preferences,
    logits_per_sd,
    pairs_effort,
    point_name,
    reward_differences,
)

if TYPE_CHECKING:
    from benchmarks import Policy


@dataclass(frozen=True, kw_only=True)
class MODPO(Preference, Method):
    """One policy per weights w, on the pairs of a base objective k, minimising

        -E log sigmoid((beta (D log pi - D log pi_0) - sum_{j != k} w_j D r_j) / w_k),   D f = f(chosen) - f(rejected).

    With w_k = 1 it is DPO. Where the base has no weight, the heaviest objective takes its place [choice]: with two
    objectives, plain DPO on the other one, which is what the loss tends to as w_k falls to 0.

    The labels of the pairs say r_k in logits of a Bradley-Terry model, so every r_j is in logits of its own, whatever
    units the benchmark has: r_j of the benchmark times `logits_per_sd`. The log repeats that number.
    """

    steering = "retrain"

    margins: Literal["explicit", "implicit"] = "explicit"
    """What r_j is: the benchmark's reward in logits ("explicit") [choice], or that of a DPO model ("implicit")
    (code: implicit).
    "implicit" is beta log(pi_j / pi_0), in logits as it comes. "explicit" is what all other methods are given, and no
    teachers are trained. Logits per SD are the raw SD of a reward that was trained from pairs; else fitted to the
    objective's pairs by logistic regression, 4 at most; 4 where it has none, and labels are the sign of the
    difference [choice]."""
    base: str = "heaviest"
    """The objective on whose pairs is trained (paper: one for all weights; name it).
    "heaviest" takes the one with the largest weight [choice]: then w_k >= 1/M, and no weights are far from what the
    labels say. Equally heavy ones take turns, from weights to weights and from seed to seed, so that none is favoured.
    """

    def train(self, benchmark: Benchmark, run: Run) -> None:
        """One DPO run per weights; constants that several of them need are computed once."""
        from methods import remembered

        if self.base not in ("heaviest", *benchmark.names):
            raise BadInput(
                f"{benchmark.name} has no objective {self.base!r}",
                "base names the objective on whose pairs is trained",
                f"one of: heaviest, {', '.join(benchmark.names)}",
            )

        @cache
        def pairs(k: int) -> list[PreferencePair]:
            return kept_preferences(benchmark, k, self.epochs, run)

        @cache
        def differences(k: int) -> np.ndarray:
            return remembered(run, f"rewards on {benchmark.names[k]}", lambda: reward_differences(benchmark, pairs(k)))

        teachers = benchmark.corners if self.margins == "implicit" else ()
        for weights in dict.fromkeys((*teachers, *self.points(benchmark))):
            if not run.stage(point_name(benchmark, weights)).done:
                self._train(benchmark, run, weights, pairs, differences)

    def effort(self, benchmark: Benchmark, parameters: int) -> tuple[Effort, ...]:
        """The pairs with what other rewards and the start, or teachers, say of them, and a DPO run per weights."""
        teachers = benchmark.corners if self.margins == "implicit" else ()
        stages = [self._base(benchmark, w, 0) for w in dict.fromkeys((*teachers, *self.points(benchmark)))]
        parts = []
        for k in dict.fromkeys(stages):
            pairs, found = pairs_effort(benchmark, k, self.epochs)
            margins = Effort(scored=0 if teachers else 2 * pairs)
            parts += [found, margins, self.lessons(pairs, stages.count(k), 1 + len(teachers))]
        return tuple(parts)

    def policy(self, benchmark: Benchmark, run: Run, weights: Weights) -> Policy:
        """The policy that was trained for `weights`."""
        from methods import load_trained

        return load_trained(benchmark, run.stage(point_name(benchmark, weights)).folder)

    def _train(
        self,
        benchmark: Benchmark,
        run: Run,
        weights: Weights,
        pairs: Callable[[int], list[PreferencePair]],
        differences: Callable[[int], np.ndarray],
    ) -> None:
        """The policy for `weights`, given the pairs of an objective and D r (N, M) on them in benchmark units."""
        from methods import log_probs, train_dpo

        k = self._base(benchmark, weights, run.seed)
        reference = log_probs(benchmark, pairs(k), benchmark.names[k], run)
        others = [j for j, w in enumerate(weights) if j != k and w > 0]
        rewards, units = np.zeros((len(pairs(k)), len(weights))), dict[int, float]()
        if others and self.margins == "implicit":
            rewards = self._implicit(benchmark, run, pairs(k), k, reference)
        elif others:
            units = {j: logits_per_sd(benchmark, j, differences) for j in others}
            rewards = differences(k) * [units.get(j, 0.0) for j in range(len(weights))]
        beta, margin = divided(self.beta, rewards, weights, k)
        train_dpo(
            benchmark,
            pairs(k),
            self,
            run.stage(point_name(benchmark, weights)),
            reference=reference,
            margin=margin,
            beta=beta,
            facts={f"logits_per_sd_{benchmark.names[j]}": unit for j, unit in units.items()},
        )

    def _base(self, benchmark: Benchmark, weights: Weights, seed: int) -> int:
        """The objective on whose pairs the policy for `weights` is trained."""
        if self.base in benchmark.names and weights[benchmark.names.index(self.base)] > 0:
            return benchmark.names.index(self.base)
        heaviest = np.flatnonzero(np.isclose(weights, max(weights))).tolist()
        return heaviest[(sum(heaviest) + seed) % len(heaviest)]

    def _implicit(
        self, benchmark: Benchmark, run: Run, pairs: list[PreferencePair], k: int, reference: np.ndarray
    ) -> np.ndarray:
        """D r_j (N, M) of the DPO models of all objectives on the pairs of objective k, in logits."""
        from methods import log_probs

        models = [run.stage(point_name(benchmark, corner)) for corner in benchmark.corners]
        ratios = [log_probs(benchmark, pairs, benchmark.names[k], run, model) - reference for model in models]
        return self.beta * np.stack([ratio[:, 0] - ratio[:, 1] for ratio in ratios], axis=1)


def divided(beta: float, rewards: np.ndarray, weights: Weights, k: int) -> tuple[float, np.ndarray]:
    """The beta and the margins (N,) of DPO on objective k's pairs under the differences D r (N, M), in logits.

    (beta D log(pi / pi_0) - sum_{j != k} w_j D r_j) / w_k = beta / w_k D log(pi / pi_0) - margin.
    """
    others = np.array(weights)
    others[k] = 0.0
    return beta / weights[k], rewards @ others / weights[k]
