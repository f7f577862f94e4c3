"""SPO, Sequential Preference Optimization: align to objectives in turn, keeping the earlier ones (arXiv 2405.12739)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, ClassVar, NamedTuple

import numpy as np

from benchmarks import Benchmark, PreferencePair, Weights
from benchmarks.common import Range, Search
from methods import Effort, Method, Preference, Rates, Run, Stage, kept_preferences, labels_sd, pairs_effort

if TYPE_CHECKING:
    from benchmarks import Policy


@dataclass(frozen=True, kw_only=True)
class SPO(Preference, Method):
    """DPO round by round: on the first objective's pairs, then from pi_{m-1} on those of the m-th.

    Round m minimises

        -E log sigmoid(beta (D log pi - D log pi_{m-1}) - alpha sum_{i<m} D R^_i),   D f = f(chosen) - f(rejected)

    with the implicit rewards R^_i of the earlier rounds, which are constants: beta log(pi_i / pi_{i-1}), less alpha
    times those before it.

    SPO has settings and no weights: its front is swept by alpha and by the order of objectives, each of which comes
    first once [choice]. The policy of every round is a point, under the weights of the reward it maximises: the i-th of
    n objectives weighs 1 + alpha (n - i), divided by the sum over all. Where two orders imply the same weights, as all
    do for alpha = 0, only the first is trained [choice].

    These are the weights of the optimum. A round that ends before has moved less: alpha acts as far as R^ has grown
    beside the labels it stands against. The log of a later round repeats both, over its pairs: "kept_sd", the SD of
    alpha sum_i D R^_i, and "labels_sd", the SD of what the labels say, in logits. Each round is anchored to the one
    before alone; how far it is from pi_0 is the KL of its point in the front.
    """

    steering = "retrain"
    pretrained_rates: ClassVar[Mapping[str, Rates]] = {"learning_rate": Rates(whole=1e-6, adapters=6e-5)}

    learning_rate: Annotated[float, Range(0, 1), Search(1e-5, 1e-3, log=True)] = 6e-5
    """AdamW, cosine after a warm-up of 3 % [choice]; 1e-6 where a pretrained policy is trained whole and none is set.
    Less than for a single round of DPO (1e-4): a later round goes on from where the earlier ones left, and with
    alpha = 2 it has thrice their way to go. On dev prompts of hh-rlhf-mini the points are then 3.1 nats from the start,
    where at 1e-4 they are 13."""
    alphas: tuple[Annotated[float, Range(0)], ...] = (0.0, 2.0)
    """How much the earlier objectives count in later rounds [choice]; 0 is sequential DPO.
    For two objectives 0 and 2 imply the weights that other methods are trained for, (3/4, 1/4), (1/2, 1/2), (1/4, 3/4):
    all are then asked the same. Up to 1, as in the sweep 0, .1, .2, .5, 1, no point between the ends lies outside
    (2/3, 1/3) to (1/3, 2/3)."""

    def __post_init__(self) -> None:
        if not self.alphas or min(self.alphas) < 0:
            raise ValueError("alphas must be one number or more, none negative")

    def train(self, benchmark: Benchmark, run: Run) -> None:
        """All rounds of all settings; a round that several settings share is trained once."""

        @cache
        def pairs(k: int) -> list[PreferencePair]:
            return kept_preferences(benchmark, k, self.epochs, run)

        for setting in self._settings(benchmark).values():
            rounds = [_stage(benchmark, run, one) for one in setting.rounds]
            for m, one in enumerate(setting.rounds):
                if not rounds[m].done:
                    self._round(benchmark, pairs(one.order[-1]), one, rounds[:m], rounds[m])

    def effort(self, benchmark: Benchmark, parameters: int) -> tuple[Effort, ...]:
        """The rounds, and what the start and the rounds before make of their pairs."""
        stages = {one for setting in self._settings(benchmark).values() for one in setting.rounds}
        parts = []
        for k in dict.fromkeys(one.order[-1] for one in stages):
            pairs, found = pairs_effort(benchmark, k, self.epochs)
            own = [one for one in stages if one.order[-1] == k]
            earlier = {before for one in own for before in one.rounds[:-1]}
            parts += [found, self.lessons(pairs, len(own), 1 + len(earlier))]
        return tuple(parts)

    def policy(self, benchmark: Benchmark, run: Run, weights: Weights) -> Policy:
        """The policy of the setting that implies `weights`."""
        from methods import load_trained

        return load_trained(benchmark, _stage(benchmark, run, self._settings(benchmark)[weights]).folder)

    def points(self, benchmark: Benchmark) -> tuple[Weights, ...]:
        """The weights that the settings imply."""
        return tuple(self._settings(benchmark))

    def labels(self, benchmark: Benchmark) -> tuple[str, ...]:
        """The settings, e.g. "helpful > harmless, alpha 0.5"."""
        return tuple(setting.label(benchmark.names) for setting in self._settings(benchmark).values())

    def after(self, benchmark: Benchmark, rounds: int, alpha: float) -> Weights:
        """The point after so many rounds of the first order, which takes the objectives as the benchmark lists them."""
        return implied_weights(Setting(tuple(range(rounds)), alpha), len(benchmark.objectives))

    def _settings(self, benchmark: Benchmark) -> dict[Weights, Setting]:
        """Every round of every order under every alpha, by the weights it implies."""
        M = len(benchmark.objectives)
        found: dict[Weights, Setting] = {}
        for first in range(M):
            order = tuple((first + m) % M for m in range(M))
            for alpha in self.alphas:
                for one in Setting(order, alpha).rounds:
                    found.setdefault(implied_weights(one, M), one)
        return dict(sorted(found.items(), reverse=True))

    def _round(
        self, benchmark: Benchmark, pairs: list[PreferencePair], setting: Setting, earlier: list[Stage], stage: Stage
    ) -> None:
        """Trains the last round of a setting, given the stages of those before it."""
        from methods import log_probs, train_dpo

        name = benchmark.names[setting.order[-1]]
        logs = [log_probs(benchmark, pairs, name, stage.run, of) for of in (None, *earlier)]
        rewards = implicit_rewards([log[:, 0] - log[:, 1] for log in logs], self.beta, setting.alpha)
        margin = setting.alpha * sum(rewards, np.zeros(len(pairs)))
        facts = {}
        if earlier:
            facts = {"kept_sd": float(margin.std()), "labels_sd": labels_sd(benchmark, setting.order[-1], pairs)}
        train_dpo(
            benchmark, pairs, self, stage, reference=logs[-1], margin=margin, beta=self.beta,
            start=earlier[-1] if earlier else None, facts=facts,
        )  # fmt: skip


class Setting(NamedTuple):
    """What a policy was trained for: these objectives in turn, the earlier ones counting alpha in later rounds."""

    order: tuple[int, ...]
    alpha: float

    @property
    def rounds(self) -> list[Setting]:
        """The settings of its rounds, itself last. The first knows no alpha, so all that begin alike share it."""
        later = range(2, len(self.order) + 1)
        return [Setting(self.order[:1], 0.0), *(Setting(self.order[:m], self.alpha) for m in later)]

    def label(self, names: Sequence[str]) -> str:
        """The setting's name for people."""
        objectives = " > ".join(names[k] for k in self.order)
        return objectives if len(self.order) == 1 else f"{objectives}, alpha {self.alpha:g}"


