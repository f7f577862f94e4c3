"""What is looked at before any job starts: whether functions work, and whether each job has the memory it needs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from benchmarks import BadInput, Benchmark
from benchmarks.common import together
from benchmarks.models import named_parameters
from benchmarks.rewards import reward_probes
from methods import Adapter
from moa_cli.jobs import Job, Workers
from moa_cli.jobs.estimate.document import DryRun
from moa_cli.jobs.estimate.foreseen import forecast
from moa_cli.jobs.estimate.lengths import are_here
from moa_cli.runs import PREFIX, Contestant, preset_names, preset_settings


def try_functions(benchmarks: Iterable[Benchmark]) -> None:
    """Has the rewards of benchmarks that are functions score two answers, where data are here. BadInput for one that
    cannot."""
    for benchmark in {one.identity: one for one in benchmarks}.values():
        if are_here(benchmark):
            together(f"rewards of {benchmark.name}", reward_probes(benchmark, functions_alone=True))


def check_fits(told: DryRun, jobs: Sequence[Job], runs: Sequence[Contestant], workers: Workers) -> None:
    """BadInput where a job needs more memory than there is, with what to type that would do."""
    for row in told.jobs:
        if row.job in told.too_large and (memory := row.memory):
            raise BadInput(
                f"{row.job} needs at least {_gigabytes(memory.total)} GB of memory, and there are "
                f"{_gigabytes(told.memory_bytes)}",
                f"with its batch split as far as it can be: {memory.words}",
                _smaller(jobs, runs, workers),
            )


def _smaller(jobs: Sequence[Job], runs: Sequence[Contestant], workers: Workers) -> str:
    """What to type so that all of these jobs fit, by the same estimate."""
    for item, words in _items(runs):
        try:
            changed = [run.under(item) for run in runs]
            if not forecast(jobs, changed, workers, timed=False).too_large:
                return f"-c {item}, {words}"
        except BadInput:  # no setting of theirs
            continue
    return "a smaller policy, or smaller rewards: no preset fits either"


def _items(runs: Sequence[Contestant]) -> Iterator[tuple[str, str]]:
    """Items of -c that take less memory, with what they do: adapters, then presets from the largest policy down."""
    if all(isinstance(run.method, Adapter) for run in runs):
        yield "lora_rank=16", "which trains adapters alone"
    policies = {name: str(preset_settings(name)["policy"]) for name in preset_names()}
    for name in sorted(policies, key=lambda name: -named_parameters(policies[name])):
        yield f"{PREFIX}{name}", f"whose policy is {policies[name]}"


def _gigabytes(size: float) -> str:
    return f"{size / 1e9:.3g}"
