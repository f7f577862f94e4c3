"""`moa rm` and `moa clean`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from moa_cli.commands.options import Home, Verbose
from moa_cli.console import ask, out, refuse, say

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]

DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be removed, and remove nothing.")]


def rm(
    run: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Folders of runs.")],
    dry_run: DryRun = False,
    yes: Yes = False,
    verbose: Verbose = False,
) -> None:
    """Remove runs. None that is being trained or measured, and none that is reached by a link.

    \b
    moa rm runs/hh-rlhf-mini/ric/0123abcd-s0
    """
    from benchmarks.spec import usual_home
    from moa_cli.commands.common import check_removable, check_runs, remove
    from moa_cli.runs import bytes_of
    from moa_cli.words import bytes_words

    run = [*dict.fromkeys(run)]
    check_runs(run, usual_home(), "train one: moa train")
    for path in run:
        check_removable(path)
    for path in run:
        say(f"{path}  {bytes_words(bytes_of(path))}")
    if not dry_run and (yes or ask(f"remove {'this run' if len(run) == 1 else f'these {len(run)} runs'}?")):
        for path in run:
            remove(path)


def clean(
    what: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KIND]...", help="checkpoints, unfinished, superseded or preparations; all if none."),
    ] = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    runs: Home = Path("runs"),
    verbose: Verbose = False,
) -> None:
    """Remove what nobody needs: says what and how large, then asks. Trained runs of the newest code stay.

    checkpoints: of trained runs. unfinished: runs that stopped or failed, and what a crash left. superseded: runs of
    earlier code of a method. preparations: starting policies, rewards and tokenizers that no run was trained on.

    \b
    moa clean --dry-run
    moa clean superseded checkpoints
    """
    from moa_cli.commands.common import KINDS, removable, remove
    from moa_cli.runs import check_home
    from moa_cli.words import bytes_words

    if wrong := [name for name in what or [] if name not in KINDS]:
        refuse(f"{wrong[0]} is nothing to clean", f"there are {', '.join(KINDS)}", "moa clean --dry-run")
    check_home(runs)
    found, notes = removable(runs, [kind for kind in KINDS if not what or kind in what])
    for note in notes:
        say(note)
    lines = [f"{bytes_words(one.size):>8}  {one.kind:<12}  {one.path}  ({one.why})" for one in found]
    total = bytes_words(sum(one.size for one in found))
    out("\n".join([*lines, f"{total:>8}  in all"]) if found else "nothing to remove")
    if found and not dry_run and (yes or ask(f"remove all this, {total}?")):
        for one in found:
            remove(one.path)
        say(f"removed {len(found)}")
