"""Training a reward: a Bradley-Terry classifier, from an objective's preference pairs."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from datasets import Dataset
from transformers import AutoModelForSequenceClassification, AutoTokenizer, PreTrainedTokenizerBase
from trl import RewardConfig, RewardTrainer

from benchmarks.common import Log, charge, silent
from benchmarks.models import Progress, Training, attention, run_trainer, scratch_classifier, setup, trainer_arguments
from benchmarks.rewards.trained import TrainedReward
from benchmarks.spec import SIZES, PreferencePair, Scorer


def fold(pairs: Sequence[PreferencePair], which: str) -> list[PreferencePair]:
    """ "all", or the half of the pairs whose prompt hashes to an even / odd number."""
    if which == "all":
        return list(pairs)
    parity = {"even": 0, "odd": 1}[which]
    return [p for p in pairs if hashlib.blake2b(p.prompt.encode(), digest_size=1).digest()[0] % 2 == parity]


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
        device = setup()
        tokenizer = AutoTokenizer.from_pretrained(reward.base)
        tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
        model = AutoModelForSequenceClassification.from_pretrained(
            reward.base, num_labels=1, dtype=torch.float32, attn_implementation=attention(device)
        ).to(device)
        model.config.pad_token_id = tokenizer.pad_token_id

    def encode(prompt: str, response: str) -> list[int]:  # no longer than what a policy can say
        answer = tokenizer(" " + response, add_special_tokens=False)["input_ids"][:max_new_tokens]
        return [*tokenizer(prompt)["input_ids"][-max_prompt_tokens:], *answer, tokenizer.eos_token_id]

    rows = [
        {"chosen_ids": encode(p.prompt, p.chosen), "rejected_ids": encode(p.prompt, p.rejected)}
        for p in fold(pairs, reward.fold)
    ]
    tokens = np.mean([len(r["chosen_ids"]) + len(r["rejected_ids"]) for r in rows])
    training = Training(steps=reward.steps, batch=reward.batch, learning_rate=reward.learning_rate, beta2=0.95)
    trainer = RewardTrainer(
        model=model,
        args=RewardConfig(**trainer_arguments(training, folder / "checkpoints", reward.seed, model), max_length=None),
        train_dataset=Dataset.from_list(rows),
        processing_class=tokenizer,
        callbacks=[Progress(stage, log, keep=("loss", "accuracy"))],
    )
    run_trainer(trainer)
    trained = round(tokens * reward.batch * reward.steps)
    charge(trained_tokens=trained, flops=6.0 * model.num_parameters() * trained)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def pair_accuracy(scorer: Scorer, pairs: Sequence[PreferencePair]) -> float:
    """Share of pairs in which the chosen response scores higher."""
    prompts = [p.prompt for p in pairs]
    difference = scorer(prompts, [p.chosen for p in pairs]) - scorer(prompts, [p.rejected for p in pairs])
    return float((difference > 0).mean())
