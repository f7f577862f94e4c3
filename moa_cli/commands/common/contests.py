"""What `moa compare` does: makes what is missing, compares what is measured, judges it against a baseline."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path

from benchmarks import BadInput, Benchmark, Card, Front
from benchmarks.prepare import stored_card
from moa_cli.commands.common.finish import check_room, execute, failures_of, show_failures, undrawn_ceilings
from moa_cli.comparisons import SAMPLED, Comparison, Failure, comparable, compare, judge, run_of, saved_comparison
from moa_cli.console import say
from moa_cli.jobs import Job, Outcome, ceiling_jobs, measuring_jobs, preparing_jobs, stored_samples
from moa_cli.runs import Contestant, Settings, contestants, note_trials, versions, whole_command
from moa_cli.words import from_here, typed_weights

Check = Callable[[Iterable[Card]], None]
"""Raises BadInput where what is measured under these cards cannot be judged."""


def check_options(
    names: Sequence[str], what: Sequence[Path], of_made: Mapping[str, object], of_found: Mapping[str, object]
) -> None:
    """BadInput for an option that would do nothing.

    Those of runs that are made need methods; those of runs that are found or made need that no run was named.
    """
    for option, value in of_made.items():
        if value and not names:
            raise BadInput(
                f"{option} was given without -m",
                "it is for runs that are made; of those that are there, -c eval_prompts=N picks fronts"
                if option == "-c"
                else "it is for runs that are made",
                f"moa compare -m METHOD {option} ...",
            )
    for option, value in of_found.items():
        if value and what and not names:
            raise BadInput(
                f"{option} was given with {what[0]}",
                "what is named is compared, whatever its benchmark and seed",
                f"leave out {option}; or name nothing, and all runs that it picks are compared",
            )


def contest(every: Sequence[Settings], seeds: Sequence[int], home: Path, data_dir: Path | None) -> list[Contestant]:
    """The runs that are compared, with all of the settings."""
    return [run for one in every for run in contestants(one, seeds or [0], home=home, data_dir=data_dir)]


def left_to_do(chosen: Sequence[Contestant]) -> list[Job]:
    """What is left to prepare, train and measure."""
    return measuring_jobs(chosen, may_train=True)


def hold(chosen: Sequence[Contestant], jobs: int | None, check: Check | None) -> tuple[list[Path], tuple[Failure, ...]]:
    """Trains and measures whatever is missing: the folders of the fronts, and what failed.

    What fails costs no other run. `check` says whether a gate can judge, as soon as units are known.
    """
    benchmarks = [*{run.benchmark.measuring_identity: run.benchmark for run in chosen}.values()]
    check_room(left_to_do(chosen), chosen, jobs)
    for run in chosen:
        if run.trained and not run.measured:
            say(f"{run.folder} is trained already, so it only answers")
    if check is None:
        outcomes = _made(chosen, benchmarks, jobs)
    else:
        missing = {job.key: job for run in chosen for job in preparing_jobs(run.benchmark, run.source)}
        outcomes = execute([*missing.values()], benchmarks, jobs)
        show_failures(outcomes)
        cards = {benchmark.identity: stored_card(benchmark) for benchmark in benchmarks}
        check(stored.card for stored in cards.values() if stored)
        outcomes += _made([run for run in chosen if cards[run.benchmark.identity]], benchmarks, jobs)
    for run in chosen:
        note_trials(run.folder, run.front_folder(), run.trials, run.tuned_on)
    failures = tuple(failure for _, failure in failures_of(chosen, outcomes))
    return [run.front_folder() for run in chosen if run.measured], failures


def _made(runs: Sequence[Contestant], benchmarks: Sequence[Benchmark], jobs: int | None) -> list[Outcome]:
    outcomes = execute(left_to_do(runs), benchmarks, jobs)
    show_failures(outcomes)
    return outcomes


def comparison_of(
    measured: list[Front],
    failures: tuple[Failure, ...],
    jobs: int | None,
    *,
    keep_collapsed: bool,
    ceiling: bool,
    all_answers: bool = False,
    named: Collection[Path] = (),
) -> Comparison:
    """The comparison of these runs' fronts, with how it was made; empty where all have failed.

    What `ceiling` asks for is drawn first; code that a run needs for it is to be among the files `named`.
    """
    comparison = Comparison(benchmarks=())
    measured = comparable(measured, failures)
    if measured or not failures:
        folders = [run_of(front) for front in measured]
        if ceiling:
            _check_one_preparation(measured)
            todo = ceiling_jobs(folders, measured, named=named)
            benchmarks = [job.source.load() for job in todo]
            outcomes = execute(todo, benchmarks, jobs)
            show_failures(outcomes)
            failures += undrawn_ceilings(benchmarks, outcomes)
        comparison = compare(
            measured,
            keep_collapsed=keep_collapsed,
            ceilings=stored_samples(folders, measured),
            answers=None if all_answers else SAMPLED,
        )
    return comparison.with_(command=whole_command(), versions=versions(), failures=failures)


def _check_one_preparation(measured: Sequence[Front]) -> None:
    """BadInput for fronts on several preparations of a benchmark, each of which has a ceiling of its own."""
    for name in {front.card.benchmark for front in measured}:
        numbers = sorted({front.card.preparation for front in measured if front.card.benchmark == name})
        if len(numbers) > 1:
            raise BadInput(
                f"--ceiling was given with several preparations of {name}",
                "a ceiling is what one starting policy could reach",
                f"--preparations {numbers[0]} --ceiling, and so on",
            )


def saved_alone(paths: Sequence[Path], beside: Mapping[str, bool]) -> Comparison | None:
    """The comparison that was saved in a file, None where runs were named.

    BadInput where something is typed `beside` it that only runs can answer.
    """
    comparison = saved_comparison(paths)
    for option, typed in beside.items():
        if comparison and typed:
            raise BadInput(
                f"{option} was given with a saved comparison",
                "it holds what was compared and as what, and this is chosen before",
                "name the runs instead",
            )
    return comparison


def even_weights(comparison: Comparison) -> str:
    """Weights of a comparison as --at takes them."""
    count = len(comparison.benchmarks[0].objectives) if comparison.benchmarks else 2
    return typed_weights([1 / count] * count, 3)


def judged(comparison: Comparison, baseline: Path | None, before: Comparison | None, allowed: float) -> Comparison:
    """The comparison with the gate's verdicts, where there is a baseline."""
    if before is None:
        return comparison.with_(gate=None)
    return comparison.with_(gate=judge(comparison, before, name=from_here(str(baseline)), tolerance=allowed))
