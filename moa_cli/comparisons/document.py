"""The document `moa.compare/3`: fronts side by side, as types. Every table, figure and verdict is made from it."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
from pydantic import Field, JsonValue

from benchmarks import Card
from benchmarks.common import Document, Part
from benchmarks.spec import Signal
from benchmarks.stats import pareto
from moa_cli.comparisons.parts import (
    Attainment,
    Ceiling,
    Dominance,
    OtherRef,
    PromptScores,
    Quality,
    RowPoint,
    Sample,
)
from moa_cli.words import in_seeds, one_line

ALPHA = 0.05
"""Below it a corrected p value tells two rows apart."""

GateWord = Literal["better", "same", "unsure", "regressed", "lost", "failed", "new"]
WORSE = ("regressed", "lost", "failed")
"""Verdicts that close the gate."""


class Row(Part):
    """A method with one configuration, over its seeds."""

    method: str
    """Its name, with what tells its configuration from others'."""
    steering: str
    seeds: tuple[int, ...]
    rewards: Quality
    scores: Quality
    kendall_tau: dict[str, float | None]
    """Between the weight of an objective and its score; None where the weight does not vary."""
    collapse: float
    kl: float | None
    points: tuple[RowPoint, ...]
    attainment: Attainment | None
    cost: dict[str, float | None]
    """Of its own training, and of an answer; None for what was not counted."""
    charged: dict[str, float | None] = Field(default_factory=dict)
    """Of its training with what it used: trained rewards that it called, and tags."""
    used: tuple[str, ...] = ()
    """What it used of the preparation, beyond what all share, such as "reward helpful" or "tags"."""
    config: dict[str, JsonValue]
    runs: tuple[PromptScores, ...]

    def quality(self, signal: Signal) -> Quality:
        """The indicators under one signal."""
        return self.scores if signal == "scores" else self.rewards

    @property
    def in_order(self) -> list[RowPoint]:
        """The points in the order of their weights."""
        return sorted(self.points, key=lambda point: point.weights)

    def values(self, signal: Signal) -> np.ndarray:
        """Scores or rewards (K, M) of the points in the order of their weights."""
        return np.array([point.scores if signal == "scores" else point.rewards for point in self.in_order])


class Difference(NamedTuple):
    """The difference between two rows' held-out hypervolumes."""

    value: float
    low: float
    high: float
    p: float | None
    """p value of the permutation test, corrected for all pairs (Holm); None where points cannot be paired."""

    @property
    def clear(self) -> bool:
        """Whether the two can be told apart: the interval excludes 0, and so does the test where there is one."""
        return (self.low > 0 or self.high < 0) and (self.p is None or self.p < ALPHA)


class Pair(Part):
    """Row a less row b: the difference of their held-out hypervolumes at equally many points."""

    a: str
    b: str
    difference: float
    low: float
    high: float
    p: float
    """Of the nested bootstrap."""
    p_permutation: float | None
    p_holm: float | None
    """The permutation test's, corrected for all pairs; None where points cannot be paired."""
    dominance: Dominance | None


