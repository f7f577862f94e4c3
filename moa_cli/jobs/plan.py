"""Which runs a command is about, and which jobs are left to do for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks import Benchmark, Weights
from benchmarks.prepare import stored_card
from methods import Adapter, Reinforcement
from moa_cli.jobs.job import Job, preparation_jobs
from moa_cli.runs import Contestant, as_config, foundation, method_source, run_folder


def job_of(run: Contestant, kind: Any = "run", **what: Any) -> Job:
    """A job about a run, which waits for the preparation of its benchmark."""
    return Job(
        kind=kind, source=run.source, method=method_source(type(run.method)), config=as_config(run.method),
        seed=run.seed, folder=run.folder, variant=run.variant,
        needs=tuple(j.key for j in preparing_jobs(run)[1:]), **what,
    )  # fmt: skip


def training_jobs(runs: Iterable[Contestant], *, restart: bool) -> list[Job]:
    """What is left to train, preparation first."""
    return _after_preparation([(r, job_of(r, train=True, restart=restart)) for r in runs if restart or not r.trained])


def foreseen_jobs(todo: Iterable[Job]) -> list[Job]:
    """The jobs as they can be told without looking what of a preparation is there: models take most of the time."""
    models = "starting policy, rewards and scale card, as far as missing"
    return [replace(job, part=models) if job.kind == "card" else job for job in todo]


def measuring_jobs(runs: Iterable[Contestant], *, may_train: bool) -> list[Job]:
    """What is left to measure, with its training where that is missing too."""
    open_runs = [r for r in runs if not (r.trained and r.measured)]
    return _after_preparation([(r, job_of(r, train=may_train and not r.trained, measure=True)) for r in open_runs])


def pointing_jobs(points: Iterable[tuple[Contestant, Weights]]) -> list[Job]:
    """One point of each run."""
    return _after_preparation([(r, job_of(r, "weights", weights=weights)) for r, weights in points])


def sweeping_jobs(runs: Iterable[Contestant]) -> list[Job]:
    """What is left to measure at the intensities of goals, with training and front where they are missing too."""
    open_runs = [r for r in runs if not (r.trained and r.measured and r.swept)]
    return _after_preparation(
        [(r, job_of(r, "sweep", train=not r.trained, measure=not (r.trained and r.measured))) for r in open_runs]
    )


def preparing_jobs(run: Contestant) -> list[Job]:
    """The jobs that prepare a run's benchmark, none where it is prepared."""
    return [] if stored_card(run.benchmark) else preparation_jobs(run.source)


def scoring_jobs(pairs: Iterable[tuple[Benchmark, Job]]) -> list[Job]:
    """Jobs that score what is there already, each after the preparation of its benchmark where that is missing."""
    first: dict[str, Job] = {}
    after = []
    for benchmark, job in pairs:
        before = [] if stored_card(benchmark) else preparation_jobs(job.source)
        first |= {j.key: j for j in before}
        after.append(replace(job, needs=tuple(j.key for j in before[1:])))
    return [*first.values(), *after]


def _after_preparation(pairs: Sequence[tuple[Contestant, Job]]) -> list[Job]:
    """The jobs with what they wait for: preparation, and the training of runs that others build on.

    RL takes longest and goes first, what trains nothing goes last, so that the cores are busy to the end.
    """
    pairs = sorted(pairs, key=lambda pair: [not isinstance(pair[0].method, kind) for kind in (Reinforcement, Adapter)])
    first = {job.key: job for run, _ in pairs for job in preparing_jobs(run)}
    trained = {run.folder: job.key for run, job in pairs if job.train}
    return [*first.values(), *(replace(job, after=_foundation(run, job, trained)) for run, job in pairs)]


def _foundation(run: Contestant, job: Job, trained: Mapping[Path, str]) -> tuple[str, ...]:
    """The key of the job that trains what this run builds on, where there is one.

    Should it fail, the run trains all itself.
    """
    other = foundation(run.method)
    if other is None or (run.trained and not job.restart):
        return ()
    folder = run_folder(run.benchmark, other, run.seed)
    return (trained[folder],) if folder in trained else ()
