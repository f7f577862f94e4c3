"""Fronts made of random numbers with known means, in memory and on disk."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.measure.front import Front
from benchmarks.measure.front_files import write_front, write_point
from benchmarks.prepare.card import Card
from benchmarks.spec.description import Sampling
from benchmarks.spec.grid import simplex_grid

NAMES = ("helpful", "harmless", "humour", "faithful", "brief")
GOLD = tuple(f"gold {name}" for name in NAMES)
PROMPTS = 60
COST = {"seconds": 90.0, "generated_tokens": 1e4, "trained_tokens": 2e4, "reward_calls": 300.0, "flops": 1e12}
WEIGHTS = ((1.0, 0.0), (0.5, 0.5), (0.0, 1.0))


def make_columns(k: int, prompts: int = 4) -> dict:
    random = np.random.default_rng(k)
    return {
        "prompts": [f"question {n}" for n in range(prompts)],
        "responses": [f"answer {k}.{n}" for n in range(prompts)],
        "scores": random.normal(size=(prompts, 2)),
        "evaluator": random.normal(size=(prompts, 2)),
        "kl": random.random(prompts),
        "log_prob": -9 * random.random(prompts),
        "ended": random.integers(0, 2, prompts).astype(float),
        "tokens": random.integers(1, 9, prompts),
        "collapsed": random.random(prompts) < 0.5,
    }


def save(folder: Path, card: Card, points: int = 3, prompts: int = 4) -> None:
    for k in range(points):
        write_point(folder, k, **make_columns(k, prompts), card=card)
    finish(
        folder, card, WEIGHTS if points == 3 else tuple((1 - k / (points - 1), k / (points - 1)) for k in range(points))
    )


def finish(folder: Path, card: Card, weights: tuple[tuple[float, ...], ...]) -> None:
    write_front(
        folder, method="toy", seed=3, steering="merge", weights=weights, labels=[str(w) for w in weights], card=card,
        cost={"seconds": 1.5}, config={"rounds": 2, "layers": (1, 2)},
    )  # fmt: skip


def make_card(objectives: int = 2, benchmark: str = "toy", prompts: int = PROMPTS) -> Card:
    units = (0.0,) * objectives, (1.0,) * objectives
    return Card(
        benchmark=benchmark, version="1", objectives=NAMES[:objectives], policy="scratch:1m",
        rewards=NAMES[:objectives], evaluators=GOLD[:objectives], reward_mean=units[0], reward_std=units[1],
        evaluator_mean=units[0], evaluator_std=units[1], ref=(-2.0,) * objectives, prompts=prompts,
        prompts_hash="0" * 12, sampling=Sampling(max_new_tokens=8, stop=("\n\nHuman:",)),
    )  # fmt: skip


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
    return Front(
        method=method, seed=seed, steering=steering, weights=weights,
        labels=tuple(",".join(f"{v:.3g}" for v in w) for w in weights), scores=means + noise,
        evaluator=over * means + noise[::-1], kl=np.full((K, card.prompts), 2 * reach),
        log_prob=np.zeros((K, card.prompts)), ended=np.ones((K, card.prompts)), tokens=np.ones((K, card.prompts), int),
        collapsed=np.zeros((K, card.prompts), bool), text_statistics=({},) * K, card=card, cost=COST, config=config or {},
    )  # fmt: skip


def only(front: Front, kept: list[int]) -> Front:
    """Some points of a front."""
    arrays = ("scores", "evaluator", "kl", "log_prob", "ended", "tokens", "collapsed")
    tuples = ("weights", "labels", "text_statistics")
    return replace(
        front, **{name: getattr(front, name)[kept] for name in arrays},
        **{name: tuple(getattr(front, name)[k] for k in kept) for name in tuples},
    )  # fmt: skip
