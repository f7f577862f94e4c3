"""`moa soup`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from moa_cli.commands.options import Home, TryOut, Verbose
from moa_cli.console import out, say


def soup(
    adapter: Annotated[list[Path], typer.Argument(metavar="ADAPTER...", help="Folders of PEFT adapters of one base.")],
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to write it: a new folder, or an empty one.")],
    weights: Annotated[str, typer.Option("--weights", metavar="W,W", help="One per adapter; they sum to 1.")],
    benchmark: Annotated[
        str | None,
        typer.Option("--benchmark", "-b", metavar="BENCHMARK", help="Read and draw as this one does, and measure it."),
    ] = None,
    runs: Home = Path("runs"),
    dry_run: TryOut = False,
    verbose: Verbose = False,
) -> None:
    """Merge adapters that were made elsewhere, and write the result as a Hugging Face folder.

    \b
    moa soup helpful-adapter harmless-adapter --weights 0.3,0.7 my-soup
    moa soup helpful-adapter harmless-adapter --weights 0.3,0.7 -b hh-rlhf my-soup
    """
    from moa_cli.commands.common import benchmark_list, front_table, quietly, settings_of, weights_in
    from moa_cli.runs import whole_command
    from moa_cli.runs.export import check_free

    point = weights_in(weights)
    check_free(folder, runs)
    settings = settings_of([], benchmark_list([benchmark]), [], None, runs) if benchmark else None
    [chosen] = settings.benchmarks.values() if settings else [None]
    with quietly():
        from moa_cli.runs.export import export_soup, measured, soup_of

        if chosen:
            _ = chosen.prepared  # or it is said what is missing
        base, policy = soup_of(adapter, point, chosen)
        if dry_run:
            say(f"would write {folder}: all but that was tried")
            return
        export_soup(adapter, point, folder, base=base, policy=policy, benchmark=chosen, command=whole_command())
        say(f"wrote {folder}")
        if chosen:
            out(front_table(measured(chosen, policy, point), whole=False))
    out(str(folder))
