"""Preference pairs to train on, and the hyperparameters of training on them. Nothing heavy is imported here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np

from benchmarks import BadInput, Benchmark, PreferencePair, TrainedReward
from benchmarks.common import Cost, charged_to
from methods.contract import Effort, Run

STEEPEST = 4.0
"""Most logits per SD of the reward that a label can have [choice]: a pair an SD apart is labelled wrong once in 56.
Labels without noise have infinitely many, which no other reward could be weighed against; people's have 1 to 2.5."""

MEASURED = 512
"""Pairs from which it is estimated how much the labels say."""


def preferences(benchmark: Benchmark, k: int, epochs: float, seed: int) -> list[PreferencePair]:
    """The N pairs that so many epochs of training on objective k see: all, or a random share for less than one.

    Where the data has no pairs for k, they are made of two training answers to the same prompt, else of two answers
    sampled from the starting policy: chosen is the one with the higher reward k, equal ones are left out [choice].
    BadInput where no pair is left, and for no objective's number.
    """
    if not isinstance(k, int) or not 0 <= k < len(benchmark.names):
        raise BadInput(
            f"preferences were asked for objective {k!r:.40}",
            f"it is a number from 0 to {len(benchmark.names) - 1}, the place of one of {', '.join(benchmark.names)}",
            f"benchmark.names.index({benchmark.names[0]!r})",
        )
    labelled = benchmark.pairs_to_learn(benchmark.names[k])
    pairs = labelled or _contests(benchmark, seed)
    order = np.random.default_rng(seed).permutation(len(pairs))
    pairs = [pairs[i] for i in order[: max(1, round(epochs * len(pairs)))]]
    pairs = pairs if labelled else _labelled(benchmark, k, pairs)
    if not pairs:
        raise BadInput(
            f"objective {benchmark.names[k]!r} of {benchmark.name} has no preference pairs",
            "no two answers to the same prompt differ in its reward either",
            "give the benchmark pairs for it, or several answers per prompt",
        )
    return pairs


def kept_preferences(benchmark: Benchmark, k: int, epochs: float, run: Run) -> list[PreferencePair]:
    """The `preferences` under the seed of a run, which keeps what has to be made: it is made once."""
    if benchmark.pairs_to_learn(benchmark.names[k]):
        return preferences(benchmark, k, epochs, run.seed)
    path = run.dir / "constants" / f"pairs on {benchmark.names[k]}.json"
    return [PreferencePair(*row) for row in run.keep(path, lambda: preferences(benchmark, k, epochs, run.seed))]


def pairs_effort(benchmark: Benchmark, k: int, epochs: float) -> tuple[int, Effort]:
    """How many pairs `preferences` gives, at most, and what finding them takes."""
    if labelled := benchmark.pairs_to_learn(benchmark.names[k]):
        return max(1, round(min(epochs, 1.0) * len(labelled))), Effort()
    answers: dict[str, set[str]] = {}
    for prompt, response in benchmark.responses():
        answers.setdefault(prompt, set()).add(response)
    contests = sum(len(texts) - 1 for texts in answers.values())
    prompts = 0 if contests else len(benchmark.prompts("train"))
    pairs = max(1, round(min(epochs, 1.0) * (contests or prompts)))
    return pairs, Effort(own=not contests, drawn=2 * prompts, scored=2 * pairs)


def _contests(benchmark: Benchmark, seed: int) -> list[PreferencePair]:
    """Two different answers to the same prompt each, in no order of merit."""
    answers: dict[str, list[str]] = {}
    for prompt, response in benchmark.responses():
        answers.setdefault(prompt, []).append(response)
    if all(len(set(responses)) < 2 for responses in answers.values()):
        prompts = benchmark.prompts("train")
        sampled = benchmark.prepared.policy.generate([*prompts, *prompts], benchmark.sampling, seed)
        answers = {
            p: [*pair] for p, pair in zip(prompts, zip(*np.split(np.array(sampled), 2), strict=True), strict=True)
        }
    return [PreferencePair(p, a, b) for p, texts in answers.items() for a, b in pairwise(dict.fromkeys(texts))]


def _labelled(benchmark: Benchmark, k: int, pairs: list[PreferencePair]) -> list[PreferencePair]:
    """The pairs, better answer first, by the sign of the difference in reward k; ties left out."""
    differences = reward_differences(benchmark, pairs)[:, k]
    turned = [
        p if d > 0 else PreferencePair(p.prompt, p.rejected, p.chosen) for p, d in zip(pairs, differences, strict=True)
    ]
    return [pair for pair, d in zip(turned, differences, strict=True) if d != 0]


def reward_differences(benchmark: Benchmark, pairs: Sequence[PreferencePair]) -> np.ndarray:
    """r(chosen) - r(rejected) of every pair under every reward (N, M), in benchmark units."""
    prompts = [p.prompt for p in pairs]
    rewards = benchmark.rewards([*prompts, *prompts], [*(p.chosen for p in pairs), *(p.rejected for p in pairs)])
    return rewards[: len(pairs)] - rewards[len(pairs) :]


def labels_sd(benchmark: Benchmark, k: int, pairs: Sequence[PreferencePair]) -> float:
    """SD of what the labels of objective k's pairs say, in logits, by its reward. No method is charged for it."""
    with charged_to(Cost()):
        differences = reward_differences(benchmark, pairs[:MEASURED])
    return logits_per_sd(benchmark, k, lambda _: differences) * float(differences[:, k].std())


def logits_per_sd(benchmark: Benchmark, k: int, differences: Callable[[int], np.ndarray]) -> float:
    """How many logits of a Bradley-Terry model of objective k one SD of its reward is worth.

    A reward that was trained from pairs says logits: its raw SD, `reward_std` of the scale card. For another one the
    number is fitted to the objective's pairs, on which D r (N, M) in SDs is `differences(k)`. Where the data has none,
    labels are the sign of the difference (`preferences`): `STEEPEST` [choice].
    """
    if isinstance(benchmark.objectives[k].reward, TrainedReward):
        return benchmark.card.reward_std[k]
    if not benchmark.pairs_to_learn(benchmark.names[k]):
        return STEEPEST
    return steepness(differences(k)[:, k])


def steepness(differences: np.ndarray) -> float:
    """The s from 0 to `STEEPEST` under which sigmoid(s d) makes labels with differences d (N,) most likely.

    Logistic regression with one parameter and no constant: the log-likelihood is concave, and its slope
    mean(d sigmoid(-s d)) is bisected. 0 where the reward contradicts its labels more than it agrees with them.
    """

    def rises(s: float) -> bool:
        return bool((differences / (1 + np.exp(np.clip(s * differences, -500, 500)))).mean() > 0)

    low, high = 0.0, STEEPEST
    if rises(high):
        return high
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if rises(middle) else (low, middle)
    return low
