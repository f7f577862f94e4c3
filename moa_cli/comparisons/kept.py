"""What a comparison keeps for those who read it: answers, and how trainings went. Nothing where that is not on disk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from benchmarks import Front, Weights
from benchmarks.measure import read_answers
from benchmarks.spec import simplex_grid
from moa_cli.comparisons.parts import Answers, AnswersAt, Curve, Sample, SampleAnswer
from moa_cli.runs import log_curves

SAMPLED = 20
"""Prompts of which answers are kept unless all are [choice]: a document of the size that it has without."""


def first_looked_at(objectives: int) -> tuple[Weights, ...]:
    """The weights that a reader looks at first: each objective alone, and all alike, which stands second."""
    first, *others = simplex_grid(objectives, 1)
    return tuple(dict.fromkeys([first, (1 / objectives,) * objectives, *others]))


def shown_samples(groups: Mapping[str, Sequence[Front]]) -> list[Sample]:
    """What all rows say to three prompts, at the point nearest to equal weights and the first seed.

    The prompts are those on which the first row's scores are best, in the middle, and worst. None where answers are not
    on disk.
    """
    fronts = _on_disk(groups)
    if not fronts:
        return []
    points = {name: _nearest(f, [(1 / len(f.weights[0]),) * len(f.weights[0])])[0] for name, f in fronts.items()}
    answers = {name: read_answers(f.folder, points[name]) for name, f in fronts.items() if f.folder is not None}
    scores = {name: f.scores[points[name]] for name, f in fronts.items()}
    first = next(iter(fronts))
    order = np.argsort(-scores[first].mean(axis=1)).tolist()
    picked: tuple[tuple[Literal["best", "median", "worst"], int], ...] = (
        ("best", order[0]),
        ("median", order[len(order) // 2]),
        ("worst", order[-1]),
    )
    return [
        Sample(
            kind=kind,
            prompt=answers[first][n].prompt,
            answers=tuple(
                SampleAnswer(method=name, response=answers[name][n].response, scores=scores[name][n].tolist())
                for name in fronts
            ),
        )
        for kind, n in picked
    ]


def kept_answers(groups: Mapping[str, Sequence[Front]], prompts: int | None) -> Answers | None:
    """What all rows say at the first seed: to every prompt at every weight, or to so many prompts at a few weights.

    These prompts are evenly spaced from the one on which the first row scores best to that on which it scores worst.
    """
    fronts = _on_disk(groups)
    if not fronts or prompts == 0:
        return None
    first = next(iter(fronts.values()))
    chosen = np.arange(first.card.prompts)
    if prompts is not None and prompts < len(chosen):
        ranked = np.argsort(-first.scores[_nearest(first, first_looked_at(len(first.card.objectives))[1:2])[0]].mean(1))
        chosen = np.sort(ranked[np.linspace(0, len(ranked) - 1, prompts).round().astype(int)])
    given, asked = [], list[str]()
    for name, front in fronts.items():
        assert front.folder is not None
        whole = range(len(front.weights))
        points = whole if prompts is None else _nearest(front, first_looked_at(len(front.card.objectives)))
        for k in points:
            answers = read_answers(front.folder, k)
            asked = asked or [answers[n].prompt for n in chosen]
            given.append(
                AnswersAt(
                    method=name,
                    weights=front.weights[k],
                    label=front.labels[k],
                    responses=tuple(answers[n].response for n in chosen),
                    scores=tuple(map(tuple, front.scores[k, chosen].round(4).tolist())),
                    collapsed=tuple(front.collapsed[k, chosen].tolist()),
                )
            )
    return Answers(numbers=tuple((chosen + 1).tolist()), prompts=tuple(asked), given=tuple(given))


def _on_disk(groups: Mapping[str, Sequence[Front]]) -> dict[str, Front]:
    """The first seed of every row whose answers are there."""
    return {name: seeds[0] for name, seeds in groups.items() if seeds[0].folder is not None}


def _nearest(front: Front, wanted: Sequence[Weights]) -> list[int]:
    """The points nearest to some weights, each once."""
    away = [np.abs(np.array(front.weights) - np.array(w)).sum(axis=1) for w in wanted]
    return [*dict.fromkeys(int(one.argmin()) for one in away)]


def kept_curves(groups: Mapping[str, Sequence[Front]]) -> list[Curve]:
    """How the first training of every row went."""
    first = {name: seeds[0].folder for name, seeds in groups.items()}
    return [
        Curve(method=name, stage=stage, measure=measure, steps=curve.steps, values=curve.values)
        for name, folder in first.items()
        if folder is not None
        for (stage, measure), curve in log_curves(folder.parent).items()
    ]
