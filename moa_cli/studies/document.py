"""The document `moa.study/3`: what a study found, as types. Its tables and figures are made from it."""

from __future__ import annotations

from typing import ClassVar

from benchmarks.common import Document, Part
from moa_cli.comparisons import Comparison, Difference


class Estimate(Part):
    """A number with its 95 % interval."""

    value: float
    low: float
    high: float


Cell = str | int | float | Estimate | Difference | None


class Curves(Part):
    """Which columns of a table a figure draws, by number."""

    panel: int | None
    """Sorts the rows into panels; None: all are in one."""
    x: int
    """What was varied. A row without is a level to compare with."""
    y: tuple[int, ...]
    """Estimates of scores."""
    level: str | None
    """What the legend calls such levels."""


class FoundTable(Part):
    """What was found, as rows of words, numbers, and numbers with their interval."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    curves: Curves | None = None


class StudyOn(Part):
    """What a study found on one benchmark."""

    name: str
    version: str
    objectives: tuple[str, ...]
    prompts: int
    seeds: tuple[int, ...]
    warnings: tuple[str, ...]
    """What makes the tables unsafe."""
    tables: tuple[FoundTable, ...]

    def facts(self, title: str) -> list[str]:
        """Benchmark, what a table shows, prompts, seeds."""
        return [
            f"{self.name}@{self.version}",
            title,
            f"{self.prompts} prompts",
            f"seed{'s' * (len(self.seeds) > 1)} {', '.join(map(str, self.seeds))}",
        ]


class Study(Document):
    """What a study found about one method."""

    SCHEMA: ClassVar[str] = "moa.study/3"

    study: str
    """The question, as `moa study` calls it."""
    method: str
    benchmarks: tuple[StudyOn, ...]
    comparison: Comparison | None
    """Of configurations, where several were compared."""
