"""What `moa tune` found, as documents on disk: <home>/<benchmark>/tuned/<method>.json, and its best as .toml."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import JsonValue

from benchmarks import BadInput
from benchmarks.common import (
    Choices,
    Document,
    Part,
    Search,
    field_types,
    fit,
    not_permitted,
    search_of,
    stored_bytes,
    to_type,
    write_text,
)
from benchmarks.spec import Signal
from methods import Method, find_method, method_name

TUNED = "tuned"
"""The folder of what was tuned, and what `-c` takes in place of a file."""


State = Literal["fine", "collapsed", "too far", "failed"]
"""How a trial went. Only fine ones can be the best: others collapsed at some point, went beyond the cap on the KL, or
failed."""


class Trial(Part):
    """A configuration that was tried, measured on dev prompts. What is None was not measured: the trial failed."""

    number: int
    """0 is the configuration that was to be improved."""
    config: dict[str, JsonValue]
    """All hyperparameters."""
    run: str
    """The folder of its run, below that of the benchmark; empty where the method refused these settings."""
    state: State
    rewards: float | None = None
    scores: float | None = None
    """Utility at the asked weights under what methods train on, and under the evaluators; in SFT standard deviations.
    It is w . point, averaged over the points."""
    kl: float | None = None
    """Nats per answer from the starting policy, averaged over the points."""
    collapse: float | None = None
    """Share of degenerate answers at the worst point, 0 to 1."""
    flops: float = 0.0
    seconds: float = 0.0
    """What its training took."""

    def under(self, signal: Signal) -> float | None:
        """The utility under one signal."""
        return self.rewards if signal == "rewards" else self.scores


class Tuning(Document):
    """The search for the settings of one method on one benchmark."""

    SCHEMA: ClassVar[str] = "moa.tuning/1"
    SUMMED: ClassVar[bool] = True

    method: str
    benchmark: str
    identity: str
    """Of the benchmark: what is tuned on another is not taken."""
    on: Signal
    """What decided: the training rewards, or the evaluators' scores, which no method sees otherwise."""
    max_kl: float | None
    """The cap on the KL in nats per answer."""
    seed: int
    prompts: int
    """N, the number of dev prompts."""
    asked: int
    """How many trials were asked for."""
    budget: float | None
    """Floating-point operations that all trainings together may take; None where that was not known yet."""
    searched: dict[str, tuple[JsonValue, ...]]
    """Lowest and highest value of every setting that was searched, or its choices."""
    trials: tuple[Trial, ...]
    best: int | None
    """Number of the best of the fine trials; None where there is none."""

    @property
    def chosen(self) -> Trial | None:
        """The best trial."""
        return None if self.best is None else self.trials[self.best]

    def value(self, trial: Trial) -> float | None:
        """What decided about a trial."""
        return trial.under(self.on)

    def store(self, path: Path) -> None:
        """Writes the document and, beside it, its best settings for `-c FILE.toml`."""
        self.write(path)
        if self.chosen:
            write_text(path.with_suffix(".toml"), self._toml(self.chosen))

    def _toml(self, trial: Trial) -> str:
        on = "training rewards" if self.on == "rewards" else "EVALUATORS"
        lines = [
            f"# The best of {len(self.trials)} trials of moa tune on {self.benchmark}, chosen on {self.prompts} dev "
            f"prompts by the {on}.",
            f"# -c tuned takes these settings from {self.method}.json beside this file, and counts the trials.",
            f"[{self.method}]",
        ]
        told = ((name, "none" if value is None else value) for name, value in trial.config.items())
        return "\n".join([*lines, *(f"{name} = {json.dumps(value)}" for name, value in told)]) + "\n"


def tuning_file(home: Path, benchmark: str, method: str) -> Path:
    """Where the search for a method's settings on a benchmark is kept; both by their names."""
    return home / benchmark / TUNED / f"{method}.json"


def read_tuning(path: Path) -> Tuning:
    """The document of a search. BadInput for one that is missing or damaged."""
    try:
        found = Tuning.from_json(stored_bytes(path))
        fine = [n for n, trial in enumerate(found.trials) if trial.state == "fine"]
        if found.best not in (None, *fine):
            raise ValueError(f"its best trial, {found.best}, is none of the fine ones")
        return found
    except FileNotFoundError as error:
        raise BadInput(
            f"nothing was tuned that is kept in {path}",
            "it is written by moa tune",
            "moa tune -m METHOD -b BENCHMARK",
        ) from error
    except PermissionError as error:
        raise not_permitted(path) from error
    except (OSError, ValueError) as error:
        raise BadInput(
            f"cannot use {path}", f"it is not the record of a search: {error}", f"{to_type('rm', path)}; then moa tune"
        ) from error


def searched_fields(cls: type[Method]) -> dict[str, Search | Choices]:
    """The hyperparameters that a method says where to search, by name."""
    hints = field_types(cls)
    return {name: _fitted(found, hint) for name, hint in hints.items() if (found := search_of(hint))}


def _fitted(search: Search | Choices, hint: object) -> Search | Choices:
    """Where a setting is searched, in values of its type: from 0 to 1 there are other numbers than these two."""
    if isinstance(search, Choices):
        return Choices(*(fit(value, hint) for value in search.values))
    return replace(search, low=fit(search.low, hint), high=fit(search.high, hint))


def tuned_as(cls: type[Method]) -> type[Method]:
    """The method whose settings are searched for those of this one: what it builds on, where it trains nothing else."""
    if cls.builds_on is None:
        return cls
    other = find_method(cls.builds_on)
    return other if {f.name for f in fields(cls)} <= {f.name for f in fields(other)} else cls


def find_tuning(cls: type[Method], home: Path, benchmark: str) -> Tuning | None:
    """What was tuned for a method on a benchmark, None where nothing was or nothing good was found."""
    path = tuning_file(home, benchmark, method_name(tuned_as(cls)))
    found = read_tuning(path) if path.exists() else None
    return found if found and found.chosen else None


def tuned_settings(cls: type[Method], tuning: Tuning) -> dict[str, object]:
    """The settings that a search chose for a method, as `-c` takes them: its defaults too, which win where they stand.

    ValueError where the method no longer has a setting of that search.
    """
    assert tuning.chosen is not None
    if gone := [key for key in tuning.chosen.config if key not in field_types(tuned_as(cls))]:
        raise ValueError(f"{tuning.method} was tuned when it had {', '.join(gone)}; moa tune again")
    name, own = method_name(cls), field_types(cls)
    return {
        f"{name}.{key}": "none" if value is None else value for key, value in tuning.chosen.config.items() if key in own
    }
