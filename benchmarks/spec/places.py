"""What is prepared, named after the content of its recipe: where the parts lie, without making or loading any."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from benchmarks.common import digest
from benchmarks.spec.description import REVISION, Description
from benchmarks.spec.settings import PLAIN
from benchmarks.spec.signal import Signal

TAGS = "tags"
"""What ledgers call the share of the starting policy's preparation that taught it tags."""


def usual_home() -> Path:
    """The folder of all runs, where none is named."""
    return Path(os.environ.get("MOA_RUNS") or "runs").expanduser()


LONGEST_NAME = 100
"""Bytes [choice]. The names of files end at 255, and what is made for an objective adds to its name."""


def folder_mistake(name: str) -> str:
    """What keeps a folder of this name from lying where it is made; "" where nothing does.

    Runs and rewards lie in folders named after the user's words.
    """
    if not name.isprintable() or name.startswith(".") or {*"/\\"} & {*name} or not name.strip():
        return f"{name!r:.100} cannot name a folder"
    if (size := len(name.encode())) > LONGEST_NAME:
        return f"{name[:20]!r}... cannot name a folder: it has {size} bytes, of {LONGEST_NAME} at most"
    return ""


def part_name(signal: Signal, objective: str) -> str:
    """What a part of a preparation, and the use of it, is called: "reward helpful" or "evaluator helpful"."""
    return f"{'reward' if signal == 'rewards' else 'evaluator'} {objective}"


def root(benchmark: Description) -> Path:
    """Where a benchmark's prepared things lie."""
    return benchmark.home / benchmark.name / "prepared"


def card_file(benchmark: Description) -> Path:
    """Where the scale card lies."""
    return root(benchmark) / f"card-{benchmark.measuring_identity}.json"


def policy_source(benchmark: Description) -> str | Path:
    """Folder or hub id of the starting policy."""
    if not benchmark.pretrained:
        told = [benchmark.halves] if benchmark.halves else []  # by tags
        recipe = [benchmark.policy, benchmark.scratch, tokenizer_folder(benchmark).name, *told]
    elif benchmark.finetuning.sft:
        data = benchmark.data.fingerprint()
        recipe = [benchmark.policy_identity, benchmark.form, benchmark.finetuning, benchmark.lora, data, benchmark.seed]
    else:
        return benchmark.policy
    recipe = [REVISION, *recipe, benchmark.max_prompt_tokens, benchmark.sampling.max_new_tokens]
    return root(benchmark) / f"policy-{digest(recipe)}"


def policy_id(benchmark: Description) -> str:
    """What the starting policy is: its `weights_id`, and what it is held in, where that is asked for."""
    held = f" ({benchmark.precision})" if benchmark.precision else ""
    return weights_id(benchmark) + held


def weights_id(benchmark: Description) -> str:
    """What a model that begins as the starting policy begins as: the name of its recipe, its hub id, or the name and
    content of its folder; and how it is shown prompts, where that is not plainly."""
    source = policy_source(benchmark)
    name = source.name if isinstance(source, Path) else benchmark.policy_identity
    return name if benchmark.form == PLAIN else f"{name} ({benchmark.form})"


def tokenizer_folder(benchmark: Description) -> Path:
    """Folder of the tokenizer that scratch models share."""
    recipe = [REVISION, benchmark.data.fingerprint(), benchmark.scratch.vocabulary, benchmark.names]
    return root(benchmark) / f"tokenizer-{digest(recipe)}"


SCORING = 2
"""Of how a classifier scores.
Raise it when the same text gets another score, even in its last bit: the cache begins anew."""


def score_cache(benchmark: Description, reward: str) -> Path:
    """Where answers keep what a reward of this id gave them; its folder is made."""
    path = root(benchmark) / "scores" / f"{digest([SCORING, reward])}.sqlite"
    with suppress(OSError):  # where nothing can be written, nothing is kept
        path.parent.mkdir(parents=True, exist_ok=True)
    return path


def beside(model: str, folder: Path) -> str:
    """A model's id, or its path where the folder has it; the folder itself is none that was named by nothing."""
    return str(folder / model) if model and (folder / model).is_dir() else model
