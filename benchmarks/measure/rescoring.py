"""Fronts of answers that are there already: made elsewhere, or measured under other evaluators.

Nothing is generated.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.common import BadInput, Log, silent
from benchmarks.measure.front_files import FrontRecord, point_file, read_front, weights_label
from benchmarks.measure.point import Point, check_finite
from benchmarks.prepare import Benchmark, Card
from benchmarks.spec import SIGNALS, Answer, Signal, Weights, column

if TYPE_CHECKING:
    from benchmarks.spec import Scorer


Fill = Callable[[Signal, Sequence[np.ndarray], Sequence[str], Sequence[str]], np.ndarray]
"""Signal, M columns (N,) with NaN where there is no number yet, N prompts, N responses -> rewards or scores (N, M)."""


@dataclass(frozen=True, kw_only=True)
class Given:
    """The answers to all N test prompts at one point, made elsewhere."""

    weights: Weights
    responses: tuple[str, ...]
    raw: Mapping[str, tuple[float | None, ...]] = field(default_factory=dict)
    """What came along, by "reward:<objective>" or "score:<objective>": N numbers in the raw units of the benchmark's
    own; None where the benchmark has to score."""


def score_given(
    benchmark: Benchmark,
    points: Sequence[Given],
    folder: Path,
    *,
    method: str,
    steering: str,
    seed: int,
    log: Log = silent,
) -> dict[str, int]:
    """Scores answers that were made elsewhere and stores them as a front in `folder`.

    They are read as a policy's are: stripped, and cut at the texts that end an answer. KL and how they ended are
    unknown; tokens, and how likely they are, are the starting policy's. Returns how many answers were "cut", and how
    many are "long": of more tokens than the benchmark's decoding allows, and of unknown likelihood. BadInput for
    numbers that came along and are not what the benchmark's own rewards and evaluators say.
    """
    from benchmarks.models import cut, sequence_log_probs

    prompts, policy, sampling = benchmark.prompts("test"), benchmark.prepared.policy, benchmark.sampling
    own = _own_scorers(benchmark)
    _check_scale(benchmark, points, own)
    fill, found, unknown = _filler(benchmark, own), {"cut": 0, "long": 0}, np.full(len(prompts), np.nan)
    for k, point in enumerate(points):
        responses = [cut(response, sampling.stop) for response in point.responses]
        answers = map(Answer, prompts, responses)
        sequences = [(asked, ids[:-1]) for asked, ids in map(policy.encode, answers)]  # whether they ended is unknown
        tokens = np.array([len(ids) for _, ids in sequences])
        usual = np.flatnonzero(tokens <= sampling.max_new_tokens)
        log_prob = unknown.copy()
        log_prob[usual] = sequence_log_probs(policy, [sequences[i] for i in usual], temperature=sampling.temperature)
        found["cut"] += sum(a.strip() != b for a, b in zip(point.responses, responses, strict=True))
        found["long"] += len(prompts) - len(usual)
        measured = Point.of_answers(
            prompts, responses, weights=point.weights, label=weights_label(point.weights),
            rewards=fill("rewards", _known(benchmark, "rewards", point), prompts, responses),
            scores=fill("scores", _known(benchmark, "scores", point), prompts, responses),
            kl=unknown, log_prob=log_prob, ended=unknown, tokens=tokens,
        )  # fmt: skip
        measured.write(point_file(folder, k), benchmark.card)
        log("front", k + 1, len(points), dict(zip(benchmark.names, measured.scores.mean(0).tolist(), strict=True)))
    FrontRecord(
        method=method, steering=steering, seed=seed, weights=tuple(p.weights for p in points), card=benchmark.card,
        policy_name=benchmark.policy_name, cost={}, config={},
    ).complete(folder)  # fmt: skip
    return found


def rescore(benchmark: Benchmark, measured: Path, folder: Path, log: Log = silent) -> None:
    """Writes the front in `measured` again, in `folder` and under the benchmark's present scale card.

    Answers stay, and so do the numbers of every reward and evaluator that is still the same; the others' are made anew.
    BadInput where `measured` cannot be used.
    """
    front, fill = read_front(measured, texts=True), _filler(benchmark, _own_scorers(benchmark))
    card = benchmark.card_on(front.card.split)
    for k, point in enumerate(front.points):
        anew = {s: fill(s, _kept(s, point, front.card, card), point.prompts, point.responses) for s in SIGNALS}
        replace(point, rewards=anew["rewards"], scores=anew["scores"]).write(point_file(folder, k), card)
        log("front", k + 1, len(front.points), {})
    FrontRecord(
        method=front.method, steering=front.steering, seed=front.seed, weights=front.weights, card=card,
        policy_name=benchmark.policy_name, cost=front.cost, used=front.used, config=front.config, trials=front.trials,
        tuned_on=front.tuned_on,
    ).complete(folder)  # fmt: skip


def _known(benchmark: Benchmark, signal: Signal, point: Given) -> list[np.ndarray]:
    """What came along, for each objective (N,) in benchmark units: NaN where there is nothing."""
    nothing = [None] * len(point.responses)
    raw = [np.array(point.raw.get(column(signal, name), nothing), dtype=float) for name in benchmark.names]
    return [(values - mean) / std for values, (mean, std) in zip(raw, benchmark.card.units(signal), strict=True)]


def _kept(signal: Signal, point: Point, old: Card, new: Card) -> list[np.ndarray]:
    """What stays: (N,) per objective in the new card's units, NaN where the scorer is another."""
    kept = []
    for m, values in enumerate(point.under(signal).T):
        (mean, std), (new_mean, new_std) = old.units(signal)[m], new.units(signal)[m]
        if old.ids(signal)[m] != new.ids(signal)[m]:
            values = np.full(len(values), np.nan)
        elif (mean, std) != (new_mean, new_std):
            values = (values * std + mean - new_mean) / new_std
        kept.append(values)
    return kept


