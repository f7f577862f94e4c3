"""Answers with grades: their means, the pairs between answers of different grade, and the best."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import combinations
from statistics import fmean

from benchmarks.data.items import Item
from benchmarks.spec import Answer, PreferencePair

Means = dict[str, dict[Answer, float]]
"""By objective, the mean grade of every answer that was graded under it."""


def mean_grades(items: Iterable[Item]) -> Means:
    """The mean grades of the answers in some rows."""
    given: dict[str, dict[Answer, list[float]]] = {}
    for item in items:
        for objective, grade in item.grades:
            given.setdefault(objective, {}).setdefault(Answer(item.prompt, item.responses[0]), []).append(grade)
    return {objective: {answer: fmean(of) for answer, of in by.items()} for objective, by in given.items()}


def graded_pairs(means: Mapping[Answer, float]) -> list[PreferencePair]:
    """All pairs of answers to one prompt that differ in their grade, the higher one chosen."""
    by_prompt: dict[str, list[tuple[float, str]]] = {}
    for (prompt, response), mean in means.items():
        by_prompt.setdefault(prompt, []).append((mean, response))
    return [
        PreferencePair(prompt, better[1], worse[1])
        for prompt, graded in by_prompt.items()
        for worse, better in combinations(sorted(graded), 2)
        if better[0] > worse[0]
    ]


def best(means: Means) -> list[Answer]:
    """The answers with the highest mean over objectives among those to the same prompt; those that are equal, too."""
    over: dict[Answer, list[float]] = {}
    for of in means.values():
        for answer, mean in of.items():
            over.setdefault(answer, []).append(mean)
    highest: dict[str, float] = {}
    for answer, grades in over.items():
        highest[answer.prompt] = max(fmean(grades), highest.get(answer.prompt, fmean(grades)))
    return [answer for answer, grades in over.items() if fmean(grades) == highest[answer.prompt]]
