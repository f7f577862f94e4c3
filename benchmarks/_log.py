"""How long work reports on itself."""

from __future__ import annotations

from collections.abc import Callable

Log = Callable[[str, int, int, dict[str, float]], None]
"""Called with stage, step, number of steps, and what was measured since the last call."""


def silent(stage: str, step: int, steps: int, measured: dict[str, float]) -> None:
    """A log that keeps nothing."""
