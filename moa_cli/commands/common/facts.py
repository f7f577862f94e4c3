"""What `moa list` and `moa show` say, as types."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import MISSING, asdict, fields
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from time import time

from pydantic import JsonValue, model_serializer

from benchmarks import BadInput, Benchmark, benchmark_names
from benchmarks.common import NotPermitted, Part, is_answering, plain, type_words, written_at
from benchmarks.load import benchmark_summary
from benchmarks.prepare import StoredCard, stored_card
from benchmarks.spec import Finetuning, Lora, Reward, Sampling, Scratch
from methods import find_method, method_name, method_names
from methods.contract import attribute_docstrings, hyperparameter_types
from moa_cli.commands.common.removal import size_of
from moa_cli.runs import (
    GIVEN,
    TUNED,
    Counting,
    LogRow,
    Record,
    counted_cards,
    failed_for,
    find_runs,
    fronts_in,
    has_front,
    is_earlier,
    last_rows,
    read_record,
)


class MethodRow(Part):
    """A method, in a line."""

    name: str
    steering: str
    summary: str


class BenchmarkRow(Part):
    """A benchmark, in a line."""

    name: str
    summary: str


class RunRow(Part):
    """A run, in a line."""

    path: str
    status: str
    """Where it stands; of one that failed with the reason."""
    seed: int | None
    """None where the record cannot be read."""
    front: bool
    """Whether its front is measured."""
    hypervolume: float | None
    """Of all points under the evaluators, of the front that a comparison of all runs takes; None where that is none."""
    size: int
    """Bytes on disk."""
    age: float
    """Seconds since something of its record was written."""
    settings: dict[str, JsonValue]
    """What was set for it: options of the benchmark, and hyperparameters other than the method's defaults."""


class Hyperparameter(Part):
    """A field of a method, with what its docstring says."""

    name: str
    default: JsonValue
    type: str
    answering: bool
    """Whether it acts only when the policy answers: another value trains nothing."""
    meaning: str


class MethodFacts(Part):
    """A method and its hyperparameters."""

    name: str
    title: str
    steering: str
    summary: str
    hyperparameters: tuple[Hyperparameter, ...]


class ObjectiveFacts(Part):
    """An objective: the fields of its reward and evaluator, with the "kind" of each."""

    name: str
    description: str
    reward: dict[str, JsonValue]
    evaluator: dict[str, JsonValue]


class BenchmarkFacts(Part):
    """A benchmark's description and, where it is prepared, its scale card and what was found while it was prepared."""

    name: str
    version: str
    objectives: tuple[ObjectiveFacts, ...]
    policy: str
    sampling: dict[str, JsonValue]
    preparation: int
    eval_prompts: int
    grid: tuple[tuple[float, ...], ...]
    trained_grid: tuple[tuple[float, ...], ...]
    max_prompt_tokens: int
    card_prompts: int
    precision: str
    """Empty: by device and size."""
    template: str
    """How the policy is shown prompts; "auto": as the tokenizer of the hub says, when it is there."""
    seed: int
    scratch: dict[str, JsonValue]
    finetuning: dict[str, JsonValue]
    """What is done with a pretrained policy first: the options policy.*"""
    lora: dict[str, JsonValue]
    identity: str
    prepared: StoredCard | None
    as_read: dict[str, str]
    """An answer as each model reads it, see `benchmarks.prepare.as_read`; empty before it is prepared."""

    @classmethod
    def of(cls, b: Benchmark) -> BenchmarkFacts:
        """What is told of a benchmark."""
        return cls(
            name=b.name,
            version=b.version,
            objectives=tuple(
                ObjectiveFacts(
                    name=o.name, description=o.description, reward=_told(o.reward), evaluator=_told(o.evaluator)
                )
                for o in b.objectives
            ),
            policy=b.policy,
            sampling=_fields(b.sampling),
            preparation=b.preparation,
            eval_prompts=b.eval_prompts,
            grid=b.grid,
            trained_grid=b.trained_grid,
            max_prompt_tokens=b.max_prompt_tokens,
            card_prompts=b.card_prompts,
            precision=b.precision,
            template=b.form,
            seed=b.seed,
            scratch=_fields(b.scratch),
            finetuning=_fields(b.finetuning),
            lora=_fields(b.lora),
            identity=b.identity,
            prepared=(card := stored_card(b)),
            as_read=_as_read(b) if card else {},
        )


