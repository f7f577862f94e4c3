"""What `-c` says: benchmark settings and hyperparameters, from presets, TOML files, run.json files and KEY=VALUE."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, field, fields, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from benchmarks import BadInput, Benchmark, load_benchmark
from benchmarks.common import field_types, fit, misfit, nearest, refusal_words, refuse, to_type
from benchmarks.load import option_names
from methods import Method, find_method, method_name, method_names
from moa_cli.runs.items import PREFIX, pairs_of
from moa_cli.runs.tuned import TUNED, Tuning, find_tuning, searched_fields


@dataclass(frozen=True)
class Settings:
    """Everything that `-b`, `-m`, `-c` and `--data-dir` describe, checked."""

    benchmarks: dict[str, Benchmark]
    """Each benchmark by what was typed: a name or a file."""
    methods: dict[str, Method]
    """Each method by what was typed: a name or a file."""
    options: Mapping[str, object]
    """The benchmark options among the items of `-c`."""
    tuned: Mapping[str, Tuning] | None = None
    """What was tuned and taken, for each method that it was found for, by what was typed; None where nothing was asked.
    """


def resolve(
    items: Sequence[str], benchmarks: Iterable[str], methods: Iterable[str], *, data_dir: Path | None, home: Path
) -> Settings:
    """Applies the items of `-c` from left to right. Raises one BadInput that lists every mistake."""
    classes = {typed: find_method(typed) for typed in dict.fromkeys(methods)}
    mistakes: list[str] = []
    names = list(dict.fromkeys(benchmarks))
    stores = {item: home if item == TUNED else Path(item) for item in items if takes_tuned(item)}
    tuned = {item: _tuned(item, store, names, classes, data_dir, home) for item, store in stores.items()}
    options: dict[str, Any] = {}
    configs: dict[str, dict[str, Any]] = {typed: {} for typed in classes}
    bare = [load_benchmark(name, data_dir=data_dir, home=home) for name in names if _asks_preset(items)]
    for key, value in pairs_of(items, classes, tuned, bare, mistakes):
        if key in option_names():
            options[key] = value
            continue
        owner, _, name = key.rpartition(".")
        takers = [t for t, cls in classes.items() if owner in ("", method_name(cls)) and name in field_types(cls)]
        for typed in takers:
            _set(configs[typed], key, value, field_types(classes[typed])[name], mistakes)
        if not takers:
            mistakes.append(f"{key}: {_unknown(key, classes.values())}")
    loaded = {name: _load(name, options, data_dir, home, mistakes) for name in names}
    for item, found in tuned.items():
        for typed, tuning in found.items():
            if any(benchmark and benchmark.identity != tuning.identity for benchmark in loaded.values()):
                told = f"{typed} was tuned on another {tuning.benchmark}: data, policy or rewards differ"
                mistakes.append(f"{item}: {told}")
    made = {typed: _make(cls, configs[typed], mistakes) for typed, cls in classes.items()}
    refuse("settings", list(dict.fromkeys(mistakes)), "moa show METHOD and moa show BENCHMARK list what can be set")
    return Settings(
        {name: b for name, b in loaded.items() if b},
        {typed: m for typed, m in made.items() if m},
        options,
        None if not tuned else {typed: tuning for found in tuned.values() for typed, tuning in found.items()},
    )


def _asks_preset(items: Sequence[str]) -> bool:
    """Whether an item of `-c` names a preset."""
    return any(item.startswith(PREFIX) for item in items)


def takes_tuned(item: str) -> bool:
    """Whether an item of `-c` stands for what `moa tune` found: in the runs folder, or in another."""
    return item == TUNED or (item != "" and "=" not in item and Path(item).is_dir())


def _tuned(
    item: str,
    store: Path,
    benchmarks: Sequence[str],
    classes: Mapping[str, type[Method]],
    data_dir: Path | None,
    home: Path,
) -> dict[str, Tuning]:
    """What was tuned for each method and is kept in a store of runs.

    BadInput where that is nothing for a method with something to search, unless all methods were asked for.
    """
    if len(benchmarks) != 1 or not classes:
        raise BadInput(
            f"-c {item} was given with {len(benchmarks)} benchmarks and {len(classes)} methods",
            "it takes what was tuned for methods on one benchmark",
            "name one with -b, and methods with -m",
        )
    name = load_benchmark(benchmarks[0], data_dir=data_dir, home=home).name
    found = {typed: find_tuning(cls, store, name) for typed, cls in classes.items()}
    missing = [typed for typed, tuning in found.items() if tuning is None and searched_fields(classes[typed])]
    if missing and (not any(found.values()) or not set(method_names()) <= set(classes)):
        raise BadInput(
            f"no settings were tuned for {', '.join(missing)} on {name}",
            f"-c {item} takes what moa tune has found in {store}",
            to_type("moa", "tune", "-m", ",".join(missing), "-b", benchmarks[0], "--runs", store),
        )
    return {typed: tuning for typed, tuning in found.items() if tuning}


def over_preparations(
    settings: Settings, preparations: Sequence[int], *, data_dir: Path | None, home: Path
) -> list[Settings]:
    """The settings on each of these preparations of the benchmarks; as they are where none is named.

    BadInput where the settings name one, too, and for a benchmark of which another preparation would be no other.
    """
    if preparations and "preparation" in settings.options:
        raise BadInput(
            "a preparation is named twice", "-c preparation=N and --preparations say the same", "leave out one of them"
        )
    every = []
    for number in preparations:
        options = {**settings.options, "preparation": number}
        loaded = {
            name: load_benchmark(name, data_dir=data_dir, options=options, home=home) for name in settings.benchmarks
        }
        every.append(replace(settings, benchmarks=loaded, options=options))
    return every or [settings]


def restore(typed: str, config: Mapping[str, object], again: str = "") -> Method:
    """The method of a stored configuration. Raises BadInput where the method no longer has such hyperparameters, which
    names the command that trains `again`."""
    cls = find_method(typed)
    values: dict[str, Any] = {}
    mistakes: list[str] = []
    for name, value in config.items():
        if name in field_types(cls):
            _set(values, name, value, field_types(cls)[name], mistakes)
        else:
            mistakes.append(f"{name}: {typed} has no such hyperparameter")
    made = None if mistakes else _own(lambda: cls(**values), cls, mistakes)
    refuse(
        f"the stored configuration of {typed} does not fit it",
        mistakes,
        f"train it again: {again or to_type('moa', 'train', '-m', typed)}",
        why="the method has changed since the run was trained",
    )
    assert made
    return made


def _set(config: dict[str, Any], key: str, value: Any, hint: Any, mistakes: list[str]) -> None:
    try:
        config[key.rpartition(".")[2]] = fit(value, hint)
    except TypeError:
        several = "; of several, moa tune finds the best" if isinstance(value, str) and "," in value else ""
        mistakes.append(f"{key}: {misfit(value, hint)}{several}")


def _make(cls: type[Method], config: dict[str, Any], mistakes: list[str]) -> Method | None:
    """The method, its defaults fitted as what is typed is.

    A default of 1 where a number belongs is 1.0 again in a worker, and the run's folder is named after it.
    """
    hints = field_types(cls)
    return _own(
        lambda: cls(**{name: fit(value, hints[name]) for name, value in as_config(cls(**config)).items()}),
        cls,
        mistakes,
    )


def _own(make: Callable[[], Method], cls: type[Method], mistakes: list[str]) -> Method | None:
    """The method that is made; None where a user's `__post_init__` raises, in whatever way it refuses settings."""
    try:
        return make()
    except BadInput:
        raise
    except Exception as error:
        mistakes.append(f"{method_name(cls)}: {refusal_words(error)}")
        return None


