"""`moa doctor`."""

from __future__ import annotations

from pathlib import Path

from moa_cli.commands.common import leave_unless
from moa_cli.commands.options import AsJson, Verbose
from moa_cli.console import out


def doctor(json: AsJson = False, verbose: Verbose = False) -> None:
    """Tell what this machine has for moa, and what is missing; leaves with 2 if something is.

    \b
    moa doctor
    moa doctor --json
    """
    from moa_cli.commands.common import examine

    found = examine(_project())
    out(found.model_dump(mode="json") if json else found.page())
    leave_unless(not found.missing)


def _project() -> str:
    from benchmarks import BadInput
    from moa_cli.commands.project import find_project

    try:
        found = find_project(Path.cwd())
    except BadInput as error:
        return error.what
    return found.file if found else "none"
