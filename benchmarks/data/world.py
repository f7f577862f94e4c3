"""What the embedded benchmarks share: rows drawn from a small text world, gold turned into noisy labels.

A world is a regular language in a published data set's format. Because it is small, a model of a million parameters
speaks it after a minute of training; because its meaning is known, the gold rewards are exact.

What prompts are about is put together of two parts, such as something to do and a thing to do it to. A quarter of the
combinations is kept for the test prompts: both parts of each are known from training, together they are new. A topic
that shared nothing with any other could be answered by nobody who has read nothing but this world.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import cycle, islice, product
from typing import ClassVar, NamedTuple, TypeVar

import numpy as np

from benchmarks.common import digest
from benchmarks.data.clean import distinct
from benchmarks.data.lexicon import sentences
from benchmarks.spec import SPLITS, Answer, PreferencePair, Split

Choice = TypeVar("Choice")


Gold = Callable[[Sequence[str], Sequence[str]], np.ndarray]
"""f(prompts, responses) -> (N,) exact scores of any text."""


PROMPTS: dict[Split, int] = {"train": 512, "dev": 200, "test": 400}
"""Distinct prompts per split."""


KEPT = 4
"""One in so many combinations of two parts is for the test prompts alone."""


class Sizes(NamedTuple):
    """How many rows a world has, prompts aside."""

    demonstrations: int = 4000
    responses: int = 4800
    pairs: int = 14_400
    """Of the training split."""
    checks: int = 400
    """Pairs of each other split."""


SIZES = Sizes()
MINIATURE = Sizes(demonstrations=200, responses=400, pairs=400, checks=50)


SLIPS = 0.25
"""Share of the compared answers that are given slips."""


LABEL_NOISE = 0.3
"""Bradley-Terry temperature of the labels, in SDs of gold over the demonstrations: Bayes accuracy about 0.93."""


def pick(generator: np.random.Generator, options: Sequence[Choice]) -> Choice:
    """One of the options, each equally likely."""
    return options[int(generator.integers(len(options)))]


def combinations(one: Sequence[Choice], other: Sequence[Choice], *, kept: bool) -> list[tuple[Choice, Choice]]:
    """The combinations of two parts that are kept for the test, or all others, in order.

    Kept are those on every `KEPT`-th diagonal, so that every part is in both, as often as any other where `KEPT`
    divides their number.

    >>> combinations("ab", "wxyz", kept=True)
    [('a', 'w'), ('b', 'z')]
    """
    pairs = product(enumerate(one), enumerate(other))
    return [(a, b) for (i, a), (j, b) in pairs if ((i + j) % KEPT == 0) == kept]


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
    preparation: int = 0
    """Which draw of the answers, labels and grades; prompts are the same in all."""
    sizes: Sizes = SIZES

    asked: ClassVar[int] = PROMPTS["train"]
    """Distinct prompts that the rows of training are about, the training prompts first."""
    language: ClassVar[frozenset[str]]
    """Every sentence that is said in it."""
    gold: ClassVar[Mapping[str, Gold]]
    """The exact reward of each objective."""
    manners: ClassVar[Mapping[str, float]]
    """Ways of answering and their shares in `responses` and pairs: what `write` knows, "off-topic", "degenerate"."""
    stray: ClassVar[float]
    """Share of the compared answers that answer another prompt: where rewards are slow to read prompts, more."""

    @abstractmethod
    def draw_prompts(self, count: int, kept: bool, generator: np.random.Generator) -> list[str]:
        """That many distinct prompts, about combinations that are kept for the test or about the others."""

    @abstractmethod
    def write(self, prompt: str, manner: str, generator: np.random.Generator) -> str:
        """An answer to a prompt of this world; manner "demonstration" is worth imitating."""

    def prompts(self, split: Split) -> list[str]:
        """Distinct prompts; those of "test" are about what no other is about."""
        return self._prompts[split][: PROMPTS[split]]

    def demonstrations(self) -> list[Answer]:
        """Competent answers of mixed character."""
        return list(self._demonstrations)

    def responses(self) -> list[Answer]:
        """Answers of every quality, in the shares of `manners`."""
        return list(self._responses)

    def preference_pairs(self, objective: str, split: Split) -> list[PreferencePair]:
        """Pairs with Bradley-Terry labels from gold: the same answers for every objective, only the labels differ."""
        if (objective, split) not in self._pairs:
            self._pairs[objective, split] = self._labelled(objective, split)
        return list(self._pairs[objective, split])

    def graded_labels(self, objective: str) -> list[tuple[Answer, int]]:
        """All training answers, each once, with a noisy grade 1..5 under one objective: their fifth of the
        demonstrations.

        Those that are compared are among them, slips and strays too: whoever learns from grades sees what is seen by
        whoever learns from pairs. The noise is Gumbel's, of which two differ by the logistic noise of a pair's label.
        """
        if objective not in self._grades:
            self._grades[objective] = self._grade(objective)
        return list(self._grades[objective])

    def fingerprint(self) -> str:
        """Hash of the prompts, of the language, and of a miniature of all other rows, drawn by the same code.

        All rows would take seconds, at the start of every command. What no row of the miniature shows, such as what
        gold makes of a rare answer, is for `REVISION` to tell.
        """
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> str:
        small = replace(self, sizes=MINIATURE)
        pairs = [small.preference_pairs(objective, split) for objective in self.gold for split in SPLITS]
        grades = [[grade for _, grade in small.graded_labels(objective)] for objective in self.gold]
        rows = [small.demonstrations(), small.responses(), pairs, grades]
        return digest([self.sizes, self._prompts, sorted(self.language), rows])

    @cached_property
    def _prompts(self) -> dict[Split, list[str]]:
        """What the rows of each split are about."""
        known = self.draw_prompts(self.asked + PROMPTS["dev"], False, self._generator("prompts"))
        new = self.draw_prompts(PROMPTS["test"], True, self._generator("test prompts"))
        return {"train": known[: self.asked], "dev": known[self.asked :], "test": new}

    @cached_property
    def _pairs(self) -> dict[tuple[str, Split], list[PreferencePair]]:
        """Those that were asked for so far, by objective and split: gold reads every answer anew for them."""
        return {}

    @cached_property
    def _grades(self) -> dict[str, list[tuple[Answer, int]]]:
        """Those that were asked for so far, by objective."""
        return {}

    def _labelled(self, objective: str, split: Split) -> list[PreferencePair]:
        prompts, one, other = self._contests[split]
        gold = self.gold[objective]
        difference = gold(prompts, one) - gold(prompts, other)
        generator = self._generator(f"labels {objective} {split}")
        noise = LABEL_NOISE * self._spread[objective] * generator.logistic(size=len(prompts))
        return [
            PreferencePair(prompt, a, b) if prefers_a else PreferencePair(prompt, b, a)
            for prompt, a, b, prefers_a in zip(prompts, one, other, difference + noise > 0, strict=True)
        ]

    def _grade(self, objective: str) -> list[tuple[Answer, int]]:
        answers, demonstrations = self._graded
        noise = self._generator(f"grades {objective}").gumbel(size=len(answers))
        graded = self.gold[objective](*zip(*answers, strict=True)) + LABEL_NOISE * self._spread[objective] * noise
        edges = np.quantile(graded[:demonstrations], np.arange(1, 5) / 5)
        return [(answer, int(grade)) for answer, grade in zip(answers, 1 + np.searchsorted(edges, graded), strict=True)]

    @cached_property
    def _graded(self) -> tuple[list[Answer], int]:
        """The answers that get grades, demonstrations first, and how many of them are demonstrations."""
        prompts, *compared = self._contests["train"]
        pairs = [Answer(*row) for answers in compared for row in zip(prompts, answers, strict=True)]
        return distinct([*self.demonstrations(), *self.responses(), *pairs]), len(set(self.demonstrations()))

    @cached_property
    def _demonstrations(self) -> list[Answer]:
        generator = self._generator("demonstrations")
        asked = islice(cycle(self._prompts["train"]), self.sizes.demonstrations)
        return [Answer(prompt, self.write(prompt, "demonstration", generator)) for prompt in asked]

    @cached_property
    def _responses(self) -> list[Answer]:
        asked = list(islice(cycle(self._prompts["train"]), self.sizes.responses))
        answers = self._answers(asked, self._generator("responses"))
        return [Answer(*row) for row in zip(asked, answers, strict=True)]

    @cached_property
    def _spread(self) -> dict[str, float]:
        """SD of each gold reward over the demonstrations."""
        prompts, responses = zip(*self.demonstrations(), strict=True)
        return {objective: float(gold(prompts, responses).std()) for objective, gold in self.gold.items()}

    @cached_property
    def _contests(self) -> dict[Split, tuple[list[str], list[str], list[str]]]:
        """Per split: prompts, and two answers to each."""
        contests: dict[Split, tuple[list[str], list[str], list[str]]] = {}
        for split in SPLITS:
            count = self.sizes.pairs if split == "train" else self.sizes.checks
            generator = self._generator(f"contests {split}")
            prompts = list(islice(cycle(self._prompts[split]), count))
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
            return self.write(pick(generator, self._prompts["train"]), "demonstration", generator)
        if manner == "degenerate":
            return spoil(self.write(prompt, "demonstration", generator), generator)
        return self.write(prompt, manner, generator)

    def _generator(self, purpose: str) -> np.random.Generator:
        """An independent stream of random numbers per purpose."""
        redrawn = [] if purpose.endswith("prompts") or not self.preparation else [self.preparation]
        return np.random.default_rng([self.seed, *redrawn, *purpose.encode()])
