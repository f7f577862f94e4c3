"""Comparisons that were saved as .json: read, and checked before any work begins."""

from __future__ import annotations

from pathlib import Path

from benchmarks import BadInput
from moa_cli.comparisons.document import Comparison
from moa_cli.words import one_line


def is_saved(path: Path) -> bool:
    """Whether a path is called as a saved comparison is."""
    return path.suffix.lower() == ".json"


def read_saved(path: Path) -> Comparison:
    """The comparison in a file.

    BadInput where it cannot be read, is something else, is damaged, or was saved by an earlier version.
    """
    try:
        return Comparison.from_json(path.read_bytes())
    except OSError as error:
        raise _refused(path, error.strerror or "it cannot be read") from error
    except ValueError as error:
        raise _refused(path, one_line(str(error))) from error


def _refused(path: Path, reason: str) -> BadInput:
    return BadInput(
        f"{path} is no saved comparison: {reason}",
        f'a saved comparison says "schema": "{Comparison.SCHEMA}"; what earlier versions saved has other names',
        "make one from the runs, again if need be: moa compare -o FILE.json",
    )
