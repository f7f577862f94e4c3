"""Training a reward: a Bradley-Terry classifier, from an objective's preference pairs."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from peft import LoraConfig
from transformers import PreTrainedModel, PreTrainedTokenizerBase
from trl import RewardConfig, RewardTrainer
from trl.trainer.reward_trainer import DataCollatorForPreference

from benchmarks.common import BadInput, Log, adapter_base, charge, silent, some_of
from benchmarks.data import warn_once
from benchmarks.models import (
    Progress,
    Training,
    check_embedded,
    check_unread,
    of_its_parts,
    pad_right,
    run_trainer,
    scratch_classifier,
    setup,
    trainer_arguments,
)
from benchmarks.rewards.inputs import Reading, Row, check_inputs, own_inputs
from benchmarks.rewards.opening import Opened, check_padding, load, readable
from benchmarks.rewards.trained import ADAPTER_RATE, OWN_RATE, PRETRAINED_RATE, TrainedReward
from benchmarks.spec import LARGE, SIZES, Half, PreferencePair, Scorer, in_half


def fold(pairs: Sequence[PreferencePair], which: Half) -> list[PreferencePair]:
    """The pairs on the prompts of a half."""
    return [p for p in pairs if in_half(p.prompt, which)]


def train_reward(
    reward: TrainedReward,
    pairs: Sequence[PreferencePair],
    tokenizer: PreTrainedTokenizerBase,
    folder: Path,
    *,
    stage: str,
    max_prompt_tokens: int,
    max_new_tokens: int,
    log: Log = silent,
) -> None:
    """Fits a Bradley-Terry classifier, -log sigmoid(r(chosen) - r(rejected)), with TRL and saves it to `folder`."""
    longest = max_prompt_tokens + max_new_tokens + 2
    if reward.base in SIZES:
        model = scratch_classifier(reward.base, tokenizer, longest, labels=1, seed=reward.seed)
    else:
        torch.manual_seed(reward.seed)  # of the new head
        model, tokenizer = _open_base(reward.base)
        model = model.to(setup())
        check_padding(Opened(reward.base, model, tokenizer, readable(model, tokenizer)))  # or nothing could open it
    inputs = own_inputs(tokenizer)
    # no longer than what a policy can say
    reading = Reading(tokenizer, inputs, readable(model, tokenizer), max_prompt_tokens, max_new_tokens)
    read = fold(pairs, reward.fold)
    if not read:
        raise BadInput(
            f"the {reward.fold} half of the preference pairs for {stage} is empty",
            f"{len(pairs)} pairs are parted by their prompts, and those are too few",
            'more prompts; or fold = "all"',
        )
    both = list(zip(*(reading.rows(*texts) for texts in _texts(read)), strict=True))
    kept = tell_apart(read, [(a["input_ids"], b["input_ids"]) for a, b in both], stage)
    rows = [_columns(*both[i]) for i in kept]
    tokens = np.mean([len(r["chosen_ids"]) + len(r["rejected_ids"]) for r in rows])
    adapter, rate = by_base(model, pretrained=reward.base not in SIZES)
    if reward.learning_rate is not None:
        rate = reward.learning_rate
    training = Training(steps=reward.steps, batch=reward.batch, learning_rate=rate, beta2=0.95)
    args = trainer_arguments(training, folder / "checkpoints", reward.seed, model)
    pad = _padding(tokenizer, model.get_input_embeddings().weight.shape[0])
    trainer = RewardTrainer(
        model=model,
        args=RewardConfig(**args, max_length=None, remove_unused_columns=False),
        data_collator=Pairs(pad_token_id=pad, pad_to_multiple_of=args["pad_to_multiple_of"], widest=reading.limit),
        train_dataset=Dataset.from_list(rows),
        processing_class=_padding_with(tokenizer, pad),
        peft_config=adapter,
        callbacks=[Progress(stage, log, keep=("loss", "accuracy"))],
    )
    run_trainer(trainer)
    model = trainer.model.merge_and_unload() if adapter else model
    trained = round(tokens * reward.batch * reward.steps)
    charge(trained_tokens=trained, flops=6.0 * model.num_parameters() * trained)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def check_base(base: str) -> None:
    """BadInput for a base that no reward can be trained from. Its weights are looked at, and not loaded."""
    _open_base(base, device_map="meta")


def _open_base(base: str, **how: Any) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """A pretrained model with a new head, and its tokenizer. BadInput for one that nothing can be trained from."""
    if of := adapter_base(base):
        raise BadInput(
            f"the base {base} of a trained reward is an adapter of {of}",
            "a reward is trained from a whole model",
            f"base = {of!r}, or the adapter merged into it (merge_and_unload of the peft library)",
        )
    model, amiss, tokenizer = load(base, num_labels=1, **how)
    _check_base(base, model, amiss, tokenizer)
    check_inputs(base, tokenizer, own_inputs(tokenizer))
    return model, tokenizer


def _check_base(base: str, model: PreTrainedModel, amiss: dict[str, Any], tokenizer: PreTrainedTokenizerBase) -> None:
    """BadInput for a base that lacks weights, but for its new head, or an embedding of a token."""
    new = [*amiss["missing_keys"], *(name for name, *_ in amiss["mismatched_keys"])]
    body = f"{model.base_model_prefix}."
    if lost := sorted(name for name in new if name.startswith(body) and ".pooler." not in name):
        raise BadInput(
            f"the base {base} of a trained reward lacks weights: {some_of(lost, 4)}",
            "they would be drawn at random; only the head that gives the reward is new",
            "base = a pretrained model, whole",
        )
    what = f"the base {base} of a trained reward"
    check_unread(what, of_its_parts(model.base_model, [name.removeprefix(body) for name in amiss["unexpected_keys"]]))
    check_embedded(what, model, tokenizer)


def tell_apart(pairs: Sequence[PreferencePair], ids: Sequence[tuple[object, object]], name: str) -> list[int]:
    """Places of the pairs whose chosen and rejected answers are still two when a model reads them, by their token ids.

    Two texts that are one within the tokens that an answer may have teach nothing, and count as a wrong label. How many
    are left out is told. Where all are alike none is left out, and that is told.
    """
    same = [a == b and pair.chosen != pair.rejected for pair, (a, b) in zip(pairs, ids, strict=True)]
    if all(same):
        warn_once(
            f"{name}: none of {len(pairs):,} pairs differ within max_new_tokens: nothing can be learned from them"
        )
        return list(range(len(pairs)))
    if any(same):
        warn_once(f"{name}: {sum(same):,} of {len(pairs):,} pairs left out, the same within max_new_tokens")
    return [i for i, equal in enumerate(same) if not equal]


ADAPTER_FROM = LARGE
"""Parameters from which a pretrained base is left as it is but for adapters and its head: AdamW in fp32 takes 16 bytes
of each that is trained, 110 GB for a model of 7B."""


def by_base(model: PreTrainedModel, *, pretrained: bool) -> tuple[LoraConfig | None, float]:
    """Adapters, or None where all of the model is trained, and the learning rate that suits that."""
    if not pretrained:
        return None, OWN_RATE
    if model.num_parameters() < ADAPTER_FROM:
        return None, PRETRAINED_RATE
    # rank 16 on all linear layers, alpha twice the rank [choice: as is usual]
    return LoraConfig(task_type="SEQ_CLS", r=16, lora_alpha=32, target_modules="all-linear"), ADAPTER_RATE


def _texts(pairs: Sequence[PreferencePair]) -> list[tuple[list[str], list[str]]]:
    """Prompts with the chosen answers, and with the rejected."""
    prompts = [p.prompt for p in pairs]
    return [(prompts, [p.chosen for p in pairs]), (prompts, [p.rejected for p in pairs])]


def _columns(chosen: Row, rejected: Row) -> Row:
    """A pair as a row of a data set, as TRL calls its ids."""
    return {
        f"{which}_{name.removeprefix('input_')}": values
        for which, row in (("chosen", chosen), ("rejected", rejected))
        for name, values in row.items()
    }


@dataclass
class Pairs(DataCollatorForPreference):
    """Batches of pairs with all that their tokenizer said of them, such as which segment a token is in."""

    widest: int = sys.maxsize
    """Tokens that the model can read: padding does not go beyond."""

    def torch_call(self, examples: list[dict[str, Any]]) -> dict[str, Any]:
        """The chosen texts, then the rejected."""
        batch: dict[str, Any] = super().torch_call(examples)
        for name in examples[0]:
            if name.startswith("chosen_") and name != "chosen_ids":
                told = name.removeprefix("chosen_")
                both = [row[f"{which}_{told}"] for which in ("chosen", "rejected") for row in examples]
                batch[told], _ = pad_right(both, 0, torch.device("cpu"), multiple=self.pad_to_multiple_of or 1)
        return {name: values[:, : self.widest] for name, values in batch.items()}


def _padding(tokenizer: PreTrainedTokenizerBase, known: int) -> int:
    """Id to pad with, of those that the model embeds: any but the last of a text, or it would be read as padding."""
    own = tokenizer.pad_token_id
    if own not in (None, tokenizer.eos_token_id) and own < known:
        return own
    return next(i for i in range(known) if i != tokenizer.eos_token_id)


def _padding_with(tokenizer: PreTrainedTokenizerBase, pad: int) -> PreTrainedTokenizerBase:
    """The tokenizer, or a copy that pads with this id: trainers write into the model what their tokenizer pads with.

    Not to be saved: it takes the id for a special token wherever it stands.
    """
    if tokenizer.pad_token_id == pad:
        return tokenizer
    other = deepcopy(tokenizer)
    other.pad_token = str(tokenizer.convert_ids_to_tokens(pad))
    return other


def pair_accuracy(scorer: Scorer, pairs: Sequence[PreferencePair]) -> float:
    """Share of pairs in which the chosen response scores higher; a tie is half of one. BadInput for scores that are no
    numbers."""
    prompts = [p.prompt for p in pairs]
    scores = np.stack([scorer(prompts, [p.chosen for p in pairs]), scorer(prompts, [p.rejected for p in pairs])])
    if not np.isfinite(scores).all():
        raise BadInput(
            f"a reward gives {scores[~np.isfinite(scores)][0]} to an answer of its preference pairs",
            "which of two answers it prefers cannot be told",
            "a trained reward that diverged: a smaller learning_rate; else check its model",
        )
    return float((1 + np.sign(scores[0] - scores[1])).mean() / 2)
