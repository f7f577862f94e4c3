"""Finding a benchmark by name, TOML file or Python file, and changing its settings."""

from __future__ import annotations

import errno
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from functools import partial
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Any

from benchmarks.common import BadInput, load_file, nearest, refuse
from benchmarks.data import World
from benchmarks.load.fields import benchmark_names, checked, table_file
from benchmarks.load.toml import PLAIN, read_benchmark
from benchmarks.prepare import Benchmark
from benchmarks.rewards import TrainedReward
from benchmarks.spec import (
    Finetuning,
    ForPolicies,
    Lora,
    Objective,
    Sampling,
    Scratch,
    check_grid,
    finetuning_mistakes,
    folder_mistake,
    model_mistake,
    names_mistakes,
    template_mistake,
    usual_home,
)

NESTED: dict[str, type] = {
    "policy": Finetuning,
    "lora": Lora,
    "sampling": Sampling,
    "scratch": Scratch,
    "reward": TrainedReward,
}
"""Options written `<prefix>.<field>`; those of "reward" change all trained rewards."""


def option_names() -> list[str]:
    """The options that `load_benchmark` takes."""
    nested = [f"{prefix}.{f.name}" for prefix, kind in NESTED.items() for f in fields(kind)]
    return [*PLAIN, "objectives", *nested]


Maker = Callable[[Path | None, Sequence[str] | None], Benchmark]
"""Builds a benchmark from a data folder and names of objectives, None being its own."""


def load_benchmark(
    name_or_path: str,
    *,
    data_dir: str | Path | None = None,
    options: Mapping[str, Any] = MappingProxyType({}),
    home: str | Path | None = None,
) -> Benchmark:
    """A benchmark by name, or from a .toml or .py file (with a function `benchmark(data_dir, objectives)`).

    `home` is the folder of all runs; None is what MOA_RUNS names, else `runs`.

    `options` maps `option_names` to values. Raises one BadInput that lists every option that is unknown, of the wrong
    type or out of range; BadInput for a benchmark that is unknown or wrong in itself.
    """
    make = _maker(name_or_path)
    mistakes: list[str] = []
    known = option_names()
    for key in options:
        if key not in known:
            mistakes.append(f"{key}: there is no such option{nearest(key, known)}")
    plain = checked({k: v for k, v in options.items() if k in PLAIN}, Benchmark, "", mistakes, only=PLAIN)
    if mistake := model_mistake(plain.get("policy", ""), "scratch:"):
        mistakes.append(f"policy: {mistake}")
    nested = {prefix: _nested(options, prefix, mistakes) for prefix in NESTED}
    names = _objective_names(options, mistakes)
    fix = f"there are: {', '.join([*PLAIN, 'objectives', *NESTED])}.*"
    try:
        benchmark = _built(make, name_or_path, None if data_dir is None else Path(data_dir), names)
    except BadInput as error:
        if names:
            _check_grids(plain, len(names), mistakes)
        if mistakes:
            refuse(f"options of {name_or_path}", [*mistakes, error.what], fix)
        raise
    _check_grids(plain, len(benchmark.objectives), mistakes)
    if not has_trained_rewards(benchmark):
        mistakes += [f"reward.{key}: no objective of {benchmark.name} has a trained reward" for key in nested["reward"]]
    finetuning = replace(benchmark.finetuning, **nested["policy"])
    mistakes += finetuning_mistakes(nested["policy"], finetuning, plain.get("policy", benchmark.policy))
    if plain.get("preparation") and not (finetuning.sft or _made(benchmark, plain)):
        mistakes.append(f"preparation: of {benchmark.name} nothing is drawn or trained before a method is")
    template, policy = plain.get("template", benchmark.template), plain.get("policy", benchmark.policy)
    if not model_mistake(policy, "scratch:") and (mistake := template_mistake(template, policy)):
        mistakes.append(f"template: {mistake}")
    refuse(f"options of {benchmark.name}", mistakes, fix)
    chosen = replace(
        benchmark,
        source=name_or_path,
        home=usual_home() if home is None else Path(home),
        objectives=tuple(_retrained(o, nested["reward"]) for o in benchmark.objectives),
        sampling=replace(benchmark.sampling, **nested["sampling"]),
        scratch=replace(benchmark.scratch, **nested["scratch"]),
        finetuning=finetuning,
        lora=replace(benchmark.lora, **nested["lora"]),
        **plain,
    )
    if isinstance(chosen.data, ForPolicies):
        chosen = replace(chosen, data=chosen.data.for_policy(chosen.policy))
    return _redrawn(chosen)


def _made(benchmark: Benchmark, plain: Mapping[str, Any]) -> bool:
    """Whether another preparation would be another: a policy or a reward is trained for it, or its world is drawn."""
    policy = plain.get("policy", benchmark.policy)
    return has_trained_rewards(benchmark) or policy.startswith("scratch:") or isinstance(benchmark.data, World)


def has_trained_rewards(benchmark: Benchmark) -> bool:
    """Whether the reward of some objective is trained at preparation."""
    return any(isinstance(o.reward, TrainedReward) for o in benchmark.objectives)


