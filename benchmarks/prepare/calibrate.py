"""Taking the scale card: what rewards and evaluators make of the starting policy's answers to training prompts."""

from __future__ import annotations

import numpy as np

from benchmarks.common import BadInput, Log, digest, kept
from benchmarks.models import starting_policy
from benchmarks.prepare.card import Card
from benchmarks.prepare.parts import answers_file, card_prompts
from benchmarks.spec import Answer, Description, Signal, policy_id
from benchmarks.stats import collapsed


def card_answers(benchmark: Description) -> list[Answer]:
    """The starting policy's answers to `card_prompts` training prompts; generated once and kept beside the card."""
    prompts = card_prompts(benchmark)

    def answer() -> list[tuple[str, str]]:
        responses = starting_policy(benchmark).generate(prompts, benchmark.sampling, seed=benchmark.seed)
        return list(zip(prompts, responses, strict=True))

    return [Answer(*row) for row in kept(answers_file(benchmark, prompts), answer)]


REF_SDS = 2.0
"""The ref point lies so many SFT standard deviations below the SFT mean, on every objective."""


def take_card(benchmark: Description, log: Log) -> tuple[Card, float]:
    """Scores the SFT policy's answers to training prompts with every reward and evaluator.

    Returns the card, and which share of the answers is collapsed.
    """
    log("scale card", 0, 1, {})
    answers = card_answers(benchmark)
    prompts, responses = [a.prompt for a in answers], [a.response for a in answers]
    rewards = _moments(benchmark, "rewards", prompts, responses)
    scores = _moments(benchmark, "scores", prompts, responses)
    log("scale card", 1, 1, {})
    card = Card(
        benchmark=benchmark.name,
        version=benchmark.version,
        preparation=benchmark.preparation,
        objectives=benchmark.names,
        policy=policy_id(benchmark),
        rewards=tuple(o.reward.id(benchmark, o.name) for o in benchmark.objectives),
        evaluators=tuple(o.evaluator.id(benchmark, o.name) for o in benchmark.objectives),
        reward_mean=rewards[0],
        reward_std=rewards[1],
        score_mean=scores[0],
        score_std=scores[1],
        ref=(-REF_SDS,) * len(benchmark.objectives),
        prompts=len(benchmark.prompts("test")),
        prompts_hash=digest(benchmark.prompts("test")),
        sampling=benchmark.sampling,
    )
    return card, float(np.mean([collapsed(response) for response in responses]))


def _moments(
    benchmark: Description, signal: Signal, prompts: list[str], responses: list[str]
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation per objective. Raises BadInput for a reward that does not vary."""
    means, stds = [], []
    scorers = [o.source(signal).scorer(benchmark, o.name) for o in benchmark.objectives]  # may share a model
    for objective, scorer in zip(benchmark.objectives, scorers, strict=True):
        reward, values = objective.source(signal), scorer(prompts, responses)
        if values.std() < 1e-8:
            raise BadInput(
                f"the reward {reward.id(benchmark, objective.name)} of objective {objective.name!r} "
                f"gives every answer {values[0]:.4g}",
                "a reward that does not vary has no scale and cannot be optimised",
                "check the reward and its inputs",
            )
        means.append(float(values.mean()))
        stds.append(float(values.std(ddof=1)))
    return tuple(means), tuple(stds)
