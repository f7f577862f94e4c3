"""SFT with goals: the starting policy told goals like <helpful 5>, trained no further (tags: arXiv 2505.20336)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated

from benchmarks import Benchmark, Weights
from benchmarks.common import Answering, Range
from benchmarks.models import tagged
from methods import Effort, Method, Run, Template, WeightsToGoals, goals_for, goals_template, intensities

if TYPE_CHECKING:
    from benchmarks import Policy


@dataclass(frozen=True, kw_only=True)
class SFTGoals(Method):
    """No training beyond the benchmark's own preparation: the weights become goals in the prompt.

    What a method that is steered by the prompt adds, it adds to this. A policy that was trained here knows the tags
    from its pre-training; without them (`scratch.tags=false`), and to one that never read any, they are noise.
    """

    steering = "prompt"

    mapping: Annotated[WeightsToGoals, Answering] = "middle"
    """How weights become goals [choice]: intensity 1 + (K - 1) s, rounded, where s follows from w.
    s is w ("linear"), w / max(w) ("linf"), w / ||w||_2 ("l2"), or the power of w that is 1/2 at equal weights
    ("middle", for two objectives the same as "linear"). A goal of intensity 1 is left out."""
    classes: Annotated[int, Range(2), Answering] = 5
    """Highest intensity K where the data has no grades [choice]; grades bring their own number."""

    def train(self, benchmark: Benchmark, run: Run) -> None:
        """Nothing to do."""

    def effort(self, benchmark: Benchmark, parameters: int) -> tuple[Effort, ...]:
        """None."""
        return ()

    def policy(self, benchmark: Benchmark, run: Run, weights: Weights) -> Policy:
        """The starting policy, told the goals that the weights ask for."""
        from methods import steered

        goals = goals_for(weights, intensities(benchmark, self.classes), self.mapping)
        return steered(benchmark.prepared.policy, partial(tagged, levels=goals, names=benchmark.names))

    def template(self, benchmark: Benchmark, run: Run) -> Template:
        """The same goals before the same prompt."""
        return goals_template(benchmark.names, intensities(benchmark, self.classes), self.mapping)
