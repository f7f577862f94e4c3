"""The steps that commands share: reading what was typed, doing the jobs, saying what failed."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import redirect_stdout
from operator import attrgetter
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

import typer

from moa_cli.commands.common.typed import method_list, names_in
from moa_cli.console import errors, exit_code, is_verbose, out, refuse, say, show_error
from moa_cli.words import amount

if TYPE_CHECKING:
    from benchmarks import Benchmark
    from moa_cli.comparisons import Comparison, Failure, Gate
    from moa_cli.formats import Formats
    from moa_cli.jobs import Follow, Job, Outcome
    from moa_cli.runs import Contestant

D = TypeVar("D")
"""A kind of document."""


def check_outputs(paths: list[Path], formats: Formats[Any], home: Path) -> None:
    """BadInput for a file that could not be written, for its suffix or where it is to be, or is not to be replaced."""
    from moa_cli.formats import check_place, check_suffix

    for path in paths:
        check_suffix(path, formats)
        check_place(path, home)


def write_outputs(document: D, paths: list[Path], formats: Formats[D]) -> bool:
    """Writes what was asked for with -o, and says so. Whether all could be written: one that cannot costs no other."""
    from benchmarks import BadInput
    from moa_cli.formats import write_document

    written = True
    for path in paths:
        try:
            write_document(document, path, formats)
        except BadInput as error:
            written = False
            show_error(error.what, error.why, error.fix)
        else:
            say(f"wrote {path}")
    return written


def tell_answers(comparison: Comparison, paths: list[Path]) -> None:
    """Says how many answers a comparison holds, and how large that makes what was written."""
    kept = [on.answers for on in comparison.benchmarks if on.answers]
    count = sum(len(one.given) * len(one.prompts) for one in kept)
    sizes = [f"{path} {amount(path.stat().st_size)}B" for path in paths if path.is_file()]
    say(f"{count:,} answers{': ' + ', '.join(sizes) if sizes else ''}")


def method_folders(values: list[str] | None) -> list[str]:
    """The names of these methods, under which their runs lie."""
    from methods import find_method, method_name

    return [method_name(find_method(name)) for name in method_list(values)]


def check_files(methods: list[str] | None) -> None:
    """BadInput for a method that is no file, where methods that come with moa need not be named."""
    for name in names_in(methods):
        if not name.endswith(".py"):
            refuse(f"-m {name} names no file", "runs of methods that come with moa are there anyway", "-m FILE.py")
        if not Path(name).is_file():
            refuse(f"there is no file {name}", "it was named as a method", "check the path")


def named_files(*options: list[str] | None) -> frozenset[Path]:
    """The files among what was typed for -m and -b. No other code of one's own is run."""
    typed = [name for values in options for name in names_in(values)]
    return frozenset(Path(name).resolve() for name in typed if Path(name).suffix in (".toml", ".py"))


def same_place(methods: list[str] | None, benchmarks: list[str] | None, home: Path) -> str:
    """What the next command needs to find the same runs: files that hold code, and the folder of runs."""
    from benchmarks.common import to_type

    words = [word for name in names_in(methods) if name.endswith(".py") for word in ("-m", name)]
    words += [word for name in names_in(benchmarks) if name.endswith((".py", ".toml")) for word in ("-b", name)]
    words += [] if str(home) == os.environ.get("MOA_RUNS", "runs") else ["--runs", str(home)]
    return f" {to_type(*words)}" if words else ""


def execute(
    todo: list[Job],
    benchmarks: Iterable[Benchmark],
    asked: int | None,
    follow: Follow | None = None,
    *,
    keeps: bool = True,
) -> list[Outcome]:
    """Does the jobs, and those that follow, and shows how they go. Unless it `keeps` nothing, its folder must be ours
    to write to."""
    if not todo:
        return []
    from moa_cli.runs import check_home

    for home in {job.source.home for job in todo} if keeps else ():
        check_home(home)
    from moa_cli.jobs import Display, choose_workers, nothing_more, run_jobs

    workers = choose_workers(todo, list(benchmarks), asked)
    say(workers.reason)
    try:
        done = run_jobs(todo, workers, Display(errors), quiet=not is_verbose(), follow=follow or nothing_more)
        return list(done.values())
    except KeyboardInterrupt as end:
        say("interrupted; the same command goes on where it stopped")
        raise typer.Exit(exit_code(end)) from None


def succeed(outcomes: list[Outcome]) -> None:
    """Shows what failed and leaves with 2, if anything did."""
    show_failures(outcomes)
    leave_unless(not any(o.error for o in outcomes))


