"""How much a method will do, before it does it: what a dry run makes FLOPs and hours of."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Effort:
    """A part of what a method does, in answers that go through one model, each with its prompt."""

    model: str = "policy"
    """What they go through: "policy", a scratch size ("1m"), or a decoder's hub id or path."""
    own: bool = False
    """Whether they are a policy's own, as long as sampling allows; else they are the data's."""
    drawn: float = 0
    """Answers that are drawn."""
    learned: float = 0
    """Answers that are learned from, once per pass."""
    read: float = 0
    """Answers whose likelihood, or grade, is computed without learning from them: by a reference, for instance."""
    batch: int = 0
    """Answers that an update learns from."""
    stages: int = 1
    """Trainings that this is the sum of, where it learns: each leaves a model, or its adapter, on the disk."""
    scored: float = 0
    """Answers that all rewards of the benchmark score."""
