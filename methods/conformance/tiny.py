"""A world of two words, whose benchmark is prepared in seconds: on it every method can be trained several times."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import (
    Answer,
    Benchmark,
    FunctionReward,
    Objective,
    PreferencePair,
    Sampling,
    Scratch,
    TrainedReward,
)
from benchmarks.common import digest
from benchmarks.models import setup
from benchmarks.spec import SIZES, simplex_grid


def ahs(prompts: Sequence[str], responses: Sequence[str]) -> list[float]:
    """How often each answer says ah."""
    return [float(response.split().count("ah")) for response in responses]


def ohs(prompts: Sequence[str], responses: Sequence[str]) -> list[float]:
    """How often each answer says oh."""
    return [float(response.split().count("oh")) for response in responses]


def characters(prompts: Sequence[str], responses: Sequence[str]) -> list[float]:
    """How long each answer is: a reward under which any two policies differ."""
    return [float(len(response)) for response in responses]


def say(i: int, ahs: int, ohs: int) -> str:
    """An answer of so many ahs and ohs, in an order that depends on i."""
    words = ["ah"] * ahs + ["oh"] * ohs
    return (
        " ".join(words[(7 * i + 3 * k) % len(words)] for k in range(len(words))) if len(words) % 3 else " ".join(words)
    )


@dataclass(frozen=True)
class Cries:
    """Prompts that are answered with ahs and ohs, which compete for the room in an answer of eight tokens."""

    def prompts(self, split: str) -> list[str]:
        """Calls to learn from, whispers to choose on, shouts to report."""
        order, count = {"train": ("Call", 48), "dev": ("Whisper", 14), "test": ("Shout", 12)}[split]
        return [f"{order} {i}: what do you say?" for i in range(count)]

    def demonstrations(self) -> list[Answer]:
        """An answer to every call."""
        return [Answer(p, say(i, 1 + i % 3, 3 - i % 3)) for i, p in enumerate(self.prompts("train"))]

    def responses(self) -> list[Answer]:
        """Two answers to every call."""
        more = [Answer(p, say(i, i % 4, 1 + i % 2)) for i, p in enumerate(self.prompts("train"))]
        return [*self.demonstrations(), *more]

    def preference_pairs(self, objective: str, split: str) -> list[PreferencePair]:
        """For ah alone."""
        if objective != "ah":
            return []
        return [PreferencePair(p, say(i, 3, 1), say(i, 1 - i % 2, 3)) for i, p in enumerate(self.prompts(split))]

    def fingerprint(self) -> str:
        """Of the answers."""
        return digest(self.responses())


AHS, OHS, LENGTH = (
    FunctionReward(function=f"methods.conformance.tiny:{name}") for name in ("ahs", "ohs", "characters")
)


@contextmanager
def a_tiny_size() -> Iterator[None]:
    """Inside the block `scratch:tiny` exists: width 32, two layers, two heads, about 30,000 parameters."""
    setup(1)
    known = dict(SIZES)
    SIZES["tiny"] = (32, 2, 2)
    try:
        yield
    finally:
        SIZES.clear()
        SIZES.update(known)


def tiny_benchmark(home: Path, ah: FunctionReward = AHS, oh: FunctionReward = OHS) -> Benchmark:
    """The benchmark before anything is made: a trained reward with gold evaluator, and a gold reward."""
    trained = TrainedReward(base="tiny", steps=30, batch=16, learning_rate=1e-2)
    return Benchmark(
        name="cries",
        version="1",
        data=Cries(),
        objectives=(Objective(name="ah", reward=trained, evaluator=ah), Objective(name="oh", reward=oh, evaluator=oh)),
        policy="scratch:tiny",
        sampling=Sampling(max_new_tokens=8),
        eval_prompts=10,
        scratch=Scratch(vocabulary=300, pretrain_steps=40, sft_steps=10, batch=16, learning_rate=1e-2),
        grid=simplex_grid(2, 2),
        max_prompt_tokens=64,
        home=home,
    )
