"""The document `moa.compare/4`: fronts side by side, as types. Every table, figure and verdict is made from it."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from benchmarks import Card
from benchmarks.common import Document, Part
from benchmarks.spec import SIGNALS, Signal
from benchmarks.stats import pareto
from moa_cli.comparisons.failure import Failure, alike, failed_words
from moa_cli.comparisons.parts import (
    LEAST_PROMPTS,
    Answers,
    Ceiling,
    Choice,
    Curve,
    Difference,
    Gate,
    Headline,
    OtherRef,
    Pair,
    Row,
    Sample,
    least_trained,
)
from moa_cli.words import in_trainings, numbered, one_line, scorers_word, signal_word

GOALS = "sft-goals"
"""The method whose row is the starting policy told goals: what rows that steer by the prompt are compared with, too."""


class OnBenchmark(Part):
    """What a comparison says of one benchmark: its rows, from the highest hypervolume to the lowest."""

    name: str
    version: str
    objectives: tuple[str, ...]
    ref: tuple[float, ...]
    card: Card
    """That of the first preparation."""
    policy_name: str = ""
    """What the starting policy was made of, in words; empty where no front says it."""
    preparations: tuple[int, ...] = (0,)
    """Those that every row was trained on."""
    prompts: int
    warnings: tuple[str, ...]
    """What makes all that follows unsafe."""
    keeps_collapsed: bool
    policies: int
    """K: by so many distinct policies every row is compared that has several."""
    asked: tuple[tuple[float, ...], ...]
    """The weights that a utility is a mean over."""
    rows: tuple[Row, ...]
    pairs: tuple[Pair, ...]
    """Every two rows that can be compared. p values are corrected for all pairs, in each headline number by itself."""
    detectable: dict[Headline, float]
    """The difference of two rows that is found with a chance of 80 %; nothing where no two may be told apart."""
    refs: tuple[OtherRef, ...]
    samples: tuple[Sample, ...]
    answers: Answers | None = None
    """What rows say at several weights; None where it is not on disk."""
    curves: tuple[Curve, ...] = ()
    """Of rows whose logs are on disk."""
    agreement: float | None
    """Kendall's tau between the orders of rows under rewards and scores; None for fewer than three rows."""
    ceiling: Ceiling | None
    choice: Choice | None = None
    """What to take for the weights that somebody asked for, with `--at`."""

    @property
    def signals(self) -> tuple[Signal, ...]:
        """What has a drawing of its own: scores alone, where every reward is its own evaluator, and both are one."""
        return SIGNALS if set(self.objectives) - set(self.card.not_held_out) else ("scores",)

    @property
    def base(self) -> str | None:
        """The row that others are compared with: of those that are not steered, the one that was trained least, as the
        starting policy was not."""
        return least_trained({row.method: row.cost for row in self.rows if row.steering == "none"})

    @property
    def start(self) -> str | None:
        """The base where it counts: what a utility is more than. None where it is more than the scale card's mean."""
        return next((row.method for row in self.rows if row.method == self.base and not self.left_out(row)), None)

    @property
    def goals_base(self) -> str | None:
        """The row of the starting policy told goals."""
        return next((row.method for row in self.rows if row.of_method == GOALS), None)

    def left_out(self, row: Row) -> bool:
        """Whether no point of a row counts, for all have collapsed: its hypervolume is 0 by a rule, not measured."""
        collapsed = all(point.collapsed_seeds == row.trainings for point in row.points)
        return collapsed and not self.keeps_collapsed

    def difference(self, a: str, b: str, headline: Headline = "hypervolume") -> Difference | None:
        """By how much row a exceeds row b, None where no point of one of them counts. KeyError for no such rows."""
        if any(self.left_out(row) for row in self.rows if row.method in (a, b)):
            return None
        for pair in self.pairs:
            if (pair.a, pair.b) == (a, b):
                return pair.of(headline)
            if (pair.a, pair.b) == (b, a):
                return pair.of(headline).turned()
        raise KeyError((a, b))

    def gain(self, row: Row, headline: Headline = "hypervolume") -> Difference | None:
        """By how much a row exceeds the base; None for the base itself and where there is none."""
        return None if self.base in (None, row.method) else self.difference(row.method, str(self.base), headline)

    def goals_gain(self, row: Row, headline: Headline = "hypervolume") -> Difference | None:
        """By how much a row that steers by the prompt exceeds the starting policy told goals; else None."""
        if self.goals_base in (None, row.method) or row.steering != "prompt":
            return None
        return self.difference(row.method, str(self.goals_base), headline)

    @property
    def single(self) -> list[str]:
        """The rows of one training, about whose method nothing can be concluded."""
        return [row.method for row in self.rows if row.trainings == 1]

    @property
    def concludes(self) -> bool:
        """Whether any two rows may be told apart: two of several trainings, on enough prompts."""
        return len(self.rows) - len(self.single) > 1 and self.prompts >= LEAST_PROMPTS

    @property
    def power(self) -> str:
        """How small a difference these trainings and prompts can show, in words; "" where they can show none."""
        told = " and ".join(f"{value:.2g} in {headline}" for headline, value in self.detectable.items())
        return f"a true difference of {told} is found here with a chance of 80 %" if told else ""

    def row_of(self, failure: Failure) -> Row | None:
        """The row that stands on what else there is of a method that failed; None where there is none."""
        return next((r for r in self.rows if (r.of_method, r.config) == (failure.method, failure.config)), None)

    def without(self, failure: Failure) -> str:
        """What a failure costs, in words."""
        if failure.method is None:
            return ""
        row, several = self.row_of(failure), len(self.preparations) > 1
        if failure.preparation not in self.preparations:
            return f"; preparation {failure.preparation} is left out, for rows are compared on the same ones"
        if row is None:
            return f"; it has no row{', for rows are compared on the same preparations' if several else ''}"
        stands = f"{row.trainings} training{'s' * (row.trainings != 1)}" if several else numbered("seed", row.seeds)
        return f"; its row stands on {stands}"

    def volumes(self, signal: Signal) -> dict[str, float]:
        """Every row's hypervolume."""
        return {row.method: row.quality(signal).hypervolume for row in self.rows}

    def adds(self, row: Row, signal: Signal) -> np.ndarray:
        """Which points (K,) of a row, in the order of their weights, add to the hypervolume of all of them.

        They are not left out for collapse, nor dominated by another that is not.
        """
        kept = np.flatnonzero([self.keeps_collapsed or not point.collapsed for point in row.in_order])
        mask = np.zeros(len(row.points), bool)
        if len(kept):
            mask[kept[pareto(row.values(signal)[kept])]] = True
        return mask

    def word(self, signal: Signal, *objectives: str) -> str:
        """What numbers of these objectives, or of all, are called under a signal: "held-out" or "reward"."""
        return signal_word(signal, not set(self.card.not_held_out) & set(objectives or self.objectives))

    def score_word(self, signal: Signal, *objectives: str) -> str:
        """What one of these numbers is called: "held-out score", "reward" or "training reward"."""
        word = self.word(signal, *objectives)
        return "held-out score" if word == "held-out" else word

    def scorers_word(self, signal: Signal, *objectives: str) -> str:
        """What gives these numbers: "held-out evaluators", "rewards" or "training rewards"."""
        return scorers_word(signal, self.word("scores", *objectives) == "held-out")

    @property
    def common_seeds(self) -> tuple[int, ...] | None:
        """The seeds of every row, None where rows have different ones."""
        seeds = [row.seeds for row in self.rows]
        return seeds[0] if all(s == seeds[0] for s in seeds) else None

    def row_name(self, row: Row) -> str:
        """A row's name on one line, with its seeds where rows have different ones."""
        if self.common_seeds is not None:
            return one_line(row.method)
        return one_line(f"{row.method} ({numbered('seed', row.seeds)})")

    @property
    def facts(self) -> list[str]:
        """What was measured: benchmark@version, objectives, prompts, seeds, ref."""
        seeds, ref = self.common_seeds, [f"{r:g}" for r in self.ref]
        return [
            f"{self.name}@{self.version}",
            ", ".join(self.objectives),
            f"{self.prompts} prompts",
            *([numbered("preparation", self.preparations)] if self.preparations != (0,) else []),
            "seeds differ" if seeds is None else numbered("seed", seeds),
            f"ref {ref[0] if len(set(ref)) == 1 else ', '.join(ref)}",
        ]

    @property
    def remarks(self) -> list[str]:
        """What a reader of the table must know: what is not held-out, who was trained once, which points collapsed."""
        same = ", ".join(map(one_line, self.card.not_held_out))
        lines = [f"{same}: no evaluator beside the reward, so nothing here is held-out"] if same else []
        if self.single and len(self.rows) > 1:
            who = "" if len(self.single) == len(self.rows) else f" of {', '.join(map(one_line, self.single))}"
            lines.append(f"one training{who or ' each'}: differences are on these trainings, nobody is called better")
        if len(self.preparations) == 1 and self.concludes:
            lines.append("one preparation: another starting policy and other rewards could order rows otherwise")
        lines += self._tuned
        done = "kept" if self.keeps_collapsed else "left out"
        for row in self.rows:
            name, degenerate = self.row_name(row), "over a fifth of the answers degenerate at"
            labels = [
                one_line(point.label) + in_trainings(point.collapsed_seeds, row.trainings)
                for point in row.points
                if point.collapsed_seeds
            ]
            if self.left_out(row):
                told = f"{name}: {degenerate} all points; they are left out, so nothing can be compared with it"
                lines.append(f"{told} (--keep-collapsed counts them)")
            elif labels:
                lines.append(f"{name}: {degenerate} {'; '.join(labels)} ({done})")
        return lines

    @property
    def _tuned(self) -> list[str]:
        """By how many trials the settings of what trains were chosen, where any were, and which by the evaluators."""
        trials = {self.row_name(row): row.trials for row in self.rows if row.cost.get("trained_tokens") != 0}
        told = ", ".join(f"{name} {count}" for name, count in trials.items())
        lines = [f"tuned unequally, by these numbers of trials: {told}; whoever had more has an advantage"]
        if len(set(trials.values())) == 1:
            lines = [f"settings chosen on dev prompts, by {max(trials.values())} trials for each that trains"]
        if seen := [self.row_name(row) for row in self.rows if row.trials and row.tuned_on == "scores"]:
            lines.append(
                f"tuned on the evaluators: {', '.join(seen)}; what is called held-out has chosen these settings"
            )
        return lines if any(trials.values()) else []


