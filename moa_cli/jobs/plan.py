"""Which runs a command is about, and which jobs are left to do for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

from benchmarks import Benchmark, Weights
from benchmarks.prepare import is_prepared
from methods import Adapter, Reinforcement
from methods.contract import checked_points
from moa_cli.jobs.job import Job, Work, benchmark_label
from moa_cli.jobs.preparation import preparation_jobs
from moa_cli.jobs.work import RunAddress, make_run, measure_point
from moa_cli.runs import Contestant, Source


class Planned(NamedTuple):
    """A job about a run, and whether it trains."""

    run: Contestant
    job: Job
    trains: bool


def training_jobs(runs: Iterable[Contestant], *, restart: bool) -> list[Job]:
    """What is left to train, preparation first."""
    return _after_preparation([_making(r, train=True, restart=restart) for r in runs if restart or not r.trained])


def measuring_jobs(runs: Iterable[Contestant], *, may_train: bool) -> list[Job]:
    """What is left to measure, with its training where that is missing too."""
    open_runs = [r for r in runs if not (r.trained and r.measured)]
    return _after_preparation([_making(r, train=may_train and not r.trained, measure=True) for r in open_runs])


def pointing_jobs(points: Iterable[tuple[Contestant, Weights]]) -> list[Job]:
    """One point of each run, which is not kept: the jobs find its `FrontFacts`."""
    return _after_preparation(
        Planned(r, _about(r, "weights", "eval", partial(measure_point, run=RunAddress.of(r), weights=w)), trains=False)
        for r, w in points
    )


def sweeping_jobs(runs: Iterable[Contestant]) -> list[Job]:
    """What is left to measure at the intensities of goals, with training and front where they are missing too."""
    open_runs = [r for r in runs if not (r.trained and r.measured and r.swept)]
    return _after_preparation(
        [_making(r, train=not r.trained, measure=not (r.trained and r.measured), sweep=True) for r in open_runs]
    )


def preparing_jobs(benchmark: Benchmark, source: Source) -> list[Job]:
    """The jobs that prepare a benchmark, none where it is prepared."""
    return [] if is_prepared(benchmark) else preparation_jobs(source)


def after_preparations(pairs: Iterable[tuple[Benchmark, Job]]) -> list[Job]:
    """The jobs, each after the preparation of its benchmark where that is missing."""
    first: dict[str, Job] = {}
    after = []
    for benchmark, job in pairs:
        before = preparing_jobs(benchmark, job.source)
        first |= {j.key: j for j in before}
        after.append(replace(job, needs=tuple(j.key for j in before[1:])))
    return [*first.values(), *after]


def run_label(method: str, source: Source, seed: int, folder: Path | None = None, variant: str = "") -> str:
    """The name of a job about a run: a method of a file is called as its class, which is its name in tables too."""
    name = folder.parent.name if folder and method.endswith(".py") else method
    return f"{name}/{benchmark_label(source)}/s{seed}{f' {variant}' if variant else ''}"


def _making(
    run: Contestant, *, train: bool, measure: bool = False, sweep: bool = False, restart: bool = False
) -> Planned:
    """The job that trains and measures a run, as far as that is wanted. BadInput where its points are none."""
    checked_points(run.method, run.benchmark)
    wanted = (("remove", restart and run.folder.exists()), ("train", train), ("eval", measure))
    purpose = " + ".join(name for name, is_wanted in wanted if is_wanted) or "eval"
    work = partial(
        make_run, run=RunAddress.of(run), source=run.source, training=train, front=measure, goals=sweep, restart=restart
    )
    return Planned(run, _about(run, "sweep" if sweep else "run", purpose, work), trains=train)


def _about(run: Contestant, what: str, purpose: str, work: Work) -> Job:
    """A job about a run, which waits for the preparation of its benchmark."""
    return Job(
        key=f"{what} {run.folder}", purpose=purpose, source=run.source, work=work, folder=run.folder,
        label=run_label(run.method_source, run.source, run.seed, run.folder, run.variant),
        needs=tuple(j.key for j in preparing_jobs(run.benchmark, run.source)[1:]),
    )  # fmt: skip


def _after_preparation(planned: Iterable[Planned]) -> list[Job]:
    """The jobs with what they wait for: preparation, and the training of runs that others build on.

    RL takes longest and goes first, what trains nothing goes last, so that the cores are busy to the end.
    """
    planned = sorted(planned, key=lambda one: [not isinstance(one.run.method, cls) for cls in (Reinforcement, Adapter)])
    first = {job.key: job for one in planned for job in preparing_jobs(one.run.benchmark, one.run.source)}
    trained = {one.run.folder: one.job.key for one in planned if one.trains}
    return [*first.values(), *(replace(one.job, after=_foundation(one, trained)) for one in planned)]


def _foundation(one: Planned, trained: Mapping[Path, str]) -> tuple[str, ...]:
    """The key of the job that trains what this run builds on, where there is one.

    Should it fail, the run trains all itself.
    """
    other = one.run.foundation() if one.trains else None
    return (trained[other.folder],) if other and other.folder in trained else ()