def _load(
    name: str, options: dict[str, Any], data_dir: Path | None, home: Path, mistakes: list[str]
) -> Benchmark | None:
    try:
        return load_benchmark(name, data_dir=data_dir, options=options, home=home)
    except BadInput as error:
        first, *listed = error.what.splitlines()
        if not first.startswith("options of"):
            raise
        mistakes += [line.strip() for line in listed]
        return None


def _unknown(key: str, classes: Iterable[type[Method]]) -> str:
    """Why a key is none, with the nearest one that is."""
    owner, _, name = key.rpartition(".")
    selected = {method_name(cls): list(field_types(cls)) for cls in classes}
    if owner in method_names() and owner not in selected:
        its = field_types(find_method(owner))
        known = "is not among the methods of this command"
        return f"{owner} {known if name in its else f'has no such hyperparameter{nearest(name, its)}'}"
    having = [m for m in method_names() if not owner and m not in selected and name in field_types(find_method(m))]
    if having:
        return f"no method of this command has it ({', '.join(having)} would)"
    keys = [*option_names(), *(k for names in selected.values() for k in names)]
    keys += [f"{method}.{k}" for method, names in selected.items() for k in names]
    near = get_close_matches(key, keys, n=1, cutoff=0.6)
    return f"there is no such setting{f', did you mean {near[0]}?' if near else ''}"


def as_config(method: Method) -> dict[str, Any]:
    """The hyperparameters by name."""
    return asdict(method)


def default_config(cls: type[Method]) -> Mapping[str, object]:
    """The hyperparameters of which nothing is set; as its fields have them where a class of the user's refuses these
    together."""
    try:
        return as_config(cls())
    except Exception:
        return {one.name: one.default for one in fields(cls) if one.default is not MISSING}


@dataclass(frozen=True)
class Source:
    """What was typed to name a benchmark: enough to build it again in another process."""

    name: str
    """Name or file."""
    home: Path
    data_dir: Path | None = None
    options: Mapping[str, object] = field(default_factory=dict)

    def load(self) -> Benchmark:
        """The benchmark."""
        return load_benchmark(self.name, data_dir=self.data_dir, options=self.options, home=self.home)
