"""Sequence classifiers as functions of (prompts, responses), published ones and those trained here."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import numpy as np

from benchmarks.common import BadInput, answering, charge
from benchmarks.models import fixed_shapes
from benchmarks.rewards.inputs import Reading, Row, check_inputs, own_inputs
from benchmarks.rewards.known import ScoreCache
from benchmarks.rewards.opening import Opened, open_classifier

TOKENS_PER_BATCH = {"cpu": 1024, "cuda": 4096, "mps": 4096}
"""By device. A GPU takes more at once; a CPU loses more to the rows that only fill a batch up."""


class Classifier:
    """Batched scoring with one logit of a sequence classifier; answers already scored are looked up.

    On a given machine a score depends on the text alone, to the last bit, whatever else is scored beside it: which
    answers are in the cache must not matter to a training that reads the scores.

    Without more than a source it reads as it was trained here. `label`, `sign` and `inputs` as in `HubReward`;
    `prompt_tokens` and `answer_tokens` as in `Reading`. Raises BadInput for a classifier that cannot be read like that.
    """

    def __init__(
        self,
        source: str | Path,
        *,
        revision: str | None = None,
        label: int | None = None,
        sign: float = 1.0,
        inputs: str | None = None,
        prompt_tokens: int | None = None,
        answer_tokens: int | None = None,
        cache: Path | None = None,
    ):
        self.opened = open_classifier(source, revision)
        self.model, self.tokenizer, self.limit = self.opened.model, self.opened.tokenizer, self.opened.limit
        self.inputs = own_inputs(self.tokenizer) if inputs is None else inputs
        self.label, self.sign, self.cache = label or 0, sign, cache
        _check_label(self.opened, label)
        check_inputs(self.opened.source, self.tokenizer, self.inputs)
        if inputs not in (None, "chat") and self.tokenizer.chat_template:
            _warn_of_chat(self.opened.source, self.inputs)
        self.reading = Reading(self.tokenizer, self.inputs, self.limit, prompt_tokens, answer_tokens)

    def encode(self, prompts: Sequence[str], responses: Sequence[str]) -> list[list[int]]:
        """Token ids of each input text."""
        return [row["input_ids"] for row in self.reading.rows(prompts, responses)]

    def forward(self, prompts: Sequence[str], responses: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """All L logits (N, L), and lengths in tokens (N,)."""
        rows = self.reading.rows(prompts, responses)
        lengths = np.array([len(row["input_ids"]) for row in rows], dtype=int)
        logits, done = np.zeros((len(rows), len(self.opened.labels))), 0
        for indices, count, width in self._batches(rows, lengths):
            batch = [rows[i] for i in indices]
            batch += batch[:1] * (count - len(batch))
            logits[indices] = self.opened.logits(batch, width)[: len(indices)].numpy()
            answering(done := done + len(indices), len(rows))
        return logits, lengths

    def _batches(self, rows: Sequence[Row], lengths: np.ndarray) -> Iterator[tuple[list[int], int, int]]:
        """Indices in batches, with the rows and the width of each.

        Encoder-decoders read their last end-of-sequence token, and want as many of them in every row of a batch.
        """
        config = self.model.config
        ends = [row["input_ids"].count(config.eos_token_id) if config.is_encoder_decoder else 0 for row in rows]
        tokens = TOKENS_PER_BATCH[self.model.device.type]
        for count in sorted(set(ends)):
            of = [i for i, end in enumerate(ends) if end == count]
            for indices, size, width in fixed_shapes([int(lengths[i]) for i in of], self.limit, tokens):
                yield [of[i] for i in indices], size, width

    def __call__(self, prompts: Sequence[str], responses: Sequence[str]) -> np.ndarray:
        """Raw rewards (N,); each distinct answer is scored once, and under all labels at once.

        A known score is charged like a new one: what a method costs must not depend on which method ran before it.
        """
        answers = list(zip(prompts, responses, strict=True))
        known = ScoreCache.read(self.cache, answers, self.label) if self.cache else {}
        new = list(dict.fromkeys(a for a in answers if a not in known))
        if new:
            logits, lengths = self.forward([p for p, _ in new], [r for _, r in new])
            for label in range(logits.shape[1]) if self.cache else [self.label]:
                fresh = dict(zip(new, zip(logits[:, label].tolist(), lengths.tolist(), strict=True), strict=True))
                if self.cache:
                    ScoreCache.write(self.cache, fresh, label)
                if label == self.label:
                    known |= fresh
        charge(flops=2.0 * self.model.num_parameters() * sum(tokens for _, tokens in known.values()))
        return np.array([self.sign * known[a][0] for a in answers])


def _check_label(opened: Opened, label: int | None) -> None:
    """BadInput for a label that the classifier does not have."""
    listed = ", ".join(f"{i} {name!r}" for i, name in opened.labels.items())
    if label is None and len(opened.labels) > 1:
        raise BadInput(
            f"the reward model {opened.source} has {len(opened.labels)} labels, and it is not said which is the reward",
            f"its labels are {listed}",
            "label = the number of the one that is the reward; with sign = -1 where it is something bad",
        )
    if label is not None and label not in opened.labels:
        raise BadInput(
            f"the reward model {opened.source} has no label {label}",
            f"its labels are {listed}",
            f"label = {' or '.join(map(str, list(opened.labels)[:8]))}",
        )


@cache
def _warn_of_chat(source: str, inputs: str) -> None:
    """Says so once in a process."""
    logging.getLogger("moa.settings").warning(
        f"the reward model {source} has a chat template, and is read with inputs = {inputs!r}: "
        'where its model card calls apply_chat_template, set inputs = "chat"'
    )
