"""The document `moa.study/3`: what a study found, as types. Its tables and figures are made from it."""

from __future__ import annotations

from typing import ClassVar, Literal

from benchmarks.common import Document, Part
from moa_cli.comparisons import Comparison, Difference, Failure, alike, failed_words
from moa_cli.words import numbered


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


class KLPoint(Part):
    """A place on a curve: means over the weights that were asked for."""

    setting: str
    """What was set to come here, such as "beta=0.1" or "n = 4"; nothing where a KL was."""
    kl: float
    """Nats per answer from the starting policy."""
    reward: Estimate | None
    """w . reward."""
    score: Estimate
    """w . score."""
    utility: Estimate
    """w . score, less the starting policy's."""
    collapsed: float = 0.0
    """Share of degenerate answers."""
    counts: bool = True
    """Whether the curve goes through it: not where too many answers of a point are degenerate."""


class KLCurve(Part):
    """What is reached at which KL."""

    name: str
    kind: Literal["method", "best-of-n", "optimum"]
    points: tuple[KLPoint, ...]
    """From the least KL to the largest."""
    utility_at: tuple[Estimate | None, ...]
    """At each KL at which curves are read, linear between points; None where the curve does not reach."""


class KLCurves(Part):
    """Curves of score against KL on one benchmark."""

    at: tuple[float, ...]
    """Nats at which they are read."""
    sampled: int | None
    """Prompts on which best-of-n and the optimal policies are estimated; None where nothing was sampled for them."""
    curves: tuple[KLCurve, ...]


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
    kl: KLCurves | None = None
    """Where methods were compared at the same KL."""

    def facts(self, title: str) -> list[str]:
        """Benchmark, what a table shows, prompts, seeds."""
        return [
            f"{self.name}@{self.version}",
            title,
            f"{self.prompts} prompts",
            numbered("seed", self.seeds),
        ]


class Study(Document):
    """What a study found."""

    SCHEMA: ClassVar[str] = "moa.study/3"

    study: str
    """The question, as `moa study` calls it."""
    methods: tuple[str, ...]
    benchmarks: tuple[StudyOn, ...]
    comparison: Comparison | None
    """Of configurations, where several were compared."""
    failures: tuple[Failure, ...] = ()
    """What was to be measured for it and could not be."""

    @property
    def failed(self) -> list[str]:
        """What failed, a line for each reason, where no comparison tells it."""
        return [] if self.comparison else [f"{one[0].benchmark}: {failed_words(one)}" for one in alike(self.failures)]
