"""The reward that is a published classifier."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Self

from benchmarks.common import Range
from benchmarks.spec import Description, Scorer, beside, score_cache


@dataclass(frozen=True, kw_only=True)
class HubReward:
    """A sequence classifier by hub id or local path: one of its logits is the reward (METHODS: rewards)."""

    model: str
    label: Annotated[int, Range(0)] = 0
    """Index of the logit."""
    sign: float = 1.0
    """-1 for a classifier of something bad."""
    inputs: str = "pair"
    """"pair" = (prompt, response) as two segments, "pair-reversed" = (response, prompt), "response" = response only,
    otherwise a template with {prompt}, {response} and {bos}, scored as one text."""
    revision: str | None = None

    @property
    def identity(self) -> Self:
        """As it is: a model goes by its id and revision."""
        return self

    @property
    def words(self) -> str:
        """The model and how it is read."""
        revision = f", revision {self.revision}" if self.revision else ""
        return f"model {self.model} (label {self.label}, sign {self.sign:g}, inputs {self.inputs}{revision})"

    def id(self, benchmark: Description, objective: str) -> str:
        """Hub id and revision, and how the model is read."""
        return f"{self.model}@{self.revision or 'main'}[{self.sign:+g}*{self.label}:{self.inputs}]"

    def scorer(self, benchmark: Description, objective: str) -> Scorer:
        """The classifier, which scores an answer once."""
        from benchmarks.rewards.classifier import Classifier

        cache = score_cache(benchmark, self.id(benchmark, objective))
        return Classifier(
            self.model, revision=self.revision, label=self.label, sign=self.sign, inputs=self.inputs, cache=cache
        )

    def found_in(self, folder: Path) -> Self:
        """With the path of its model where the folder has it."""
        return replace(self, model=beside(self.model, folder))