class RunFacts(Part):
    """A run's run.json, where it stands, its fronts, and the end of its log."""

    record: Record
    standing: str
    fronts: dict[str, dict[str, JsonValue]]
    """Its fronts by their folders, each with its number of prompts and what was set otherwise than in training."""
    log: tuple[LogRow, ...]

    @model_serializer
    def told(self) -> dict[str, JsonValue]:
        """The entries of the record, with the others beside them."""
        rows = [{**row._asdict(), **row.measured} for row in self.log]
        for row in rows:
            del row["measured"]
        found = self.record.model_dump(mode="json")
        return found | {"status": self.standing, "fronts": {**self.fronts}, "log": rows}


def method_rows() -> list[MethodRow]:
    """All methods, each in a line."""
    found = {name: find_method(name) for name in method_names()}
    return [MethodRow(name=n, steering=cls.steering, summary=_module_line(cls)) for n, cls in found.items()]


def benchmark_rows(names: Sequence[str]) -> list[BenchmarkRow]:
    """Benchmarks, each in a line."""
    return [BenchmarkRow(name=name, summary=benchmark_summary(name)) for name in names]


def run_rows(home: Path) -> list[RunRow]:
    """All runs under a folder; one that cannot be read says so."""
    fronts = {folder: _counting(folder) for folder in find_runs(home)}
    counted = counted_cards(front for own in fronts.values() for front in own)
    return [_run_row(folder, [one for one in own if one.card.hash in counted]) for folder, own in fronts.items()]


def _run_row(folder: Path, counted: Sequence[Counting]) -> RunRow:
    """A run, with its fronts that count."""
    bare = RunRow(
        path=str(folder), status="no permission", seed=None, front=False, settings={}, hypervolume=None, size=0, age=0.0
    )
    try:
        record = read_record(folder)
        status = record.standing(folder)
        status += f": {failed_for(folder)}" if status == "failed" else ""
        return RunRow(
            path=str(folder), status=status, seed=record.seed, front=has_front(folder), settings=_settings(record),
            hypervolume=_hypervolume(counted), size=size_of(folder), age=_age(folder),
        )  # fmt: skip
    except (NotPermitted, PermissionError):
        return bare
    except BadInput:
        status = "of an earlier version" if is_earlier(folder) else "damaged"
        return bare.model_copy(update={"status": status, "size": size_of(folder), "age": _age(folder)})


def _age(folder: Path) -> float:
    """Seconds since a run was last noted anything of."""
    return max(0.0, time() - written_at(folder / "run.json"))


def _hypervolume(counted: Sequence[Counting]) -> float | None:
    """That of the newest of a run's fronts that count."""
    from benchmarks.measure import read_front

    try:
        return read_front(max(counted, key=lambda front: front.when).folder).hypervolume("scores") if counted else None
    except BadInput:
        return None


def _counting(folder: Path) -> list[Counting]:
    """The fronts of a run, as far as they can be read."""
    from benchmarks.measure import read_front_record

    found = []
    try:
        for place in fronts_in(folder):
            with suppress(BadInput):
                record = read_front_record(place)
                found.append(Counting.of(place, record.card, record.method, record.config))
    except PermissionError:
        return []
    return found


def _settings(record: Record) -> dict[str, JsonValue]:
    """What was set for a run.

    All hyperparameters where the method is none that is installed: to look at a runs folder must not run the code that
    it names.
    """
    config = record.config
    if record.steering != GIVEN and record.method in method_names():
        defaults = _defaults(record.method)
        config = {name: value for name, value in config.items() if name not in defaults or value != defaults[name]}
    return {**record.benchmark.options, **config}


@cache
def _defaults(method: str) -> dict[str, JsonValue]:
    """The hyperparameters of a method of which nothing is set; found once for all its runs."""
    found: dict[str, JsonValue] = plain(asdict(find_method(method)()))
    return found


