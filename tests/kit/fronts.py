"""Fronts made of random numbers with known means, in memory and on disk."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measure.front import Front
from benchmarks.measure.front_files import FrontRecord, point_file
from benchmarks.measure.point import Point
from benchmarks.prepare.benchmark import Benchmark
from benchmarks.prepare.card import Card, PairAccuracy, Report, StoredCard
from benchmarks.spec.grid import simplex_grid
from benchmarks.spec.places import card_file
from benchmarks.spec.settings import Sampling
from benchmarks.stats.text import text_statistics
from moa_cli.comparisons.failure import Failure

NAMES = ("helpful", "harmless", "humour", "faithful", "brief")
GOLD = tuple(f"gold {name}" for name in NAMES)
PROMPTS = 60
COST = {"seconds": 90.0, "generated_tokens": 1e4, "trained_tokens": 2e4, "reward_calls": 300.0, "flops": 1e12}
WEIGHTS = ((1.0, 0.0), (0.5, 0.5), (0.0, 1.0))


def damage_an_answer(path: Path) -> None:
    """A bit of an answer in the file of a second point is another; its numbers are as they were."""
    data = bytearray(path.read_bytes())
    data[data.index(b"answer 1.0") + 8] ^= 1
    path.write_bytes(data)


def make_point(k: int, prompts: int = 4, weights: tuple[float, ...] | None = None) -> Point:
    random = np.random.default_rng(k)
    weights = WEIGHTS[k] if weights is None else weights
    responses = tuple(f"answer {k}.{n}" for n in range(prompts))
    return Point(
        weights=weights, label=str(weights), prompts=tuple(f"question {n}" for n in range(prompts)),
        responses=responses, rewards=random.normal(size=(prompts, 2)), scores=random.normal(size=(prompts, 2)),
        kl=random.random(prompts), log_prob=-9 * random.random(prompts),
        ended=random.integers(0, 2, prompts).astype(float), tokens=random.integers(1, 9, prompts),
        collapsed=random.random(prompts) < 0.5, text_statistics=text_statistics(responses),
    )  # fmt: skip


def save(folder: Path, card: Card, points: int = 3, prompts: int = 4) -> None:
    weights = WEIGHTS if points == 3 else tuple((1 - k / (points - 1), k / (points - 1)) for k in range(points))
    for k in range(points):
        make_point(k, prompts, weights[k]).write(point_file(folder, k), card)
    finish(folder, card, weights)


def finish(folder: Path, card: Card, weights: tuple[tuple[float, ...], ...]) -> None:
    FrontRecord(
        method="toy", seed=3, steering="merge", weights=weights, card=card, cost={"seconds": 1.5},
        config={"rounds": 2, "layers": [1, 2]},
    ).complete(folder)  # fmt: skip


def store_card(benchmark: Benchmark, card: Card) -> None:
    """Prepares a benchmark as far as its scale card goes."""
    report = Report(pair_accuracy=PairAccuracy(reward={}, evaluator={}), costs={}, collapse=0.0, tagged=0.0)
    StoredCard(card=card, report=report).write(card_file(benchmark))


def make_card(objectives: int = 2, benchmark: str = "toy", prompts: int = PROMPTS) -> Card:
    units = (0.0,) * objectives, (1.0,) * objectives
    return Card(
        benchmark=benchmark, version="1", objectives=NAMES[:objectives], policy="scratch:1m",
        rewards=NAMES[:objectives], evaluators=GOLD[:objectives], reward_mean=units[0], reward_std=units[1],
        score_mean=units[0], score_std=units[1], ref=(-2.0,) * objectives, prompts=prompts,
        prompts_hash="0" * 12, sampling=Sampling(max_new_tokens=8, stop=("\n\nHuman:",)),
    )  # fmt: skip


def other_card(card: Card, **facts: object) -> Card:
    """The card with other entries."""
    return Card.model_validate(dict(card) | facts)


def make_front(
    method: str, reach: float, *, seed: int = 0, steering: str = "merge", card: Card | None = None,
    config: dict | None = None, over: float = 0.7,
) -> Front:  # fmt: skip
    """Points at reach * sqrt(w) under the rewards and `over` times that under the evaluators, plus noise."""
    card = card or make_card()
    M = len(card.objectives)
    weights = ((1 / M,) * M,) if steering == "none" else simplex_grid(M, {1: 1, 2: 10, 3: 2}.get(M, 1))
    K, random = len(weights), np.random.default_rng([seed, len(method), int(abs(reach) * 100)])
    difficulty = np.random.default_rng(9).normal(size=(1, card.prompts, M))
    noise = difficulty - difficulty.mean(axis=1, keepdims=True) + 0.2 * random.normal(size=(K, card.prompts, M))
    means = reach * np.sqrt(weights)[:, None, :]
    numbers = {"rewards": means + noise, "scores": over * means + noise[::-1]}
    points = tuple(
        Point(
            weights=w, label=",".join(f"{v:.3g}" for v in w), rewards=numbers["rewards"][k],
            scores=numbers["scores"][k],
            kl=np.full(card.prompts, 2 * reach), log_prob=np.zeros(card.prompts), ended=np.ones(card.prompts),
            tokens=np.ones(card.prompts, int), collapsed=np.zeros(card.prompts, bool), text_statistics={},
        )
        for k, w in enumerate(weights)
    )  # fmt: skip
    return Front(method=method, seed=seed, steering=steering, points=points, card=card, cost=COST, config=config or {})


def changed(front: Front, **arrays: np.ndarray) -> Front:
    """The front with other numbers, (K, N) or (K, N, M) by name."""
    points = [replace(p, **{name: values[k] for name, values in arrays.items()}) for k, p in enumerate(front.points)]
    return replace(front, points=tuple(points))


def only(front: Front, kept: list[int]) -> Front:
    """Some points of a front."""
    return replace(front, points=tuple(front.points[k] for k in kept))


def a_failure(method: str | None, **told: Any) -> Failure:
    """What is said of a run without a front."""
    known = {"benchmark": "toy", "seed": 0, "what": "no reward today", "why": "it rains", "fix": "wait"}
    return Failure(method=method, **known | told)
