"""Preparation: what a benchmark needs before it can measure, built once and shared by all methods.

The starting policy, the trained rewards and the scale card lie under `<home>/<benchmark>/prepared/`, each in a folder
named after the content of its recipe: change the recipe and a new one is made, change it back and the old one is found.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
from transformers import PreTrainedTokenizerFast

from benchmarks._benchmark import SIZES, Benchmark, FunctionReward, Objective, Reward, TrainedReward, digest
from benchmarks._card import Card
from benchmarks._card_answers import card_answers
from benchmarks._collapse import collapsed
from benchmarks._cost import Cost, charge, charged_to
from benchmarks._errors import BadInput
from benchmarks._lock import locked, whole_folder, write_text
from benchmarks._log import Log, silent
from benchmarks._policy import Policy, load_policy
from benchmarks._recipes import policy_id, policy_source, reward_folder, reward_id, root, tokenizer_folder
from benchmarks._reward import Classifier, Scorer, load_function, pair_accuracy, train_reward
from benchmarks._scratch import texts, train_scratch_policy, train_tokenizer, untrained_policy

REF_SDS = 2.0
"""The ref point lies so many SFT standard deviations below the SFT mean, on every objective."""


@dataclass(frozen=True, eq=False)
class Prepared:
    """A benchmark that is ready to measure."""

    benchmark: Benchmark
    card: Card
    report: dict[str, Any]
    """Pair accuracies of the trained rewards, cost of the preparation, share of answers that are collapsed.
    The answers are the starting policy's."""

    @cached_property
    def policy(self) -> Policy:
        """The policy that every method starts from, loaded. Not to be trained in place: use `load_starting_policy`."""
        return self.load_starting_policy()

    def load_starting_policy(self) -> Policy:
        """A fresh copy of the starting policy."""
        return load_policy(policy_source(self.benchmark), self.benchmark.max_prompt_tokens)

    def load_base(self, base: str, seed: int) -> Policy:
        """A model to train: "policy" (a fresh copy of the starting policy), an untrained one of a scratch size ("0.3m",
        "1m", ...) with the starting policy's tokenizer, or a hub id / local path."""
        if base == "policy":
            return self.load_starting_policy()
        if base in SIZES:
            return untrained_policy(self.benchmark, self.policy.tokenizer, base, seed)
        return load_policy(base, self.benchmark.max_prompt_tokens)

    @cached_property
    def _rewards(self) -> list[Scorer]:
        return [load_reward(self.benchmark, o, o.reward) for o in self.benchmark.objectives]

    @cached_property
    def _evaluators(self) -> list[Scorer]:
        return [load_reward(self.benchmark, o, o.evaluator) for o in self.benchmark.objectives]

    def score(self, prompts: Sequence[str], responses: Sequence[str]) -> np.ndarray:
        """Training rewards (N, M), z-scored by the card. Charged to the ledger in force."""
        charge(reward_calls=len(prompts) * len(self._rewards))
        return standardise(self._rewards, self.card.reward_mean, self.card.reward_std, prompts, responses)

    def evaluate(self, prompts: Sequence[str], responses: Sequence[str]) -> np.ndarray:
        """Evaluator scores (N, M), z-scored by the card."""
        return standardise(self._evaluators, self.card.evaluator_mean, self.card.evaluator_std, prompts, responses)


def standardise(
    scorers: Sequence[Scorer],
    mean: Sequence[float],
    std: Sequence[float],
    prompts: Sequence[str],
    responses: Sequence[str],
) -> np.ndarray:
    """Scores (N, M) in units of the card."""
    columns = [(s(prompts, responses) - m) / d for s, m, d in zip(scorers, mean, std, strict=True)]
    return np.stack(columns, axis=1) if columns else np.zeros((len(prompts), 0))


def load_reward(benchmark: Benchmark, objective: Objective, reward: Reward) -> Scorer:
    """The reward as a function."""
    if isinstance(reward, FunctionReward):
        return load_function(reward)
    cache = root(benchmark) / "scores" / f"{digest(reward_id(benchmark, objective, reward))}.sqlite"
    cache.parent.mkdir(parents=True, exist_ok=True)
    source = reward_folder(benchmark, objective, reward) if isinstance(reward, TrainedReward) else reward.model
    return Classifier(source, reward, cache)