def _stage(benchmark: Benchmark, run: Run, setting: Setting) -> Stage:
    objectives = "-".join(benchmark.names[k] for k in setting.order)
    return run.stage(objectives if len(setting.order) == 1 else f"{objectives}-{setting.alpha:g}")


def implied_weights(setting: Setting, objectives: int) -> Weights:
    """The weights of the reward that a setting's policy maximises when every round reaches its optimum (M,).

    Round m multiplies the policy by exp((R_m + alpha sum_{i<m} R_i) / beta), so after n rounds it is
    pi_0 exp(sum_i (1 + alpha (n - i)) R_i / beta): the i-th of n objectives weighs 1 + alpha (n - i).

    >>> implied_weights(Setting((0, 1), 1.0), 2)
    (0.6666666666666666, 0.3333333333333333)
    """
    n = len(setting.order)
    shares = [0.0] * objectives
    for i, k in enumerate(setting.order, start=1):
        shares[k] = 1 + setting.alpha * (n - i)
    return tuple(share / sum(shares) for share in shares)


def implicit_rewards(log_probs: Sequence[np.ndarray], beta: float, alpha: float) -> list[np.ndarray]:
    """R^_1, ..., R^_{m-1}, each (N,), from log pi_0, ..., log pi_{m-1}, each (N,), or from differences of them.

    R^_i = beta log(pi_i / pi_{i-1}) - alpha sum_{j<i} R^_j: what round i was rewarded for, less what it only kept.
    """
    rewards: list[np.ndarray] = []
    for before, after in pairwise(log_probs):
        rewards.append(beta * (after - before) - alpha * sum(rewards, np.zeros_like(before)))
    return rewards
