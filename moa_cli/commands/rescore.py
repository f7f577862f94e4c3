"""Answers that are there: those made elsewhere taken in, stored ones scored again."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from benchmarks import BadInput, Benchmark
from moa_cli.commands.finish import execute
from moa_cli.commands.typed import say_left_out, trained_folders
from moa_cli.console import refuse, say
from moa_cli.jobs import Odd, Outcome, rescoring_jobs, taking_jobs
from moa_cli.runs import (
    Found,
    FrontFacts,
    Rescoring,
    Responses,
    Source,
    find_rescoring,
    find_runs,
    front_name,
    fronts_in,
    is_scored,
    read_record,
)

Result = tuple[list[FrontFacts], list[Outcome]]


def take_in(found: Found, source: Source, benchmark: Benchmark, jobs: int | None) -> Result:
    """Scores the answers that a file holds, where that is not done, each method and seed as a run."""
    for note in found.notes:
        say(note)
    todo = []
    for run in found.runs:
        folder = run.folder(benchmark)
        if is_scored(folder, benchmark):
            say(f"{folder}  done")
            continue
        _check_free(folder, run, benchmark)
        todo.append((run, found.origin(run)))
    outcomes = execute(taking_jobs(benchmark, source, todo), [benchmark], jobs)
    odd = [outcome.result for outcome in outcomes if isinstance(outcome.result, Odd)]
    if cut := sum(one.cut for one in odd):
        say(f"{cut:,} answers went on after a text that ends an answer here and were cut there")
    if long := sum(one.long for one in odd):
        most = benchmark.sampling.max_new_tokens
        say(f"{long:,} answers are longer than the {most} tokens that methods have here: compare with care")
    folders = [run.folder(benchmark) for run in found.runs]
    done = [folder for folder in folders if is_scored(folder, benchmark)]
    return [FrontFacts.stored(folder / front_name(benchmark, None)) for folder in done], outcomes


def _check_free(folder: Path, run: Responses, benchmark: Benchmark) -> None:
    """BadInput where the method has other answers at this seed: `moa compare` would refuse a seed twice."""
    for other in find_runs(benchmark.home, [benchmark.name], [folder.parent.name]):
        record = read_record(other)
        same = (record.method, record.seed, record.benchmark.identity) == (run.method, run.seed, benchmark.identity)
        if same and other != folder:
            refuse(
                f"{run.method} has other answers at seed {run.seed}: {other}",
                "two runs of one method at one seed would pass for more evidence",
                f"another --name or --seed; or, if these are to replace them: rm -r {other}",
            )


def score_again(
    paths: list[Path],
    benchmarks: list[str],
    home: Path,
    jobs: int | None,
    *,
    methods: Sequence[str] = (),
    named: Collection[Path] = (),
) -> Result:
    """Scores stored answers by the present evaluators, where those have changed: of these runs, else of all.

    The result is a run of its own beside the one that was measured, which stays. Code that a run needs is to be among
    the files `named`.
    """
    current, todo, folders, refusals = 0, dict[Path, Rescoring](), [], []
    for run in trained_folders(paths, benchmarks, home, methods=methods):
        try:
            one = find_rescoring(run, named=named)
        except BadInput as error:
            if paths:
                raise
            refusals.append(error)
            continue
        if one is None:
            current += 1
            continue
        folders.append(one.folder)
        if is_scored(one.folder, one.benchmark):
            say(f"{one.folder}  done")
        else:
            todo[one.folder] = one
    say_left_out(refusals)
    if current:
        say(f"no evaluator has changed for {current} runs")
    outcomes = execute(rescoring_jobs(todo.values()), [one.benchmark for one in todo.values()], jobs)
    done = [folder for folder in dict.fromkeys(folders) if (folder / "run.json").exists()]
    return [FrontFacts.stored(front) for folder in done for front in fronts_in(folder)], outcomes
