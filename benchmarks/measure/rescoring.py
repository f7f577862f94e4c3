"""Fronts of answers that are there already: made elsewhere, or measured under other evaluators.

Nothing is generated.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from benchmarks.common import Log, silent
from benchmarks.measure.front_files import (
    check_finite,
    read_front,
    read_table,
    weights_label,
    write_front,
    write_point,
    write_table,
)
from benchmarks.prepare import Benchmark, Card
from benchmarks.spec import Weights
from benchmarks.stats import collapsed

if TYPE_CHECKING:
    from benchmarks.spec import Scorer


KINDS = ("reward", "evaluator")


Fill = Callable[[str, Sequence[np.ndarray], Sequence[str], Sequence[str]], np.ndarray]
"""Kind, M columns (N,) of scores with NaN where there is none yet, N prompts, N responses -> scores (N, M)."""


@dataclass(frozen=True, kw_only=True)
class Given:
    """The answers to all N test prompts at one point, made elsewhere."""

    weights: Weights
    responses: tuple[str, ...]
    raw: Mapping[str, tuple[float | None, ...]] = field(default_factory=dict)
    """Scores that came along, by "reward:<objective>" or "evaluator:<objective>": N numbers in the raw units of the
    benchmark's own; None where the benchmark has to score."""


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
    many are "long": of more tokens than the benchmark's decoding allows, and of unknown likelihood.
    """
    from benchmarks.models import cut, sequence_log_probs

    prompts, policy, sampling = benchmark.prompts("test"), benchmark.prepared.policy, benchmark.sampling
    fill, found, unknown = _filler(benchmark), {"cut": 0, "long": 0}, np.full(len(prompts), np.nan)
    asked = policy.encode_prompts(prompts)
    for k, point in enumerate(points):
        responses = [cut(response, sampling.stop) for response in point.responses]
        ids = [policy.encode_response(response)[:-1] for response in responses]  # whether they ended is unknown
        tokens = np.array([len(i) for i in ids])
        usual = np.flatnonzero(tokens <= sampling.max_new_tokens)
        log_prob = unknown.copy()
        log_prob[usual] = sequence_log_probs(
            policy, [(asked[i], ids[i]) for i in usual], temperature=sampling.temperature
        )
        found["cut"] += sum(a.strip() != b for a, b in zip(point.responses, responses, strict=True))
        found["long"] += len(prompts) - len(usual)
        scores, evaluator = (fill(kind, _known(benchmark, kind, point), prompts, responses) for kind in KINDS)
        write_point(
            folder, k, prompts=prompts, responses=responses, scores=scores, evaluator=evaluator, kl=unknown,
            log_prob=log_prob, ended=unknown, tokens=tokens, collapsed=np.array([collapsed(r) for r in responses]),
            card=benchmark.card,
        )  # fmt: skip
        log("front", k + 1, len(points), dict(zip(benchmark.names, evaluator.mean(0).tolist(), strict=True)))
    write_front(
        folder, method=method, steering=steering, seed=seed, weights=[p.weights for p in points],
        labels=[weights_label(p.weights) for p in points], card=benchmark.card, cost={}, config={},
    )  # fmt: skip
    return found


def rescore(benchmark: Benchmark, measured: Path, folder: Path, log: Log = silent) -> None:
    """Writes the front in `measured` again, in `folder` and under the benchmark's present scale card.

    Answers stay, and so do the scores of every reward and evaluator that is still the same; the others' are made anew.
    BadInput where `measured` cannot be used.
    """
    front, card, fill = read_front(measured), benchmark.card, _filler(benchmark)
    for k in range(len(front.weights)):
        table = read_table(measured, k)
        prompts, responses = table["prompt"].to_pylist(), table["response"].to_pylist()
        for kind in KINDS:
            scores = fill(kind, _kept(kind, table, front.card, card), prompts, responses)
            for name, column in zip(card.objectives, scores.T, strict=True):
                place = table.column_names.index(f"{kind}:{name}")
                table = table.set_column(place, f"{kind}:{name}", pa.array(column))
        write_table(folder, k, table, card)
        log("front", k + 1, len(front.weights), {})
    write_front(
        folder, method=front.method, steering=front.steering, seed=front.seed, weights=front.weights,
        labels=front.labels, card=card, cost=front.cost, config=front.config,
    )  # fmt: skip


def _known(benchmark: Benchmark, kind: str, point: Given) -> list[np.ndarray]:
    """What came along of one kind, for each objective (N,) in benchmark units: NaN where there is nothing."""
    nothing = [None] * len(point.responses)
    raw = [np.array(point.raw.get(f"{kind}:{name}", nothing), dtype=float) for name in benchmark.names]
    return [(values - mean) / std for values, (mean, std) in zip(raw, benchmark.card.units(kind), strict=True)]


def _kept(kind: str, table: pa.Table, old: Card, new: Card) -> list[np.ndarray]:
    """The scores of one kind that stay: (N,) per objective in the new card's units, NaN where the scorer is another."""
    kept = []
    for m, name in enumerate(new.objectives):
        scores = table[f"{kind}:{name}"].to_numpy()
        (mean, std), (new_mean, new_std) = old.units(kind)[m], new.units(kind)[m]
        if old.ids(kind)[m] != new.ids(kind)[m]:
            scores = np.full(len(scores), np.nan)
        elif (mean, std) != (new_mean, new_std):
            scores = (scores * std + mean - new_mean) / new_std
        kept.append(scores)
    return kept


def _filler(benchmark: Benchmark) -> Fill:
    """A function that scores what has no score yet, in benchmark units; a reward is loaded when it is first needed."""

    @cache
    def scorer(kind: str, m: int) -> Scorer:
        from benchmarks.prepare import load_reward

        objective = benchmark.objectives[m]
        return load_reward(benchmark, objective, objective.reward if kind == "reward" else objective.evaluator)

    def fill(kind: str, known: Sequence[np.ndarray], prompts: Sequence[str], responses: Sequence[str]) -> np.ndarray:
        scores = np.stack(known, axis=1)
        for m, (mean, std) in enumerate(benchmark.card.units(kind)):
            rows = np.flatnonzero(np.isnan(scores[:, m])).tolist()
            if rows:
                raw = scorer(kind, m)([prompts[i] for i in rows], [responses[i] for i in rows])
                check_finite(f"{kind}:{benchmark.names[m]}", raw)
                scores[rows, m] = (raw - mean) / std
        return scores

    return fill
