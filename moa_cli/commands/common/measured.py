"""What `moa eval` does: measures trained runs, takes in answers made elsewhere, scores stored ones again.

Each function returns the fronts or points to be shown, and how the jobs went; a dry run says what the jobs would be,
and ends the command.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import typer

from benchmarks import BadInput, Benchmark, Weights
from benchmarks.common import to_type
from methods import find_method
from moa_cli.commands.common.carrying import take_prepared
from moa_cli.commands.common.finish import execute, foresee
from moa_cli.commands.common.typed import say_left_out, trained_folders, trained_runs, weights_in
from moa_cli.console import refuse, say
from moa_cli.jobs import Job, Odd, Outcome, measuring_jobs, pointing_jobs, rescoring_jobs, taking_jobs
from moa_cli.runs import (
    Contestant,
    Found,
    FrontFacts,
    Rescoring,
    Responses,
    Settings,
    Source,
    find_rescoring,
    find_runs,
    front_name,
    fronts_in,
    is_scored,
    read_record,
)

Result = tuple[list[FrontFacts], list[Outcome]]


@dataclass(frozen=True)
class Doing:
    """How jobs are done: by how many workers, or in words alone, which may be JSON."""

    workers: int | None = None
    dry: bool = False
    as_json: bool = False


def _done(
    todo: list[Job],
    doing: Doing,
    benchmarks: Iterable[Benchmark],
    *,
    runs: Sequence[Contestant] = (),
    carried: Collection[str] = (),
    keeps: bool = True,
) -> list[Outcome]:
    """How the jobs went. A dry run says what they would be, and leaves; `runs` are those whose cost can be told."""
    if doing.dry:
        foresee(todo, runs, doing.workers, as_json=doing.as_json, carried=carried)
        raise typer.Exit
    return execute(todo, benchmarks, doing.workers, keeps=keeps)


BELONGS = {
    "RUN": ("--pareto", "--weights", "--rescore"),
    "--method": ("--pareto", "--weights", "--rescore"),
    "--name": ("--responses",),
    "--column": ("--responses",),
    "--seed": ("--responses",),
    "--config": ("--responses", "--prompts"),
    "--data-dir": ("--responses", "--prompts"),
    "--prepared": ("--pareto", "--weights", "--responses"),
}
"""What is only given beside certain modes."""


def check_mode(modes: Mapping[str, object], beside: Mapping[str, object]) -> None:
    """BadInput where not exactly one mode was typed, or something beside it that does not belong to it."""
    typed = [name for name, value in modes.items() if value]
    if len(typed) > 1:
        refuse(
            f"{' and '.join(typed)} exclude each other", "each is a command of its own", "moa eval --help shows them"
        )
    if not typed:
        refuse(
            "say what to measure: the whole front or one point",
            "a front is kept and can be compared, a single point is only shown",
            "moa eval --pareto, or moa eval --weights 0.3,0.7; moa eval --help shows what else there is",
        )
    for name, value in beside.items():
        if value and typed[0] not in BELONGS[name]:
            refuse(
                f"{name} was given with {typed[0]}",
                f"it belongs to {' and '.join(BELONGS[name])}",
                "moa eval --help shows what goes together",
            )


def only_benchmark(settings: Settings, home: Path, data_dir: Path | None) -> tuple[Source, Benchmark]:
    """The one benchmark that was named."""
    if len(settings.benchmarks) > 1:
        refuse(f"{len(settings.benchmarks)} benchmarks were named", "prompts are those of one", "name it with -b, once")
    ((name, benchmark),) = settings.benchmarks.items()
    return Source(name, home, data_dir, settings.options), benchmark


def measure_runs(
    paths: list[Path],
    benchmarks: list[str],
    home: Path,
    doing: Doing,
    weights: str | None,
    *,
    methods: Sequence[str] = (),
    named: Collection[Path] = (),
    prepared: Path | None = None,
) -> Result:
    """Measures the fronts of these runs, else of all trained ones; or one point of each, which is not kept.

    Code that a run needs is to be among the files `named`; preparations that are not there come from `prepared`.
    """
    point = weights_in(weights) if weights is not None else ()
    chosen = trained_runs(paths, benchmarks, home, methods=methods, named=named)
    carried = take_prepared(prepared, [run.benchmark for run in chosen], dry=doing.dry)
    if point:  # of each run once, as it was trained
        chosen = [*{run.folder: run for run in reversed(chosen)}.values()][::-1]
    points = _points(chosen, point, typed=bool(paths)) if point else []
    todo = pointing_jobs(points) if point else measuring_jobs(chosen, may_train=False)
    about = {run.benchmark.identity: run.benchmark for run in chosen}
    outcomes = _done(todo, doing, about.values(), runs=chosen, carried=carried, keeps=not point)
    if point:
        return [o.result for o in outcomes if isinstance(o.result, FrontFacts)], outcomes
    return [FrontFacts.stored(r.front_folder()) for r in chosen if r.measured], outcomes


def _points(runs: Sequence[Contestant], point: Weights, *, typed: bool) -> list[tuple[Contestant, Weights]]:
    """The runs with the weights meant for each.

    One that cannot be asked for them is refused where it was named, else left out, unless that leaves none.
    """
    points, refusals = [], []
    for run in runs:
        try:
            points.append((run, run.meant_weights(point)))
        except BadInput as error:
            refusals.append(error)
    if refusals and (typed or not points):
        raise refusals[0]
    say_left_out(refusals)
    return points


def take_in(
    found: Found, source: Source, benchmark: Benchmark, doing: Doing, *, prepared: Path | None = None
) -> Result:
    """Scores the answers that a file holds, where that is not done, each method and seed as a run. Preparations that
    are not there come from `prepared`."""
    carried = take_prepared(prepared, [benchmark], dry=doing.dry)
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
    starting = Contestant.of(source, benchmark, find_method("sft")(), 0)  # what is prepared, as a run
    outcomes = _done(taking_jobs(benchmark, source, todo), doing, [benchmark], runs=[starting], carried=carried)
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
                f"another --name or --seed; or, if these are to replace them: {to_type('rm', '-r', other)}",
            )


def score_again(
    paths: list[Path],
    benchmarks: list[str],
    home: Path,
    doing: Doing,
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
    outcomes = _done(rescoring_jobs(todo.values()), doing, [one.benchmark for one in todo.values()])
    done = [folder for folder in dict.fromkeys(folders) if (folder / "run.json").exists()]
    return [FrontFacts.stored(front) for folder in done for front in fronts_in(folder)], outcomes
