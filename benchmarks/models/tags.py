"""Tags such as <helpful 5>: what lets a policy that was trained from scratch be told something before a prompt.

A large model has read markup, instructions and praise, and has an idea of what <helpful 5> asks for. One of a million
parameters has read a benchmark's own text and nothing else: any tag would throw it off, and all would be the same to
it. So tags stand before many of the prompts that it learns from, and say what the data says of the answer: its
grade, or whether it was preferred. A tag is one token, since so small a model does not learn to bind a number to
the name before it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.common import BadInput, charge
from benchmarks.spec import TAGS, Answer

if TYPE_CHECKING:
    from benchmarks.spec import Description


LEVELS = 7
"""A tag's number is 1 to 7, the most grades that a data set of ours has."""


REJECTED, CHOSEN = (1, 2, 3), (3, 4, 5)
"""Levels of an answer that was compared and not graded, each equally likely [choice]."""


EACH = 0.6
"""How likely each of the objectives is told of, where some are [choice]."""


Levels = Mapping[Answer, Sequence[int]]


def tag(name: str, level: int) -> str:
    """What stands before a prompt, without the space that follows.

    >>> tag("helpful", 4)
    '<helpful 4>'
    """
    return f"<{name} {level}>"


def tagged(prompt: str, levels: Sequence[int], names: Sequence[str]) -> str:
    """The prompt with tags before it, none where the level is 0. The ledger in force notes that tags were used.

    >>> tagged("How?", (4, 0), ("helpful", "harmless"))
    '<helpful 4> How?'
    """
    if any(levels):
        charge(used=[TAGS])
    return "".join(f"{tag(name, level)} " for name, level in zip(names, levels, strict=True) if level) + prompt


def tags_of(names: Sequence[str]) -> list[str]:
    """Every tag of these objectives: scratch models know each as one token."""
    return [tag(name, level) for name in names for level in range(1, LEVELS + 1)]


def known_levels(benchmark: Description) -> dict[str, Levels]:
    """Per objective, levels that training answers may be said to have, by the labels that may be learned from.

    They are the answers' grades where every objective has grades, or what pairs tell, which is nothing where there are
    none. BadInput for grades that no tag has.
    """
    graded = {name: benchmark.grades_to_learn(name) for name in benchmark.names}
    if not all(graded.values()):
        return {name: _told_by_pairs(benchmark, name) for name in benchmark.names}
    for name, grades in graded.items():
        if odd := [grade for _, grade in grades if not 1 <= grade <= LEVELS]:
            raise BadInput(
                f"{benchmark.name} has the grade {odd[0]} for {name}",
                f"goals and tags know the grades 1 to {LEVELS}",
                "renumber the grades in the data",
            )
    return {name: {answer: [grade] for answer, grade in grades} for name, grades in graded.items()}


def _told_by_pairs(benchmark: Description, objective: str) -> Levels:
    known: dict[Answer, list[int]] = {}
    for pair in benchmark.pairs_to_learn(objective):
        known.setdefault(Answer(pair.prompt, pair.chosen), []).extend(CHOSEN)
        known.setdefault(Answer(pair.prompt, pair.rejected), []).extend(REJECTED)
    return known


def described(answers: Sequence[Answer], known: Mapping[str, Levels], share: float, seed: int) -> list[Answer]:
    """The answers, that share of them with tags before their prompts where something is known of them by objective."""
    generator = np.random.default_rng([seed, len(answers)])
    told = []
    for answer in answers:
        names = [name for name, levels in known.items() if answer in levels]
        picked = [name for name in names if generator.random() < EACH]
        if names and generator.random() < share:
            picked = picked or [str(generator.choice(names))]
            levels = [int(generator.choice(known[name][answer])) for name in picked]
            answer = Answer(tagged(answer.prompt, levels, picked), answer.response)
        told.append(answer)
    return told
