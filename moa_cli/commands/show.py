"""`moa list` and `moa show`."""

from __future__ import annotations

import json as json_
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from moa_cli.commands import options
from moa_cli.commands.options import AsJson, DataDir, Home, Items, Verbose
from moa_cli.console import out, refuse, say

if TYPE_CHECKING:
    from benchmarks.common import Part


def list_(
    what: Annotated[str, typer.Argument(metavar="[methods|benchmarks|runs]")] = "all",
    runs: Home = Path("runs"),
    json: AsJson = False,
    verbose: Verbose = False,
) -> None:
    """List methods, benchmarks and runs.

    \b
    moa list
    moa list runs --json
    """
    from benchmarks import benchmark_names
    from moa_cli.commands.common import benchmark_rows, list_page, method_rows, run_rows

    makers: dict[str, Callable[[], Sequence[Part]]] = {
        "methods": method_rows,
        "benchmarks": lambda: benchmark_rows(benchmark_names()),
        "runs": lambda: run_rows(runs),
    }
    if what not in (*makers, "all"):
        refuse(f"there is no list of {what}", f"there are lists of {', '.join(makers)}", "moa list")
    lists = {name: make() for name, make in makers.items() if what in (name, "all")}
    if json:
        told = {name: [row.model_dump(mode="json") for row in rows] for name, rows in lists.items()}
        out(told if what == "all" else told[what])
        return
    for name, rows in lists.items():
        page = list_page(rows)
        out((Text(name, style="bold"), page, "") if what == "all" else page)


def show_(
    subject: Annotated[
        str, typer.Argument(metavar="METHOD|BENCHMARK|RUN|FILE", autocompletion=options.complete_subjects)
    ],
    config: Items = None,
    reproduce: Annotated[
        bool,
        typer.Option("--reproduce", help="Of a run: how to make it again, and what would be different here and now."),
    ] = False,
    runs: Home = Path("runs"),
    data_dir: DataDir = None,
    json: AsJson = False,
    verbose: Verbose = False,
) -> None:
    """Show a method's hyperparameters, a benchmark, a run, a saved comparison, or what was tuned.

    \b
    moa show ric
    moa show hh-rlhf-mini
    moa show hh-rlhf-mini -c policy=scratch:4m
    moa show tuned/ric
    """
    from moa_cli.commands.common import (
        BenchmarkFacts,
        Reproduction,
        benchmark_page,
        few_prompts,
        is_benchmark,
        is_method,
        method_facts,
        method_page,
        nothing_called,
        reproduction_page,
        run_facts,
        run_page,
        tunings_called,
    )
    from moa_cli.comparisons import is_saved, read_saved
    from moa_cli.runs import read_tuning, resolve

    if (config or data_dir) and not is_benchmark(subject):
        refuse(
            f"{'-c' if config else '--data-dir'} was given with {subject}",
            "it changes what a benchmark is, and that is none",
            "leave it out, or name a benchmark",
        )
    if reproduce and not Path(subject).is_dir():
        refuse(
            f"--reproduce was given with {subject}",
            "a run says how it was made, and that is none",
            "moa list runs shows what there is",
        )
    path, searches = Path(subject), tunings_called(subject, runs)
    if searches:
        from moa_cli.tuning import tuning_table

        found = [read_tuning(one) for one in searches]
        out([json_.loads(one.to_json()) for one in found] if json else tuple(map(tuning_table, found)))
    elif reproduce:
        again = Reproduction.of(path)
        out(again.model_dump(mode="json") if json else reproduction_page(again))
    elif path.is_dir():
        run = run_facts(path)
        out(run.model_dump() if json else run_page(run))
    elif is_saved(path):
        from moa_cli.formats import comparison_table

        comparison = read_saved(path)
        out(comparison if json else comparison_table(comparison))
    elif is_method(subject):
        method = method_facts(subject)
        out(method.model_dump(mode="json") if json else method_page(method))
    elif is_benchmark(subject):
        settings = resolve(config or [], [subject], [], data_dir=data_dir, home=runs)
        if few := few_prompts(settings.benchmarks[subject]):
            say(few)
        benchmark = BenchmarkFacts.of(settings.benchmarks[subject])
        out(benchmark.model_dump(mode="json") if json else benchmark_page(benchmark, subject))
    else:
        refuse(*nothing_called(subject))
