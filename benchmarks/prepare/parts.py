"""What a preparation consists of, by name: what is trained for it and where that lies. No model is loaded."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.common import digest
from benchmarks.prepare.card import stored_card
from benchmarks.rewards import TrainedReward
from benchmarks.spec import (
    REVISION,
    SIGNALS,
    Description,
    card_file,
    part_name,
    policy_id,
    policy_source,
    root,
    tokenizer_folder,
)


def part_folders(benchmark: Description) -> dict[str, Path]:
    """The folder of everything that is trained, by name: "policy", "reward helpful", "evaluator helpful"."""
    source = policy_source(benchmark)
    folders = {"policy": source} if isinstance(source, Path) else {}
    for objective in benchmark.objectives:
        for signal in reversed(SIGNALS):
            if isinstance(reward := objective.source(signal), TrainedReward):
                folders[part_name(signal, objective.name)] = reward.folder(benchmark, objective.name)
    return folders


def is_prepared(benchmark: Description) -> bool:
    """Whether nothing is left to prepare: the scale card is there, and no part was removed or set aside since."""
    return stored_card(benchmark) is not None and all(map(Path.exists, part_folders(benchmark).values()))


def carried_parts(benchmark: Description) -> dict[Path, bool]:
    """The files and folders that go along with a preparation to another machine, and whether it is none without them.

    The card comes last.
    """
    answers = answers_file(benchmark, card_prompts(benchmark))
    beside = {tokenizer_folder(benchmark): False, answers: False}
    return beside | dict.fromkeys([*part_folders(benchmark).values(), card_file(benchmark)], True)


def card_prompts(benchmark: Description) -> list[str]:
    """The training prompts whose answers the scale card is taken on."""
    prompts = benchmark.prompts("train")
    picked = np.random.default_rng(benchmark.seed).permutation(len(prompts))[: benchmark.card_prompts]
    return [prompts[i] for i in picked]


def answers_file(benchmark: Description, prompts: list[str]) -> Path:
    """Where the starting policy's answers to the card's prompts lie."""
    recipe = [
        REVISION, policy_id(benchmark), benchmark.max_prompt_tokens, benchmark.sampling, benchmark.seed, prompts,
    ]  # fmt: skip
    return root(benchmark) / f"answers-{digest(recipe)}.json"
