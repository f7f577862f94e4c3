"""The reward that is trained at preparation."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self

from benchmarks.common import Range, digest
from benchmarks.spec import REVISION, Description, Scorer, policy_id, root, score_cache, tokenizer_folder


@dataclass(frozen=True, kw_only=True)
class TrainedReward:
    """A Bradley-Terry classifier trained at preparation from the objective's own preference pairs."""

    base: str = "policy"
    """What it starts from: "policy", an untrained model of a scratch size ("0.3m", "1m", ...), a hub id or a path.
    "policy" is the benchmark's starting policy, which knows what fits a prompt."""
    steps: Annotated[int, Range(1)] = 300
    batch: Annotated[int, Range(1)] = 12
    """Pairs per step."""
    learning_rate: Annotated[float, Range(0, 1)] = 7e-4
    seed: Annotated[int, Range(0)] = 0
    """Two objectives' seeds may agree; a held-out evaluator trained on the same pairs needs another."""
    fold: Literal["all", "even", "odd"] = "all"
    """Which training pairs it sees: all, or the "even" or "odd" half.
    With a half each, a reward and its held-out evaluator share none."""

    @property
    def identity(self) -> Self:
        """As it is: what it is trained from belongs to the benchmark."""
        return self

    @property
    def words(self) -> str:
        """How it is trained."""
        return (
            f"trained here from preference pairs (base {self.base}, steps {self.steps}, batch {self.batch}, "
            f"learning_rate {self.learning_rate:.6g}, seed {self.seed}, fold {self.fold})"
        )

    def id(self, benchmark: Description, objective: str) -> str:
        """The name of its recipe."""
        return self.folder(benchmark, objective).name

    def folder(self, benchmark: Description, objective: str) -> Path:
        """Where it lies when it is made."""
        recipe = [
            REVISION, self, tokenizer_folder(benchmark).name, benchmark.max_prompt_tokens,
            benchmark.sampling.max_new_tokens, policy_id(benchmark) if self.base == "policy" else "",
        ]  # fmt: skip
        return root(benchmark) / f"reward-{objective}-{digest(recipe)}"

    def scorer(self, benchmark: Description, objective: str) -> Scorer:
        """The classifier that was made, which scores an answer once."""
        from benchmarks.rewards.classifier import Classifier

        return Classifier(
            self.folder(benchmark, objective), cache=score_cache(benchmark, self.id(benchmark, objective))
        )

    def found_in(self, folder: Path) -> Self:
        """As it is."""
        return self
