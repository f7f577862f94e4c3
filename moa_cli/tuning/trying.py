"""What is done for one trial, in a worker process: the configuration is trained and measured on dev prompts.

Jobs are made in the parent, which imports this: what is heavy is imported when used.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from benchmarks import Benchmark
from benchmarks.common import Log
from benchmarks.measure import known
from moa_cli.jobs import RunAddress
from moa_cli.runs import Source, read_record, restore


class Measured(NamedTuple):
    """What a trial reached: the entries of a `Trial` by their names."""

    rewards: float
    scores: float
    kl: float | None
    collapse: float
    flops: float
    seconds: float


def try_out(benchmark: Benchmark, log: Log, *, run: RunAddress, source: Source) -> Measured:
    """Trains a configuration where that is not done, and measures it on dev prompts.

    It is asked for the weights for which methods that retrain are trained, whatever the method, and few of them; one
    with points of its own answers with the nearest.
    """
    from benchmarks.stats import utility
    from moa_cli.comparisons import answering
    from moa_cli.jobs import evaluate, train

    method = restore(run.method, run.config)
    made = train(benchmark, method, seed=run.seed, log=log, source=source)
    front = evaluate(replace(benchmark, grid=benchmark.trained_grid), method, made, split="dev", log=log)
    cost = read_record(made.dir).cost
    asked = benchmark.trained_grid
    answers = answering(front.weights, asked)
    return Measured(
        rewards=utility(front.means("rewards")[answers], asked),
        scores=utility(front.means("scores")[answers], asked),
        kl=known(front.mean_kl.mean()),
        collapse=float(front.collapse_rate.max()),
        flops=float(cost.get("flops") or 0),
        seconds=float(cost.get("seconds") or 0),
    )
