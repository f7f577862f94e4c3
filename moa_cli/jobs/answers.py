"""Runs of answers that are there already: made elsewhere, or measured under other evaluators."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from benchmarks import Benchmark
from benchmarks.common import Log, check_links
from moa_cli.jobs.job import Job
from moa_cli.jobs.plan import after_preparations, run_label
from moa_cli.runs import (
    DEV,
    FRONT,
    GIVEN,
    SWEEP,
    SWEEP_BEFORE,
    Asked,
    Origin,
    Record,
    Rescoring,
    Responses,
    Source,
    answered,
    front_name,
    read_record,
    restore,
    write_asked,
)

PASSING = ("run.json", "lock", "checkpoints", "output.txt", f"{FRONT}-*", f"{DEV}-*", f"{SWEEP}-*")
"""What is not taken over from a run."""


class Odd(NamedTuple):
    """How many of the answers that were taken in are not as a method's would be."""

    cut: int
    """They went on after a text that ends an answer."""
    long: int
    """They are of more tokens than methods have."""


def taking_jobs(benchmark: Benchmark, source: Source, runs: Iterable[tuple[Responses, Origin]]) -> list[Job]:
    """Jobs that make runs of answers from elsewhere, and find how `Odd` they are, after the preparation."""
    jobs = [
        Job(
            key=f"given {run.folder(benchmark)}", purpose="eval", source=source, folder=run.folder(benchmark),
            label=run_label(run.method, source, run.seed, run.folder(benchmark)),
            work=partial(_take_in, run=run, origin=origin, source=source),
        )
        for run, origin in runs
    ]  # fmt: skip
    return after_preparations((benchmark, job) for job in jobs)


def rescoring_jobs(runs: Iterable[Rescoring]) -> list[Job]:
    """Jobs that score runs again, after the preparations."""
    pairs = [
        (
            one.benchmark,
            Job(
                key=f"rescore {one.folder}", purpose="eval", source=one.source, folder=one.folder,
                label=run_label(one.record.method, one.source, one.record.seed, one.folder),
                work=partial(_score_again, run=one.run, folder=one.folder),
            ),
        )
        for one in runs
    ]  # fmt: skip
    return after_preparations(pairs)


def _take_in(benchmark: Benchmark, log: Log, *, run: Responses, origin: Origin, source: Source) -> Odd:
    """Makes a run of answers that came from elsewhere."""
    from benchmarks.measure import score_given
    from benchmarks.prepare import prepare
    from moa_cli.jobs.run import at_work

    prepare(benchmark, log)
    folder = run.folder(benchmark)
    with at_work(folder, benchmark.home):
        found = score_given(
            benchmark,
            run.points,
            folder / front_name(benchmark, None),
            method=run.method,
            steering=GIVEN,
            seed=run.seed,
            log=log,
        )
        record = Record.begin(
            benchmark, source, status="trained", method=run.method, steering=GIVEN, config={}, seed=run.seed,
            trained_at=[point.weights for point in run.points], origin=origin.model_copy(update=found),
        )  # fmt: skip
        record.write(folder / "run.json")  # last: without it there is no run
    return Odd(**found)


def _score_again(benchmark: Benchmark, log: Log, *, run: Path, folder: Path) -> None:
    """Makes a copy of a run whose fronts are scored by the benchmark's present evaluators; the run stays as it is."""
    from benchmarks.measure import read_front_record, rescore
    from benchmarks.prepare import prepare
    from moa_cli.jobs.run import at_work

    card, record = prepare(benchmark, log).card, read_record(run)
    scored = read_front_record(answered(run, benchmark)[0]).card.hash
    check_links(run, run)  # what they lead to would be copied
    with at_work(folder, benchmark.home):
        shutil.copytree(run, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns(*PASSING))
        for kind in (FRONT, SWEEP, SWEEP_BEFORE):
            for measured in answered(run, benchmark, kind):
                front = read_front_record(measured)
                method = None if record.steering == GIVEN else restore(record.method, front.config)
                place = folder / front_name(benchmark, method, kind)
                if kind == FRONT:
                    asked = Asked(weights=front.weights, config=front.config, eval_prompts=benchmark.eval_prompts)
                    write_asked(place, asked)
                rescore(benchmark, measured, place, log)
        origin = record.origin.model_copy(update={"scored_again": "/".join(run.parts[-2:]), "card": scored})
        told = {"benchmark": record.benchmark.renewed(benchmark), "units": card.units_hash, "origin": origin}
        record.model_copy(update=told).write(folder / "run.json")  # last: without it there is no run
