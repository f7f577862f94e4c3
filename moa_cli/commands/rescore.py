"""Answers that are there: those made elsewhere taken in, stored ones scored again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks import BadInput, Benchmark
from moa_cli.commands.finish import execute
from moa_cli.commands.typed import say_left_out, trained_folders
from moa_cli.console import refuse, say
from moa_cli.jobs import Job, Outcome, scoring_jobs
from moa_cli.runs import (
    GIVEN,
    Found,
    Record,
    Responses,
    Source,
    check_trained_on,
    find_runs,
    front_document,
    given_folder,
    is_scored,
    read_record,
    recorded_benchmark,
    restore,
    run_name,
    stored_front_facts,
)

Result = tuple[list[dict[str, Any]], list[Outcome]]


def take_in(found: Found, source: Source, benchmark: Benchmark, jobs: int | None) -> Result:
    """Scores the answers that a file holds, where that is not done, each method and seed as a run."""
    for note in found.notes:
        say(note)
    folders, todo = [], []
    for run in found.runs:
        folder = given_folder(benchmark, run.method, run.seed, run.content)
        folders.append(folder)
        if is_scored(folder, benchmark):
            say(f"{folder}  done")
            continue
        _check_free(folder, run, benchmark)
        origin = {**found.facts, "content": run.content}
        job = Job(
            kind="given",
            source=source,
            method=run.method,
            seed=run.seed,
            folder=folder,
            given=run.points,
            origin=origin,
        )
        todo.append((benchmark, job))
    outcomes = execute(scoring_jobs(todo), [benchmark], jobs)
    results = [outcome.result for outcome in outcomes if outcome.job.kind == "given" and not outcome.error]
    if cut := sum(result["cut"] for result in results):
        say(f"{cut:,} answers went on after a text that ends an answer here and were cut there")
    if long := sum(result["long"] for result in results):
        most = benchmark.sampling.max_new_tokens
        say(f"{long:,} answers are longer than the {most} tokens that methods have here: compare with care")
    return [stored_front_facts(folder) for folder in folders if is_scored(folder, benchmark)], outcomes


def _check_free(folder: Path, run: Responses, benchmark: Benchmark) -> None:
    """BadInput where the method has other answers at this seed: `moa compare` would refuse a seed twice."""
    for other in find_runs(benchmark.home, [benchmark.name], [folder.parent.name]):
        record = read_record(other)
        same = (record.method, record.seed, record.benchmark["identity"]) == (run.method, run.seed, benchmark.identity)
        if same and other != folder:
            refuse(
                f"{run.method} has other answers at seed {run.seed}: {other}",
                "two runs of one method at one seed would pass for more evidence",
                f"another --name or --seed; or, if these are to replace them: rm -r {other}",
            )


def score_again(paths: list[Path], benchmarks: list[str], home: Path, jobs: int | None) -> Result:
    """Scores stored answers by the present evaluators, where those have changed: of these runs, else of all.

    The result is a run of its own beside the one that was measured, which stays.
    """
    current, pairs, folders, refusals = 0, dict[Path, tuple[Benchmark, Job]](), [], []
    for run in trained_folders(paths, benchmarks, home):
        try:
            record, source, benchmark = recorded_benchmark(run)
            if record.benchmark["identity"] == benchmark.identity:
                current += 1
                continue
            folder = _scored_again(run, record, benchmark)
        except BadInput as error:
            if paths:
                raise
            refusals.append(error)
            continue
        folders.append(folder)
        job = Job(
            kind="rescore",
            source=source,
            method=record.method,
            seed=record.seed,
            folder=folder,
            origin={"run": str(run)},
        )
        if is_scored(folder, benchmark):
            say(f"{folder}  done")
        else:
            pairs[folder] = benchmark, job
    say_left_out(refusals)
    if current:
        say(f"no evaluator has changed for {current} runs")
    outcomes = execute(scoring_jobs(pairs.values()), [benchmark for benchmark, _ in pairs.values()], jobs)
    done = [folder for folder in dict.fromkeys(folders) if (folder / "run.json").exists()]
    return [stored_front_facts(folder) for folder in done], outcomes


def _scored_again(run: Path, record: Record, benchmark: Benchmark) -> Path:
    """Where a run belongs under the present evaluators. BadInput where its answers cannot be scored by them."""
    check_trained_on(benchmark, record, run)
    if front_document(run) is None:
        refuse(
            f"there are no stored answers in {run}", "it was not measured before the evaluators changed", "moa train"
        )
    if record.steering == GIVEN:
        name = given_folder(benchmark, record.method, record.seed, record.origin["content"]).name
    else:
        method = restore(record.method, record.config)
        if run.name != run_name(record.benchmark["identity"], method, record.seed):
            refuse(
                f"{record.method} is no longer the method that was trained in {run}",
                "its code or its hyperparameters have changed since",
                f"train again: moa train -m {record.method} -b {record.benchmark['source']}",
            )
        name = run_name(benchmark.identity, method, record.seed)
    folder = run.with_name(name)
    if (folder / "run.json").exists() and not is_scored(folder, benchmark):
        refuse(
            f"{folder} was trained under the present evaluators",
            f"the answers of {run} would take its place",
            f"moa eval --pareto {folder}",
        )
    return folder
