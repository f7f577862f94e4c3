"""Which runs a command is about, and which jobs are left to do for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks import BadInput, Benchmark, Weights
from methods import Adapter, Method, Reinforcement, method_name
from moa_cli import store
from moa_cli.config import Settings, as_config, restore
from moa_cli.job import Job, Source, preparation

ROUNDING = 1e-3
"""How far each typed weight may be from the one meant."""


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
        return store.is_trained(self.folder, self.benchmark, self.method)

    @property
    def measured(self) -> bool:
        """Whether its front is whole and up to date."""
        return store.is_measured(self.folder, self.benchmark, self.method)

    @property
    def swept(self) -> bool:
        """Whether it was measured at every intensity of every goal."""
        return store.is_swept(self.folder, self.benchmark)

    def job(self, kind: Any = "run", **what: Any) -> Job:
        """A job about this run."""
        return Job(
            kind=kind, source=self.source, method=store.method_source(type(self.method)), config=as_config(self.method),
            seed=self.seed, folder=self.folder, variant=self.variant,
            needs=tuple(j.key for j in prepares(self)[1:]), **what,
        )  # fmt: skip


def contestants(settings: Settings, seeds: Sequence[int], *, home: Path, data_dir: Path | None) -> list[Contestant]:
    """Every method on every benchmark at every seed."""
    return [
        Contestant(Source(name, home, data_dir, settings.options), b, m, seed, store.run_folder(b, m, seed))
        for name, b in settings.benchmarks.items()
        for m in settings.methods.values()
        for seed in dict.fromkeys(seeds)
    ]


def stored(folder: Path) -> Contestant:
    """The run in a folder. BadInput where it has no policy, or its benchmark is no longer the one it was trained on."""
    record, source, benchmark = recorded(folder)
    if record.steering == store.GIVEN:
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


def recorded(folder: Path) -> tuple[store.Record, Source, Benchmark]:
    """What a run's record says, and its benchmark as it is now."""
    record = store.read_record(folder)
    source = source_of(record, folder)
    return record, source, source.load()


def check_trained_on(benchmark: Benchmark, record: store.Record, folder: Path) -> None:
    """BadInput where more of the benchmark than its evaluators has changed since the run was trained."""
    told = record.benchmark
    if benchmark.identity != told["identity"] and benchmark.training_identity != told.get("training_identity"):
        raise BadInput(
            f"benchmark {benchmark.name} is no longer what {folder} was trained on",
            "its data, rewards, policy or decoding have changed since",
            f"train again: moa train -m {record.method} -b {told['source']}",
        )


def source_of(record: store.Record, folder: Path) -> Source:
    """What names the benchmark of the run in a folder."""
    told = record.benchmark
    data_dir = Path(told["data_dir"]) if told["data_dir"] else None
    return Source(told["source"], folder.resolve().parents[2], data_dir, told["options"])


def training(runs: Iterable[Contestant], *, restart: bool) -> list[Job]:
    """What is left to train, preparation first."""
    return _after_preparation([(r, r.job(train=True, restart=restart)) for r in runs if restart or not r.trained])


def foreseen(todo: Iterable[Job]) -> list[Job]:
    """The jobs as they can be told without looking what of a preparation is there: models take most of the time."""
    models = "starting policy, rewards and scale card, as far as missing"
    return [replace(job, part=models) if job.kind == "card" else job for job in todo]


def measuring(runs: Iterable[Contestant], *, may_train: bool) -> list[Job]:
    """What is left to measure, with its training where that is missing too."""
    open_runs = [r for r in runs if not (r.trained and r.measured)]
    return _after_preparation([(r, r.job(train=may_train and not r.trained, measure=True)) for r in open_runs])


def pointing(points: Iterable[tuple[Contestant, Weights]]) -> list[Job]:
    """One point of each run."""
    return _after_preparation([(r, r.job("weights", weights=weights)) for r, weights in points])


def sweeping(runs: Iterable[Contestant]) -> list[Job]:
    """What is left to measure at the intensities of goals, with training and front where they are missing too."""
    open_runs = [r for r in runs if not (r.trained and r.measured and r.swept)]
    return _after_preparation(
        [(r, r.job("sweep", train=not r.trained, measure=not (r.trained and r.measured))) for r in open_runs]
    )


def prepares(run: Contestant) -> list[Job]:
    """The jobs that prepare a run's benchmark, none where it is prepared."""
    return [] if store.stored_card(run.benchmark) else preparation(run.source)


def scoring(pairs: Iterable[tuple[Benchmark, Job]]) -> list[Job]:
    """Jobs that score what is there already, each after the preparation of its benchmark where that is missing."""
    first: dict[str, Job] = {}
    after = []
    for benchmark, job in pairs:
        before = [] if store.stored_card(benchmark) else preparation(job.source)
        first |= {j.key: j for j in before}
        after.append(replace(job, needs=tuple(j.key for j in before[1:])))
    return [*first.values(), *after]


def _after_preparation(pairs: Sequence[tuple[Contestant, Job]]) -> list[Job]:
    """The jobs with what they wait for: preparation, and the training of runs that others build on.

    RL takes longest and goes first, what trains nothing goes last, so that the cores are busy to the end.
    """
    pairs = sorted(pairs, key=lambda pair: [not isinstance(pair[0].method, kind) for kind in (Reinforcement, Adapter)])
    first = {job.key: job for run, _ in pairs for job in prepares(run)}
    trained = {run.folder: job.key for run, job in pairs if job.train}
    return [*first.values(), *(replace(job, after=_foundation(run, job, trained)) for run, job in pairs)]


def _foundation(run: Contestant, job: Job, trained: Mapping[Path, str]) -> tuple[str, ...]:
    """The key of the job that trains what this run builds on, where there is one.

    Should it fail, the run trains all itself.
    """
    other = store.foundation(run.method)
    if other is None or (run.trained and not job.restart):
        return ()
    folder = store.run_folder(run.benchmark, other, run.seed)
    return (trained[folder],) if folder in trained else ()


def meant_weights(run: Contestant, weights: Weights) -> Weights:
    """The weights that were typed, to a rounding error: with sum 1, and as they were trained for.

    BadInput for weights that the run cannot be asked for.
    """
    names = run.benchmark.names
    if not are_weights(weights, len(names)):
        raise BadInput(
            f"{_typed(weights)} are no weights for {run.benchmark.name}",
            f"they must be {len(names)} numbers ({', '.join(names)}), none negative, that sum to 1",
            f"for instance --weights {_typed([1 / len(names)] * len(names))}",
        )
    weights = tuple(w / sum(weights) for w in weights)
    if run.method.steering != "retrain":
        return weights
    if meant := rounded_from(weights, run.method.points(run.benchmark)):
        return meant
    raise BadInput(
        f"{method_name(type(run.method))} was not trained for these weights",
        "it trains one policy per weight",
        f"one of: {'  '.join(map(_typed, run.method.points(run.benchmark)))}",
    )


def are_weights(numbers: Sequence[float], M: int) -> bool:
    """Whether these are M numbers, none negative or NaN, with sum 1 to a rounding error."""
    return len(numbers) == M and min(numbers) >= 0 and abs(sum(numbers) - 1) <= ROUNDING * M


def rounded_from(weights: Weights, points: Iterable[Weights]) -> Weights | None:
    """The nearest of the points, where each weight is no farther from it than a rounding error."""
    off, nearest = min((max(abs(a - b) for a, b in zip(point, weights, strict=True)), point) for point in points)
    return nearest if off <= ROUNDING else None


def _typed(weights: Sequence[float]) -> str:
    return ",".join(f"{w:.4g}" for w in weights)
