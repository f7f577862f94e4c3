"""`moa study`."""

from __future__ import annotations

from pathlib import Path

from moa_cli.commands import options
from moa_cli.commands.common import (
    benchmark_list,
    check_outputs,
    check_room,
    execute,
    failures_of,
    foresee,
    leave_unless,
    method_list,
    named_files,
    names_in,
    seeds_in,
    settings_of,
    show_failures,
    take_prepared,
    track_with,
    write_outputs,
)
from moa_cli.commands.options import (
    AsJson,
    Benchmarks,
    DataDir,
    DryRun,
    Home,
    Items,
    Jobs,
    Prepared,
    RewardTimeout,
    Seeds,
    Track,
    Verbose,
)
from moa_cli.console import out, refuse


def study(
    name: options.StudyName = None,
    method: options.StudiedMethods = None,
    benchmark: Benchmarks = None,
    config: Items = None,
    over: options.Over = None,
    seed: Seeds = None,
    dry_run: DryRun = False,
    output: options.StudyOutputs = None,
    prepared: Prepared = None,
    track: Track = None,
    runs: Home = Path("runs"),
    data_dir: DataDir = None,
    jobs: Jobs = None,
    reward_timeout: RewardTimeout = None,
    json: AsJson = False,
    verbose: Verbose = False,
) -> None:
    """Answer a question about a method, or several. Whatever is missing is prepared, trained and measured first.

    \b
    controllability    do scores follow the intensity that MOSLIM is asked for?
    reward-model-size  does MOSLIM gain from larger reward models?
    optimizer          which RL optimizer gives the best front, and at what cost?
    retention          does SPO keep the first objective while it trains for the second?
    kl                 what does each method gain at which distance from the starting policy?

    \b
    moa study controllability -o curves.png
    moa study optimizer -m rewarded-soups --over rloo,grpo --seed 0,1
    moa study reward-model-size --over 0.3m,1m -b hh-rlhf-mini
    moa study retention -c alphas=[0.0,0.5,1.0,2.0] -o retention.md -o retention.json
    moa study kl -m rewarded-soups,modpo,ric -o kl.svg
    moa study kl -m rewarded-soups --dry-run
    """
    from moa_cli.studies import (
        STUDIES,
        STUDY_FORMATS,
        answerable,
        find_study,
        later_jobs,
        make_study,
        study_contestants,
        study_name,
        study_table,
    )

    if name is None:
        refuse("no study was named", f"there are: {', '.join(STUDIES)}", "moa study controllability")
    chosen = find_study(name)
    check_outputs(output or [], STUDY_FORMATS, runs)
    track_with(track)
    settings = settings_of(config, benchmark_list(benchmark), method_list(method) or [chosen.method], data_dir, runs)
    carried = take_prepared(prepared, [*settings.benchmarks.values()], dry=dry_run)
    values = names_in(over)
    if over and not values:
        refuse("--over names no value", "what was typed is empty", "name some, or leave it out for the study's own")
    found = study_contestants(
        chosen, settings, config or [], values, seeds_in(seed) or [0], home=runs, data_dir=data_dir
    )
    todo = chosen.jobs(found)
    if dry_run:
        drawn = ["what ceilings are estimated from is drawn afterwards, and is not counted"] * chosen.scales
        foresee(todo, found, jobs, as_json=json, notes=drawn, carried=carried)
        return
    check_room(todo, found, jobs)
    outcomes = execute(todo, settings.benchmarks.values(), jobs)
    failed = failures_of(found, outcomes, study_name)
    stands = answerable(chosen, found, [run for run, _ in failed])
    show_failures(outcomes)
    leave_unless(bool(stands))  # there is nothing to print
    later = execute(later_jobs(chosen, stands, named_files(method, benchmark)), settings.benchmarks.values(), jobs)
    show_failures(later)
    answered = make_study(name, stands, [failure for _, failure in failed])
    written = write_outputs(answered, output or [], STUDY_FORMATS)
    out(answered if json else study_table(answered))
    leave_unless(written and not any(outcome.error for outcome in (*outcomes, *later)))
