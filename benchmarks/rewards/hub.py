"""The reward that is a published classifier."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Self

from benchmarks.common import Range, Said, hub_commit, model_content
from benchmarks.spec import Description, Scorer, beside, model_mistake, score_cache

ID = re.compile(
    r"(?P<model>.+)@(?P<revision>[^@\[\]]+)\[(?P<sign>[+-][^*]+)\*(?P<label>\d+):(?P<inputs>.*)\]", re.DOTALL
)
"""How scale cards call a model of the hub or of a folder."""


def id_in_words(name: str) -> str:
    """What a scale card calls a reward, as people read it: what is not as usual in words. Other kinds' stay."""
    if not (found := ID.fullmatch(name)):
        return name
    told = {
        f"revision {found['revision'][:12]}": found["revision"] != "main",
        f"label {found['label']}": found["label"] != "0",
        f"times {found['sign'].removeprefix('+')}": found["sign"] != "+1",
        f"read as {found['inputs']!r}": found["inputs"] != "pair",
    }
    return ", ".join([found["model"], *(words for words, unusual in told.items() if unusual)])


@dataclass(frozen=True, kw_only=True)
class HubReward:
    """A sequence classifier by hub id or local path: one of its logits is the reward (METHODS: rewards)."""

    model: Annotated[str, Said()]
    label: Annotated[int, Range(0)] | None = None
    """Index of the logit. A classifier with several must have it said."""
    sign: float = 1.0
    """-1 for a classifier of something bad."""
    inputs: str = "pair"
    """"pair" = (prompt, response) as two segments, "pair-reversed" = (response, prompt), "response" = response only,
    "chat" = the dialogue in its tokenizer's chat template, the response as the assistant's last turn; otherwise a
    template with {prompt}, {response}, {bos} and {eos}, scored as one text."""
    revision: str | None = None

    @property
    def identity(self) -> Self:
        """A hub model by its id and commit, one in a folder by the folder's name and content."""
        folder = Path(self.model).is_dir()
        commit = None if folder else hub_commit(self.model, self.revision, "model")
        model = model_content(self.model) if folder else self.model
        return replace(self, model=model, revision=commit or self.revision, label=self.label or 0)

    @property
    def words(self) -> str:
        """The model and how it is read."""
        revision = f", revision {self.revision}" if self.revision else ""
        return f"model {self.model} (label {self.label or 0}, sign {self.sign:g}, inputs {self.inputs}{revision})"

    def id(self, benchmark: Description, objective: str) -> str:
        """Model and commit, and how the model is read."""
        named = self.identity
        return f"{named.model}@{named.revision or 'main'}[{self.sign:+g}*{named.label}:{self.inputs}]"

    def scorer(self, benchmark: Description, objective: str) -> Scorer:
        """The classifier, which scores an answer once, under all of its labels."""
        from benchmarks.rewards.classifier import Classifier

        named = self.identity
        read = f"logits of {named.model}@{named.revision or 'main'}[{self.inputs}]"
        return Classifier(
            self.model, revision=self.revision, label=self.label, sign=self.sign, inputs=self.inputs,
            cache=score_cache(benchmark, read),
        )  # fmt: skip

    def found_in(self, folder: Path) -> Self:
        """With the path of its model where the folder has it. ValueError for fields that cannot be meant."""
        from benchmarks.rewards.inputs import inputs_mistake

        if mistake := inputs_mistake(self.inputs):
            raise ValueError(f"inputs: {mistake}")
        if not self.sign:
            raise ValueError("sign: 0 makes every answer the same; -1 is for a classifier of something bad")
        model = beside(self.model, folder)
        if mistake := model_mistake(model, folder=folder):
            raise ValueError(f"model: {mistake}")
        return replace(self, model=model)
