"""Contestants: which runs a command is about, whether they are made yet or stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import BadInput, Benchmark, Weights
from benchmarks.spec import are_weights, rounded_from
from methods import Method, method_name
from moa_cli.runs.config import Settings, Source, restore
from moa_cli.runs.folders import run_folder
from moa_cli.runs.record import GIVEN, Record, read_record
from moa_cli.runs.state import is_measured, is_swept, is_trained


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

    @property
    def trained(self) -> bool:
        """Whether nothing is left to train."""
        return is_trained(self.folder, self.benchmark, self.method)

    @property
    def measured(self) -> bool:
        """Whether its front is whole and up to date."""
        return is_measured(self.folder, self.benchmark, self.method)

    @property
    def swept(self) -> bool:
        """Whether it was measured at every intensity of every goal."""
        return is_swept(self.folder, self.benchmark)


def contestants(settings: Settings, seeds: Sequence[int], *, home: Path, data_dir: Path | None) -> list[Contestant]:
    """Every method on every benchmark at every seed."""
    return [
        Contestant(Source(name, home, data_dir, settings.options), b, m, seed, run_folder(b, m, seed))
        for name, b in settings.benchmarks.items()
        for m in settings.methods.values()
        for seed in dict.fromkeys(seeds)
    ]


def stored_contestant(folder: Path) -> Contestant:
    """The run in a folder. BadInput where it has no policy, or its benchmark is no longer the one it was trained on."""
    record, source, benchmark = recorded_benchmark(folder)
    if record.steering == GIVEN:
        raise BadInput(
            f"the answers in {folder} were made elsewhere",
            "there is no policy here that could give others",
            "moa compare puts them beside the answers of other runs",
        )
    check_trained_on(benchmark, record, folder)
    if record.benchmark["identity"] != benchmark.identity:
        raise BadInput(
            f"the evaluators of {benchmark.name} have changed since {folder} was measured",
            "what it was trained on is the same, so its answers can be scored again",
            f"moa eval --rescore {folder}",
        )
    return Contestant(source, benchmark, restore(record.method, record.config), record.seed, folder)


def recorded_benchmark(folder: Path) -> tuple[Record, Source, Benchmark]:
    """What a run's record says, and its benchmark as it is now."""
    record = read_record(folder)
    source = source_of(record, folder)
    return record, source, source.load()


def check_trained_on(benchmark: Benchmark, record: Record, folder: Path) -> None:
    """BadInput where more of the benchmark than its evaluators has changed since the run was trained."""
    told = record.benchmark
    if benchmark.identity != told["identity"] and benchmark.training_identity != told.get("training_identity"):
        raise BadInput(
            f"benchmark {benchmark.name} is no longer what {folder} was trained on",
            "its data, rewards, policy or decoding have changed since",
            f"train again: moa train -m {record.method} -b {told['source']}",
        )


def source_of(record: Record, folder: Path) -> Source:
    """What names the benchmark of the run in a folder."""
    told = record.benchmark
    data_dir = Path(told["data_dir"]) if told["data_dir"] else None
    return Source(told["source"], folder.resolve().parents[2], data_dir, told["options"])


def meant_weights(run: Contestant, weights: Weights) -> Weights:
    """The weights that were typed, to a rounding error: with sum 1, and as they were trained for.

    BadInput for weights that the run cannot be asked for.
    """
    names = run.benchmark.names
    if not are_weights(weights, len(names)):
        raise BadInput(
            f"{typed_weights(weights)} are no weights for {run.benchmark.name}",
            f"they must be {len(names)} numbers ({', '.join(names)}), none negative, that sum to 1",
            f"for instance --weights {typed_weights([1 / len(names)] * len(names))}",
        )
    weights = tuple(w / sum(weights) for w in weights)
    if run.method.steering != "retrain":
        return weights
    if meant := rounded_from(weights, run.method.points(run.benchmark)):
        return meant
    raise BadInput(
        f"{method_name(type(run.method))} was not trained for these weights",
        "it trains one policy per weight",
        f"one of: {'  '.join(map(typed_weights, run.method.points(run.benchmark)))}",
    )


def typed_weights(weights: Sequence[float]) -> str:
    return ",".join(f"{w:.4g}" for w in weights)
