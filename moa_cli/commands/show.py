"""`moa list` and `moa show`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from moa_cli.commands import options
from moa_cli.commands.options import AsJson, Home, Verbose
from moa_cli.console import out, refuse


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
    from moa_cli.commands import pages
    from moa_cli.commands.facts import benchmark_rows, method_rows, run_rows

    makers = {
        "methods": method_rows,
        "benchmarks": lambda: benchmark_rows(benchmark_names(), runs),
        "runs": lambda: run_rows(runs),
    }
    if what not in (*makers, "all"):
        refuse(f"there is no list of {what}", f"there are lists of {', '.join(makers)}", "moa list")
    documents = {name: make() for name, make in makers.items() if what in (name, "all")}
    if json:
        out(documents if what == "all" else documents[what])
        return
    for name, rows in documents.items():
        page = pages.RunsTable(rows) if name == "runs" else pages.table(rows)
        out((Text(name, style="bold"), page, "") if what == "all" else page)


def show_(
    subject: Annotated[
        str, typer.Argument(metavar="METHOD|BENCHMARK|RUN|FILE", autocompletion=options.complete_subjects)
    ],
    runs: Home = Path("runs"),
    json: AsJson = False,
    verbose: Verbose = False,
) -> None:
    """Show a method's hyperparameters, a benchmark, a run, or a saved comparison.

    \b
    moa show ric
    moa show hh-rlhf-mini
    """
    from moa_cli.commands import pages
    from moa_cli.commands.facts import benchmark_facts, is_benchmark, is_method, method_facts, nothing_called, run_facts
    from moa_cli.comparisons import is_saved, read_saved
    from moa_cli.formats import comparison_table

    path = Path(subject)
    document: Any
    if path.is_dir():
        document = run_facts(path)
        page = pages.facts_page(document)
    elif is_saved(path):
        document = read_saved(path)
        page = comparison_table(document)
    elif is_method(subject):
        document = method_facts(subject)
        page = pages.method_page(document)
    elif is_benchmark(subject):
        document = benchmark_facts(subject, runs)
        page = pages.benchmark_page(document, subject)
    else:
        refuse(*nothing_called(subject))
    out(document if json else page)
