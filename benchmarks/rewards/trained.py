"""The reward that is trained at preparation."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Self

from benchmarks.common import Range, Said, digest, folder_content, model_content, reading
from benchmarks.spec import (
    REVISION,
    SIZES,
    Description,
    Half,
    Scorer,
    beside,
    model_mistake,
    root,
    score_cache,
    tokenizer_folder,
    weights_id,
)

OWN_RATE = 7e-4
"""Learning rate of a classifier that is made here, untrained or from a policy that is made here."""


PRETRAINED_RATE = 2e-5
"""Of a pretrained base: the usual one of fine-tuning (Devlin et al. 2019, arXiv 1810.04805: 2e-5 to 5e-5)."""


ADAPTER_RATE = 2e-4
"""Of adapters on a large pretrained base (Hu et al. 2021, arXiv 2106.09685, table 12: 2e-4 for GPT-3)."""


@dataclass(frozen=True, kw_only=True)
class TrainedReward:
    """A Bradley-Terry classifier trained at preparation from the objective's own preference pairs."""

    base: Annotated[str, Said()] = "policy"
    """What it starts from: "policy", an untrained model of a scratch size ("0.3m", "1m", ...), a hub id or a path.
    "policy" is the benchmark's starting policy, which knows what fits a prompt."""
    steps: Annotated[int, Range(1)] = 300
    batch: Annotated[int, Range(1)] = 12
    """Pairs per step."""
    learning_rate: Annotated[float, Range(0, 1)] | None = None
    """None: `OWN_RATE` for what is made here; for pretrained bases `PRETRAINED_RATE`, `ADAPTER_RATE` with LoRA."""
    seed: Annotated[int, Range(0)] = 0
    """Two objectives' seeds may agree; a held-out evaluator trained on the same pairs needs another."""
    fold: Half = "all"
    """Which training pairs it sees: all, or the "even" or "odd" half.
    With a half each, a reward and its held-out evaluator share none."""

    @property
    def identity(self) -> Self:
        """With its pretrained base by content or, for what is made here, with the rate of that: what it is trained from
        then belongs to the benchmark."""
        if self.base not in ("policy", *SIZES):
            return replace(self, base=model_content(self.base))
        return self if self.learning_rate is not None else replace(self, learning_rate=OWN_RATE)

    @property
    def words(self) -> str:
        """How it is trained."""
        rate = "by its base" if self.learning_rate is None else f"{self.learning_rate:.6g}"
        return (
            f"trained here from preference pairs (base {self.base}, steps {self.steps}, batch {self.batch}, "
            f"learning_rate {rate}, seed {self.seed}, fold {self.fold})"
        )

    def id(self, benchmark: Description, objective: str) -> str:
        """The name of its recipe."""
        return self.folder(benchmark, objective).name

    def folder(self, benchmark: Description, objective: str) -> Path:
        """Where it lies when it is made."""
        recipe = [
            REVISION, self.identity, tokenizer_folder(benchmark).name, benchmark.max_prompt_tokens,
            benchmark.sampling.max_new_tokens, weights_id(benchmark) if self.base == "policy" else "",
        ]  # fmt: skip
        return root(benchmark) / f"reward-{objective}-{digest(recipe)}"

    def scorer(self, benchmark: Description, objective: str) -> Scorer:
        """The classifier that was made, which scores an answer once."""
        from benchmarks.rewards.classifier import Classifier

        with reading(folder := self.folder(benchmark, objective)):
            known = f"{folder.name} {folder_content(folder)}"  # the same recipe elsewhere makes another model
            return Classifier(folder, prompt_tokens=benchmark.max_prompt_tokens, cache=score_cache(benchmark, known))

    def found_in(self, folder: Path) -> Self:
        """With the path of its base where the folder has it. ValueError for a base that cannot be."""
        if self.base in ("policy", *SIZES):
            return self
        base = beside(self.base, folder)
        if mistake := model_mistake(base, folder=folder):
            raise ValueError(f"base: {mistake}")
        return replace(self, base=base)
