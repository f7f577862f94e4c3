"""`moa prepare`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from moa_cli.commands.common import (
    benchmark_list,
    check_archive,
    check_room,
    execute,
    foresee,
    preparations_in,
    settings_over,
    succeed,
    take_prepared,
)
from moa_cli.commands.options import (
    AsJson,
    Benchmarks,
    DataDir,
    DryRun,
    Home,
    Items,
    Jobs,
    Preparations,
    Prepared,
    RewardTimeout,
    Verbose,
)
from moa_cli.console import out, say


def prepare(
    benchmark: Benchmarks = None,
    config: Items = None,
    preparations: Preparations = None,
    dry_run: DryRun = False,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE.tar", help="Write what is prepared here, for other machines."),
    ] = None,
    prepared: Prepared = None,
    runs: Home = Path("runs"),
    data_dir: DataDir = None,
    jobs: Jobs = None,
    reward_timeout: RewardTimeout = None,
    json: AsJson = False,
    verbose: Verbose = False,
) -> None:
    """Make what a benchmark needs before it can measure: starting policy, rewards, scale card.

    \b
    moa prepare -b hh-rlhf-mini
    moa prepare -b hh-rlhf-mini --preparations 0,1,2 --dry-run
    moa prepare -b hh-rlhf-mini -c eval_prompts=200 --json
    moa prepare -b hh-rlhf-mini -o prepared.tar
    """
    from benchmarks.prepare import pack, stored_card
    from methods import find_method
    from moa_cli.commands.common import card_table
    from moa_cli.jobs import preparing_jobs
    from moa_cli.runs import Contestant, Source
    from moa_cli.words import prepared_name

    check_archive(output, runs)
    every = settings_over(config, benchmark_list(benchmark), [], preparations_in(preparations), data_dir, runs)
    starting = find_method("sft")()  # what is prepared, as a run
    made = [
        Contestant.of(Source(name, runs, data_dir, one.options), b, starting, 0)
        for one in every
        for name, b in one.benchmarks.items()
    ]
    benchmarks = [run.benchmark for run in made]
    carried = take_prepared(prepared, benchmarks, dry=dry_run)
    todo = [job for run in made for job in preparing_jobs(run.benchmark, run.source)]
    if dry_run:
        foresee(todo, made, jobs, as_json=json, carried=carried)
        return
    check_room(todo, made, jobs)
    succeed(execute(todo, benchmarks, jobs))
    if output:
        pack(benchmarks, output)
        say(f"wrote {output}")
    if json:
        found = {prepared_name(b.name, b.preparation): stored_card(b) for b in benchmarks}
        out({name: stored and stored.model_dump(mode="json") for name, stored in found.items()})
    else:
        out(tuple(card_table(b) for b in benchmarks))