def open_prepared(benchmark: Benchmark) -> Prepared:
    """What `prepare` left. Raises BadInput where it has not run."""
    path = root(benchmark) / f"card-{benchmark.identity}.json"
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        return Prepared(benchmark, Card.from_json(stored["card"]), stored["report"])
    except FileNotFoundError:
        raise BadInput(
            f"benchmark {benchmark.name} is not prepared",
            "its starting policy, rewards and scale card have to be made first",
            f"moa prepare -b {benchmark.name}",
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadInput(
            f"{path} is damaged: {error}",
            "the scale card cannot be read",
            f"delete it, then: moa prepare -b {benchmark.name}",
        ) from error


def is_prepared(benchmark: Benchmark) -> bool:
    """Whether the scale card exists (nothing is loaded)."""
    return (root(benchmark) / f"card-{benchmark.identity}.json").exists()


def missing_parts(benchmark: Benchmark) -> list[str]:
    """Names of the parts of a preparation that are still to be made.

    They can be made side by side, the card after them.
    """
    return [name for name, (folder, _) in _parts(benchmark).items() if not folder.exists()]


def prepare_part(benchmark: Benchmark, name: str, log: Log = silent) -> None:
    """Makes one part unless it is there. Its cost is left beside it."""
    folder, make = _parts(benchmark)[name]
    _once(folder, lambda unfinished: make(unfinished, log))


def prepare(benchmark: Benchmark, log: Log = silent) -> Prepared:
    """Makes whatever is missing: tokenizer, starting policy, trained rewards, scale card. Idempotent."""
    if not is_prepared(benchmark):
        for name in missing_parts(benchmark):
            prepare_part(benchmark, name, log)
        with locked(root(benchmark) / "card.lock"):
            if not is_prepared(benchmark):
                card, collapse = _take_card(benchmark, log)
                stored = {"card": card.to_json(), "report": _report(benchmark) | {"collapse": collapse}}
                write_text(root(benchmark) / f"card-{benchmark.identity}.json", json.dumps(stored, indent=1))
    return open_prepared(benchmark)


Make = Callable[[Path, Log], None]


def _parts(benchmark: Benchmark) -> dict[str, tuple[Path, Make]]:
    """What is to be trained, by name: the folder it belongs in, and how it is made."""
    parts: dict[str, tuple[Path, Make]] = {}
    source = policy_source(benchmark)
    if isinstance(source, Path):
        parts["policy"] = (source, partial(_make_policy, benchmark))
    for objective in benchmark.objectives:
        for role, reward in (("reward", objective.reward), ("evaluator", objective.evaluator)):
            if isinstance(reward, TrainedReward):
                folder = reward_folder(benchmark, objective, reward)
                parts[f"{role} {objective.name}"] = (folder, partial(_make_reward, benchmark, objective, reward))
    return parts


def _once(folder: Path, make: Callable[[Path], None]) -> None:
    """Makes a folder, with its cost beside it, unless it is there or another process is just making it."""
    with locked(folder.with_name(f".{folder.name}.lock")):
        if not folder.exists():
            cost, begin = Cost(), time.perf_counter()
            with whole_folder(folder) as unfinished, charged_to(cost):
                make(unfinished)
                cost.seconds = time.perf_counter() - begin
                write_text(unfinished / "cost.json", json.dumps(cost.to_json()))


def _tokenizer(benchmark: Benchmark) -> PreTrainedTokenizerFast:
    def make(folder: Path) -> None:
        train_tokenizer(texts(benchmark), benchmark.scratch.vocabulary, benchmark.names).save_pretrained(folder)

    _once(tokenizer_folder(benchmark), make)
    return PreTrainedTokenizerFast.from_pretrained(tokenizer_folder(benchmark), padding_side="left")


def _make_policy(benchmark: Benchmark, folder: Path, log: Log) -> None:
    size = benchmark.policy.removeprefix("scratch:")
    train_scratch_policy(benchmark, _tokenizer(benchmark), size, folder, log).save(folder)


def _report(benchmark: Benchmark) -> dict[str, Any]:
    """Accuracy on held-out pairs by role and objective, and what the parts cost together."""
    accuracies: dict[str, dict[str, float]] = {"reward": {}, "evaluator": {}}
    for objective in benchmark.objectives:
        pairs = benchmark.preference_pairs(objective.name, "test")
        for role, reward in (("reward", objective.reward), ("evaluator", objective.evaluator)):
            if pairs:
                accuracies[role][objective.name] = pair_accuracy(load_reward(benchmark, objective, reward), pairs)
    costs = [json.loads((folder / "cost.json").read_text()) for folder, _ in _parts(benchmark).values()]
    return {"pair_accuracy": accuracies, "cost": {key: sum(c[key] for c in costs) for key in Cost().to_json()}}


def _make_reward(benchmark: Benchmark, objective: Objective, reward: TrainedReward, folder: Path, log: Log) -> None:
    pairs = benchmark.preference_pairs(objective.name, "train")
    if not pairs:
        raise BadInput(
            f"objective {objective.name!r} of {benchmark.name} has no preference pairs to train a reward from",
            'its reward is "trained"',
            "give it a hub classifier or a Python function, or data with pairs",
        )
    if reward.base == "policy":
        if benchmark.policy.startswith("scratch:"):
            prepare_part(benchmark, "policy", log)  # waits for it where another process is making it
        reward = replace(reward, base=str(policy_source(benchmark)))
    train_reward(
        reward,
        pairs,
        _tokenizer(benchmark),
        folder,
        stage=f"reward {objective.name}",
        max_prompt_tokens=benchmark.max_prompt_tokens,
        max_new_tokens=benchmark.sampling.max_new_tokens,
        log=log,
    )


def _take_card(benchmark: Benchmark, log: Log) -> tuple[Card, float]:
    """Scores the SFT policy's answers to training prompts with every reward and evaluator.

    Returns the card, and which share of the answers is collapsed.
    """
    log("scale card", 0, 1, {})
    answers = card_answers(benchmark)
    prompts, responses = [a.prompt for a in answers], [a.response for a in answers]
    rewards = _moments(benchmark, [(o, o.reward) for o in benchmark.objectives], prompts, responses)
    evaluators = _moments(benchmark, [(o, o.evaluator) for o in benchmark.objectives], prompts, responses)
    log("scale card", 1, 1, {})
    card = Card(
        benchmark=benchmark.name,
        version=benchmark.version,
        objectives=benchmark.names,
        policy=policy_id(benchmark),
        rewards=tuple(reward_id(benchmark, o, o.reward) for o in benchmark.objectives),
        evaluators=tuple(reward_id(benchmark, o, o.evaluator) for o in benchmark.objectives),
        reward_mean=rewards[0],
        reward_std=rewards[1],
        evaluator_mean=evaluators[0],
        evaluator_std=evaluators[1],
        ref=(-REF_SDS,) * len(benchmark.objectives),
        prompts=len(benchmark.prompts("test")),
        prompts_hash=digest(benchmark.prompts("test")),
        sampling=benchmark.sampling,
    )
    return card, float(np.mean([collapsed(response) for response in responses]))


def _moments(
    benchmark: Benchmark, rewards: list[tuple[Objective, Reward]], prompts: list[str], responses: list[str]
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each reward. Raises BadInput for a reward that does not vary."""
    means, stds = [], []
    for objective, reward in rewards:
        values = load_reward(benchmark, objective, reward)(prompts, responses)
        if values.std() < 1e-8:
            raise BadInput(
                f"the reward {reward_id(benchmark, objective, reward)} of objective {objective.name!r} "
                f"gives every answer {values[0]:.4g}",
                "a reward that does not vary has no scale and cannot be optimised",
                "check the reward and its inputs",
            )
        means.append(float(values.mean()))
        stds.append(float(values.std(ddof=1)))
    return tuple(means), tuple(stds)