def leave_unless(fine: bool) -> None:
    """Leaves with 2 where something went wrong that was shown already."""
    if not fine:
        raise typer.Exit(2)


def close_gate(gate: Gate) -> None:
    """Leaves with 1 if anything became worse than the baseline; on GitHub, every such row is an annotation."""
    from moa_cli.words import one_line

    worse = [verdict for verdict in gate.verdicts if verdict.worse]
    for one in worse:
        line = one_line(f"{one.method} on {one.benchmark} {one.told}")
        say(f"::error title=moa compare::{line.replace('%', '%25')}" if os.environ.get("GITHUB_ACTIONS") else line)
    if worse:
        raise typer.Exit(1)


def show_failures(outcomes: list[Outcome]) -> None:
    """Shows what failed, and why: what several jobs failed for, once."""
    failures = {outcome.error: outcome.traceback for outcome in outcomes if outcome.error and outcome.started}
    for error, story in failures.items():
        if is_verbose() and story:
            errors.print(story, soft_wrap=True)
        show_error(*error)


def foresee(
    todo: Sequence[Job],
    runs: Sequence[Contestant],
    asked: int | None,
    *,
    as_json: bool,
    times: int = 1,
    notes: Sequence[str] = (),
    carried: Collection[str] = (),
) -> None:
    """Prints what would be done and what it would take; leaves with 2 where a job does not fit.

    Benchmarks of the measuring identities `carried` are taken for prepared. Rewards that are functions are tried first:
    they are code that was named, and cost next to nothing.
    """
    from moa_cli.jobs import choose_workers
    from moa_cli.jobs.estimate import check_fits, dry_run_page, forecast, try_functions

    os.environ["HF_HUB_OFFLINE"] = "1"  # read when libraries are imported: nothing is downloaded from here on
    prepared = [run.source for run in runs if run.benchmark.measuring_identity in carried]
    todo = [job for job in todo if job.folder or job.source not in prepared]
    workers = choose_workers(todo, [run.benchmark for run in runs], asked)
    with redirect_stdout(sys.stderr):  # what a function prints is no result
        try_functions(run.benchmark for run in runs)
    told = forecast(todo, runs, workers, times=times, notes=notes, carried=carried)
    out(told if as_json else dry_run_page(told))
    check_fits(told, todo, runs, workers)


def check_room(todo: Sequence[Job], runs: Sequence[Contestant], asked: int | None) -> None:
    """BadInput for a job that needs more memory than there is, before any job starts; says which models are nowhere.

    Policies that are made here are small: for these nothing is looked at. What else is wrong is the jobs' to say.
    """
    from benchmarks import BadInput, HubReward

    def brings_models(benchmark: Benchmark) -> bool:
        rewards = [reward for o in benchmark.objectives for reward in (o.reward, o.evaluator)]
        return benchmark.pretrained or any(isinstance(one, HubReward) for one in rewards)

    if not todo or not any(brings_models(run.benchmark) for run in runs):
        return
    from moa_cli.jobs import choose_workers
    from moa_cli.jobs.estimate import check_fits, forecast, nowhere

    for line in dict.fromkeys(line for run in runs for line in nowhere(run.benchmark)):
        say(line)
    workers = choose_workers(todo, [run.benchmark for run in runs], asked)
    try:
        told = forecast(todo, runs, workers, timed=False)
    except BadInput:
        return
    check_fits(told, todo, runs, workers)


def failures_of(
    runs: Iterable[Contestant],
    outcomes: Sequence[Outcome],
    called: Callable[[Contestant], str] = attrgetter("method_name"),
) -> list[tuple[Contestant, Failure]]:
    """The runs that failed, and why: their own job did, or what it needed. `called` names them."""
    from moa_cli.jobs import preparing_jobs
    from moa_cli.runs import as_config

    failed = {outcome.job.key: outcome for outcome in outcomes if outcome.error}
    own = {outcome.job.folder: outcome for outcome in failed.values() if outcome.job.folder}
    found = []
    for run in runs:
        needed = (failed[job.key] for job in preparing_jobs(run.benchmark, run.source) if job.key in failed)
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
    from benchmarks.common import plain
    from moa_cli.comparisons import Failure
    from moa_cli.words import from_here

    what, why, fix = outcome.reason
    return Failure(
        benchmark=benchmark.name, preparation=benchmark.preparation, method=method, config=plain(dict(config)),
        seed=seed, what=from_here(what), why=from_here(why), fix=from_here(fix),
    )  # fmt: skip
