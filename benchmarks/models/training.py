"""What every TRL trainer needs from us: settings for this device, progress, resuming, and the SFT call.

TRL's defaults suit one large GPU; on a CPU they cost 1.5 to 4 times as much as the settings below (`make bench`).
"""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
import trl.trainer.utils as trl_utils
from datasets import Dataset
from transformers import (
    PreTrainedModel,
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)
from transformers.trainer_pt_utils import get_length_grouped_indices
from trl import SFTConfig, SFTTrainer
from trl.kernels import chunked_logprob
from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

from benchmarks.common import BadInput, Cost, Log, in_force, read_cost, silent, tell, write_json
from benchmarks.models.checkpoints import Sums, last_checkpoint
from benchmarks.models.device import room, setup
from benchmarks.models.memory import MADE_HERE, PROCESS, Memory, Size, Split, planned, split
from benchmarks.models.pieces import PIECE
from benchmarks.models.policy import Policy
from benchmarks.models.tracking import end_tracking, tracked_as


@dataclass(frozen=True, kw_only=True)
class Training:
    """How long and how fast: shared by all trainers. AdamW without decay."""

    steps: int
    batch: int
    learning_rate: float
    warmup: float = 0.1
    """Share of the steps in which the learning rate rises."""
    max_grad_norm: float = 1.0
    schedule: str = "cosine"
    beta2: float = 0.999
    """AdamW's memory of squared gradients."""
    tokens: int = 1024
    """Tokens of the longest row of a batch, both texts of a pair together."""
    answers: int = 0
    """Answers that are drawn side by side for a batch, where there is a reference to stay near to."""
    resident: int = 0
    """Bytes of what else stays in memory meanwhile: the rewards that judge these answers."""


PAD = 8
"""Batches are padded to a multiple of so many tokens: fewer shapes, fewer kernels kept in memory."""
SAVE_EVERY = 25
"""Steps from one checkpoint to the next; a training of more than four times as many is saved four times."""

SAVE_AFTER = 600.0
"""Seconds after which a training is saved whatever its steps, so that no more is lost. [choice]"""


