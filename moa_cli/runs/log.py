"""The log of a run, log.jsonl: what its training has measured, a row each time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple


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


def last_rows(folder: Path, count: int) -> list[LogRow]:
    """The last rows of a run's log; a line that a crash cut short is left out."""
    try:
        lines = (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()[-count:]
    except FileNotFoundError:
        return []
    return [_row(**json.loads(line)) for line in lines if line.endswith("}")]


def _row(stage: str, step: int, steps: int, time: str = "", seconds: float | None = None, **measured: float) -> LogRow:
    """A row as `Run.log` writes it."""
    return LogRow(stage, step, steps, measured, time, seconds)
