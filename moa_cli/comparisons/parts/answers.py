"""What a comparison keeps of how rows came about: what they say to some prompts, and what their trainings logged."""

from __future__ import annotations

from typing import Literal

from benchmarks.common import Part


class SampleAnswer(Part):
    """What a row says to a prompt, with its held-out scores (M,)."""

    method: str
    response: str
    scores: tuple[float, ...]


class Sample(Part):
    """What all rows say to one prompt."""

    kind: Literal["best", "median", "worst"]
    """How the first row's scores are on it."""
    prompt: str
    answers: tuple[SampleAnswer, ...]


class AnswersAt(Part):
    """What a row says at one weight to some prompts (N,), at its first training."""

    method: str
    weights: tuple[float, ...]
    label: str
    responses: tuple[str, ...]
    scores: tuple[tuple[float, ...], ...]
    """(N, M)."""
    collapsed: tuple[bool, ...]
    """Which of them are degenerate."""


class Answers(Part):
    """Prompts, and what rows say to them at several weights."""

    numbers: tuple[int, ...]
    """Their places among all test prompts, from 1."""
    prompts: tuple[str, ...]
    given: tuple[AnswersAt, ...]


class Curve(Part):
    """What the first training of a row has logged in a stage: "loss", "reward" or "kl" by step, thinned out."""

    method: str
    stage: str
    measure: str
    steps: tuple[float, ...]
    values: tuple[float, ...]