class Comparison(Document):
    """Fronts side by side, benchmark by benchmark."""

    SCHEMA: ClassVar[str] = "moa.compare/4"
    SUMMED: ClassVar[bool] = True

    benchmarks: tuple[OnBenchmark, ...]
    command: str | None = None
    """What made it; None where it was made in Python."""
    versions: dict[str, str] = Field(default_factory=dict)
    gate: Gate | None = None
    failures: tuple[Failure, ...] = ()
    """What was to be measured for it and could not be."""

    @property
    def steerings(self) -> dict[str, str]:
        """How each row is steered, by its name, over all benchmarks."""
        return {row.method: row.steering for benchmark in self.benchmarks for row in benchmark.rows}

    def failed_on(self, name: str) -> list[str]:
        """What failed on a benchmark and what that costs, a line for each reason."""
        here = [failure for failure in self.failures if failure.benchmark == name]
        on = next((one for one in self.benchmarks if one.name == name), None)
        return [f"{failed_words(group)}{on.without(group[0]) if on else ''}" for group in alike(here)]

    def case_of(self, failure: Failure) -> str:
        """The row that a failure belongs to: one that stands without it, else one of that name that is not there."""
        on = next((one for one in self.benchmarks if one.name == failure.benchmark), None)
        row = on.row_of(failure) if on else None
        return row.method if row else failure.method or "ceiling"

    @property
    def unmeasured(self) -> list[str]:
        """Benchmarks on which all failed."""
        there = {one.name for one in self.benchmarks}
        return [name for name in dict.fromkeys(one.benchmark for one in self.failures) if name not in there]

    @property
    def sampled_over(self) -> str:
        """What intervals are over."""
        trainings = min(row.trainings for benchmark in self.benchmarks for row in benchmark.rows)
        return self.tested_over if trainings > 1 else "prompts"

    @property
    def tested_over(self) -> str:
        """What tests are over, where two may be told apart."""
        several = min(len(benchmark.preparations) for benchmark in self.benchmarks) > 1
        return f"prompts and {'preparations' if several else 'trainings'}"

    def with_(self, **entries: Any) -> Comparison:
        """The comparison with other entries."""
        return self.model_copy(update=entries)
