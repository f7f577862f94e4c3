"""Trying rewards before anything is made: what is wrong with one is to be found now, not after hours."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.common import BadInput, error_words, no_memory
from benchmarks.rewards.function import FunctionReward
from benchmarks.rewards.hub import HubReward
from benchmarks.spec import SIGNALS, Answer, Description, Reward, Signal, part_name


def reward_probes(benchmark: Description, *, functions_alone: bool = False) -> list[Callable[[], None]]:
    """What has each reward and evaluator that is not trained here score two answers; of those that are functions alone,
    for which no model is loaded.

    Each raises BadInput that names a reward which cannot: whose model or function is not there, does not load, raises,
    or gives something else than a finite number per answer; and a model that gives both answers the same.
    """
    kinds = (FunctionReward,) if functions_alone else (FunctionReward, HubReward)
    probes: dict[Reward, Callable[[], None]] = {}
    for objective in benchmark.objectives:
        for signal in reversed(SIGNALS):
            reward = objective.source(signal)
            if isinstance(reward, kinds):
                probes.setdefault(reward, partial(_probe, reward, objective.name, signal, benchmark))
    return [*probes.values()]


def _probe(reward: Reward, objective: str, signal: Signal, benchmark: Description) -> None:
    name, answers = part_name(signal, objective), _two_answers(benchmark)
    prompts, responses = [a.prompt for a in answers], [a.response for a in answers]
    try:
        values = reward.scorer(benchmark, objective)(prompts, responses)
    except BadInput as error:
        raise type(error)(f"{name}: {error.what}", error.why, error.fix) from error
    except Exception as error:
        if no_memory(error):
            raise
        raise BadInput(
            f"{name} ({reward.words}) cannot score an answer: {error_words(error)}{_place(error)}",
            f"it was tried on two answers before anything is made, the first is {responses[0]!r:.60}",
            "a reward gives a finite number to every answer, an empty or an odd one too",
        ) from error
    if not np.isfinite(values).all():
        raise BadInput(
            f"{name} ({reward.words}) gives {values[~np.isfinite(values)][0]} to an answer",
            f"it was tried on two answers before anything is made, the first is {responses[0]!r:.60}",
            "check the model's weights, and how it is read: label and inputs",
        )
    if isinstance(reward, HubReward) and values[0] == values[1]:
        raise BadInput(
            f"{name} ({reward.words}) gives two different answers the same: {values[0]:.6g}",
            f"tried were {responses[0]!r:.60} and {responses[1]!r:.60}",
            "check the model's weights, and that its inputs show it the answer",
        )


def _two_answers(benchmark: Description) -> tuple[Answer, Answer]:
    """Two training answers that differ, or one and a stranger."""
    known = benchmark.responses()
    first = known[0] if known else Answer(benchmark.prompts("train")[0], "Yes.")
    other = next((a for a in known if a.response != first.response), Answer(first.prompt, "No, it is not."))
    return first, other


def _place(error: Exception) -> str:
    """Where an error came from, in code that is not moa's nor a library's."""
    ours = str(Path(__file__).parents[1])
    frames = [f for f in traceback.extract_tb(error.__traceback__) if not f.filename.startswith(ours)]
    mine = [f for f in frames if "site-packages" not in f.filename and not f.filename.startswith("<")]
    return f" ({mine[-1].filename}, line {mine[-1].lineno}, in {mine[-1].name})" if mine else ""
