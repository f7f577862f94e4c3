"""Preparation: what a benchmark needs before it can measure, built once and shared by all methods.

The starting policy, the trained rewards and the scale card lie under `<home>/<benchmark>/prepared/`, each in a folder
named after the content of its recipe: change the recipe and a new one is made, change it back and the old one is found.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Any

from transformers import PreTrainedTokenizerFast

from benchmarks.common import (
    BadInput,
    Cost,
    Log,
    charged_to,
    check_links,
    faulty,
    locked,
    read_cost,
    read_json,
    reading,
    set_aside,
    silent,
    tell,
    together,
    whole_folder,
    write_json,
    write_text,
)
from benchmarks.models import (
    check_policy,
    finetuned_policy,
    tagged_share,
    texts,
    train_scratch_policy,
    train_tokenizer,
)
from benchmarks.prepare.calibrate import take_card
from benchmarks.prepare.card import PairAccuracy, Report, StoredCard, stored_card
from benchmarks.prepare.parts import is_prepared, part_folders
from benchmarks.prepare.prepared import Prepared, open_prepared
from benchmarks.prepare.probe import probe_policy
from benchmarks.rewards import TrainedReward, check_base, fold, pair_accuracy, reward_probes, train_reward
from benchmarks.spec import (
    OTHER_HALF,
    SIGNALS,
    SIZES,
    SPLITS,
    TAGS,
    Description,
    Objective,
    PreferencePair,
    Reward,
    Signal,
    card_file,
    part_name,
    policy_source,
    root,
    tokenizer_folder,
)


def missing_parts(benchmark: Description) -> list[str]:
    """Names of the parts of a preparation that are still to be made.

    They can be made side by side, the card after them. BadInput for data that put a prompt in two splits; for a
    policy that cannot read or answer, a base that nothing can be trained from, and a reward or evaluator that cannot
    score, all that there are of these: found before anything is made.
    """
    _check_splits(benchmark)
    check_links(root(benchmark), benchmark.home)
    if stored_card(benchmark) is None:
        together(f"models of {benchmark.name}", _model_checks(benchmark))
    return [name for name, (folder, _) in _parts(benchmark).items() if not folder.exists()]


def prepare_part(benchmark: Description, name: str, log: Log = silent) -> None:
    """Makes one part unless it is there. Its cost is left beside it."""
    folder, make = _parts(benchmark)[name]
    _once(folder, make, log)


def prepare(benchmark: Description, log: Log = silent) -> Prepared:
    """Makes whatever is missing: tokenizer, starting policy, trained rewards, scale card. Idempotent."""
    if not is_prepared(benchmark):
        for name in missing_parts(benchmark):
            prepare_part(benchmark, name, log)
        with locked(root(benchmark) / "card.lock"):
            if stored_card(benchmark) is None:
                card, collapse = take_card(benchmark, log)
                StoredCard(card=card, report=_report(benchmark, collapse)).write(card_file(benchmark))
    return open_prepared(benchmark)


def _model_checks(benchmark: Description) -> list[Callable[[], None]]:
    """What raises BadInput for a policy, a base of rewards still to be trained, or a reward that cannot be used."""

    def policy() -> None:
        check_policy(benchmark)
        probe_policy(benchmark)

    rewards = [(objective.source(signal), objective.name) for objective in benchmark.objectives for signal in SIGNALS]
    trained = [(reward, name) for reward, name in rewards if isinstance(reward, TrainedReward)]
    bases = [reward.base for reward, name in trained if not reward.folder(benchmark, name).exists()]
    pretrained = [base for base in dict.fromkeys(bases) if base not in ("policy", *SIZES)]
    return [policy, *(partial(check_base, base) for base in pretrained), *reward_probes(benchmark)]


def _check_splits(benchmark: Description) -> None:
    """BadInput for a prompt in two splits: what is learned, chosen and reported would be told apart by name alone."""
    prompts = {split: set(benchmark.data.prompts(split)) for split in SPLITS}
    for one, other in combinations(SPLITS, 2):
        if both := prompts[one] & prompts[other]:
            raise BadInput(
                f"{len(both)} prompts of {benchmark.name} are in two splits, {one} and {other}: {min(both)!r:.60}",
                "what is learned from must not be what is chosen or reported on",
                "let prompts(split) of its data return others for each of " + ", ".join(SPLITS),
            )


Make = Callable[[Path, Log], None]


def _parts(benchmark: Description) -> dict[str, tuple[Path, Make]]:
    """What is to be trained, by name: the folder it belongs in, and how it is made."""
    folders = part_folders(benchmark)
    makers: dict[str, Make] = {"policy": partial(_make_policy, benchmark)}
    for objective in benchmark.objectives:
        for signal in SIGNALS:
            if isinstance(reward := objective.source(signal), TrainedReward):
                name = part_name(signal, objective.name)
                makers[name] = partial(_make_reward, benchmark, objective, reward, name)
    return {name: (folder, makers[name]) for name, folder in folders.items()}


def _once(folder: Path, make: Make, log: Log = silent) -> None:
    """Makes a folder, with its cost beside it, unless it is there or another process is just making it.

    What processes that were stopped have spent is lost, as far as no checkpoint kept it.
    """
    with locked(folder.with_name(f".{folder.name}.lock")):
        if folder.exists() and (name := faulty(folder)):
            tell(f"{folder} is damaged: {name} is not what was written. It is made again")
            set_aside(folder)
        if not folder.exists():
            cost = Cost()
            with whole_folder(folder) as unfinished, charged_to(cost):
                file = unfinished / "cost.json"

                def note(stage: str, step: int, steps: int, measured: dict[str, float]) -> None:
                    cost.tick()
                    write_json(file, cost.to_json())
                    log(stage, step, steps, measured)

                if before := _spent_before(file):
                    cost.lost = before.lost
                    cost.lose(before)
                cost.start()
                make(unfinished, note)
                cost.tick()
                write_json(file, cost.to_json())


def _spent_before(file: Path) -> Cost | None:
    """What was spent until a preparation was stopped; None where none was, or where that is damaged, which is told."""
    try:
        return read_cost(file)
    except FileNotFoundError:
        return None
    except ValueError as error:
        tell(f"{file} is damaged: {error}. What was spent until the preparation was stopped is not counted")
        return None


def _tokenizer(benchmark: Description) -> PreTrainedTokenizerFast:
    def make(folder: Path, log: Log) -> None:
        train_tokenizer(texts(benchmark), benchmark.scratch.vocabulary, benchmark.names).save_pretrained(folder)

    _once(tokenizer_folder(benchmark), make)
    return PreTrainedTokenizerFast.from_pretrained(tokenizer_folder(benchmark), padding_side="left")


def _make_policy(benchmark: Description, folder: Path, log: Log) -> None:
    if benchmark.pretrained:
        policy, tags = finetuned_policy(benchmark, folder, log), 0.0
    else:
        size = benchmark.policy.removeprefix("scratch:")
        policy, tags = train_scratch_policy(benchmark, _tokenizer(benchmark), size, folder, log)
    policy.save(folder)
    write_text(folder / "tags.json", json.dumps({"share": tags}))


def _report(benchmark: Description, collapse: float) -> Report:
    """Accuracy on dev pairs, what each part cost, how many answers are collapsed, how many texts tagged."""
    return Report(
        pair_accuracy=PairAccuracy(
            reward=_accuracies(benchmark, "rewards"), evaluator=_accuracies(benchmark, "scores")
        ),
        costs=_costs(benchmark),
        collapse=collapse,
        tagged=tagged_share(benchmark),
    )


def _costs(benchmark: Description) -> dict[str, Cost]:
    """What each part cost, tags apart from the starting policy that was taught them."""
    folders = part_folders(benchmark)
    costs = {name: Cost.from_json(_left(folder, "cost.json")) for name, folder in folders.items()}
    if policy := costs.get("policy"):
        share = _left(folders["policy"], "tags.json")["share"]
        costs |= {"policy": policy.times(1 - share), TAGS: policy.times(share)}
    return costs


def _left(folder: Path, name: str) -> Any:
    """What making a part left beside it."""
    with reading(folder):
        return read_json(folder / name)


ENOUGH = 1000
"""[choice] Pairs from which an accuracy is known to .03."""


def _accuracies(benchmark: Description, signal: Signal) -> dict[str, float]:
    """Accuracy by objective, of those that have pairs: settings of rewards are chosen by it.

    On dev pairs and, where these are few, on pairs of the half that a reward did not learn from.
    """
    pairs = {o: _held_out(benchmark, o.name, o.source(signal)) for o in benchmark.objectives}
    return {o.name: pair_accuracy(o.source(signal).scorer(benchmark, o.name), own) for o, own in pairs.items() if own}


def _held_out(benchmark: Description, objective: str, reward: Reward) -> list[PreferencePair]:
    """All dev pairs, filled up to `ENOUGH` with training pairs of the half that a reward did not learn from."""
    dev = benchmark.preference_pairs(objective, "dev")
    if not (isinstance(reward, TrainedReward) and (other := OTHER_HALF.get(reward.fold))):
        return dev
    return [*dev, *fold(benchmark.preference_pairs(objective, "train"), other)[: max(0, ENOUGH - len(dev))]]


def _make_reward(
    benchmark: Description, objective: Objective, reward: TrainedReward, name: str, folder: Path, log: Log
) -> None:
    pairs = benchmark.preference_pairs(objective.name, "train")
    if not pairs:
        raise BadInput(
            f"objective {objective.name!r} of {benchmark.name} has no preference pairs to train a reward from",
            'its reward is "trained"',
            "give it a hub classifier or a Python function, or data with pairs",
        )
    if reward.base == "policy":
        if isinstance(policy_source(benchmark), Path):
            prepare_part(benchmark, "policy", log)  # waits for it where another process is making it
        if not benchmark.pretrained:
            reward = replace(reward, learning_rate=reward.identity.learning_rate)  # that of what is made here
        reward = replace(reward, base=str(policy_source(benchmark)))
    train_reward(
        reward,
        pairs,
        _tokenizer(benchmark),
        folder,
        stage=name,
        max_prompt_tokens=benchmark.max_prompt_tokens,
        max_new_tokens=benchmark.sampling.max_new_tokens,
        log=log,
    )
