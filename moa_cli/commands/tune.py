"""`moa tune`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from moa_cli.commands.common import (
    benchmark_list,
    check_room,
    execute,
    foresee,
    leave_unless,
    method_list,
    names_in,
    seed_in,
    settings_of,
    show_failures,
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
    Prepared,
    RewardTimeout,
    Track,
    Verbose,
    finite,
)
from moa_cli.console import out, refuse, say, show_error

if TYPE_CHECKING:
    from benchmarks import Benchmark
    from moa_cli.runs import Contestant, Settings
    from moa_cli.tuning import Tuner


def tune(
    method: Methods = None,
    benchmark: Benchmarks = None,
    config: Items = None,
    trials: Annotated[int, typer.Option("--trials", metavar="N", min=1, help="Trials of each method.")] = 12,
    on: Annotated[
        str,
        typer.Option(
            "--on", metavar="reward|evaluator",
            help="What decides: the training rewards, or the evaluators, which marks the result.",
        ),
    ] = "reward",
    max_kl: Annotated[
        float | None,
        typer.Option(
            "--max-kl", metavar="NATS", min=0.0, callback=finite,
            help="The best is no farther away than this on average.",
        ),
    ] = None,
    budget: Annotated[
        float | None,
        typer.Option(
            "--budget", metavar="FLOP", min=0.0, callback=finite,
            help=r"What the trainings of a method may take in all. \[default: N times the dearest method's default]",
        ),
    ] = None,
    seed: Annotated[str, typer.Option("--seed", metavar="N", help="Seed of trainings and search.")] = "0",
    dry_run: DryRun = False,
    prepared: Prepared = None,
    track: Track = None,
    runs: Home = Path("runs"),
    data_dir: DataDir = None,
    jobs: Jobs = None,
    reward_timeout: RewardTimeout = None,
    json: AsJson = False,
    verbose: Verbose = False,
) -> None:  # fmt: skip
    """Look for better settings: as many trials and as much compute for every method, on dev prompts.

    The first trial is the configuration as it is. -c tuned takes what was found; the same command goes on.

    \b
    moa tune -m ric,rewarded-soups --trials 12
    moa tune -m all -b hh-rlhf-mini --max-kl 4
    moa tune -m ric --trials 20 --dry-run
    moa compare -m ric -c tuned
    """
    from moa_cli.runs import tuning_file
    from moa_cli.tuning import Plan, open_tuner, trials_of, tuning_table

    names = method_list(method)
    if not names:
        refuse("no method was named", "-m says what to tune", "moa tune -m METHOD; moa list methods shows them")
    if on not in ("reward", "evaluator"):
        refuse(f"--on {on} is neither reward nor evaluator", "one of them decides which trial is best", "--on reward")
    track_with(track)
    settings = settings_of(config, benchmark_list(benchmark), names, data_dir, runs)
    chosen = _searched(settings, seed_in(seed) or 0, runs, data_dir, every="all" in names_in(method))
    _check(settings, on)
    carried = take_prepared(prepared, [*settings.benchmarks.values()], dry=dry_run)
    as_they_are = trials_of(chosen)
    if dry_run:
        other = "every trial is taken to cost what the configuration as it is does"
        tried = [replace(r, benchmark=replace(r.benchmark, grid=r.benchmark.trained_grid)) for r in chosen]
        foresee(as_they_are, tried, jobs, as_json=json, times=trials, notes=[other], carried=carried)
        return
    _check_budget(chosen, budget)
    check_room(as_they_are, chosen, jobs)
    plan = Plan(trials=trials, on="rewards" if on == "reward" else "scores", max_kl=max_kl, budget=budget)
    with open_tuner(chosen, plan) as tuner:
        tuner.width = _width(tuner, settings.benchmarks.values(), jobs, trials)
        outcomes = execute(tuner.first(), settings.benchmarks.values(), jobs, tuner.follow)
        tuner.store()
        found = tuner.documents
    show_failures(outcomes)
    out([one.model_dump(mode="json") for one in found] if json else tuple(map(tuning_table, found)))
    for one in found:
        if one.chosen:
            say(f"{tuning_file(runs, one.benchmark, one.method).with_suffix('.toml')}  -c tuned takes it")
    leave_unless(all([_paid(tuner, budget), *(one.chosen is not None for one in found)]))


def _searched(settings: Settings, seed: int, home: Path, data_dir: Path | None, *, every: bool) -> list[Contestant]:
    """The configurations that are to be improved. Methods without anything to search are told."""
    from benchmarks.common import to_type
    from methods import method_name
    from moa_cli.runs import contestants, searched_fields, tuned_as

    chosen = []
    for run in contestants(settings, [seed], home=home, data_dir=data_dir):
        cls = type(run.method)
        name, other = method_name(cls), method_name(tuned_as(cls))
        if other != name:
            why = f"it trains what {other} trains, and takes its settings"
        elif not searched_fields(cls):
            why = "none of its fields says where to search: Annotated[float, Search(1e-6, 1e-3, log=True)]"
        else:
            chosen.append(run)
            continue
        if not every:
            fix = to_type("moa", "tune", "-m", other if other != name else "METHOD")
            refuse(f"{name} has nothing to search", why, fix)
        say(f"{name} is left out: {why if other != name else 'it has nothing to search'}")
    return chosen


def _check(settings: Settings, on: str) -> None:
    """BadInput for what cannot be tuned on."""
    if len(settings.benchmarks) > 1:
        refuse(
            f"{len(settings.benchmarks)} benchmarks were named", "settings are tuned on one", "name it with -b, once"
        )
    ((typed, benchmark),) = settings.benchmarks.items()
    if on == "evaluator" and all(o.reward.identity == o.evaluator.identity for o in benchmark.objectives):
        refuse(
            f"{typed} has no evaluators of its own",
            "its rewards are its evaluators, so --on evaluator would be --on reward",
            "leave --on out",
        )
    if not benchmark.prompts("dev"):
        refuse(
            f"{typed} has no dev prompts",
            "settings are chosen on prompts that are not reported",
            "give data.dev_share in its file a value above 0, or name a dev file (docs/benchmarks.md)",
        )


def _check_budget(chosen: Iterable[Contestant], budget: float | None) -> None:
    """BadInput for a budget below half of what a first trial is foreseen to take: that is right to a factor of two."""
    from methods.contract import checked_effort
    from moa_cli.jobs.estimate import known_of, spent_on, summed
    from moa_cli.words import amount

    if budget is None:
        return
    for run in chosen:
        known = known_of(run.benchmark)
        efforts = checked_effort(run.method, run.benchmark, known.policy.parameters)
        if efforts is None or known.lengths.prompts is None:
            continue
        foreseen = summed(spent_on(effort, known) for effort in efforts).flops
        if budget < foreseen / 2:
            refuse(
                f"--budget {budget:g} does not pay for one trial of {run.method_name}",
                f"its configuration as it is takes about {amount(foreseen)}FLOP",
                f"--budget {foreseen:.2g} pays for one, twice as much for two",
            )


def _width(tuner: Tuner, benchmarks: Iterable[Benchmark], jobs: int | None, trials: int) -> int:
    """How many trials of a method go on at a time: as many as there are workers for each."""
    from moa_cli.jobs import Job, choose_workers

    source = tuner.searches[0].run.source
    many = [Job(key="", label="", purpose="", source=source, work=print)] * trials * len(tuner.searches)
    return max(1, choose_workers(many, benchmarks, jobs).count // len(tuner.searches))


def _paid(tuner: Tuner, budget: float | None) -> bool:
    """Whether a budget that was given paid for more than a default; says where it did not."""
    from moa_cli.words import amount

    for search in tuner.searches:
        default = search.default
        if budget is not None and default and default.flops > budget:
            show_error(
                f"--budget {budget:g} does not pay for one trial of {search.run.method_name}",
                f"its configuration as it is took {amount(default.flops)}FLOP",
                f"--budget {default.flops * search.plan.trials:.2g} pays for {search.plan.trials} such trials",
            )
            return False
    return True
