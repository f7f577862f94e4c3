"""`moa train`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from moa_cli.commands.common import (
    benchmark_list,
    check_room,
    execute,
    foresee,
    method_list,
    preparations_in,
    same_place,
    seeds_in,
    settings_over,
    succeed,
    take_prepared,
    track_with,
)
from moa_cli.commands.options import (
    AsJson,
    Benchmarks,
    DataDir,
    DryRun,
    Home,
    Items,
    Jobs,
    Methods,
    Preparations,
    Prepared,
    RewardTimeout,
    Seeds,
    Track,
    Verbose,
)
from moa_cli.console import out, refuse, say, suggest


def train(
    method: Methods = None,
    benchmark: Benchmarks = None,
    config: Items = None,
    seed: Seeds = None,
    preparations: Preparations = None,
    dry_run: DryRun = False,
    restart: Annotated[bool, typer.Option("--restart", help="Remove these runs first and begin anew.")] = False,
    prepared: Prepared = None,
    track: Track = None,
    runs: Home = Path("runs"),
    data_dir: DataDir = None,
    jobs: Jobs = None,
    reward_timeout: RewardTimeout = None,
    json: AsJson = False,
    verbose: Verbose = False,
) -> None:
    """Train methods. What is trained is left alone, what was interrupted goes on.

    \b
    moa train -m ric
    moa train -m sft,ric -b hh-rlhf-mini --seed 0,1
    moa train -m ric --preparations 0,1,2 --dry-run
    moa train -m ric -c ric.rounds=1 -c policy=scratch:4m --dry-run
    """
    from moa_cli.jobs import training_jobs
    from moa_cli.runs import contestants, note_trials, read_record

    names = method_list(method)
    if not names:
        refuse("no method was named", "-m says what to train", "moa train -m METHOD; moa list methods shows them")
    track_with(track)
    every = settings_over(config, benchmark_list(benchmark), names, preparations_in(preparations), data_dir, runs)
    benchmarks = [benchmark for one in every for benchmark in one.benchmarks.values()]
    carried = take_prepared(prepared, benchmarks, dry=dry_run)
    seeds = seeds_in(seed) or [0]
    chosen = [run for one in every for run in contestants(one, seeds, home=runs, data_dir=data_dir)]
    todo = training_jobs(chosen, restart=restart)
    for run in chosen:
        if run.trained and not restart and (other := run.answers_otherwise):
            say(f"{run.folder} is trained: {other} acts only when it answers; moa compare -m measures that")
    if dry_run:
        foresee(todo, chosen, jobs, as_json=json, carried=carried)
        return
    check_room(todo, chosen, jobs)
    outcomes = execute(todo, benchmarks, jobs)
    ended = {o.job.folder: o.word if o.error else "trained" for o in outcomes if o.job.folder}
    rows = []
    for run in chosen:
        note_trials(run.folder, run.front_folder(), run.trials, run.tuned_on)
        status = ended.get(run.folder, "done")
        seconds = read_record(run.folder).cost.get("seconds") if status in ("trained", "done") else None
        rows.append((str(run.folder), status, seconds))
    if json:
        out([{"path": path, "status": status, "seconds": seconds} for path, status, seconds in rows])
    else:
        out("\n".join(f"{path}  {status}{_took(seconds)}" for path, status, seconds in rows))
    succeed(outcomes)
    suggest(f"moa eval --pareto{same_place(method, benchmark, runs)}")


def _took(seconds: float | None) -> str:
    from moa_cli.words import duration

    return "" if seconds is None else f"  {duration(seconds)}"
