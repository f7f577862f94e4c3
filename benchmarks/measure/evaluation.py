"""The measurement: policy x weights x prompts -> Front. Every method goes through this function and no other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common import BadInput, Cost, Log, charged_to, method_at_work, plain, read_json, silent, write_json
from benchmarks.measure.front import Front
from benchmarks.measure.front_files import FrontRecord, has_point, point_file, read_front, weights_label
from benchmarks.measure.point import Point, check_finite
from benchmarks.models import Policy
from benchmarks.prepare import Benchmark
from benchmarks.spec import Split, Weights


def evaluate(
    benchmark: Benchmark,
    policy_at: Callable[[Weights], Policy],
    points: Sequence[Weights],
    folder: Path,
    *,
    method: str,
    steering: str,
    seed: int,
    cost: dict[str, float | None],
    used: Iterable[str] = (),
    config: dict[str, Any],
    labels: Sequence[str] = (),
    split: Split = "test",
    log: Log = silent,
) -> Front:
    """Measures `policy_at(w)` for every w on the benchmark's test prompts and stores the front in `folder`.

    What is chosen, a setting or a stopping time, is chosen on `split="dev"`; such a front says so in its card, and
    cannot be compared with one that is reported. BadInput where the split has no prompts.

    All methods answer the same prompts with the same random numbers for the same seed. A weight that is already
    measured is not measured again. `labels` (K) name points that are more than weights; without them, the weights do.
    `cost` is what training spent, `used` what it took of what preparation made (`Cost.used`). What making a policy for
    a weight takes is charged to training, too.
    """
    prompts, card = benchmark.prompts(split), benchmark.card_on(split)
    reference = benchmark.prepared.policy
    labels = labels or [weights_label(weights) for weights in points]
    for k, weights in enumerate(points):
        if has_point(folder, k, card, tuple(weights), labels[k]) and str(k) in _serving(folder):
            continue
        with charged_to(Cost()) as made, method_at_work():
            policy = _checked(policy_at(weights), method, labels[k])
        with charged_to(Cost()) as spent, method_at_work():
            ids = policy.sample(prompts, benchmark.sampling, seed)
        _note_serving(folder, k, made, spent)
        responses = [policy.decode(i, benchmark.sampling.stop) for i in ids]
        kl, log_prob = policy.divergence(reference, prompts, ids, benchmark.sampling.temperature)
        for name, values in (("kl", kl), ("log_prob", log_prob)):  # a NaN would be read as unknown
            check_finite(f"{name} at {labels[k]}", values)
        point = Point.of_answers(
            prompts,
            responses,
            weights=tuple(weights),
            label=labels[k],
            rewards=benchmark.rewards(prompts, responses),
            scores=benchmark.scores(prompts, responses),
            kl=kl,
            log_prob=log_prob,
            ended=np.array([policy.ended(i, benchmark.sampling.stop) for i in ids]),
            tokens=np.array([len(i) for i in ids]),
        )
        point.write(point_file(folder, k), card)
        means = {f"score/{n}": float(m) for n, m in zip(benchmark.names, point.scores.mean(0), strict=True)}
        log(labels[k], k + 1, len(points), {**means, "kl": float(kl.mean())})
    made, spent = _spent(folder, len(points))
    parts = benchmark.prepared.report.costs
    FrontRecord(
        method=method,
        steering=steering,
        seed=seed,
        weights=tuple(points),
        card=card,
        policy_name=benchmark.policy_name,
        cost=_with_policies(cost, made) | _per_answer(spent, len(points) * len(prompts)),
        used={name: parts[name].numbers for name in sorted({*used, *made.used, *spent.used}) if name in parts},
        config=plain(config),
    ).complete(folder)
    return read_front(folder)


def _checked(policy: object, method: str, label: str) -> Policy:
    """What a method gave for a point. BadInput where that is no policy."""
    if isinstance(policy, Policy):
        return policy
    given = "None" if policy is None else f"a {type(policy).__name__}"
    raise BadInput(
        f"policy of {method} returned {given} for the weights {label}, not a Policy",
        "policy(benchmark, run, weights) gives the policy that answers for these weights",
        "return load_trained(benchmark, run.stage(name).folder), or what soup, mix or steered make",
    )


def _note_serving(folder: Path, k: int, made: Cost, spent: Cost) -> None:
    """Keeps what the policy of the k-th point cost to make, and its answers."""
    noted = {"policy": made.to_json(), "answers": spent.to_json()}
    write_json(folder / "serving.json", _serving(folder) | {str(k): noted})


def _serving(folder: Path) -> dict[str, Any]:
    """What policies and answers cost, by the number of the point.

    Nothing where the file is damaged: points are then measured again.
    """
    try:
        found = read_json(folder / "serving.json")
    except (FileNotFoundError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _spent(folder: Path, count: int) -> tuple[Cost, Cost]:
    """What policies and their answers cost, at the first `count` points together."""
    kept, made, spent = _serving(folder), Cost(), Cost()
    for k in range(count):
        made.add(Cost.from_json(kept[str(k)]["policy"]))
        spent.add(Cost.from_json(kept[str(k)]["answers"]))
    return made, spent


def _with_policies(cost: dict[str, float | None], made: Cost) -> dict[str, float | None]:
    """What training cost, as far as that is known, with what making the policies took."""
    more = made.numbers
    return {name: None if own is None else own + more[name] for name, own in cost.items()}


def _per_answer(spent: Cost, answers: int) -> dict[str, float | None]:
    """What an answer costs, on average: its tokens, reward calls and floating-point operations."""
    total = {"tokens": spent.generated_tokens, "reward_calls": spent.reward_calls, "flops": spent.flops}
    return {f"serving_{name}": value / answers for name, value in total.items()}
