"""A user's benchmark as one TOML file (docs/benchmarks.md). Paths in it are relative to the file.

    policy = "scratch:1m"

    [data]
    path = "my_data.jsonl"
    format = "answers"

    [[objectives]]
    name = "polite"
    reward = { function = "my_reward.py:polite" }

Every mistake in the file is found before anything is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from glob import escape
from pathlib import Path
from typing import Any

from benchmarks.common import BadInput, nearest, refuse, stored_text, toml_of
from benchmarks.data import Place, Table, local_folder, named_files
from benchmarks.load.fields import benchmark_names, build, checked, required, table_file
from benchmarks.load.keys import check_labels, unread
from benchmarks.prepare import Benchmark
from benchmarks.rewards import KINDS, TrainedReward
from benchmarks.spec import (
    CHAT,
    Finetuning,
    Lora,
    Objective,
    Reward,
    Sampling,
    Scratch,
    beside,
    check_grid,
    choose,
    fields_mistake,
    finetuning_mistakes,
    model_mistake,
    names_mistakes,
    template_mistake,
)

PLAIN = (
    "policy", "template", "precision", "eval_prompts", "grid", "trained_grid", "seed", "preparation",
    "max_prompt_tokens", "card_prompts",
)  # fmt: skip
"""Options that are fields of `Benchmark`."""


SETTINGS = ("name", "version", *PLAIN)
"""Keys of the file that are fields of `Benchmark`."""


TABLES = ("data", "objectives", "sampling", "scratch", "lora")


OF_DATA = tuple(f.name for f in fields(Table) if f.name != "known")
"""Keys of [data]; what objectives are called is not said there."""


OBJECTIVE = ("name", "reward", "evaluator", "description")


def read_benchmark(path: Path, data_dir: Path | None = None, objectives: Sequence[str] | None = None) -> Benchmark:
    """The benchmark of a TOML file, under all of its objectives or those named.

    `data_dir` replaces the file's own folder as the place of its data. Raises one BadInput that lists every mistake.
    """
    content = _parse(path)
    mistakes: list[str] = []
    keys = (*SETTINGS, *TABLES)
    mistakes += [f"{key}: there is no such key{nearest(key, keys)}" for key in content if key not in keys]
    content, first = _first(content, mistakes)
    settings = checked({k: v for k, v in content.items() if k in SETTINGS}, Benchmark, "", mistakes, only=SETTINGS)
    data = _data(content.get("data"), path.parent, data_dir, mistakes)
    sampling = build(content.get("sampling", {"max_new_tokens": 64}), Sampling, "sampling.", mistakes)
    scratch = build(content.get("scratch", {}), Scratch, "scratch.", mistakes)
    lora = build(content.get("lora", {}), Lora, "lora.", mistakes)
    known = _objectives(content.get("objectives"), path.parent, mistakes)
    if data:
        check_labels(data, known, _names(content.get("objectives")), mistakes)
        data = replace(data, known=tuple(o.name for o in known))
    for key in ("grid", "trained_grid"):
        if known and objectives is None:  # of which some may be wrong: the weights are for all of them
            check_grid(settings.get(key, ()), len(content["objectives"]), key, mistakes)
    settings = {"name": path.stem, "version": "1", "policy": "scratch:1m"} | settings
    settings["policy"] = beside(settings["policy"], path.parent)
    mistakes += finetuning_mistakes(first, finetuning := Finetuning(**first), settings["policy"])
    if mistake := model_mistake(settings["policy"], "scratch:", path.parent):
        mistakes.append(f"policy: {mistake}")
    elif mistake := template_mistake(settings.get("template", ""), settings["policy"]):
        mistakes.append(f"template: {mistake}")
    if settings["name"].casefold() in benchmark_names() and path != table_file(settings["name"]):
        mistakes.append(f"name: {settings['name']} comes with moa, and runs of both would lie in one folder")
    refuse(str(path), mistakes, "the keys are explained in docs/benchmarks.md")
    assert data
    assert sampling
    assert scratch
    assert lora
    chosen = choose(settings["name"], known, [o.name for o in known] if objectives is None else objectives)
    if len(chosen) < len(known):  # the file's weights are for all of its objectives
        settings |= {"grid": (), "trained_grid": ()}
    return Benchmark(
        data=data, objectives=chosen, sampling=sampling, scratch=scratch, finetuning=finetuning, lora=lora, **settings
    )


def _first(content: dict[str, Any], mistakes: list[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The file's content with the name of the policy alone, and what is to be done with that first."""
    if not isinstance(told := content.get("policy"), Mapping):
        return content, {}
    named = {"policy": told["model"]} if "model" in told else {}
    if not named:
        mistakes.append("policy.model is missing")
    settings = {key: value for key, value in told.items() if key != "model"}
    return {k: v for k, v in content.items() if k != "policy"} | named, checked(
        settings, Finetuning, "policy.", mistakes
    )


def _parse(path: Path) -> dict[str, Any]:
    try:
        return toml_of(stored_text(path))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise BadInput(
            f"{path} cannot be read: {reason}", "a benchmark file is written in TOML", "see docs/benchmarks.md"
        ) from error


