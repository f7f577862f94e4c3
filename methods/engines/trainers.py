"""TRL's policy-gradient trainers, made fast on a CPU, and what a resumed training has to remember beside the policy."""

from __future__ import annotations

from inspect import signature
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch.nn.functional import pad
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from trl import GRPOTrainer, RLOOTrainer

from benchmarks import Policy, Sampling
from benchmarks.common import read_json, write_json
from benchmarks.models import (
    counted,
    cut_tokens,
    language_models,
    sample_tokens,
    side_by_side,
    training_mode,
    uncounted,
)
from methods.contract import Reinforcement
from methods.engines.advantages import adapted

ROWS = 32
"""Answers of similar length that go through the model side by side on a CPU."""


POSITIONS = ("wpe", "embed_positions", "position_embeddings")
"""What models call an embedding of positions."""


def _tell_positions(model: torch.nn.Module) -> None:
    """Has a model count positions from the first token that is no padding, as wherever it answers or is measured.

    TRL pads prompts on the left and passes no positions: models that have learned an embedding of each, such as GPT-2,
    count the padding. To others only distances matter.
    """
    for one in language_models(model):
        body = one.base_model
        learned = any(name.rpartition(".")[2] in POSITIONS for name, _ in body.named_modules())
        if learned and "position_ids" in signature(body.forward).parameters:
            body.register_forward_pre_hook(_positions, with_kwargs=True)


