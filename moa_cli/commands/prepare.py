"""`moa prepare`."""

from __future__ import annotations

from pathlib import Path

from moa_cli.commands.finish import execute, succeed
from moa_cli.commands.options import AsJson, Benchmarks, DataDir, Home, Items, Jobs, Verbose
from moa_cli.commands.typed import benchmark_list, settings_of
from moa_cli.console import out


def prepare(
    benchmark: Benchmarks = None,
    config: Items = None,
    runs: Home = Path("runs"),
    data_dir: DataDir = None,
    jobs: Jobs = None,
    json: AsJson = False,
    verbose: Verbose = False,
) -> None:
    """Make what a benchmark needs before it can measure: starting policy, rewards, scale card.

    \b
    moa prepare -b hh-rlhf-mini
    moa prepare -b hh-rlhf-mini -c eval_prompts=200 --json
    """
    from benchmarks.prepare import stored_card
    from moa_cli.commands import pages
    from moa_cli.jobs import preparation_jobs
    from moa_cli.runs import Source

    settings = settings_of(config, benchmark_list(benchmark), [], data_dir, runs)
    sources = {name: Source(name, runs, data_dir, settings.options) for name in settings.benchmarks}
    missing = [s for name, s in sources.items() if stored_card(settings.benchmarks[name]) is None]
    succeed(
        execute([job for source in missing for job in preparation_jobs(source)], settings.benchmarks.values(), jobs)
    )
    if json:
        found = {b.name: stored_card(b) for b in settings.benchmarks.values()}
        out({name: stored and stored.model_dump(mode="json") for name, stored in found.items()})
    else:
        out(tuple(pages.card_table(b) for b in settings.benchmarks.values()))