def trainer_arguments(training: Training, folder: Path, seed: int, model: PreTrainedModel) -> dict[str, Any]:
    """Keyword arguments common to all TRL configurations.

    A batch is split, which leaves the gradient as it is: at most 128 sequences at a time, 64 from a million parameters
    on; above those that are made here, so that the job fits in memory. BadInput where it does not even so.
    """
    device = setup()
    parts = split_batch(training, model)
    if device == "cpu":
        _tune_fused_head(model.config.get_text_config().vocab_size)
    return {
        "output_dir": str(folder),
        "max_steps": training.steps,
        "per_device_train_batch_size": parts.rows,
        "gradient_accumulation_steps": training.batch // parts.rows,
        "learning_rate": training.learning_rate,
        "lr_scheduler_type": training.schedule,
        "warmup_steps": min(math.ceil(training.warmup * training.steps), training.steps - 1),
        "max_grad_norm": training.max_grad_norm,
        "adam_beta2": training.beta2,
        "pad_to_multiple_of": PAD,
        "weight_decay": 0.0,
        "seed": seed,
        "data_seed": seed,
        "logging_steps": max(1, training.steps // 50),
        "save_steps": max(SAVE_EVERY, training.steps // 4),
        "save_total_limit": 1,
        "bf16": device == "cuda",
        "gradient_checkpointing": parts.checkpointing,
        "gradient_checkpointing_kwargs": {"use_reentrant": False},
        "use_cpu": device == "cpu",
        "dataloader_pin_memory": device == "cuda",
        "disable_tqdm": True,
        **tracked_as(folder),
    }


def split_batch(training: Training, model: PreTrainedModel) -> Split:
    """How a batch goes through the model in training. BadInput where the job does not fit in memory at all."""
    parameters = model.num_parameters()
    most = 128 if parameters < 1_000_000 else 64
    if parameters < MADE_HERE:
        return split(training.batch, PROCESS, lambda rows, on: Memory(), most)
    adapter = next((c.r for c in getattr(model, "peft_config", {}).values()), 0)
    weight = model.get_input_embeddings().weight
    size = Size.of(model.config, parameters)

    def memory(rows: int, checkpointing: bool) -> Memory:
        return planned(
            size, rows=rows, tokens=training.tokens, held=weight.element_size(), adapter_rank=adapter,
            checkpointing=checkpointing, eager=model.config._attn_implementation == "eager",
            answers=min(16, training.answers), reference=training.answers > 0, rewards=training.resident,
        )  # fmt: skip

    found = split(training.batch, room(), memory, most)
    if found.memory.total > room():
        raise BadInput(
            f"training does not fit in memory: it takes {found.memory.words}",
            f"a worker has {room() / 1e9:.1f} GB; that is with one row of {training.tokens} tokens at a time",
            "--jobs 1 gives all memory to one worker; -c lora_rank=16 trains adapters; or a smaller max_prompt_tokens",
        )
    return found


def _tune_fused_head(vocabulary: int) -> None:
    """Scores only the tokens that are trained on, in tiles as wide as the vocabulary.

    TRL keeps that for GPUs; on a CPU it saves a third of a step and leaves the loss as it was. A contract test notices
    when these names move. Tiles have half of `PIECE` logits: their gradients hold nine times as many.
    """
    width = min(32768, vocabulary)
    trl_utils._CHUNKED_LOGPROB_CHUNK_SIZE = width
    chunked_logprob.TOKEN_CHUNK_SIZE = 4096 if 4096 * width <= PIECE else PIECE // (2 * width)
    trl_utils._use_triton = lambda device: True


class Progress(TrainerCallback):
    """Passes a trainer's measurements on."""

    def __init__(self, stage: str, log: Log, keep: Sequence[str]):
        self.stage, self.report, self.keep = stage, log, tuple(keep)

    def on_log(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, logs: dict | None = None, **_: Any
    ) -> None:
        if "train_runtime" in (logs or {}):
            return  # the summary of a training, with averages of the steps since it last logged
        measured = {k: v for k, v in (logs or {}).items() if k in self.keep and v is not None}
        if measured:
            self.report(self.stage, state.global_step, state.max_steps, measured)


class KeepsLedger(TrainerCallback):
    """Keeps the ledger with each checkpoint, and takes it up again with that: what was done since is done again, and
    is no cost of the training."""

    def __init__(self, cost: Cost):
        self.cost = cost

    def _path(self, args: TrainingArguments, state: TrainerState) -> Path:
        return Path(str(args.output_dir)) / f"cost-{state.global_step}.json"

    def _keep(self, args: TrainingArguments, state: TrainerState) -> None:
        self.cost.tick()
        write_json(self._path(args, state), self.cost.to_json())

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        path = self._path(args, state)
        try:
            self.cost.go_back_to(read_cost(path))
            return
        except FileNotFoundError:
            pass
        except ValueError as error:
            tell(f"{path} is damaged: {error}. What was spent before and is done again counts as part of the training")
        if not state.global_step:
            self._keep(args, state)

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        if control.should_save:  # before the checkpoint itself is there
            self._keep(args, state)


class SavesInTime(TrainerCallback):
    """Saves a training whose steps take long sooner than their number says, though never inside a window of steps that
    reuse the same answers, from which none would go on exactly."""

    def __init__(self, args: TrainingArguments):
        reused = getattr(args, "steps_per_generation", None) or args.gradient_accumulation_steps
        self.window = getattr(args, "num_iterations", 1) * reused // args.gradient_accumulation_steps
        self.saved = time.monotonic()

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        if time.monotonic() - self.saved > SAVE_AFTER and state.global_step % self.window == 0:
            control.should_save = True

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        self.saved = time.monotonic()


def run_trainer(trainer: Trainer) -> None:
    """Trains, from the last whole checkpoint where one is left, and removes the checkpoints of a finished training."""
    folder = Path(str(trainer.args.output_dir))
    checkpoint = last_checkpoint(folder)
    if (cost := in_force()) is not None:
        trainer.add_callback(KeepsLedger(cost))
    trainer.remove_callback(PrinterCallback)
    trainer.add_callback(Sums())
    trainer.create_model_card = lambda *_, **__: None  # TRL writes one into every checkpoint
    trainer.callback_handler.callbacks.insert(0, SavesInTime(trainer.args))  # what a checkpoint keeps is told by others
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    end_tracking(trainer)
    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def training_mode(policy: Policy, on: bool = True) -> Iterator[None]:
    """The policy's model in training mode (or in evaluation mode) inside the block, in the other one after it."""
    policy.model.train(on)
    try:
        yield
    finally:
        policy.model.train(not on)


def passes(lengths: Sequence[int], training: Training, seed: int) -> list[int]:
    """Row indices for all steps, pass after pass, batches of similar length.

    They are laid out beforehand, so that a resumed training goes on in the same order.
    """
    generator = torch.Generator().manual_seed(seed)
    order: list[int] = []
    while len(order) < training.steps * training.batch:
        order += get_length_grouped_indices(list(lengths), training.batch, generator=generator)
    return order[: training.steps * training.batch]


def supervised(
    policy: Policy,
    sequences: Sequence[tuple[Sequence[int], Sequence[int]]],
    training: Training,
    *,
    folder: Path,
    seed: int,
    stage: str = "sft",
    log: Log = silent,
    on_prompt: bool = False,
) -> None:
    """Supervised fine-tuning of `policy.model` in place on (prompt ids, response ids).

    Cross-entropy on the response only, or on the prompt too with `on_prompt` (pre-training). `folder` holds checkpoints
    while it runs: a call that was interrupted goes on where it stopped.
    """
    rows = []
    for prompt, response in sequences:
        ids = [*prompt, *response]
        labels = ids if on_prompt else [*[-100] * len(prompt), *response]
        rows.append({"input_ids": ids, "labels": labels})
    lengths = [len(row["input_ids"]) for row in rows]
    order, training = passes(lengths, training, seed), replace(training, tokens=max(lengths))
    config = SFTConfig(
        **trainer_arguments(training, folder, seed, policy.model),
        dataset_kwargs={"skip_prepare_dataset": True},
        max_length=None,
        train_sampling_strategy="sequential",
    )
    with training_mode(policy):
        trainer = SFTTrainer(
            model=policy.model,
            args=config,
            train_dataset=Dataset.from_list(rows).select(order),
            processing_class=policy.tokenizer,
            data_collator=DataCollatorForLanguageModeling(
                pad_token_id=policy.tokenizer.pad_token_id, pad_to_multiple_of=PAD
            ),
            callbacks=[Progress(stage, log, keep=("loss",))],
        )
        run_trainer(trainer)
