"""How long one waits for the command line: `moa --help`, and a comparison of finished runs."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np
from measure import Line, interleaved, wall_seconds

from benchmarks.common.ledger import Cost
from benchmarks.measure.front_files import FrontRecord, point_file
from benchmarks.measure.point import Point
from benchmarks.prepare.card import Card
from benchmarks.spec.grid import simplex_grid
from benchmarks.spec.settings import Sampling

METHODS, PROMPTS, GRID = 9, 400, simplex_grid(2, 10)
FRONT = "front-00000000"
MOA = (sys.executable, "-m", "moa_cli")


def time_of(*command: str) -> float:
    """Seconds that a process takes."""
    return wall_seconds(lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE))


def start_up() -> Line:
    """`moa --help` against the imports that it cannot do without."""
    variants = {
        "moa --help": partial(time_of, *MOA, "--help"),
        "imports": partial(time_of, sys.executable, "-c", "import typer, rich"),
    }
    took = interleaved(variants, rounds=7)
    return Line(
        what="moa --help / import typer, rich",
        value=took["moa --help"] / took["imports"],
        target=3,
        at_most=True,
        detail=f"{took['moa --help']:.2f} s against {took['imports']:.2f} s",
    )


def comparison() -> Line:
    """`moa compare` of nine methods' fronts."""
    with TemporaryDirectory() as home:
        runs = [write_run(Path(home), number) for number in range(METHODS)]
        took = median(time_of(*MOA, "compare", *map(str, runs)) for _ in range(3))
    size = f"{METHODS} methods x {len(GRID)} weights x {PROMPTS} prompts"
    return Line(what="moa compare of finished runs", value=took, unit="s", target=5, at_most=True, detail=size)


def write_run(home: Path, number: int) -> Path:
    """A front of random answers' worth, a little better for every next method."""
    random = np.random.default_rng(number)
    card = Card(
        benchmark="synthetic", version="1", objectives=("one", "other"), policy="none", rewards=("a", "b"),
        evaluators=("c", "d"), reward_mean=(0.0, 0.0), reward_std=(1.0, 1.0), score_mean=(0.0, 0.0),
        score_std=(1.0, 1.0), ref=(-2.0, -2.0), prompts=PROMPTS, prompts_hash="0" * 12,
        sampling=Sampling(max_new_tokens=36),
    )  # fmt: skip
    folder = home / "synthetic" / f"method-{number}" / "00000000-s0"
    for k, weights in enumerate(GRID):
        mean = (1 + 0.1 * number) * np.sqrt(weights)
        scores = random.normal(mean, 1, (PROMPTS, 2))
        responses = [f"Some sentences of an answer to question {n}. " * 3 for n in range(PROMPTS)]
        point = Point.of_answers(
            [f"\n\nHuman: Question {n}?\n\nAssistant:" for n in range(PROMPTS)], responses, weights=weights,
            label=",".join(map(str, weights)), rewards=scores, scores=scores + random.normal(0, 0.5, scores.shape),
            kl=random.random(PROMPTS), log_prob=-random.random(PROMPTS), ended=np.ones(PROMPTS),
            tokens=random.integers(1, 36, PROMPTS),
        )  # fmt: skip
        point = replace(point, collapsed=random.random(PROMPTS) < 0.02)
        point.write(point_file(folder / FRONT, k), card)
    FrontRecord(
        method=f"method-{number}",
        seed=0,
        steering="prompt",
        weights=GRID,
        card=card,
        cost={**Cost().numbers},
        config={},
    ).complete(folder / FRONT)
    return folder


if __name__ == "__main__":
    start_up().emit()
    comparison().emit()
