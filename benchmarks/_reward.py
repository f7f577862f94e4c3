"""Rewards as functions of (prompts, responses): hub classifiers, classifiers trained here, Python functions."""

from __future__ import annotations

import hashlib
import importlib
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from datasets import Dataset
from transformers import AutoModelForSequenceClassification, AutoTokenizer, PreTrainedTokenizerBase
from trl import RewardConfig, RewardTrainer

from benchmarks._batching import by_length, pad_right
from benchmarks._benchmark import SIZES, FunctionReward, HubReward, PreferencePair, TrainedReward
from benchmarks._cost import charge
from benchmarks._errors import BadInput
from benchmarks._log import Log, silent
from benchmarks._python import load_file
from benchmarks._scratch import scratch_classifier
from benchmarks._torch import attention, setup
from benchmarks._trainer import Progress, Training, run_trainer, trainer_arguments

Scorer = Callable[[Sequence[str], Sequence[str]], np.ndarray]
"""(N prompts, N responses) -> N raw rewards, higher is better."""

TOKENS_PER_BATCH = 4096


def load_function(reward: FunctionReward) -> Scorer:
    """The function named by a `FunctionReward`; its N outputs are checked to be N finite numbers."""
    place, _, name = reward.function.rpartition(":")
    try:
        module = load_file(Path(place), "a reward") if place.endswith(".py") else importlib.import_module(place)
        function = getattr(module, name)
    except BadInput:
        raise
    except Exception as error:
        raise BadInput(
            f"the reward function {reward.function!r} cannot be loaded: {type(error).__name__}: {error}",
            "a reward names a Python function as module:function or path/to/file.py:function",
            "check the spelling and that the module can be imported from here",
        ) from error

    def scorer(prompts: Sequence[str], responses: Sequence[str]) -> np.ndarray:
        returned = function(list(prompts), list(responses))
        try:
            values = np.asarray(returned, dtype=float)
        except (TypeError, ValueError):
            values = None
        if values is None or values.shape != (len(prompts),) or not np.isfinite(values).all():
            raise BadInput(
                f"the reward function {reward.function!r} returned {describe(values)} for {len(prompts)} answers",
                "a reward is one finite number per answer",
                "make it return a list of floats as long as its arguments",
            )
        return values

    return scorer


def describe(values: np.ndarray | None) -> str:
    """A shape, or the number of non-finite entries, in words; None is what is not numbers."""
    if values is None:
        return "something else than numbers"
    bad = int((~np.isfinite(values)).sum())
    return f"{bad} non-finite numbers" if bad else f"an array of shape {values.shape}"