def _data(values: Any, folder: Path, data_dir: Path | None, mistakes: list[str]) -> Table | None:
    """The [data] table. Its files are looked up in the data folder or beside the file.

    Where it names the hub, the data folder is a copy of what is there.
    """
    if values is None:
        mistakes.append("data is missing: a table with path or hub, and format")
        return None
    table = build(values, Table, "data.", mistakes, only=OF_DATA)
    if table is None:
        return None
    if bool(table.path) == bool(table.hub):
        mistakes.append("data: name either path or hub")
    if "{prompt}" not in table.template:
        above = "; the policy's chat template is named above [data]" if table.template == CHAT else ""
        mistakes.append(f"data.template: must contain {{prompt}}, found {table.template!r}{above}")
    elif mistake := fields_mistake(table.template):
        mistakes.append(f"data.template: {mistake}")
    given = [*values, *(f"columns.{role}" for role in values.get("columns", {}))]
    if table.hub:
        mistakes += unread(table, given)
        return replace(table, path=str(_copy(local_folder(data_dir), table.config))) if data_dir else table
    places: dict[str, Any] = {
        key: _placed(getattr(table, key), data_dir or folder) for key in ("path", "test_path", "dev_path")
    }
    placed, before = replace(table, **places), len(mistakes)
    for key, place in places.items():
        try:
            if key == "path" and placed.is_folder:
                assert placed.files
            elif place:
                named_files(place)
        except BadInput as error:
            mistakes.append(f"data.{key}: {error.what}")
    if len(mistakes) == before:
        mistakes += unread(placed, given)
    return placed


def _copy(folder: Path, config: str | None) -> Path:
    """Where a copy of a data set on the hub has this configuration."""
    return folder / config if config and (folder / config).is_dir() else folder


def _placed(place: Place, folder: Path) -> Place:
    """Paths and globs in a folder, whose own name is no glob."""
    if isinstance(place, tuple):
        return tuple(str(_placed(one, folder)) for one in place)
    is_glob = any(sign in place for sign in "*?[") and not (folder / place).exists()
    return str((Path(escape(str(folder))) if is_glob else folder) / place) if place else ""


def _objectives(values: Any, folder: Path, mistakes: list[str]) -> list[Objective]:
    """The [[objectives]] that are right."""
    if not isinstance(values, list) or not values:
        mistakes.append("objectives is missing: one [[objectives]] table per objective, with name and reward")
        return []
    found = [_objective(value, f"objectives[{i}].", folder, mistakes) for i, value in enumerate(values, 1)]
    right = [objective for objective in found if objective]
    mistakes += names_mistakes(objective.name for objective in right)
    return right


def _names(values: Any) -> list[str]:
    """What the [[objectives]] are called, also those in which something else is wrong."""
    tables = values if isinstance(values, list) else []
    return [name for table in tables if isinstance(table, Mapping) and isinstance(name := table.get("name"), str)]


def _objective(values: Any, where: str, folder: Path, mistakes: list[str]) -> Objective | None:
    before = len(mistakes)
    if not isinstance(values, Mapping):
        mistakes.append(f"{where.rstrip('.')}: expected a table, found {values!r}")
        return None
    unknown = [key for key in values if key not in OBJECTIVE]
    mistakes += [f"{where}{key}: there is no such key{nearest(key, OBJECTIVE)}" for key in unknown]
    mistakes += [f"{where}{key} is missing" for key in ("name", "reward") if key not in values]
    texts = {key: values[key] for key in ("name", "description") if key in values}
    texts = checked(texts, Objective, where, mistakes, only=("name", "description"))
    rewards = {
        role: _reward(values[role], f"{where}{role}", folder, mistakes)
        for role in ("reward", "evaluator")
        if role in values
    }
    if len(mistakes) > before:
        return None
    reward = rewards["reward"]
    assert reward
    reward, evaluator = _with_evaluator(reward, rewards.get("evaluator"))
    return Objective(**texts, reward=reward, evaluator=evaluator)


def _with_evaluator(reward: Reward, evaluator: Reward | None) -> tuple[Reward, Reward]:
    """Reward and evaluator; where missing, a trained reward's twin on the other half of the pairs, or itself."""
    if evaluator is None and isinstance(reward, TrainedReward):
        reward = replace(reward, fold="even")
        evaluator = replace(reward, fold="odd", seed=reward.seed + 1)
    return reward, evaluator or reward


def _reward(values: Any, where: str, folder: Path, mistakes: list[str]) -> Reward | None:
    """A reward: "trained", or a table of the kind whose fields it has."""
    if values == "trained":
        return TrainedReward()
    if not isinstance(values, Mapping):
        mistakes.append(f'{where}: expected "trained" or a table (model, function, or training), found {values!r}')
        return None
    keys = [f.name for kind in KINDS for f in fields(kind)]
    if unknown := [key for key in values if key not in keys]:
        mistakes += [f"{where}.{key}: there is no such key{nearest(key, keys)}" for key in unknown]
        return None
    kind = next(kind for kind in KINDS if all(name in values for name in required(kind)))
    reward = build(values, kind, f"{where}.", mistakes)
    try:
        return reward and reward.found_in(folder)
    except ValueError as error:
        mistakes.append(f"{where}.{error}")
        return None
