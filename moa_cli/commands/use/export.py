"""`moa export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from moa_cli.commands import options
from moa_cli.commands.options import RunFolder, TryOut, Verbose, WeightsOfOne
from moa_cli.console import out, say

Push = Annotated[str | None, typer.Option("--push", metavar="REPO", help="Upload the folder to the hub, too.")]


def export(
    run: RunFolder,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to write it: a new folder, or an empty one.")],
    weights: WeightsOfOne = None,
    adapter: Annotated[
        bool, typer.Option("--adapter", help="Write the PEFT adapter alone, which names the model it belongs to.")
    ] = False,
    push: Push = None,
    method: options.MethodFiles = None,
    benchmark: options.BenchmarkFiles = None,
    dry_run: TryOut = False,
    verbose: Verbose = False,
) -> None:
    """Write the policy of a run as a Hugging Face folder, which answers without moa.

    \b
    moa export runs/hh-rlhf-mini/ric/1a2b3c4d-s0 --weights 0.3,0.7 my-policy
    moa export runs/hh-rlhf/rewarded-soups/5e6f7a8b-s0 --adapter --push me/my-policy my-policy
    """
    from moa_cli.commands.common import one_run, quietly, weights_in
    from moa_cli.runs import whole_command
    from moa_cli.runs.export import check_free, check_repository

    asked = weights_in(weights) if weights is not None else None
    check_free(folder)
    if push is not None:
        check_repository(push)
    chosen = one_run(run, method, benchmark)
    with quietly():
        from moa_cli.runs.export import asked_weights, export_run, push_folder

        point = asked_weights(chosen, asked)
        export_run(chosen, point, folder, adapter=adapter, command=whole_command(), dry=dry_run)
        if dry_run:
            say(f"would write {folder}{f' and upload it to {push}' if push else ''}: all but that was tried")
            return
        say(f"wrote {folder}: README.md says how it is loaded")
        if push:
            say(f"uploaded to {push_folder(folder, push)}")
    out(str(folder))
