"""The log of a run, log.jsonl: what its training has measured, a row each time."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

from pydantic import TypeAdapter

from benchmarks.common import json_of, stored_bytes, tell

CURVES = ("loss", "reward", "kl")
"""What trainings log by these names can be drawn."""
LONGEST = 2**30
"""Bytes of a log [choice]: some million rows."""


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
    return _rows(folder, count)


class LogCurve(NamedTuple):
    """A measure by step."""

    steps: tuple[float, ...]
    values: tuple[float, ...]


def log_curves(folder: Path, most: int = 60) -> dict[tuple[str, str], LogCurve]:
    """The `CURVES` of each stage of a run, thinned out to means over at most so many spans of equally many rows.

    A step that was taken again, after an interruption, counts once.
    """
    found: dict[tuple[str, str], dict[int, float]] = {}
    for row in _rows(folder):
        for measure in CURVES:
            if measure in row.measured:
                found.setdefault((row.stage, measure), {})[row.step] = float(row.measured[measure])
    return {key: _thinned(sorted(values.items()), most) for key, values in found.items()}


def _thinned(points: list[tuple[int, float]], most: int) -> LogCurve:
    ends = [round(k * len(points) / most) for k in range(most + 1)] if len(points) > most else [*range(len(points) + 1)]
    spans = [points[start:end] for start, end in pairwise(ends)]
    steps = tuple(round(fmean(step for step, _ in span), 1) for span in spans)
    return LogCurve(steps, tuple(float(f"{fmean(value for _, value in span):.4g}") for span in spans))


def _rows(folder: Path, count: int = 0) -> list[LogRow]:
    """The last rows, or all of them; none where it cannot be read, which is told."""
    path = folder / "log.jsonl"
    try:
        lines = stored_bytes(path, LONGEST).decode(errors="replace").splitlines()[-count:]
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as error:
        tell(f"{path} cannot be read: {error}. What was logged is not shown")
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
