"""A multi-head classification reward model: one decoder, and a head per objective that says the grade of an answer."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from datasets import Dataset
from peft import PeftModel
from safetensors.torch import load_file, save_file
from torch.nn.functional import cross_entropy
from transformers import AutoModel, AutoTokenizer, PreTrainedModel, Trainer, TrainingArguments

from benchmarks import Answer, BadInput, Benchmark, Policy
from benchmarks.common import Cost, Range, charge, charged_to, reading, write_text
from benchmarks.models import (
    Progress,
    Reader,
    Training,
    by_length,
    pad_right,
    passes,
    run_trainer,
    trainer_arguments,
    training_mode,
    uncounted,
)
from benchmarks.spec import PLAIN
from methods.contract import Stage, in_range
from methods.engines.trained import as_trained, check_made, save_trained, scaled, to_train

MISSING = -100
"""Label of an answer that was not graded under an objective."""


HELD_OUT = 0.1
"""Share of the prompts whose answers only measure accuracy."""


TOKENS_PER_BATCH = 4096


class Heads(torch.nn.Module):
    """z_i = W_i h + b_i for every head i, h the decoder's last hidden state at the last token (arXiv 2505.20336).

    The heads are the rows of one matrix: logits are (N, K_1 + ... + K_M).
    """

    def __init__(self, decoder: PreTrainedModel, classes: Sequence[int]):
        super().__init__()
        self.decoder, self.classes = decoder, tuple(classes)
        self.heads = torch.nn.Linear(decoder.config.get_text_config().hidden_size, sum(classes), device=decoder.device)

    def gradient_checkpointing_enable(self, **kwargs: Any) -> None:
        """Has the decoder compute its hidden states again in the backward pass."""
        self.decoder.gradient_checkpointing_enable(**kwargs)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Logits of texts that are padded on the right."""
        states = self.decoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        last = attention_mask.sum(dim=1) - 1
        return self.heads(states[torch.arange(len(states), device=states.device), last].to(self.heads.weight.dtype))


def heads_loss(logits: torch.Tensor, labels: torch.Tensor, classes: Sequence[int]) -> torch.Tensor:
    """Sum over heads of the mean cross-entropy over a head's labelled answers; labels (N, M), -100 where missing."""
    losses = [
        cross_entropy(part.float(), column, ignore_index=MISSING, reduction="sum")
        / (column != MISSING).sum().clamp(min=1)
        for part, column in zip(logits.split(list(classes), dim=1), labels.T, strict=True)
    ]
    return torch.stack(losses).sum()


def binned_labels(benchmark: Benchmark, answers: Sequence[Answer], classes: int) -> np.ndarray:
    """Labels (N, M) 0..classes-1 of N answers: bins of the training reward, by quantiles over the demonstrations
    [choice].

    Among all answers the lowest bin of every objective would hold the degenerate ones, and to ask for it would be to
    ask for those. Equal rewards share a bin.
    """
    sensible = benchmark.demonstrations()
    rewards = benchmark.rewards([a.prompt for a in sensible], [a.response for a in sensible])
    edges = np.quantile(rewards, np.arange(1, classes) / classes, axis=0)
    rewards = benchmark.rewards([a.prompt for a in answers], [a.response for a in answers])
    return np.stack([np.searchsorted(e, s, side="left") for e, s in zip(edges.T, rewards.T, strict=True)], axis=1)


def answers_to_grade(benchmark: Benchmark, seen: int, seed: int) -> list[Answer]:
    """As many answers as a grader learns from that sees so many, drawn from all training answers and compared ones."""
    pairs = [pair for name in benchmark.names for pair in benchmark.preference_pairs(name)]
    compared = [Answer(p.prompt, response) for p in pairs for response in (p.chosen, p.rejected)]
    answers = list(dict.fromkeys([*benchmark.responses(), *compared]))
    picked = np.random.default_rng(seed).permutation(len(answers))[: round(seen / (1 - HELD_OUT))]
    return [answers[i] for i in picked]


def annotated_labels(benchmark: Benchmark) -> tuple[list[Answer], np.ndarray]:
    """Every answer that was graded under some objective, and its labels (N, M), grade - 1 or -100 where it has none.

    BadInput where an objective has no grades.
    """
    graded = {name: benchmark.grades_to_learn(name) for name in benchmark.names}
    if empty := [name for name, grades in graded.items() if not grades]:
        raise BadInput(
            f"{benchmark.name} has no graded annotations for {', '.join(empty)}",
            "a head of the reward model is trained on the grades of its objective",
            "take quantiles of the rewards instead: -c supervision='\"rewards\"'",
        )
    rows: dict[Answer, list[int]] = {}
    for i, grades in enumerate(graded.values()):
        for answer, grade in grades:
            rows.setdefault(answer, [MISSING] * len(graded))[i] = grade - 1
    return list(rows), np.array(list(rows.values()))