APART = 1000
"""[choice] How far the seeds of a preparation lie from those of the one before: further than seeds that are typed."""


def _redrawn(benchmark: Benchmark) -> Benchmark:
    """The benchmark with the seeds of its preparation: its own where that is 0.

    Drawn anew are the answers and labels of a world, the starting policy and the rewards, where they are made here, and
    the answers that give the scale. The test prompts and the evaluators stay: they are what is measured by. An
    evaluator that is trained from the starting policy begins as another, too.
    """
    ahead = APART * benchmark.preparation
    data = benchmark.data
    return replace(
        benchmark,
        data=replace(data, preparation=benchmark.preparation) if ahead and isinstance(data, World) else data,
        objectives=tuple(_reseeded(o, ahead) for o in benchmark.objectives),
        scratch=replace(benchmark.scratch, seed=benchmark.scratch.seed + ahead),
        seed=benchmark.seed + ahead,
    )


def _reseeded(objective: Objective, ahead: int) -> Objective:
    """The objective with another seed of its trained reward, which its evaluator has too where it is that reward."""
    if not isinstance(objective.reward, TrainedReward):
        return objective
    reward = replace(objective.reward, seed=objective.reward.seed + ahead)
    alone = objective.evaluator == objective.reward
    return replace(objective, reward=reward, evaluator=reward if alone else objective.evaluator)


def _built(make: Maker, name: str, data_dir: Path | None, objectives: Sequence[str] | None) -> Benchmark:
    """The benchmark. BadInput where a path that it names is none that a file could have."""
    try:
        return make(data_dir, objectives)
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
        raise BadInput(
            f"{name} names a file that cannot be: {str(error.filename)[:60]}...",
            "its name is longer than those of files",
            "check its paths",
        ) from error


def _maker(name_or_path: str) -> Maker:
    """The function that builds the benchmark."""
    path = Path(name_or_path)
    if path.suffix == ".toml":
        return lambda data_dir, objectives: read_benchmark(path, data_dir, objectives)
    if path.suffix == ".py":
        return _from_file(path)
    names = benchmark_names()
    if name_or_path not in names:
        raise BadInput(
            f"there is no benchmark {name_or_path!r}{nearest(name_or_path, names)}",
            f"there are: {', '.join(names)}",
            "name one of these, or a .toml or .py file (docs/benchmarks.md)",
        )
    if (table := table_file(name_or_path)).is_file():
        return lambda data_dir, objectives: read_benchmark(table, data_dir, objectives)
    module: Any = import_module(f"benchmarks.{name_or_path.replace('-', '_')}")
    return module.benchmark


def _from_file(path: Path) -> Maker:
    """The function `benchmark` of a Python file."""
    module: Any = load_file(path, "a benchmark")
    if not callable(getattr(module, "benchmark", None)):
        raise BadInput(
            f"{path} is not a benchmark: it defines no function benchmark",
            "a benchmark in Python is a file with a function benchmark(data_dir, objectives) -> Benchmark",
            "see docs/benchmarks.md",
        )
    return partial(_named, path, module.benchmark)


def _named(path: Path, make: Maker, data_dir: Path | None, objectives: Sequence[str] | None) -> Benchmark:
    """The benchmark of a Python file. BadInput for names of which no folder could be."""
    benchmark = make(data_dir, objectives)
    mistakes = [f"name: {told}" for name in (benchmark.name, *benchmark.names) if (told := folder_mistake(name))]
    mistakes += names_mistakes(benchmark.names)
    refuse(str(path), mistakes, "runs and rewards lie in folders of these names")
    return benchmark


def _nested(options: Mapping[str, Any], prefix: str, mistakes: list[str]) -> dict[str, Any]:
    """The right ones among the options `<prefix>.<field>`, by field."""
    names = [f.name for f in fields(NESTED[prefix])]
    values = {name: options[f"{prefix}.{name}"] for name in names if f"{prefix}.{name}" in options}
    return checked(values, NESTED[prefix], f"{prefix}.", mistakes)


def _check_grids(plain: Mapping[str, Any], objectives: int, mistakes: list[str]) -> None:
    for key in ("grid", "trained_grid"):
        check_grid(plain.get(key, ()), objectives, key, mistakes)


def _objective_names(options: Mapping[str, Any], mistakes: list[str]) -> Sequence[str] | None:
    """The option `objectives`, if it is a list of texts."""
    names = options.get("objectives")
    if names is None or (isinstance(names, list | tuple) and all(isinstance(name, str) for name in names)):
        return names
    mistakes.append(f"objectives: expected a list, each item a text, found {names!r}")
    return None


def _retrained(objective: Objective, settings: Mapping[str, Any]) -> Objective:
    """The objective with other settings of what is trained; an evaluator keeps its seed and fold, which hold it out."""
    reward, evaluator = objective.reward, objective.evaluator
    if isinstance(reward, TrainedReward):
        reward = replace(reward, **settings)
    if isinstance(evaluator, TrainedReward):
        evaluator = replace(evaluator, **{k: v for k, v in settings.items() if k not in ("seed", "fold")})
    return replace(objective, reward=reward, evaluator=evaluator)
