"""Sequence classifiers as functions of (prompts, responses), published ones and those trained here."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from benchmarks.common import charge
from benchmarks.models import attention, fixed_shapes, pad_right, setup

TOKENS_PER_BATCH = {"cpu": 1024, "cuda": 4096, "mps": 4096}
"""By device. A GPU takes more at once; a CPU loses more to the rows that only fill a batch up."""


class Classifier:
    """Batched scoring with a sequence classifier: padded on the right, answers already scored looked up.

    On a given machine a score depends on the text alone, to the last bit, whatever else is scored beside it: which
    answers are in the cache must not matter to a training that reads the scores.

    Without more than a source it reads as it was trained here. `inputs` as in `HubReward`.
    """

    def __init__(
        self,
        source: str | Path,
        *,
        revision: str | None = None,
        label: int = 0,
        sign: float = 1.0,
        inputs: str = "{prompt} {response}{eos}",
        cache: Path | None = None,
    ):
        device = setup()
        self.inputs, self.label, self.sign = inputs, label, sign
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
        lengths, device = [len(ids) for ids in encoded], self.model.device
        values = np.zeros(len(encoded))
        for indices, rows, width in fixed_shapes(lengths, self.limit, TOKENS_PER_BATCH[device.type]):
            batch = [encoded[i] for i in indices]
            batch += batch[:1] * (rows - len(batch))
            ids, mask = pad_right(batch, self.tokenizer.pad_token_id, device, multiple=width)
            logits = self.model(input_ids=ids, attention_mask=mask).logits[: len(indices)]
            values[indices] = self.sign * logits[:, self.label].double().cpu().numpy()
        return values, np.array(lengths)

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
