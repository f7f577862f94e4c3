"""The models of a benchmark: the policy, what gives rewards and scores, and what each has still to be made from."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from benchmarks import Benchmark, HubReward, Objective, TrainedReward
from benchmarks.common import hub_commit
from benchmarks.spec import SIGNALS, SIZES, Signal, part_name, policy_source
from moa_cli.jobs.estimate.models import Model, find_model, scratch_model


class Role(NamedTuple):
    """A model of a benchmark, and what it is there for."""

    role: str
    """"policy", or what the part of a preparation is called: "reward helpful"."""
    model: Model
    how: str
    """In words, how it comes to be."""
    ready: bool = True
    """Whether nothing is left to make of it."""


def policy_of(benchmark: Benchmark) -> Role:
    """The starting policy."""
    source = policy_source(benchmark)
    how = "learns the demonstrations first" if benchmark.pretrained else "made here"
    if isinstance(source, Path) and source.is_dir():
        return Role("policy", find_model(str(source))._replace(name=benchmark.policy, place="made here"), how)
    if not benchmark.pretrained:
        model = scratch_model(benchmark.policy.removeprefix("scratch:"), benchmark.scratch.vocabulary)
        return Role("policy", model, how, ready=False)
    if isinstance(source, Path):
        return Role("policy", find_model(benchmark.policy), how, ready=False)
    return Role("policy", find_model(benchmark.policy), "as it is")


def roles_of(benchmark: Benchmark) -> list[Role]:
    """The policy, then the rewards, then the evaluators, objective by objective."""
    policy = policy_of(benchmark)
    signals = [signal for signal in reversed(SIGNALS) for _ in benchmark.objectives]
    objectives = [*benchmark.objectives, *benchmark.objectives]
    return [policy, *(_scorer(benchmark, o, s, policy.model) for o, s in zip(objectives, signals, strict=True))]


def nowhere(benchmark: Benchmark) -> list[str]:
    """The models of a benchmark that would have to be downloaded and cannot be, as far as anybody knows; in words."""
    names = dict.fromkeys(r.model.name for r in roles_of(benchmark) if r.model.downloaded)
    return [
        f"{name} is no folder and not in the cache, and the hub has no such model, or cannot be asked"
        for name in names
        if hub_commit(name, None, "model") is None
    ]


def other_base(benchmark: Benchmark, name: str, policy: Model) -> Model:
    """A model that a method trains: "policy", a scratch size, a hub id or a path."""
    if name == "policy":
        return policy
    if name in SIZES:
        return scratch_model(name, policy.vocabulary or benchmark.scratch.vocabulary, head=False)
    return find_model(name)


def _scorer(benchmark: Benchmark, objective: Objective, signal: Signal, policy: Model) -> Role:
    reward, role = objective.source(signal), part_name(signal, objective.name)
    if isinstance(reward, HubReward):
        return Role(role, find_model(reward.model, reward.revision, classifier=True), "as it is")
    if not isinstance(reward, TrainedReward):
        return Role(role, Model(reward.words, "a function"), "called")
    how, folder = "a reward is trained from it", reward.folder(benchmark, objective.name)
    if folder.is_dir():
        model = find_model(str(folder), classifier=True)._replace(name=reward.base, place="made here")
        return Role(role, model, how)
    if reward.base in ("policy", *SIZES):
        return Role(role, other_base(benchmark, reward.base, policy), how, ready=False)
    return Role(role, find_model(reward.base, classifier=True), how, ready=False)