def split_prompts(answers: Sequence[Answer], seed: int) -> np.ndarray:
    """Which answers are held out (N,): all answers to `HELD_OUT` of the prompts."""
    prompts = sorted({a.prompt for a in answers})
    picked = np.random.default_rng([seed, len(prompts)]).permutation(len(prompts))[: round(HELD_OUT * len(prompts))]
    held = {prompts[i] for i in picked}
    return np.array([a.prompt in held for a in answers])


@dataclass(frozen=True, eq=False)
class Grader:
    """A trained multi-head reward model, ready to grade."""

    model: Heads
    reader: Reader
    max_new_tokens: int

    @property
    def classes(self) -> tuple[int, ...]:
        """Number of classes per head."""
        return self.model.classes

    def encode(self, answer: Answer) -> list[int]:
        """Token ids of prompt and response, no longer than a policy reads and says, with the end of the sequence."""
        prompt, [*response, end] = self.reader.encode(*answer)
        return [*prompt, *response[: self.max_new_tokens], end]

    @torch.inference_mode()
    def probabilities(self, prompts: Sequence[str], responses: Sequence[str]) -> np.ndarray:
        """Probability of every class of every head (N, K_1 + ... + K_M).

        Answers are read sorted by length, and charged to the ledger in force.
        """
        encoded = [self.encode(Answer(p, r)) for p, r in zip(prompts, responses, strict=True)]
        size = max(1, TOKENS_PER_BATCH // max(map(len, encoded), default=1))
        found = np.zeros((len(encoded), sum(self.classes)))
        with uncounted(self.model):
            for rows in by_length(encoded, size):
                pad = self.reader.tokenizer.pad_token_id
                batch = padded([encoded[i] for i in rows], pad, 8, self.model.decoder.device)
                parts = self.model(**batch).float().split(list(self.classes), dim=1)
                found[rows] = torch.cat([part.softmax(dim=1) for part in parts], dim=1).double().cpu().numpy()
        tokens, parameters = sum(map(len, encoded)), sum(p.numel() for p in self.model.parameters())
        charge(reward_calls=len(encoded) * len(self.classes), flops=2.0 * parameters * tokens)
        return found

    def grades(self, prompts: Sequence[str], responses: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Most probable and expected grade under each head, both (N, M), counted from 0."""
        parts = np.split(self.probabilities(prompts, responses), np.cumsum(self.classes)[:-1], axis=1)
        likely = np.stack([part.argmax(axis=1) for part in parts], axis=1)
        return likely, np.stack([part @ np.arange(part.shape[1]) for part in parts], axis=1)


def padded(
    rows: Sequence[Sequence[int]], pad_token: int, multiple: int, device: torch.device
) -> dict[str, torch.Tensor]:
    """What the heads read (B, S), padded on the right to a multiple."""
    ids, mask = pad_right(rows, pad_token, device, multiple)
    return {"input_ids": ids, "attention_mask": mask}


class _HeadsTrainer(Trainer):
    """The transformers trainer with the loss of the heads."""

    def compute_loss(self, model: Any, inputs: dict[str, torch.Tensor], *_: Any, **__: Any) -> torch.Tensor:
        labels = inputs.pop("labels")
        return heads_loss(model(**inputs), labels, self.accelerator.unwrap_model(model).classes)


@in_range
def train_grader(
    benchmark: Benchmark,
    answers: Sequence[Answer],
    labels: np.ndarray,
    stage: Stage,
    *,
    classes: Sequence[int],
    steps: Annotated[int, Range(1)],
    batch: Annotated[int, Range(1)],
    learning_rate: Callable[[Policy], float],
    lora_rank: Annotated[int, Range(0)] | None,
    base: str = "policy",
) -> None:
    """Trains a grader, one decoder with a head per objective (arXiv 2505.20336), on N answers and their labels (N, M).

    A label is a grade counted from 0, below the objective's number of `classes` (M,), or -100 where there is none; the
    loss is the cross-entropy, summed over heads. It starts from the benchmark's starting policy, which knows what fits
    a prompt, or from another `base`: a scratch size or a decoder. `learning_rate` makes a rate of the model to be
    trained, for width 4096 where that was made here. A tenth of the prompts is held out; accuracies on them go to the
    log. BadInput for numbers out of these ranges.
    """
    if stage.done:
        return
    seed = stage.run.seed
    policy = to_train(benchmark, lora_rank, seed, base=base)
    causal = policy.model.get_base_model() if isinstance(policy.model, PeftModel) else policy.model
    torch.manual_seed(seed)  # of the heads
    model = Heads(causal.base_model, classes)
    grader = Grader(model, policy.reader, benchmark.sampling.max_new_tokens)
    held = split_prompts(answers, seed)
    rows = [{"ids": grader.encode(answers[i]), "labels": labels[i].tolist()} for i in np.flatnonzero(~held).tolist()]
    training = Training(steps=steps, batch=batch, learning_rate=scaled(learning_rate(policy), policy))
    order = passes([len(row["ids"]) for row in rows], training, seed)
    arguments = trainer_arguments(training, stage.checkpoints, seed, policy.model)
    multiple = arguments.pop("pad_to_multiple_of")

    def collate(batch: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
        ids = [row["ids"] for row in batch]
        inputs = padded(ids, policy.tokenizer.pad_token_id, multiple, torch.device("cpu"))
        return inputs | {"labels": torch.tensor([row["labels"] for row in batch])}

    with training_mode(policy):
        trainer = _HeadsTrainer(
            model=model,
            args=TrainingArguments(
                **arguments, remove_unused_columns=False, label_names=["labels"], train_sampling_strategy="sequential"
            ),
            train_dataset=Dataset.from_list(rows).select(order),
            data_collator=collate,
            callbacks=[Progress(stage.name, stage.log, keep=("loss",))],
        )
        run_trainer(trainer)
    with charged_to(Cost()):  # a measurement, as the accuracy of the benchmark's own rewards is
        measured = accuracies(benchmark, grader, [answers[i] for i in np.flatnonzero(held).tolist()], labels[held])
    stage.log(stage.name, steps, steps, measured)
    trained = as_trained(policy.model) if isinstance(policy.model, PeftModel) else causal
    with stage.writing() as folder:
        if isinstance(trained, PeftModel):
            save_trained(policy, folder)
        else:
            model.decoder.save_pretrained(folder)
        save_heads(grader, folder, measured, base)


def accuracies(benchmark: Benchmark, grader: Grader, answers: Sequence[Answer], labels: np.ndarray) -> dict[str, float]:
    """Intensity and preference accuracy per head, left out where there is nothing to measure it on.

    Intensity accuracy is the share of the answers whose most probable grade is their label, preference accuracy the
    share of the dev pairs whose chosen answer has the higher expected grade; a tie is half of one.
    """
    measured = {}
    likely, _ = grader.grades([a.prompt for a in answers], [a.response for a in answers])
    for i, name in enumerate(benchmark.names):
        known = labels[:, i] != MISSING
        if known.any():
            measured[f"intensity_accuracy/{name}"] = float((likely[known, i] == labels[known, i]).mean())
        if pairs := benchmark.preference_pairs(name, "dev"):
            prompts = [p.prompt for p in pairs]
            _, chosen = grader.grades(prompts, [p.chosen for p in pairs])
            _, rejected = grader.grades(prompts, [p.rejected for p in pairs])
            measured[f"preference_accuracy/{name}"] = float((1 + np.sign(chosen[:, i] - rejected[:, i])).mean() / 2)
    return measured


def save_heads(grader: Grader, folder: Path, measured: dict[str, float], base: str) -> None:
    """Writes the heads and the tokenizer beside a decoder, loadable by `AutoModel`, or its adapter."""
    grader.reader.tokenizer.save_pretrained(folder)
    save_file(grader.model.heads.state_dict(), folder / "heads.safetensors")
    form = {} if grader.reader.form == PLAIN else {"template": grader.reader.form}
    told = {"classes": grader.classes, "accuracy": measured, "base": base, **form}
    write_text(folder / "heads.json", json.dumps(told))


def grade(benchmark: Benchmark, folder: Path) -> Grader:
    """The grader that `train_grader` left in a stage's folder, ready to grade.

    Its `.probabilities(prompts, responses)` are those of every grade of every objective (N, K_1 + ... + K_M).
    """
    check_made(folder)
    start = benchmark.prepared.policy.model
    attention = start.config._attn_implementation
    adapted = (folder / "adapter_config.json").exists()
    base = benchmark.prepared.load_base(_saved(folder)["base"], 0).model if adapted else None
    with reading(folder):
        if base is None:
            decoder = AutoModel.from_pretrained(
                folder, dtype="auto", attn_implementation=attention, trust_remote_code=False
            ).to(start.device)
        else:
            decoder = PeftModel.from_pretrained(base, folder).get_base_model().base_model
        model = Heads(decoder, classes_of(folder))
        model.heads.load_state_dict(load_file(folder / "heads.safetensors"))
        form = _saved(folder).get("template", PLAIN)
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
        reader = Reader(tokenizer, form, benchmark.max_prompt_tokens)
    return Grader(model.eval(), reader, benchmark.sampling.max_new_tokens)


def classes_of(folder: Path) -> tuple[int, ...]:
    """Number of grades K_i (M,) of the grader in a stage's folder, which is not loaded."""
    return tuple(_saved(folder)["classes"])


def _saved(folder: Path) -> dict[str, Any]:
    """What was written beside a grader's heads."""
    check_made(folder)
    found: dict[str, Any] = json.loads((folder / "heads.json").read_text())
    return found
