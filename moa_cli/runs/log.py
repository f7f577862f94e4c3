"""The log of a run, log.jsonl: what its training has measured, a row each time."""

from __future__ import annotations

import math
from pathlib import Path
from typing import NamedTuple

from pydantic import TypeAdapter

from benchmarks.common import json_of


class LogRow(NamedTuple):
    """What was measured at a step of a stage."""

    stage: str
    step: int
    steps: int
    measured: dict[str, float]
    """Tokens per second among it."""
    time: str = ""
    """When it was written, UTC; empty in logs of earlier versions."""
    seconds: float | None = None
    """Since the start of the training."""


_ROWS = TypeAdapter(LogRow)


def last_rows(folder: Path, count: int) -> list[LogRow]:
    """The last rows of a run's log; lines that a crash cut short, or that are damaged, are left out."""
    try:
        lines = (folder / "log.jsonl").read_text(encoding="utf-8", errors="replace").splitlines()[-count:]
    except FileNotFoundError:
        return []
    return [row for line in lines if (row := _read(line))]


def _read(line: str) -> LogRow | None:
    """A row, None where it is none. A number that is not finite is left out."""
    try:
        row = _row(**json_of(line))
        measured = {name: value for name, value in row.measured.items() if math.isfinite(value)}
        read = _ROWS.validate_python(row._replace(measured=measured), strict=True)
        return read if math.isfinite(read.seconds or 0) else None
    except (ValueError, TypeError):
        return None


def _row(stage: str, step: int, steps: int, time: str = "", seconds: float | None = None, **measured: float) -> LogRow:
    """A row as `Run.log` writes it."""
    return LogRow(stage, step, steps, measured, time, seconds)
