"""`moa compare`."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from moa_cli.commands import options
from moa_cli.commands.common import (
    benchmark_list,
    check_outputs,
    check_runs,
    close_gate,
    folder_names,
    foresee,
    leave_unless,
    method_list,
    named_files,
    preparations_in,
    prompts_in,
    seeds_in,
    settings_over,
    share_in,
    take_prepared,
    tell_answers,
    track_with,
    wish_in,
    write_outputs,
)
from moa_cli.commands.options import (
    AsJson,
    BenchmarksOrAll,
    DataDir,
    DryRun,
    Home,
    Items,
    Jobs,
    Methods,
    PreparationsOrAll,
    Prepared,
    RewardTimeout,
    SeedsOrAll,
    Track,
    Verbose,
)
from moa_cli.console import out, refuse, say, suggest


def compare(
    what: options.Compared = None,
    method: Methods = None,
    benchmark: BenchmarksOrAll = None,
    config: Items = None,
    seed: SeedsOrAll = None,
    preparations: PreparationsOrAll = None,
    baseline: options.Baseline = None,
    tolerance: options.Tolerance = None,
    earlier: options.Earlier = False,
    keep_collapsed: options.KeepCollapsed = False,
    ceiling: options.WithCeiling = False,
    power: options.WithPower = False,
    at: options.At = None,
    max_answer_cost: options.MaxAnswerCost = None,
    max_kl: options.MaxKL = None,
    all_answers: options.AllAnswers = False,
    dry_run: DryRun = False,
    output: options.Outputs = None,
    prepared: Prepared = None,
    track: Track = None,
    runs: Home = Path("runs"),
    data_dir: DataDir = None,
    jobs: Jobs = None,
    reward_timeout: RewardTimeout = None,
    json: AsJson = False,
    verbose: Verbose = False,
) -> None:  # fmt: skip
    """Compare fronts. With -m, whatever is missing is prepared, trained and measured first.

    \b
    moa compare
    moa compare -m sft,ric -b hh-rlhf-mini
    moa compare -m all --seed 0,1 -o table.md -o figure.pdf
    moa compare -m ric,rewarded-soups --preparations 0,1,2
    moa compare -c eval_prompts=100
    moa compare -m sft,ric -c policy=scratch:4m --dry-run
    moa compare -m ric --baseline main.json -o junit.xml -o comment.md
    moa compare --at 0.3,0.7 --max-answer-cost 2x --max-kl 3
    """
    from moa_cli.commands.common import (
        check_options,
        comparison_of,
        contest,
        even_weights,
        hold,
        judged,
        left_to_do,
        saved_alone,
    )
    from moa_cli.comparisons import Failure, check_units, choose, found_fronts, named_fronts, read_baseline
    from moa_cli.formats import COMPARISON_FORMATS, comparison_table
    from moa_cli.runs import typed_command

    check_outputs(output or [], COMPARISON_FORMATS, runs)
    allowed = share_in("1%" if tolerance is None else tolerance)
    if tolerance is not None and baseline is None:
        refuse("--tolerance was given without --baseline", "it is what a gate lets pass", "--baseline FILE.json")
    before, check = None, None
    if baseline is not None:
        before = read_baseline(baseline)
        check = partial(check_units, before, name=str(baseline), keep_collapsed=keep_collapsed)
    names, wish = method_list(method), wish_in(at, max_answer_cost, max_kl)
    of_made, prompts = (config, None) if names else prompts_in(config)
    of_runs = {"--keep-collapsed": keep_collapsed, "--ceiling": ceiling, "--all-answers": all_answers}
    of_runs |= {"-c eval_prompts": prompts is not None}
    typed = (
        {"-c": of_made, "--data-dir": data_dir, "--dry-run": dry_run, "--prepared": prepared, "--track": track},
        {"-b": benchmark, "--seed": seed, "--preparations": preparations},
    )
    check_options(names, what or [], *typed)
    if earlier and (names or what):
        refuse("--earlier was given with -m or a run", "it is for runs that nobody named", "moa compare --earlier")
    check_runs(what or [], runs, "moa compare")
    track_with(track)
    seeds, several = seeds_in(seed), preparations_in(preparations)
    failed: tuple[Failure, ...] = ()
    comparison = None if names or not what else saved_alone(what, of_runs)
    if comparison is None:
        if names:
            beside = named_fronts(what or [])  # before any work begins
            if check:
                check(front.card for front in beside)
            every = settings_over(config, benchmark_list(benchmark), names, several, data_dir, runs)
            benchmarks = [one for settings in every for one in settings.benchmarks.values()]
            carried = take_prepared(prepared, benchmarks, dry=dry_run)
            chosen = contest(every, seeds, runs, data_dir)
            if dry_run:
                drawn = ["what ceilings are estimated from is drawn afterwards, and is not counted"] * ceiling
                foresee(left_to_do(chosen), chosen, jobs, as_json=json, notes=drawn, carried=carried)
                return
            made, failed = hold(chosen, jobs, check)
            measured = named_fronts([*made, *(what or [])])
            leave_unless(bool(measured or baseline))  # there is nothing to print
        elif what:
            measured = named_fronts(what, prompts)
        else:
            picked = runs, folder_names(benchmark, runs), seeds, several
            measured = found_fronts(*picked, say, prompts=prompts, earlier=earlier)
        named = named_files(method, benchmark)
        comparison = comparison_of(
            measured, failed, jobs, keep_collapsed=keep_collapsed, ceiling=ceiling, all_answers=all_answers, named=named
        )  # fmt: skip
        failed = comparison.failures
    comparison = judged(comparison, baseline, before, allowed)
    if wish:
        comparison = choose(comparison, wish)
    written = write_outputs(comparison, output or [], COMPARISON_FORMATS)
    if all_answers:
        tell_answers(comparison, output or [])
    out(comparison if json else comparison_table(comparison, power=power))
    if comparison.gate:
        close_gate(comparison.gate)
    within = all(on.choice is None or on.choice.first for on in comparison.benchmarks)
    leave_unless(written and not failed and within)
    if not output and not json:
        balance = "" if at else f"; --at {even_weights(comparison)} says what to take at your balance"
        suggest(f"{typed_command()} -o report.html{balance}")
