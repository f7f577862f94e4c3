"""What the embedded benchmarks share: rows drawn from a small text world, gold turned into noisy labels.

A world is a regular language in a published data set's format. Because it is small, a model of a million parameters
speaks it after a minute of training; because its meaning is known, the gold rewards are exact.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import cycle, islice
from typing import ClassVar, TypeVar

import numpy as np

from benchmarks.common import digest
from benchmarks.data.lexicon import sentences
from benchmarks.spec import Answer, PreferencePair

Choice = TypeVar("Choice")


Gold = Callable[[Sequence[str], Sequence[str]], np.ndarray]
"""f(prompts, responses) -> (N,) exact scores of any text."""


TEST, TRAIN = 400, 512
"""Distinct prompts per split."""


DEMONSTRATIONS, RESPONSES = 4000, 4800


TRAIN_PAIRS, TEST_PAIRS = 6000, 400


SLIPS = 0.25
"""Share of the compared answers that are given slips."""


LABEL_NOISE = 0.3
"""Bradley-Terry temperature of the labels, in SDs of gold over the demonstrations: Bayes accuracy about 0.93."""


def pick(generator: np.random.Generator, options: Sequence[Choice]) -> Choice:
    """One of the options, each equally likely."""
    return options[int(generator.integers(len(options)))]


def spoil(answer: str, generator: np.random.Generator) -> str:
    """A degenerate relative of an answer: empty, one sentence or word again and again, shuffled, or said twice."""
    parts = answer.split()
    return pick(generator, (
        "",
        " ".join([pick(generator, sentences(answer))] * 5),
        " ".join([pick(generator, parts)] * 12),
        " ".join(generator.permutation(parts)),
        f"{answer} {answer}",
    ))  # fmt: skip


def slip(answer: str, other: str, generator: np.random.Generator) -> str:
    """An answer with the slips of a language model: sentences said again, or taken from an answer to something else."""
    said = sentences(answer)
    sources = [said.copy(), sentences(other) or said.copy()]
    for position in range(len(said)):
        if generator.random() < 0.35:
            said[position] = pick(generator, pick(generator, sources))
    return " ".join(said)


@dataclass(frozen=True)
class World(ABC):
    """Rows of an embedded benchmark (the `Data` protocol), all drawn from one seed."""

    seed: int = 0

    gold: ClassVar[Mapping[str, Gold]]
    """The exact reward of each objective."""
    manners: ClassVar[Mapping[str, float]]
    """Ways of answering and their shares in `responses` and pairs: what `write` knows, "off-topic", "degenerate"."""
    stray: ClassVar[float]
    """Share of the compared answers that answer another prompt: where rewards are slow to read prompts, more."""

    @abstractmethod
    def draw_prompts(self, count: int, generator: np.random.Generator) -> list[str]:
        """That many distinct prompts."""

    @abstractmethod
    def write(self, prompt: str, manner: str, generator: np.random.Generator) -> str:
        """An answer to a prompt of this world; manner "demonstration" is worth imitating."""

    def prompts(self, split: str) -> list[str]:
        """Distinct prompts."""
        return self._prompts[:TEST] if split == "test" else self._prompts[TEST:]

    def demonstrations(self) -> list[Answer]:
        """Competent answers of mixed character."""
        return list(self._demonstrations)

    def responses(self) -> list[Answer]:
        """Answers of every quality, in the shares of `manners`."""
        return list(self._responses)

    def preference_pairs(self, objective: str, split: str) -> list[PreferencePair]:
        """Pairs with Bradley-Terry labels from gold: the same answers for every objective, only the labels differ."""
        prompts, one, other = self._contests[split]
        gold = self.gold[objective]
        difference = gold(prompts, one) - gold(prompts, other)
        generator = self._generator(f"labels {objective} {split}")
        noise = LABEL_NOISE * self._spread[objective] * generator.logistic(size=len(prompts))
        return [
            PreferencePair(prompt, a, b) if prefers_a else PreferencePair(prompt, b, a)
            for prompt, a, b, prefers_a in zip(prompts, one, other, difference + noise > 0, strict=True)
        ]

    def graded_labels(self, objective: str) -> list[tuple[Answer, int]]:
        """All training answers with a noisy grade 1..5 under one objective: their fifth of the demonstrations."""
        answers = [*self.demonstrations(), *self.responses()]
        gold = self.gold[objective](*zip(*answers, strict=True))
        noise = self._generator(f"grades {objective}").normal(size=len(answers))
        graded = gold + LABEL_NOISE * self._spread[objective] * noise
        edges = np.quantile(graded[: len(self.demonstrations())], np.arange(1, 5) / 5)
        return [(answer, int(grade)) for answer, grade in zip(answers, 1 + np.searchsorted(edges, graded), strict=True)]

    def fingerprint(self) -> str:
        """Hash of every row."""
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> str:
        pairs = [self.preference_pairs(objective, split) for objective in self.gold for split in ("train", "test")]
        grades = [[grade for _, grade in self.graded_labels(objective)] for objective in self.gold]
        return digest([self._prompts, self.demonstrations(), self.responses(), pairs, grades])

    @cached_property
    def _prompts(self) -> list[str]:
        return self.draw_prompts(TEST + TRAIN, self._generator("prompts"))

    @cached_property
    def _demonstrations(self) -> list[Answer]:
        generator = self._generator("demonstrations")
        asked = islice(cycle(self.prompts("train")), DEMONSTRATIONS)
        return [Answer(prompt, self.write(prompt, "demonstration", generator)) for prompt in asked]

    @cached_property
    def _responses(self) -> list[Answer]:
        asked = list(islice(cycle(self.prompts("train")), RESPONSES))
        answers = self._answers(asked, self._generator("responses"))
        return [Answer(*row) for row in zip(asked, answers, strict=True)]

    @cached_property
    def _spread(self) -> dict[str, float]:
        """SD of each gold reward over the demonstrations."""
        prompts, responses = zip(*self.demonstrations(), strict=True)
        return {objective: float(gold(prompts, responses).std()) for objective, gold in self.gold.items()}

    @cached_property
    def _contests(self) -> dict[str, tuple[list[str], list[str], list[str]]]:
        """Per split: prompts, and two answers to each."""
        contests = {}
        for split, count in (("train", TRAIN_PAIRS), ("test", TEST_PAIRS)):
            generator = self._generator(f"contests {split}")
            prompts = list(islice(cycle(self.prompts(split)), count))
            contests[split] = (prompts, self._contestants(prompts, generator), self._contestants(prompts, generator))
        return contests

    def _contestants(self, prompts: Sequence[str], generator: np.random.Generator) -> list[str]:
        """Answers to be compared.

        Some have slips or answer something else, or rewards would never learn to see that.
        """
        answers = self._answers(prompts, generator)
        others = [answers[i] for i in generator.permutation(len(answers))]
        ways = generator.choice(3, size=len(answers), p=[1 - SLIPS - self.stray, SLIPS, self.stray])
        made = zip(answers, others, ways, strict=True)
        return [(answer, slip(answer, other, generator), other)[way] for answer, other, way in made]

    def _answers(self, prompts: Sequence[str], generator: np.random.Generator) -> list[str]:
        manners = generator.choice(list(self.manners), size=len(prompts), p=list(self.manners.values()))
        return [self._answer(prompt, str(manner), generator) for prompt, manner in zip(prompts, manners, strict=True)]

    def _answer(self, prompt: str, manner: str, generator: np.random.Generator) -> str:
        if manner == "off-topic":
            return self.write(pick(generator, self.prompts("train")), "demonstration", generator)
        if manner == "degenerate":
            return spoil(self.write(prompt, "demonstration", generator), generator)
        return self.write(prompt, manner, generator)

    def _generator(self, purpose: str) -> np.random.Generator:
        """An independent stream of random numbers per purpose."""
        return np.random.default_rng([self.seed, *purpose.encode()])
