"""The measurement: policy x weights x prompts -> Front. Every method goes through this function and no other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks._benchmark import Benchmark, Weights
from benchmarks._collapse import collapsed
from benchmarks._front import Front, has_point, read_front, write_front, write_point
from benchmarks._log import Log, silent
from benchmarks._policy import Policy, cut, sequence_kl


def evaluate(
    benchmark: Benchmark,
    policy_at: Callable[[Weights], Policy],
    points: Sequence[Weights],
    folder: Path,
    *,
    method: str,
    steering: str,
    seed: int,
    cost: dict[str, float],
    config: dict[str, Any],
    log: Log = silent,
) -> Front:
    """Measures `policy_at(w)` for every w on the benchmark's test prompts and stores the front in `folder`.

    All methods answer the same prompts with the same random numbers for the same seed. A weight that is already measured
    is not measured again.
    """
    prompts = benchmark.prompts("test")
    reference = benchmark.prepared.policy
    labels = [",".join(f"{w:.3g}" for w in weights) for weights in points]
    for k, weights in enumerate(points):
        if has_point(folder, k, benchmark.card):
            continue
        policy = policy_at(weights)
        ids = policy.sample(prompts, benchmark.sampling, seed)
        responses = [cut(policy.decode(i), benchmark.sampling.stop) for i in ids]
        kl = sequence_kl(policy, reference, prompts, ids, benchmark.sampling.temperature)
        scores, evaluator = benchmark.score(prompts, responses), benchmark.evaluate(prompts, responses)
        write_point(
            folder,
            k,
            prompts=prompts,
            responses=responses,
            scores=scores,
            evaluator=evaluator,
            kl=kl,
            tokens=np.array([len(i) for i in ids]),
            collapsed=np.array([collapsed(r) for r in responses]),
            card=benchmark.card,
        )
        means = {f"evaluator/{n}": float(m) for n, m in zip(benchmark.names, evaluator.mean(0), strict=True)}
        log(f"w = {labels[k]}", k + 1, len(points), {**means, "kl": float(kl.mean())})
    write_front(
        folder,
        method=method,
        steering=steering,
        seed=seed,
        weights=points,
        labels=labels,
        card=benchmark.card,
        cost=cost,
        config=config,
    )
    return read_front(folder)
