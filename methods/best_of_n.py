"""Best-of-N: of N answers of the starting policy, give the one with the best reward (arXiv 2009.01325; 2112.09332)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from benchmarks import Benchmark, Weights
from benchmarks.common import Answering, Range
from methods import Effort, Method, Run

if TYPE_CHECKING:
    from benchmarks import Policy


@dataclass(frozen=True, kw_only=True)
class BestOfN(Method):
    """argmax_{y_1..y_N ~ pi_0} w . r(x, y): the competitor that trains nothing and pays when it answers.

    An answer costs N generations and N reward calls per objective. KL(pi || pi_0) <= log N - (N - 1) / N (arXiv
    2401.01879, theorem 1).
    """

    steering = "decode"
    sets_kl = "candidates"

    candidates: Annotated[int, Range(1), Answering] = 16
    """N, the answers among which the best is chosen [choice] (WebGPT: 4 to 64). With 1 it is the starting policy."""

    def train(self, benchmark: Benchmark, run: Run) -> None:
        """Nothing to do."""

    def effort(self, benchmark: Benchmark, parameters: int) -> tuple[Effort, ...]:
        """None."""
        return ()

    def serving(self, benchmark: Benchmark, prompts: int) -> Effort:
        """N candidates for a prompt, the same at all points; of the one that is given the KL is known."""
        given, drawn = len(self.points(benchmark)) * prompts, self.candidates * prompts
        return Effort(own=True, drawn=drawn, read=given, scored=drawn + given)

    def policy(self, benchmark: Benchmark, run: Run, weights: Weights) -> Policy:
        """The starting policy, choosing. All weights choose among the same answers, which are kept in the run."""
        from methods import best_of

        return best_of(benchmark, self.candidates, weights, run.dir / "candidates")
