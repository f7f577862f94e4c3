"""What failed while runs were made, as documents hold it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType

from benchmarks import Benchmark
from benchmarks.common import plain
from methods import method_name
from moa_cli.comparisons import Failure
from moa_cli.jobs import Outcome, preparing_jobs
from moa_cli.runs import Contestant, as_config


def run_name(run: Contestant) -> str:
    """The name of a run's method."""
    return method_name(type(run.method))


def failures_of(
    runs: Iterable[Contestant], outcomes: Sequence[Outcome], called: Callable[[Contestant], str] = run_name
) -> list[tuple[Contestant, Failure]]:
    """The runs that failed, and why: their own job did, or what it needed. `called` names them."""
    failed = {outcome.job.key: outcome for outcome in outcomes if outcome.error}
    own = {outcome.job.folder: outcome for outcome in failed.values() if outcome.job.folder}
    found = []
    for run in runs:
        needed = (failed[job.key] for job in preparing_jobs(run) if job.key in failed)
        if outcome := own.get(run.folder) or next(needed, None):
            found.append((run, _failure(outcome, run.benchmark, called(run), as_config(run.method), run.seed)))
    return found


def undrawn_ceilings(benchmarks: Iterable[Benchmark], outcomes: Iterable[Outcome]) -> tuple[Failure, ...]:
    """Why the ceilings of these benchmarks are not drawn, from the outcomes of a job for each."""
    return tuple(_failure(outcome, on) for on, outcome in zip(benchmarks, outcomes, strict=True) if outcome.error)


def _failure(
    outcome: Outcome,
    benchmark: Benchmark,
    method: str | None = None,
    config: Mapping[str, object] = MappingProxyType({}),
    seed: int | None = None,
) -> Failure:
    what, why, fix = outcome.reason
    return Failure(
        benchmark=benchmark.name, preparation=benchmark.preparation, method=method, config=plain(dict(config)),
        seed=seed, what=what, why=why, fix=fix,
    )  # fmt: skip
