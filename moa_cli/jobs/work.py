"""What the jobs about runs do, in a worker process.

Jobs are made in the parent, which imports this: what is heavy is imported when used.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

from benchmarks import BadInput, Benchmark, Weights
from benchmarks.common import Log, staying
from methods import Method, method_name
from moa_cli.runs import Contestant, FrontFacts, Source, as_config, restore, run_name


class RunAddress(NamedTuple):
    """What finds a run again in another process."""

    method: str
    """Name or file."""
    config: Mapping[str, object]
    seed: int
    folder: Path

    @classmethod
    def of(cls, run: Contestant) -> RunAddress:
        """That of a run, trained or not."""
        return cls(run.method_source, as_config(run.method), run.seed, run.folder)


def make_run(
    benchmark: Benchmark, log: Log, *, run: RunAddress, source: Source, training: bool, front: bool, goals: bool,
    restart: bool,
) -> None:  # fmt: skip
    """Trains a run, measures its front, and measures it at every intensity of every goal: what of these is wanted."""
    from benchmarks.prepare import prepare
    from moa_cli.jobs.goals import sweep_goals
    from moa_cli.jobs.run import evaluate, opened, train

    method = as_named(benchmark, run)
    if training:
        made = train(benchmark, method, seed=run.seed, log=log, source=source, restart=restart)
    else:
        prepare(benchmark, log)
        made = opened(run.folder, log)
    if front:
        evaluate(benchmark, method, made, log=log)
    if goals:
        sweep_goals(benchmark, method, made, log=log)


def measure_point(benchmark: Benchmark, log: Log, *, run: RunAddress, weights: Weights) -> FrontFacts:
    """One point of a run, measured and not kept."""
    from benchmarks.measure import evaluate as measure
    from benchmarks.prepare import prepare
    from moa_cli.jobs.run import opened

    prepare(benchmark, log)
    method, made = as_named(benchmark, run), opened(run.folder, log)
    with tempfile.TemporaryDirectory() as folder:
        front = measure(
            benchmark, partial(staying()(method.policy), benchmark, made), (weights,), Path(folder),
            method=method_name(type(method)), steering=method.steering, seed=run.seed, cost={},
            config=as_config(method), log=log,
        )  # fmt: skip
    return FrontFacts.of(front)


def as_named(benchmark: Benchmark, run: RunAddress) -> Method:
    """The method of a run. BadInput where its file was edited while the job waited: the run's folder is named after the
    code of before, and would hold what other code made."""
    method = restore(run.method, run.config)
    if run.folder.resolve().name != run_name(benchmark.identity, method, run.seed):
        raise BadInput(
            f"{run.method} or its benchmark has changed since the command began",
            f"{run.folder} is named after what it was then, and would hold what other code made",
            "the same command again makes runs of what it is now",
        )
    return method
