"""Runs of answers that are there already, in whatever process: made elsewhere, or measured under other evaluators."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from benchmarks import Benchmark
from benchmarks.common import Log, locked
from benchmarks.measure import rescore, score_given
from benchmarks.prepare import prepare
from moa_cli.jobs.job import Job
from moa_cli.runs import (
    FRONT,
    GIVEN,
    SWEEP,
    SWEEP_BEFORE,
    benchmark_record,
    front_document,
    new_record,
    read_record,
    write_record,
)

PASSING = ("run.json", "lock", "checkpoints", "output.txt")
"""What is not taken over from a run."""


def take_in(benchmark: Benchmark, job: Job, log: Log) -> dict[str, int]:
    """Makes a run of answers that came from elsewhere. Returns what `score_given` found about them."""
    prepare(benchmark, log)
    assert job.folder is not None
    with locked(job.folder / "lock", wait=False):
        found = score_given(
            benchmark, job.given, job.folder / FRONT,
            method=job.method, steering=GIVEN, seed=job.seed, log=log,
        )  # fmt: skip
        record = new_record(
            benchmark, job.source, status="trained", method=job.method, steering=GIVEN, config={}, seed=job.seed,
            trained_at=[list(point.weights) for point in job.given], origin={**job.origin, **found},
        )  # fmt: skip
        write_record(job.folder, record)  # last: without it there is no run
    return found


def score_again(benchmark: Benchmark, job: Job, log: Log) -> None:
    """Makes a copy of a run whose fronts are scored by the benchmark's present evaluators; the run stays as it is."""
    assert job.folder is not None
    run, folder = Path(job.origin["run"]), job.folder
    card, record = prepare(benchmark, log).card, read_record(run)
    with locked(folder / "lock", wait=False):
        shutil.copytree(run, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns(*PASSING))
        for name in (FRONT, SWEEP, SWEEP_BEFORE):
            if front_document(run, name):
                rescore(benchmark, run / name, folder / name, log)
        origin = record.origin | {"scored_again": "/".join(run.parts[-2:]), "card": record.card}
        told = replace(record, benchmark=record.benchmark | benchmark_record(benchmark), card=card.hash, origin=origin)
        write_record(folder, told)  # last: without it there is no run