class OnBenchmark(Part):
    """What a comparison says of one benchmark: its rows, from the highest held-out hypervolume to the lowest."""

    name: str
    version: str
    objectives: tuple[str, ...]
    ref: tuple[float, ...]
    card: Card
    prompts: int
    keeps_collapsed: bool
    rows: tuple[Row, ...]
    pairs: tuple[Pair, ...]
    refs: tuple[OtherRef, ...]
    samples: tuple[Sample, ...]
    agreement: float | None
    """Kendall's tau between the orders of rows under rewards and scores; None for fewer than three rows."""
    ceiling: Ceiling | None

    @property
    def base(self) -> str | None:
        """The row that others are compared with: the first that is not steered at all, which no training moved."""
        return next((row.method for row in self.rows if row.steering == "none"), None)

    def left_out(self, row: Row) -> bool:
        """Whether no point of a row counts, for all have collapsed: its hypervolume is 0 by a rule, not measured."""
        collapsed = all(point.collapsed_seeds == len(row.seeds) for point in row.points)
        return collapsed and not self.keeps_collapsed

    def difference(self, a: str, b: str) -> Difference | None:
        """By how much row a exceeds row b, None where no point of one of them counts. KeyError for no such rows."""
        if any(self.left_out(row) for row in self.rows if row.method in (a, b)):
            return None
        for pair in self.pairs:
            if (pair.a, pair.b) == (a, b):
                return Difference(pair.difference, pair.low, pair.high, pair.p_holm)
            if (pair.a, pair.b) == (b, a):
                return Difference(-pair.difference, -pair.high, -pair.low, pair.p_holm)
        raise KeyError((a, b))

    def gain(self, row: Row) -> Difference | None:
        """By how much a row exceeds the base; None for the base itself and where there is none."""
        return None if self.base in (None, row.method) else self.difference(row.method, str(self.base))

    def volumes(self, signal: Signal) -> dict[str, float]:
        """Every row's hypervolume."""
        return {row.method: row.quality(signal).hypervolume for row in self.rows}

    def adds(self, row: Row, signal: Signal) -> np.ndarray:
        """Which points (K,) of a row, in the order of their weights, add to its hypervolume.

        They are not left out for collapse, nor dominated by another that is not.
        """
        kept = np.flatnonzero([self.keeps_collapsed or not point.collapsed for point in row.in_order])
        mask = np.zeros(len(row.points), bool)
        if len(kept):
            mask[kept[pareto(row.values(signal)[kept])]] = True
        return mask

    @property
    def not_held_out(self) -> list[str]:
        """The objectives whose reward is its own evaluator."""
        scorers = zip(self.objectives, self.card.rewards, self.card.evaluators, strict=True)
        return [name for name, reward, evaluator in scorers if reward == evaluator]

    @property
    def common_seeds(self) -> tuple[int, ...] | None:
        """The seeds of every row, None where rows have different ones."""
        seeds = [row.seeds for row in self.rows]
        return seeds[0] if all(s == seeds[0] for s in seeds) else None

    def row_name(self, row: Row) -> str:
        """A row's name on one line, with its seeds where rows have different ones."""
        if self.common_seeds is not None:
            return one_line(row.method)
        return one_line(f"{row.method} (seed{'s' * (len(row.seeds) > 1)} {', '.join(map(str, row.seeds))})")

    @property
    def facts(self) -> list[str]:
        """What was measured: benchmark@version, objectives, prompts, seeds, ref."""
        seeds, ref = self.common_seeds, [f"{r:g}" for r in self.ref]
        return [
            f"{self.name}@{self.version}",
            ", ".join(self.objectives),
            f"{self.prompts} prompts",
            "seeds differ" if seeds is None else f"seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds))}",
            f"ref {ref[0] if len(set(ref)) == 1 else ', '.join(ref)}",
        ]

    @property
    def remarks(self) -> list[str]:
        """What a reader of the table must know: where nothing is held out, and which points have collapsed."""
        same = self.not_held_out
        told = f"{', '.join(map(one_line, same))}: no held-out evaluator, so 'held-out' is the training reward"
        lines = [told] if same else []
        done = "kept" if self.keeps_collapsed else "left out"
        for row in self.rows:
            name, degenerate = self.row_name(row), "over a fifth of the answers degenerate at"
            labels = [
                one_line(point.label) + in_seeds(point.collapsed_seeds, len(row.seeds))
                for point in row.points
                if point.collapsed_seeds
            ]
            if self.left_out(row):
                told = f"{name}: {degenerate} all points; they are left out, so nothing can be compared with it"
                lines.append(f"{told} (--keep-collapsed counts them)")
            elif labels:
                lines.append(f"{name}: {degenerate} {'; '.join(labels)} ({done})")
        return lines


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
        """The verdict in words, such as "regressed: -1.00 [-1.50, -0.50], from 4.00"."""
        if self.change is None:
            return self.verdict
        difference, low, high = self.change
        return f"{self.verdict}: {difference:+.2f} [{low:+.2f}, {high:+.2f}], from {self.base:.2f}"


class Gate(Part):
    """Whether anything became worse than a baseline."""

    baseline: str
    tolerance: float
    """Share of the baseline's hypervolume that may be lost."""
    verdict: Literal["passed", "regressed"]
    verdicts: tuple[GateVerdict, ...]


class Comparison(Document):
    """Fronts side by side, benchmark by benchmark."""

    SCHEMA: ClassVar[str] = "moa.compare/3"

    benchmarks: tuple[OnBenchmark, ...]
    command: str | None = None
    """What made it; None where it was made in Python."""
    versions: dict[str, str] = Field(default_factory=dict)
    gate: Gate | None = None

    @property
    def steerings(self) -> dict[str, str]:
        """How each row is steered, by its name, over all benchmarks."""
        return {row.method: row.steering for benchmark in self.benchmarks for row in benchmark.rows}

    def with_(self, **entries: Any) -> Comparison:
        """The comparison with other entries."""
        return self.model_copy(update=entries)