def method_facts(name: str) -> MethodFacts:
    """A method and its hyperparameters, with what their docstrings say."""
    cls = find_method(name)
    hints, words = hyperparameter_types(cls), attribute_docstrings(cls)
    return MethodFacts(
        name=method_name(cls),
        title=_module_line(cls),
        steering=cls.steering,
        summary=inspect.getdoc(cls) or "",
        hyperparameters=tuple(
            Hyperparameter(
                name=f.name,
                default=None if f.default is MISSING else plain(f.default),
                type=type_words(hints[f.name]),
                answering=is_answering(hints[f.name]),
                meaning=words.get(f.name, ""),
            )
            for f in fields(cls)
        ),
    )


def run_facts(folder: Path) -> RunFacts:
    """What is told of a run."""
    record = read_record(folder)
    return RunFacts(
        record=record,
        standing=record.standing(folder),
        fronts={place.name: _front_facts(place, record) for place in fronts_in(folder)},
        log=tuple(last_rows(folder, 5)),
    )


def _front_facts(place: Path, record: Record) -> dict[str, JsonValue]:
    """What a front was measured with."""
    from benchmarks.measure import read_front_record

    front = read_front_record(place)
    other = {name: value for name, value in front.config.items() if value != record.config.get(name)}
    return {"prompts": front.card.prompts, **other}


def _as_read(b: Benchmark) -> dict[str, str]:
    from benchmarks.prepare import as_read  # loads transformers

    return as_read(b)


def _told(reward: Reward) -> dict[str, JsonValue]:
    """How a reward was declared, and that in words."""
    return {**plain(reward), "words": reward.words}


def _fields(settings: Sampling | Scratch | Finetuning | Lora) -> dict[str, JsonValue]:
    return {name: value for name, value in plain(settings).items() if name != "kind"}


def _module_line(cls: type) -> str:
    """The first line of the docstring of the file, which names the paper; of the class where the file has none."""
    words = sys.modules[cls.__module__].__doc__ or cls.__doc__ or ""
    return words.strip().splitlines()[0] if words.strip() else ""


def is_method(subject: str) -> bool:
    """Whether it names a method, or a Python file that holds one; another Python file may hold a benchmark."""
    path = Path(subject)
    return subject.lower().replace("_", "-") in method_names() or (
        path.suffix == ".py"
        and path.is_file()
        and bool(re.search(r"^class \w+\(.*\bMethod\)", path.read_text(encoding="utf-8"), re.M))
    )


def is_benchmark(subject: str) -> bool:
    """Whether it names a benchmark, or a file that is to hold one."""
    path = Path(subject)
    return subject in benchmark_names() or (path.suffix in (".toml", ".py") and path.is_file())


def nothing_called(subject: str) -> tuple[str, str, str]:
    """What, why and what to type, where nothing has this name."""
    if subject.endswith((".toml", ".py")):
        kind = "a method or a benchmark" if subject.endswith(".py") else "a benchmark"
        return f"there is no file {subject}", f"it was named as {kind}", "check the path"
    near = get_close_matches(subject.lower(), [*method_names(), *benchmark_names()], n=1, cutoff=0.4)
    files = [file for file in (f"{subject}.py", f"{subject}.toml", f"{subject}.json") if Path(file).is_file()]
    fix = "".join(f"did you mean: moa show {name}" for name in [*files, *near][:1]) or "moa list"
    return f"there is nothing called {subject}", "it is no method, benchmark, run or saved comparison", fix


def tunings_called(subject: str, home: Path) -> list[Path]:
    """The documents of searches that "tuned/METHOD" or "BENCHMARK/tuned/METHOD" means, or that is named by its path."""
    path = Path(subject)
    if path.suffix == ".json" and path.parent.name == TUNED and path.is_file():
        return [path]
    if path.parent.name != TUNED or (path.parent.parent.name == "" and path.is_absolute()):
        return []
    return sorted(home.glob(f"{path.parent.parent.name or '*'}/{TUNED}/{path.name}.json"))
