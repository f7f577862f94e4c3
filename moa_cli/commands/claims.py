"""`moa claims`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from moa_cli.commands import options
from moa_cli.commands.common import (
    check_files,
    check_outputs,
    folder_names,
    leave_unless,
    named_files,
    seeds_in,
    write_outputs,
)
from moa_cli.commands.options import AsJson, BenchmarksOrAll, Home, SeedsOrAll, Verbose
from moa_cli.console import out, say


def claims(
    method: options.MethodFiles = None,
    benchmark: BenchmarksOrAll = None,
    own: Annotated[
        Path | None,
        typer.Option("--claims", metavar="FILE.toml", help="Check these too; see moa_cli/claims/claims.toml."),
    ] = None,
    seed: SeedsOrAll = None,
    output: options.ClaimsOutputs = None,
    runs: Home = Path("runs"),
    json: AsJson = False,
    verbose: Verbose = False,
) -> None:
    """Check what papers claim over measured runs. Trains nothing.

    \b
    moa claims
    moa claims -b hh-rlhf-mini -o claims.md
    """
    from moa_cli.claims import CLAIM_FORMATS, check_claims, claims_table, load_claims
    from moa_cli.comparisons import found_fronts

    check_outputs(output or [], CLAIM_FORMATS, runs)
    check_files(method)
    checked = load_claims(own)
    first = [0]  # a measure is over trainings from one starting policy
    measured = found_fronts(runs, folder_names(benchmark, runs), seeds_in(seed), first, say)
    document = check_claims(checked, measured, say, named=named_files(method, benchmark))
    written = write_outputs(document, output or [], CLAIM_FORMATS)
    out(document if json else claims_table(document))
    leave_unless(written)
