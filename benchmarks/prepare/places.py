"""What is prepared, named after the content of its recipe: where the parts lie, without making or loading any."""

from __future__ import annotations

from pathlib import Path

from benchmarks.common import digest
from benchmarks.spec import REVISION, Description, FunctionReward, Objective, Reward, TrainedReward, reward_identity


def root(benchmark: Description) -> Path:
    """Where a benchmark's prepared things lie."""
    return benchmark.home / benchmark.name / "prepared"


def policy_source(benchmark: Description) -> str | Path:
    """Folder or hub id of the starting policy."""
    if not benchmark.policy.startswith("scratch:"):
        return benchmark.policy
    recipe = [
        REVISION, benchmark.policy, benchmark.scratch, tokenizer_folder(benchmark).name, benchmark.max_prompt_tokens,
        benchmark.sampling.max_new_tokens,
    ]  # fmt: skip
    return root(benchmark) / f"policy-{digest(recipe)}"


def policy_id(benchmark: Description) -> str:
    """What the starting policy is: the name of its recipe, or its hub id or path."""
    source = policy_source(benchmark)
    return source.name if isinstance(source, Path) else source


def tokenizer_folder(benchmark: Description) -> Path:
    """Folder of the tokenizer that scratch models share."""
    recipe = [REVISION, benchmark.data.fingerprint(), benchmark.scratch.vocabulary, benchmark.names]
    return root(benchmark) / f"tokenizer-{digest(recipe)}"


def reward_folder(benchmark: Description, objective: Objective, reward: TrainedReward) -> Path:
    """Folder of a trained reward."""
    recipe = [
        REVISION, reward, tokenizer_folder(benchmark).name, benchmark.max_prompt_tokens,
        benchmark.sampling.max_new_tokens, policy_id(benchmark) if reward.base == "policy" else "",
    ]  # fmt: skip
    return root(benchmark) / f"reward-{objective.name}-{digest(recipe)}"


def reward_id(benchmark: Description, objective: Objective, reward: Reward) -> str:
    """What a reward is, in one string: hub id and revision, function and version, or the recipe of a trained one."""
    if isinstance(reward, TrainedReward):
        return reward_folder(benchmark, objective, reward).name
    if isinstance(reward, FunctionReward):
        named = reward_identity(reward)
        assert isinstance(named, FunctionReward)
        return f"{named.function}@{named.version}"
    return f"{reward.model}@{reward.revision or 'main'}[{reward.sign:+g}*{reward.label}:{reward.inputs}]"
