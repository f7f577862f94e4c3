"""Contestants: which runs a command is about, whether they are made yet or stored."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from benchmarks import BadInput, Benchmark, Front, FunctionReward, Weights, benchmark_names
from benchmarks.common import digest, plain
from benchmarks.spec import REVISION, Signal, are_weights, rounded_from
from methods import Method, answering_config, method_name
from moa_cli.runs.code import check_benchmark_named, check_code_named, check_method_named
from moa_cli.runs.config import Settings, Source, as_config, resolve, restore
from moa_cli.runs.folders import (
    FRONT,
    foundation,
    front_name,
    fronts_in,
    given_folder,
    method_source,
    run_folder,
    run_name,
)
from moa_cli.runs.front import read_asked, read_measured
from moa_cli.runs.items import typed_setting
from moa_cli.runs.record import GIVEN, Record, read_record
from moa_cli.runs.state import has_front, is_measured, is_scored, is_swept, is_trained
from moa_cli.words import from_here, typed_weights


@dataclass(frozen=True)
class Contestant:
    """One run: a method with its hyperparameters on a benchmark at a seed, trained or not."""

    source: Source
    benchmark: Benchmark
    method: Method
    seed: int
    folder: Path
    variant: str = ""
    """What tells it from others of the same method and seed, for people."""
    trials: int = 0
    """How many configurations were tried to find this one."""
    tuned_on: Signal = "rewards"
    """What decided between them."""

    @classmethod
    def of(cls, source: Source, benchmark: Benchmark, method: Method, seed: int) -> Contestant:
        """The run of a method on a benchmark that was named like this."""
        return cls(source, benchmark, method, seed, run_folder(benchmark, method, seed))

    @property
    def method_name(self) -> str:
        """What its method is called."""
        return method_name(type(self.method))

    @property
    def method_source(self) -> str:
        """What `find_method` finds its method by: a name, or a file."""
        return method_source(type(self.method))

    def under(self, item: str) -> Contestant:
        """It with one more item of -c, after those that it was made with; it keeps its folder. BadInput for an item
        that is none of its."""
        options = [typed_setting(key, plain(value)) for key, value in self.source.options.items()]
        config = plain(as_config(self.method)).items()
        own = [typed_setting(f"{self.method_name}.{key}", "none" if v is None else v) for key, v in config]
        settings = resolve(
            [*options, *own, item], [self.source.name], [self.method_source],
            data_dir=self.source.data_dir, home=self.source.home,
        )  # fmt: skip
        (benchmark,), (method,) = settings.benchmarks.values(), settings.methods.values()
        return replace(self, benchmark=benchmark, method=method)

    def foundation(self) -> Contestant | None:
        """The run that this one builds on, trained or not; None where it builds on none."""
        other = foundation(self.method)
        return Contestant.of(self.source, self.benchmark, other, self.seed) if other else None

    @property
    def trained(self) -> bool:
        """Whether nothing is left to train."""
        return is_trained(self.folder, self.benchmark, self.method)

    @property
    def answers_otherwise(self) -> str:
        """What of its settings is not as it was when the run was trained, in words; "" where nothing is."""
        told = read_record(self.folder).config
        own = answering_config(self.method)
        return ", ".join(f"{name} = {value}" for name, value in own.items() if plain(value) != told.get(name))

    @property
    def measured(self) -> bool:
        """Whether its front is whole and up to date."""
        return is_measured(self.folder, self.benchmark, self.method)

    @property
    def swept(self) -> bool:
        """Whether it was measured at every intensity of every goal."""
        return is_swept(self.folder, self.benchmark, self.method)

    def front_folder(self, kind: str = FRONT) -> Path:
        """Where its front lies, or another kind: beside those of the same training measured with something else."""
        return self.folder / front_name(self.benchmark, self.method, kind)

    def front(self, kind: str = FRONT) -> Front:
        """Its front, or a sweep, read. BadInput for one that is missing or damaged."""
        return read_measured(self.front_folder(kind))

    def meant_weights(self, weights: Weights) -> Weights:
        """The weights that were typed, to a rounding error: with sum 1, and as they were trained for.

        BadInput for weights that this run cannot be asked for.
        """
        names = self.benchmark.names
        if not are_weights(weights, len(names)):
            raise BadInput(
                f"{typed_weights(weights)} are no weights for {self.benchmark.name}",
                f"they must be {len(names)} numbers ({', '.join(names)}), none negative, that sum to 1",
                f"for instance --weights {typed_weights([1 / len(names)] * len(names))}",
            )
        weights = tuple(w / sum(weights) for w in weights)
        if self.method.steering != "retrain":
            return weights
        if meant := rounded_from(weights, self.method.points(self.benchmark)):
            return meant
        points = self.method.points(self.benchmark)
        near = sorted(points, key=lambda point: max(abs(a - b) for a, b in zip(point, weights, strict=True)))[:2]
        raise BadInput(
            f"{self.method_name} was not trained for these weights",
            f"it trains one policy per weight; nearest: {' and '.join(map(typed_weights, near))}",
            f"one of: {'  '.join(map(typed_weights, points))}",
        )


def contestants(settings: Settings, seeds: Sequence[int], *, home: Path, data_dir: Path | None) -> list[Contestant]:
    """Every method on every benchmark at every seed."""

    def made(name: str, benchmark: Benchmark, typed: str, method: Method, seed: int) -> Contestant:
        run = Contestant.of(Source(name, home, data_dir, settings.options), benchmark, method, seed)
        found = (settings.tuned or {}).get(typed)
        return replace(run, trials=len(found.trials), tuned_on=found.on) if found else run

    return [
        made(name, b, typed, m, seed)
        for name, b in settings.benchmarks.items()
        for typed, m in settings.methods.items()
        for seed in dict.fromkeys(seeds)
    ]


def stored_contestant(folder: Path, *, named: Collection[Path] = ()) -> Contestant:
    """The run in a folder.

    BadInput where it has no policy, its benchmark is no longer the one it was trained on or its method no longer the
    code that trained it, or it needs code that is not among the files `named`.
    """
    record, source, benchmark = recorded_benchmark(folder, named=named)
    if record.steering == GIVEN:
        raise BadInput(
            f"the answers in {folder} were made elsewhere",
            "there is no policy here that could give others",
            "moa compare puts them beside the answers of other runs",
        )
    check_in_force(benchmark, record, folder)
    method = restore(record.method, record.config, record.training(folder, settings=False))
    check_same_code(folder, record, method)
    return Contestant(source, benchmark, method, record.seed, folder)


def check_in_force(benchmark: Benchmark, record: Record, folder: Path) -> None:
    """BadInput where a benchmark is no longer what a run was trained on and is measured by."""
    _check_trained_on(benchmark, record, folder)
    if record.benchmark.identity != benchmark.identity:
        raise BadInput(
            f"the evaluators of {benchmark.name} have changed since {folder} was measured",
            "what it was trained on is the same, so its answers can be scored again",
            record.evaluating(folder, "--rescore"),
        )


def check_same_code(folder: Path, record: Record, method: Method) -> None:
    """BadInput where the run in a folder was trained by other code than its method has now.

    The name of the folder tells, which is that of all that the training depends on. A policy is made by code: another
    one would answer than was trained and measured.
    """
    if folder.resolve().name == run_name(record.benchmark.identity, method, record.seed):
        return
    own = record.method.endswith(".py")
    raise BadInput(
        f"{folder} was trained by earlier code of {from_here(record.method)}",
        "it would answer by the code of now, and its scores are those of the code of then",
        f"train again: {record.training(folder)}" + "; or restore the file as it was" * own,
    )


def stored_contestants(folder: Path, *, named: Collection[Path] = ()) -> list[Contestant]:
    """The run in a folder as it was trained, then as often as it was measured with something else.

    BadInput as `stored_contestant` has it.
    """
    own = stored_contestant(folder, named=named)
    found = {own.front_folder(): own}
    for place in sorted(folder.glob(f"{FRONT}-*")):
        asked = read_asked(place)
        if asked is None:
            continue
        told = {"eval_prompts": asked.eval_prompts}
        other = replace(
            own, source=replace(own.source, options={**own.source.options, **told}),
            benchmark=replace(own.benchmark, eval_prompts=asked.eval_prompts),
            method=restore(own.method_source, asked.config),
        )  # fmt: skip
        if other.front_folder() == place:  # else it was measured under other evaluators
            found.setdefault(place, other)
    return [*found.values()]


def recorded_benchmark(folder: Path, *, named: Collection[Path] = ()) -> tuple[Record, Source, Benchmark]:
    """What a run's record says, and its benchmark as it is now.

    BadInput where either needs code that is not among the files `named`: a Python file, or a TOML file whose rewards
    are Python functions. Another TOML file holds no code.
    """
    record = read_record(folder)
    if record.steering != GIVEN:
        check_method_named(record.method, named=named)
    source = source_of(record, folder)
    check_benchmark_named(source.name, named=named)
    benchmark = source.load()
    rewards = [reward for o in benchmark.objectives for reward in (o.reward, o.evaluator)]
    if source.name not in benchmark_names() and any(isinstance(reward, FunctionReward) for reward in rewards):
        check_code_named(f"the benchmark {source.name} has Python functions as rewards", "-b", source.name, named)
    return record, source, benchmark


class Rescoring(NamedTuple):
    """A run whose answers are to be scored again, and the folder in which to put that."""

    run: Path
    folder: Path
    record: Record
    source: Source
    benchmark: Benchmark
    """As it is now."""


def find_rescoring(run: Path, *, named: Collection[Path] = ()) -> Rescoring | None:
    """What is to be scored again of a run, None where no evaluator has changed. BadInput where it cannot be done."""
    record, source, benchmark = recorded_benchmark(run, named=named)
    if record.benchmark.identity == benchmark.identity:
        return None
    return Rescoring(run, _rescored_folder(run, record, benchmark), record, source, benchmark)


def _rescored_folder(run: Path, record: Record, benchmark: Benchmark) -> Path:
    """Where a run belongs under the present evaluators. BadInput where its answers cannot be scored by them."""
    _check_trained_on(benchmark, record, run)
    again = record.command if record.steering == GIVEN else f"train again: {record.training(run)}"
    if not has_front(run):
        raise BadInput(
            f"there are no stored answers in {run}",
            "it was not measured before the evaluators changed",
            again,
        )
    if not answered(run, benchmark):
        raise BadInput(
            f"the stored answers in {run} are to other prompts than those of {benchmark.name} now",
            "as many prompts as now (eval_prompts) were not asked before the evaluators changed",
            again,
        )
    if record.steering == GIVEN:
        name = given_folder(benchmark, record.method, record.seed, str(record.origin.content)).name
    else:
        method = restore(record.method, record.config, record.training(run, settings=False))
        check_same_code(run, record, method)
        name = run_name(benchmark.identity, method, record.seed)
    folder = run.with_name(name)
    if (folder / "run.json").exists() and not is_scored(folder, benchmark):
        raise BadInput(
            f"{folder} was trained under the present evaluators",
            f"the answers of {run} would take its place",
            record.evaluating(folder),
        )
    return folder


def answered(run: Path, benchmark: Benchmark, kind: str = FRONT) -> list[Path]:
    """The fronts in a run, or those of another kind, whose answers are to the present test prompts of a benchmark."""
    from benchmarks.measure import read_front_record

    now = digest(benchmark.prompts("test"))
    return [place for place in fronts_in(run, kind) if read_front_record(place).card.prompts_hash == now]


def _check_trained_on(benchmark: Benchmark, record: Record, folder: Path) -> None:
    """BadInput where more of the benchmark than its evaluators has changed since the run was trained."""
    told = record.benchmark
    if benchmark.identity == told.identity or benchmark.training_identity == told.training_identity:
        return
    again = record.command if record.steering == GIVEN else f"train again: {record.training(folder)}"
    if (told.revision or 0) < REVISION:
        raise BadInput(
            f"{folder} was prepared by an earlier version of moa",
            f"how the data of {benchmark.name} are split, or what is made of them, has changed since",
            again,
        )
    raise BadInput(
        f"benchmark {benchmark.name} is no longer what {folder} was trained on",
        "its data, rewards, policy or decoding have changed since",
        again,
    )


def source_of(record: Record, folder: Path) -> Source:
    """What names the benchmark of the run in a folder."""
    told = record.benchmark
    data_dir = Path(told.data_dir) if told.data_dir else None
    return Source(told.source, folder.resolve().parents[2], data_dir, told.options)