class Classifier:
    """Batched scoring with a sequence classifier: length-sorted, padded on the right, known answers looked up."""

    def __init__(self, source: str | Path, reward: HubReward | TrainedReward, cache: Path | None = None):
        device = setup()
        revision = reward.revision if isinstance(reward, HubReward) else None
        self.inputs = reward.inputs if isinstance(reward, HubReward) else "{prompt} {response}{eos}"
        self.label = reward.label if isinstance(reward, HubReward) else 0
        self.sign = reward.sign if isinstance(reward, HubReward) else 1.0
        self.tokenizer = AutoTokenizer.from_pretrained(source, revision=revision, padding_side="right")
        if self.tokenizer.pad_token_id is None:
            self.tokenizer.pad_token = self.tokenizer.eos_token
        self.model = AutoModelForSequenceClassification.from_pretrained(
            source, revision=revision, dtype=torch.float32, attn_implementation=attention(device)
        )
        self.model.config.pad_token_id = self.tokenizer.pad_token_id
        self.model.to(device).eval()
        self.tokenizer.truncation_side = "left"
        self.limit = min(self.tokenizer.model_max_length, getattr(self.model.config, "max_position_embeddings", 512))
        self.cache = cache

    def encode(self, prompts: Sequence[str], responses: Sequence[str]) -> list[list[int]]:
        """Token ids of each input text."""
        kwargs = {"truncation": True, "max_length": self.limit}
        if self.inputs == "pair":
            return self.tokenizer(list(prompts), list(responses), **kwargs)["input_ids"]
        if self.inputs == "pair-reversed":
            return self.tokenizer(list(responses), list(prompts), **kwargs)["input_ids"]
        template = "{response}" if self.inputs == "response" else self.inputs
        special = {"bos": self.tokenizer.bos_token or "", "eos": self.tokenizer.eos_token or ""}
        texts = [template.format(prompt=p, response=r, **special) for p, r in zip(prompts, responses, strict=True)]
        return self.tokenizer(texts, **kwargs)["input_ids"]

    @torch.inference_mode()
    def forward(self, prompts: Sequence[str], responses: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Raw rewards and lengths in tokens, (N,) each."""
        encoded = self.encode(prompts, responses)
        longest = max(map(len, encoded), default=1)
        device = self.model.device
        values = np.zeros(len(encoded))
        for rows in by_length(encoded, max(1, TOKENS_PER_BATCH // longest)):
            ids, mask = pad_right([encoded[i] for i in rows], self.tokenizer.pad_token_id, device)
            logits = self.model(input_ids=ids, attention_mask=mask).logits
            values[rows] = self.sign * logits[:, self.label].double().cpu().numpy()
        return values, np.array([len(ids) for ids in encoded])

    def __call__(self, prompts: Sequence[str], responses: Sequence[str]) -> np.ndarray:
        """Raw rewards (N,); each distinct answer is scored once.

        A known score is charged like a new one: what a method costs must not depend on which method ran before it.
        """
        answers = list(zip(prompts, responses, strict=True))
        known = ScoreCache.read(self.cache, answers) if self.cache else {}
        new = list(dict.fromkeys(a for a in answers if a not in known))
        if new:
            values, lengths = self.forward([p for p, _ in new], [r for _, r in new])
            fresh = dict(zip(new, zip(values.tolist(), lengths.tolist(), strict=True), strict=True))
            if self.cache:
                ScoreCache.write(self.cache, fresh)
            known |= fresh
        charge(flops=2.0 * self.model.num_parameters() * sum(tokens for _, tokens in known.values()))
        return np.array([known[a][0] for a in answers])


Scored = dict[tuple[str, str], tuple[float, int]]
"""Score and length in tokens of each (prompt, response)."""


class ScoreCache:
    """Scores on disk, one SQLite file per reward: an answer is scored once, whichever run asks."""

    @staticmethod
    def _key(answer: tuple[str, str]) -> bytes:
        return hashlib.blake2b("\0".join(answer).encode(), digest_size=16).digest()

    @staticmethod
    def _open(path: Path) -> sqlite3.Connection:
        connection = sqlite3.connect(path, timeout=60)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=OFF")
        columns = "answer BLOB PRIMARY KEY, value REAL, tokens INTEGER"
        connection.execute(f"CREATE TABLE IF NOT EXISTS scored ({columns}) WITHOUT ROWID")
        return connection

    @classmethod
    def read(cls, path: Path, answers: Sequence[tuple[str, str]]) -> Scored:
        """Those of the answers that are in the file, with their scores."""
        keys = {cls._key(a): a for a in answers}
        found: Scored = {}
        connection = cls._open(path)
        wanted = list(keys)
        for start in range(0, len(wanted), 500):
            part = wanted[start : start + 500]
            marks = ",".join("?" * len(part))
            for key, *scored in connection.execute(f"SELECT * FROM scored WHERE answer IN ({marks})", part):
                found[keys[key]] = tuple(scored)
        connection.close()
        return found

    @classmethod
    def write(cls, path: Path, scores: Scored) -> None:
        """Adds scores to the file."""
        connection = cls._open(path)
        with connection:
            rows = [(cls._key(a), *scored) for a, scored in scores.items()]
            connection.executemany("INSERT OR REPLACE INTO scored VALUES (?, ?, ?)", rows)
        connection.close()


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
