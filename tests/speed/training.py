"""A step of supervised training: TRL with moa's settings, TRL as it comes, and a loop written by hand."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import pairwise
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np
import torch
import trl.trainer.utils as trl_utils
from datasets import Dataset
from measure import Line, interleaved
from models import (
    Sequences,
    benchmark_and_tokenizer,
    default_precision,
    demonstrations,
    short_training,
    untrained,
)
from transformers import PreTrainedTokenizerFast
from trl import SFTConfig, SFTTrainer
from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

from benchmarks.models.device import setup
from benchmarks.models.training import Progress, Training, supervised

STEPS = 50
AS_IT_COMES = (trl_utils._CHUNKED_LOGPROB_CHUNK_SIZE, trl_utils._use_triton)


class Clock:
    """Notes the computing time of every step."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def __call__(self, stage: str, step: int, steps: int, measured: dict[str, float]) -> None:
        self.times.append(time.process_time())

    @property
    def seconds_per_step(self) -> float:
        """The median, which leaves out checkpoints."""
        return median(b - a for a, b in pairwise(self.times))


@contextmanager
def trl_as_it_comes() -> Iterator[None]:
    """TRL's head and torch's matrix products without moa's settings."""
    tuned = (trl_utils._CHUNKED_LOGPROB_CHUNK_SIZE, trl_utils._use_triton)
    trl_utils._CHUNKED_LOGPROB_CHUNK_SIZE, trl_utils._use_triton = AS_IT_COMES
    try:
        with default_precision():
            yield
    finally:
        trl_utils._CHUNKED_LOGPROB_CHUNK_SIZE, trl_utils._use_triton = tuned


def step_of_moa(tokenizer: PreTrainedTokenizerFast, sequences: Sequences, training: Training, folder: Path) -> float:
    """Seconds per step as moa trains."""
    clock = Clock()
    supervised(untrained(tokenizer), sequences, training, folder=folder / "moa", seed=0, log=clock)
    return clock.seconds_per_step


def step_of_trl(tokenizer: PreTrainedTokenizerFast, sequences: Sequences, training: Training, folder: Path) -> float:
    """Seconds per step of SFTTrainer with its defaults: bfloat16 autocast and gradient checkpointing."""
    clock, policy = Clock(), untrained(tokenizer)
    policy.model.set_attn_implementation("sdpa")
    rows = [{"input_ids": [*p, *r], "labels": [*[-100] * len(p), *r]} for p, r in sequences]
    with trl_as_it_comes():
        SFTTrainer(
            model=policy.model,
            args=SFTConfig(
                output_dir=str(folder / "trl"), max_steps=20, per_device_train_batch_size=training.batch, use_cpu=True,
                learning_rate=training.learning_rate, logging_steps=1, save_strategy="no", report_to=[],
                disable_tqdm=True, max_length=None, dataset_kwargs={"skip_prepare_dataset": True},
            ),
            train_dataset=Dataset.from_list(rows),
            processing_class=tokenizer,
            data_collator=DataCollatorForLanguageModeling(pad_token_id=tokenizer.pad_token_id),
            callbacks=[Progress("sft", clock, keep=("loss",))],
        ).train()  # fmt: skip
    return clock.seconds_per_step


def step_by_hand(tokenizer: PreTrainedTokenizerFast, sequences: Sequences, training: Training) -> float:
    """Seconds per step of the shortest loop, on batches of equal length that are made before the clock starts."""
    clock, model = Clock(), untrained(tokenizer).model
    batches = ready_batches(sequences, training.batch, tokenizer.pad_token_id)
    optimizer = torch.optim.AdamW(model.parameters(), lr=training.learning_rate, weight_decay=0.0)
    model.train()
    for step in range(training.steps):
        model(**batches[step]).loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), training.max_grad_norm)
        optimizer.step()
        optimizer.zero_grad()
        clock("", step, training.steps, {})
    return clock.seconds_per_step


def ready_batches(sequences: Sequences, batch: int, pad: int) -> list[dict[str, torch.Tensor]]:
    """All sequences in padded batches of similar length, shuffled."""
    ordered = sorted(sequences, key=lambda pair: len(pair[0]) + len(pair[1]))
    batches = []
    for start in range(0, len(ordered) - batch + 1, batch):
        rows = ordered[start : start + batch]
        width = max(len(p) + len(r) for p, r in rows)
        ids, labels = torch.full((batch, width), pad), torch.full((batch, width), -100)
        for row, (prompt, response) in enumerate(rows):
            end = len(prompt) + len(response)
            ids[row, :end] = torch.tensor([*prompt, *response])
            labels[row, len(prompt) : end] = torch.tensor(response)
        mask = torch.arange(width)[None] < torch.tensor([[len(p) + len(r)] for p, r in rows])
        batches.append({"input_ids": ids, "attention_mask": mask.long(), "labels": labels})
    return [batches[i] for i in np.random.default_rng(0).permutation(len(batches))]


def measure(folder: Path) -> Iterator[Line]:
    """The three, interleaved."""
    benchmark, tokenizer = benchmark_and_tokenizer()
    sequences, training = demonstrations(benchmark, untrained(tokenizer)), short_training(benchmark, STEPS)
    steps = interleaved(
        {
            "moa": partial(step_of_moa, tokenizer, sequences, training, folder),
            "trl": partial(step_of_trl, tokenizer, sequences, training, folder),
            "hand": partial(step_by_hand, tokenizer, sequences, training),
        },
        rounds=3,
    )
    moa, as_it_comes, by_hand = (1000 * steps[name] for name in ("moa", "trl", "hand"))
    yield Line(
        what="SFT step: TRL as it comes / TRL set up by moa",
        value=as_it_comes / moa,
        detail=f"{as_it_comes:.0f} ms against {moa:.0f} ms",
    )
    yield Line(
        what="SFT step: TRL set up by moa / written by hand",
        value=moa / by_hand,
        target=1.3,
        at_most=True,
        detail=f"{moa:.0f} ms against {by_hand:.0f} ms",
    )


if __name__ == "__main__":
    setup(threads=1)
    with TemporaryDirectory() as temporary:
        for line in measure(Path(temporary)):
            line.emit()