def _positions(_: torch.nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    mask = kwargs.get("attention_mask")
    if mask is not None and kwargs.get("position_ids") is None and kwargs.get("past_key_values") is None:
        kwargs["position_ids"] = (mask.cumsum(-1) - 1).clamp(min=0)
    return args, kwargs


class _OnCpu:
    """What makes TRL's trainers fast on a CPU (`make bench`): our batched sampler, and no work on padding."""

    def __init__(self, policy: Policy, sampling: Sampling, copies: int, **kwargs: Any):
        self.policy, self.sampling, self.copies = policy, sampling, copies
        super().__init__(model=policy.model, processing_class=policy.tokenizer, **kwargs)  # type: ignore[call-arg]
        _tell_positions(policy.model)
        self._open_reference()

    def _open_reference(self: Any) -> None:
        """Has passes through the reference charged: a model of the trainer's own, where it is not an adapter's base."""
        if self.ref_model is not None:
            counted(self.ref_model)
            _tell_positions(self.ref_model)

    def _tokenize_prompts(self, prompts: list[str]) -> tuple[list[list[int]], None, dict[str, Any]]:
        """Prompts as the policy reads them anywhere."""
        return self.policy.encode_prompts(prompts), None, {}

    def _draw(self: Any, prompt_ids: list[list[int]]) -> list[list[int]]:
        generator = np.random.default_rng([self.args.seed, self.state.global_step])
        uniforms = generator.random((len(prompt_ids) // self.copies, self.sampling.max_new_tokens))
        uniforms = np.tile(uniforms, (self.copies, 1))
        with training_mode(self.policy, on=False), uncounted(self.policy.model):
            policy = self.policy
            tokens = max(map(len, prompt_ids)) + self.sampling.max_new_tokens
            rows = side_by_side(policy, tokens, len(prompt_ids))
            drawn: list[list[int]] = []
            for i in range(0, len(prompt_ids), rows):
                asked, numbers = prompt_ids[i : i + rows], uniforms[i : i + rows]
                drawn += sample_tokens(policy.model, policy.tokenizer, asked, self.sampling, numbers, policy.ends)
            return self._cut(drawn)

    def _cut(self, answers: list[list[int]]) -> list[list[int]]:
        """Nothing after a stop is trained on: rewards do not see it."""
        return [cut_tokens(self.policy.tokenizer, ids, self.sampling.stop, self.policy.ends) for ids in answers]

    def _get_per_token_logps_and_entropies(
        self: Any,
        model: Any,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        logits_to_keep: int,
        *args: Any,
        **kwargs: Any,
    ) -> Any:
        """TRL's, with rows of similar length side by side and without the columns that are padding in all of them."""
        compute = super()._get_per_token_logps_and_entropies  # type: ignore[misc]
        if self.accelerator.device.type != "cpu":
            return compute(model, input_ids, attention_mask, logits_to_keep, *args, **kwargs)
        kwargs.pop("batch_size", None)
        start = input_ids.shape[1] - logits_to_keep
        prompts, answers = attention_mask[:, :start].sum(1), attention_mask[:, start:].sum(1)
        order = (prompts + answers).argsort(descending=True, stable=True)
        logps, entropies = [], []
        for rows in order.split(ROWS):
            first, kept = max(start - _round_up(prompts[rows]), 0), min(_round_up(answers[rows]), logits_to_keep)
            columns = slice(first, start + kept)
            found = compute(model, input_ids[rows, columns], attention_mask[rows, columns], kept, **kwargs)
            logps.append(pad(found[0], (0, logits_to_keep - kept)))
            if found[1] is not None:
                entropies.append(pad(found[1], (0, logits_to_keep - kept)))
        back = order.argsort()
        return torch.cat(logps)[back], torch.cat(entropies)[back] if entropies else None, None


def _round_up(lengths: torch.Tensor) -> int:
    """The longest, as a multiple of eight: few shapes."""
    return -int(lengths.max()) // 8 * -8


class Rloo(_OnCpu, RLOOTrainer):
    """Each answer is judged against the mean of the others to the same prompt (arXiv 2402.14740, eq. 5).

    TRL computes the answers' log-probabilities for the KL in the reward, and again, with gradients, for the loss. On a
    CPU, where a step takes all answers at once and no others, they are computed once.
    """

    def __init__(self, policy: Policy, sampling: Sampling, copies: int, *, settings: Reinforcement, **kwargs: Any):
        self.settings = settings
        super().__init__(policy, sampling, copies, **kwargs)
        if settings.kl_target:
            self.add_callback(Remember("kl-coef", _Coefficient(self)))

    beta: float
    """Weight of the KL in the reward just now."""
    own: tuple[torch.Tensor, torch.Tensor, None] | None = None
    """Log-probabilities and entropies of fresh answers, with gradients, until the loss takes them."""

    @property
    def one_pass(self) -> bool:
        """Whether the answers go through the policy in training once."""
        whole = self.args.steps_per_generation == self.num_iterations == self.accelerator.num_processes == 1
        return whole and self.accelerator.device.type == "cpu"

    def _prepare_inputs(self, generation_batch: Any) -> Any:
        if self.one_pass:  # nothing to buffer or to shuffle
            return self._generate_and_score_completions(generation_batch)
        return super()._prepare_inputs(generation_batch)

    def _get_per_token_logps_and_entropies(self, model: Any, *args: Any, **kwargs: Any) -> Any:
        compute = super()._get_per_token_logps_and_entropies
        if torch.is_grad_enabled():  # for the loss
            own, self.own = self.own, None
            return own or compute(model, *args, **kwargs)
        if self.one_pass and self.own is None:  # for the KL: the policy's come first, then the reference's
            with torch.enable_grad():
                self.own = compute(model, *args, **{**kwargs, "compute_entropy": True})
            return self.own[0].detach(), None, None
        return compute(model, *args, **kwargs)

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        batch = self._judged(inputs)
        if self.settings.kl_target:
            measured = self._metrics["train"]
            measured["kl_coef"].append(self.beta)
            kl = measured["kl"][-1] * measured["completions/mean_length"][-1]
            answers = len(inputs) * self.accelerator.num_processes
            self.beta = adapted(self.beta, kl, self.settings.kl_target, answers, self.settings.kl_horizon)
        return batch

    def _judged(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        """Answers to the prompts, and what is made of their rewards."""
        return super()._generate_and_score_completions(inputs)

    def _generate_single_turn(self, prompt_ids: list[list[int]], images: Any, multimodal_fields: Any) -> Any:
        self.own = None
        if self.accelerator.device.type == "cpu":
            return self._draw(prompt_ids)
        with uncounted(self.policy.model):
            return self._cut(super()._generate_single_turn(prompt_ids, images, multimodal_fields))


class Grpo(_OnCpu, GRPOTrainer):
    """Rewards are z-scored among a prompt's answers, the KL stands in the loss (arXiv 2402.03300, eq. 3 and 4)."""

    one_pass = True
    """With one update per answer the sampling policy is the policy in training; rewards need no log-probabilities."""

    def _generate_single_turn(self, prompt_ids: list[list[int]], *args: Any, **kwargs: Any) -> Any:
        if self.accelerator.device.type == "cpu":
            return self._draw(prompt_ids), None
        with uncounted(self.policy.model):
            drawn, logps = super()._generate_single_turn(prompt_ids, *args, **kwargs)
        answers = self._cut(drawn)
        kept = [row[: len(ids)] for row, ids in zip(logps, answers, strict=True)] if logps is not None else None
        return answers, kept


class Memory(Protocol):
    """Something beside the policy that a training changes, and that has to come back with a checkpoint."""

    def state(self) -> Any:
        """What is to come back, as JSON types."""
        ...

    def restore(self, state: Any) -> None:
        """Takes up what `state` gave."""
        ...


class Remember(TrainerCallback):
    """Keeps a memory with each checkpoint, so that a resumed training goes on as if it had not stopped."""

    def __init__(self, name: str, memory: Memory):
        self.name, self.memory = name, memory

    def _path(self, args: TrainingArguments, state: TrainerState) -> Path:
        return Path(str(args.output_dir)) / f"{self.name}-{state.global_step}.json"

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        if control.should_save:  # before the checkpoint itself is there
            write_json(self._path(args, state), {"state": self.memory.state()})

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        if state.global_step:
            found = read_json(self._path(args, state))
            self.memory.restore(found["state"] if isinstance(found, dict) and set(found) == {"state"} else found)


class _Coefficient:
    """A trainer's weight of the KL, where that is adapted."""

    def __init__(self, trainer: Rloo):
        self.trainer = trainer

    def state(self) -> Any:
        return self.trainer.beta

    def restore(self, state: Any) -> None:
        self.trainer.beta = state