AGAIN = 10
"""So many answers whose scores came along are scored again."""


FAR = 0.1
"""How far, in standard deviations of the card, the given numbers may be from our own, in the median [choice].
Half precision moves a classifier's score by some hundredths of its spread; another scale moves it by whole ones."""


def _check_scale(benchmark: Benchmark, points: Sequence[Given], own: OwnScorer) -> None:
    """BadInput for numbers that came along on another scale than the benchmark's own: z-scores, probabilities."""
    from benchmarks.models import cut

    prompts, stop = benchmark.prompts("test"), benchmark.sampling.stop
    for signal in SIGNALS:
        for m, objective in enumerate(benchmark.objectives):
            role, (_, spread) = column(signal, objective.name), benchmark.card.units(signal)[m]
            told = [
                (prompt, response.strip(), value)
                for point in points
                for prompt, response, value in zip(prompts, point.responses, point.raw.get(role, ()), strict=False)
                if value is not None and cut(response, stop) == response.strip()  # else it is of another text
            ]
            told = told[:: -(-len(told) // AGAIN) or 1]
            if not told:
                continue
            given = np.array([value for _, _, value in told])
            ours = own(signal, m)([prompt for prompt, _, _ in told], [response for _, response, _ in told])
            off = float(np.median(np.abs(given - ours))) / spread
            if off > FAR:
                raise BadInput(
                    f"{role}: the numbers that came along are not those of {objective.source(signal).words}",
                    f"{len(told)} answers were scored again: the first has {given[0]:.4g} in the file and is given "
                    f"{ours[0]:.4g} here; half of them are off by more than {off:.2g} standard deviations",
                    f"give raw scores, as that model or function returns them; or leave --column {role}=... out",
                )


OwnScorer = Callable[[Signal, int], "Scorer"]
"""The scorer of an objective under a signal."""


def _own_scorers(benchmark: Benchmark) -> OwnScorer:
    """Gives the benchmark's own scorers, each loaded when it is first needed."""

    @cache
    def scorer(signal: Signal, m: int) -> Scorer:
        objective = benchmark.objectives[m]
        return objective.source(signal).scorer(benchmark, objective.name)

    return scorer


def _filler(benchmark: Benchmark, scorer: OwnScorer) -> Fill:
    """A function that scores what has no score yet, in benchmark units."""

    def fill(
        signal: Signal, known: Sequence[np.ndarray], prompts: Sequence[str], responses: Sequence[str]
    ) -> np.ndarray:
        filled = np.stack(known, axis=1)
        for m, (mean, std) in enumerate(benchmark.card.units(signal)):
            rows = np.flatnonzero(np.isnan(filled[:, m])).tolist()
            if rows:
                raw = scorer(signal, m)([prompts[i] for i in rows], [responses[i] for i in rows])
                check_finite(column(signal, benchmark.names[m]), raw)
                filled[rows, m] = (raw - mean) / std
        return filled

    return fill
