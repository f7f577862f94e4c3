"""What a gate thinks of a comparison's rows, beside those of a baseline."""

from __future__ import annotations

from typing import Literal

from benchmarks.common import Part

GateWord = Literal["better", "same", "unsure", "regressed", "lost", "failed", "new"]
WORSE = ("regressed", "lost", "failed")
"""Verdicts that close the gate."""


class GateVerdict(Part):
    """What a gate thinks of one row: the difference to the baseline, where both have it."""

    benchmark: str
    method: str
    verdict: GateWord
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    base: float | None = None
    """The baseline's hypervolume."""
    reason: str | None = None
    """Why it failed, where it did."""

    @property
    def worse(self) -> bool:
        """Whether it closes the gate."""
        return self.verdict in WORSE

    @property
    def change(self) -> tuple[float, float, float] | None:
        """The difference with its interval, None for a row that is on one side only."""
        if self.difference is None or self.low is None or self.high is None:
            return None
        return self.difference, self.low, self.high

    @property
    def told(self) -> str:
        """The verdict in words, such as "regressed: -1.00 [-1.50, -0.50], from 4.00", or why it failed."""
        if self.change is None:
            return self.verdict if self.reason is None else f"{self.verdict}: {self.reason}"
        difference, low, high = self.change
        return f"{self.verdict}: {difference:+.2f} [{low:+.2f}, {high:+.2f}], from {self.base:.2f}"


class Gate(Part):
    """Whether anything became worse than a baseline."""

    baseline: str
    tolerance: float
    """Share of the baseline's hypervolume that may be lost."""
    verdict: Literal["passed", "regressed"]
    verdicts: tuple[GateVerdict, ...]
