"""What `moa eval` does: measures trained runs, takes in answers made elsewhere, scores stored ones again.

Each function returns the fronts or points to be shown, and how the jobs went.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import BadInput, Benchmark, Weights
from moa_cli import plan, show, steps, store
from moa_cli.config import Settings, restore
from moa_cli.console import refuse, say
from moa_cli.job import Job, Outcome, Source
from moa_cli.plan import Contestant
from moa_cli.responses import Found, Responses

Result = tuple[list[dict[str, Any]], list[Outcome]]

BELONGS = {
    "RUN": ("--pareto", "--weights", "--rescore"),
    "--name": ("--responses",),
    "--column": ("--responses",),
    "--seed": ("--responses",),
    "--config": ("--responses", "--prompts"),
    "--data-dir": ("--responses", "--prompts"),
}
"""What is only given beside certain modes."""


def check_mode(modes: Mapping[str, Any], beside: Mapping[str, Any]) -> None:
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


def only(settings: Settings, home: Path, data_dir: Path | None) -> tuple[Source, Benchmark]:
    """The one benchmark that was named."""
    if len(settings.benchmarks) > 1:
        refuse(f"{len(settings.benchmarks)} benchmarks were named", "prompts are those of one", "name it with -b, once")
    ((name, benchmark),) = settings.benchmarks.items()
    return Source(name, home, data_dir, settings.options), benchmark


def measure(paths: list[Path], benchmarks: list[str], home: Path, jobs: int | None, weights: str | None) -> Result:
    """Measures the fronts of these runs, else of all trained ones; or one point of each, which is not kept."""
    point = steps.weights_in(weights) if weights is not None else ()
    chosen = steps.trained_runs(paths, benchmarks, home)
    points = _points(chosen, point, named=bool(paths)) if point else []
    todo = plan.pointing(points) if point else plan.measuring(chosen, may_train=False)
    outcomes = steps.execute(todo, {r.benchmark.identity: r.benchmark for r in chosen}.values(), jobs)
    if point:
        return [o.result for o in outcomes if o.job.kind == "weights" and not o.error], outcomes
    return [show.stored_points(r.folder) for r in chosen if r.measured], outcomes


def _points(runs: Sequence[Contestant], point: Weights, *, named: bool) -> list[tuple[Contestant, Weights]]:
    """The runs with the weights meant for each.

    One that cannot be asked for them is refused where it was named, else left out, unless that leaves none.
    """
    points, refusals = [], []
    for run in runs:
        try:
            points.append((run, plan.meant_weights(run, point)))
        except BadInput as error:
            refusals.append(error)
    if refusals and (named or not points):
        raise refusals[0]
    steps.say_left_out(refusals)
    return points


def take_in(found: Found, source: Source, benchmark: Benchmark, jobs: int | None) -> Result:
    """Scores the answers that a file holds, where that is not done, each method and seed as a run."""
    for note in found.notes:
        say(note)
    folders, todo = [], []
    for run in found.runs:
        folder = store.given_folder(benchmark, run.method, run.seed, run.content)
        folders.append(folder)
        if store.is_scored(folder, benchmark):
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
    outcomes = steps.execute(plan.scoring(todo), [benchmark], jobs)
    results = [outcome.result for outcome in outcomes if outcome.job.kind == "given" and not outcome.error]
    if cut := sum(result["cut"] for result in results):
        say(f"{cut:,} answers went on after a text that ends an answer here and were cut there")
    if long := sum(result["long"] for result in results):
        most = benchmark.sampling.max_new_tokens
        say(f"{long:,} answers are longer than the {most} tokens that methods have here: compare with care")
    return [show.stored_points(folder) for folder in folders if store.is_scored(folder, benchmark)], outcomes


def _check_free(folder: Path, run: Responses, benchmark: Benchmark) -> None:
    """BadInput where the method has other answers at this seed: `moa compare` would refuse a seed twice."""
    for other in store.find_runs(benchmark.home, [benchmark.name], [folder.parent.name]):
        record = store.read_record(other)
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
    for run in steps.trained_folders(paths, benchmarks, home):
        try:
            record, source, benchmark = plan.recorded(run)
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
        if store.is_scored(folder, benchmark):
            say(f"{folder}  done")
        else:
            pairs[folder] = benchmark, job
    steps.say_left_out(refusals)
    if current:
        say(f"no evaluator has changed for {current} runs")
    outcomes = steps.execute(plan.scoring(pairs.values()), [benchmark for benchmark, _ in pairs.values()], jobs)
    done = [folder for folder in dict.fromkeys(folders) if (folder / "run.json").exists()]
    return [show.stored_points(folder) for folder in done], outcomes


def _scored_again(run: Path, record: store.Record, benchmark: Benchmark) -> Path:
    """Where a run belongs under the present evaluators. BadInput where its answers cannot be scored by them."""
    plan.check_trained_on(benchmark, record, run)
    if store.front_document(run) is None:
        refuse(
            f"there are no stored answers in {run}", "it was not measured before the evaluators changed", "moa train"
        )
    if record.steering == store.GIVEN:
        name = store.given_folder(benchmark, record.method, record.seed, record.origin["content"]).name
    else:
        method = restore(record.method, record.config)
        if run.name != store.run_name(record.benchmark["identity"], method, record.seed):
            refuse(
                f"{record.method} is no longer the method that was trained in {run}",
                "its code or its hyperparameters have changed since",
                f"train again: moa train -m {record.method} -b {record.benchmark['source']}",
            )
        name = store.run_name(benchmark.identity, method, record.seed)
    folder = run.with_name(name)
    if (folder / "run.json").exists() and not store.is_scored(folder, benchmark):
        refuse(
            f"{folder} was trained under the present evaluators",
            f"the answers of {run} would take its place",
            f"moa eval --pareto {folder}",
        )
    return folder
