"""The policy-gradient trainers behind `Reinforcement.optimizer`: RLOO and GRPO are TRL's; online DPO and PPO stand on them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch.nn.functional import pad
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from trl import GRPOConfig, GRPOTrainer, RLOOConfig, RLOOTrainer
from trl.trainer.utils import pad as pad_rows

from benchmarks import BadInput, Policy, Sampling, cut_tokens, sample_tokens, training_mode, write_text
from methods._advantages import dpo_advantages, gae, ppo_loss, whiten
from methods._settings import Optimizer

EPOCHS = 4
"""Passes of PPO over each batch of answers (MORLHF, Rewarded Soups: 4)."""
ROWS = 32
"""Answers of similar length that go through the model side by side on a CPU."""


def passes_over(optimizer: Optimizer) -> int:
    """How often an optimiser trains on each batch of answers."""
    return EPOCHS if optimizer == "ppo" else 1


def operations(optimizer: Optimizer, kl_coef: float) -> int:
    """Floating-point operations per parameter and token: 2 for a forward pass, 6 for training.

    Answers are generated, go through the reference where there is a KL, and through the policy for the log-probabilities
    that GRPO alone does without; PPO also values them.

    >>> operations("rloo", 0.2), operations("grpo", 0.2), operations("ppo", 0.2)
    (12, 10, 32)
    """
    old, reference = 0 if optimizer == "grpo" else 2, 2 if kl_coef else 0
    values = 2 if optimizer == "ppo" else 0
    return 2 + old + reference + values + 6 * passes_over(optimizer)


def make_trainer(
    optimizer: Optimizer, policy: Policy, sampling: Sampling, kl_coef: float, copies: int, **kwargs: Any
) -> Any:
    """The trainer of an optimiser. `kwargs["args"]` are keyword arguments of its configuration, the others the trainer's own.

    A batch consists of `copies` equal parts that are sampled with the same random numbers (on a CPU).
    """
    if optimizer == "online-dpo" and kl_coef <= 0:
        raise BadInput(
            f"online-dpo cannot train with kl_coef = {kl_coef}",
            "the KL to the starting policy is the beta of its loss",
            "choose a positive kl_coef, or another optimizer",
        )
    common = {
        **kwargs.pop("args"),
        "max_completion_length": sampling.max_new_tokens,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "beta": kl_coef,
        "disable_dropout": True,  # or log-probabilities are another policy's than the answers
        "shuffle_dataset": False,
    }
    if optimizer == "grpo":  # DeepSeekMath's loss (arXiv 2402.03300, eq. 3)
        config = GRPOConfig(**common, num_iterations=1, loss_type="grpo", scale_rewards="group")
        return Grpo(policy, sampling, copies, args=config, **kwargs)
    if optimizer == "ppo":  # a checkpoint inside a window of reuse would not resume exactly
        steps = {name: EPOCHS * common.pop(name) for name in ("max_steps", "save_steps", "warmup_steps")}
        return Ppo(policy, sampling, copies, args=RLOOConfig(**common, **steps, num_iterations=EPOCHS), **kwargs)
    trainer = {"rloo": Rloo, "online-dpo": OnlineDpo}[optimizer]
    return trainer(policy, sampling, copies, args=RLOOConfig(**common, num_iterations=1), **kwargs)


class _OnCpu:
    """What makes TRL's trainers fast on a CPU (`make bench`): our batched sampler, and no work on padding."""

    def __init__(self, policy: Policy, sampling: Sampling, copies: int, **kwargs: Any):
        self.policy, self.sampling, self.copies = policy, sampling, copies
        super().__init__(model=policy.model, processing_class=policy.tokenizer, **kwargs)  # type: ignore[call-arg]

    def _draw(self: Any, prompt_ids: list[list[int]]) -> list[list[int]]:
        generator = np.random.default_rng([self.args.seed, self.state.global_step])
        uniforms = generator.random((len(prompt_ids) // self.copies, self.sampling.max_new_tokens))
        uniforms = np.tile(uniforms, (self.copies, 1))
        with training_mode(self.policy, on=False):
            return self._cut(
                sample_tokens(self.policy.model, self.policy.tokenizer, prompt_ids, self.sampling, uniforms)
            )

    def _cut(self, answers: list[list[int]]) -> list[list[int]]:
        """Nothing after a stop is trained on: rewards do not see it."""
        return [cut_tokens(self.policy.tokenizer, ids, self.sampling.stop) for ids in answers]

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
    """Each answer is judged against the mean of the others to the same prompt (arXiv 2402.14740, eq. 5)."""

    def _generate_single_turn(self, prompt_ids: list[list[int]], images: Any, multimodal_fields: Any) -> Any:
        if self.accelerator.device.type == "cpu":
            return self._draw(prompt_ids)
        return self._cut(super()._generate_single_turn(prompt_ids, images, multimodal_fields))


class Grpo(_OnCpu, GRPOTrainer):
    """Rewards are z-scored among the answers to one prompt, the KL stands in the loss (arXiv 2402.03300, eq. 3 and 4)."""

    def _generate_single_turn(self, prompt_ids: list[list[int]], *args: Any, **kwargs: Any) -> Any:
        if self.accelerator.device.type == "cpu":
            return self._draw(prompt_ids), None
        drawn, logps = super()._generate_single_turn(prompt_ids, *args, **kwargs)
        answers = self._cut(drawn)
        kept = [row[: len(ids)] for row, ids in zip(logps, answers, strict=True)] if logps is not None else None
        return answers, kept


class _Rollout(Rloo):
    """Samples and scores with everything per token; a subclass says what the answers' advantages are."""

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
        prompts = [row["prompt"] for row in inputs]
        prompt_ids, completion_ids, completions = self._generate(prompts)
        batch = {}
        for name, rows, side in (("prompt", prompt_ids, "left"), ("completion", completion_ids, "right")):
            for suffix, padding, tensors in (
                ("ids", self._tokenizer.pad_token_id, [torch.tensor(ids) for ids in rows]),
                ("mask", 0, [torch.ones(len(ids), dtype=torch.long) for ids in rows]),
            ):
                padded = pad_rows(tensors, padding, side, pad_to_multiple_of=self.args.pad_to_multiple_of)
                batch[f"{name}_{suffix}"] = padded.to(self.accelerator.device)
        with torch.no_grad():
            old = self._log_probs(self.model, batch)
            with self._reference() as reference:
                kl = old - self._log_probs(reference, batch) if self.beta else torch.zeros_like(old)
        gathered = self._calculate_rewards(inputs, prompts, completions, completion_ids)[:, 0]
        rewards = gathered.split(len(prompts))[self.accelerator.process_index]
        self._metrics["train"]["reward"].append(rewards.mean().item())
        self._metrics["train"]["kl"].append((kl.sum() / batch["completion_mask"].sum()).item())
        return batch | {"old_logps": old} | self._judge(batch, old, kl, rewards)

    def _judge(
        self, batch: dict[str, torch.Tensor], old: torch.Tensor, kl: torch.Tensor, rewards: torch.Tensor
    ) -> dict[str, torch.Tensor]:
        raise NotImplementedError

    def _log_probs(self, model: Any, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """Of the answers' tokens (B, T), zero beyond their ends."""
        ids = torch.cat([batch["prompt_ids"], batch["completion_ids"]], dim=1)
        mask = torch.cat([batch["prompt_mask"], batch["completion_mask"]], dim=1)
        size, keep = self.args.per_device_train_batch_size, batch["completion_ids"].shape[1]
        logps, _, _ = self._get_per_token_logps_and_entropies(model, ids, mask, keep, batch_size=size)
        return logps * batch["completion_mask"]

    @contextmanager
    def _reference(self) -> Iterator[Any]:
        """The starting policy: a model of its own, or the one in training without its adapter."""
        if self.ref_model is not None or not self.beta:
            yield self.ref_model
        else:
            with self.accelerator.unwrap_model(self.model).disable_adapter():
                yield self.model


class OnlineDpo(_Rollout):
    """DPO on the best and the worst of the fresh answers to each prompt, beta = kl_coef (arXiv 2402.04792, algorithm 1).

    At the policy that sampled them the gradient of the DPO loss is a policy gradient, see `dpo_advantages`.
    """

    def _judge(
        self, batch: dict[str, torch.Tensor], old: torch.Tensor, kl: torch.Tensor, rewards: torch.Tensor
    ) -> dict[str, torch.Tensor]:
        group = (-1, self.num_generations)
        advantages = dpo_advantages(rewards.view(group), kl.sum(1).view(group), self.beta)
        return {"old_logps": old.sum(1), "advantages": advantages.flatten()}


class Ppo(_Rollout):
    """PPO (arXiv 1707.06347, eq. 7 and 9) with a value head on the policy's last hidden state, `EPOCHS` passes per batch."""

    def __init__(self, policy: Policy, sampling: Sampling, copies: int, **kwargs: Any):
        hidden = policy.model.config.hidden_size
        policy.model.value_head = torch.nn.Linear(hidden, 1, device=policy.model.device)
        torch.nn.init.zeros_(policy.model.value_head.weight)
        torch.nn.init.zeros_(policy.model.value_head.bias)
        super().__init__(policy, sampling, copies, **kwargs)
        # an adapter's checkpoint leaves it out
        self.add_callback(Remember("value-head", _HeadMemory(policy.model.value_head)))

    def train(self, *args: Any, **kwargs: Any) -> Any:
        """Trains; the value head is not part of the policy that remains."""
        try:
            return super().train(*args, **kwargs)
        finally:
            del self.policy.model.value_head

    def _judge(
        self, batch: dict[str, torch.Tensor], old: torch.Tensor, kl: torch.Tensor, rewards: torch.Tensor
    ) -> dict[str, torch.Tensor]:
        mask = batch["completion_mask"]
        with torch.no_grad():
            size = self.args.per_device_train_batch_size
            pieces = [{k: v[i : i + size] for k, v in batch.items()} for i in range(0, len(mask), size)]
            values = torch.cat([self._act(self.model, piece)[1] for piece in pieces])
        per_token = -self.beta * kl
        per_token[torch.arange(len(mask)), mask.sum(1) - 1] += rewards
        advantages = gae(per_token, values, mask)
        return {"values": values, "returns": advantages + values, "advantages": whiten(advantages, mask)}

    def _act(self, model: Any, batch: dict[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        """Log-probabilities and values (B, T) of the answers' tokens, zero beyond their ends."""
        answers, mask = batch["completion_ids"], batch["completion_mask"]
        keep = answers.shape[1] + 1
        out = model(
            input_ids=torch.cat([batch["prompt_ids"], answers], dim=1),
            attention_mask=torch.cat([batch["prompt_mask"], mask], dim=1),
            logits_to_keep=keep,
            output_hidden_states=True,
        )
        logits = out.logits[:, :-1].float() / self.temperature
        logps = torch.log_softmax(logits, dim=-1).gather(2, answers[..., None])[..., 0]
        head = self.accelerator.unwrap_model(model).value_head
        values = head(out.hidden_states[-1][:, -keep:-1].to(head.weight.dtype))[..., 0]
        return logps * mask, values * mask

    def _compute_loss(self, model: Any, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
        logps, values = self._act(model, inputs)
        return ppo_loss(
            logps, values, inputs["old_logps"], inputs["values"], inputs["advantages"], inputs["returns"],
            inputs["completion_mask"],
        )  # fmt: skip


class Memory(Protocol):
    """Something beside the policy that a training changes, and that has to come back with a checkpoint."""

    def state(self) -> Any:
        """As JSON types."""
        ...

    def restore(self, state: Any) -> None:
        """Takes up a state."""
        ...


class Remember(TrainerCallback):
    """Keeps a memory with each checkpoint, so that a resumed training goes on as if it had not stopped."""

    def __init__(self, name: str, memory: Memory):
        self.name, self.memory = name, memory

    def _path(self, args: TrainingArguments, state: TrainerState) -> Path:
        return Path(str(args.output_dir)) / f"{self.name}-{state.global_step}.json"

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        if control.should_save:  # before the checkpoint itself is there
            write_text(self._path(args, state), json.dumps(self.memory.state()))

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        if state.global_step:
            self.memory.restore(json.loads(self._path(args, state).read_text()))


class _HeadMemory:
    """The parameters of PPO's value head."""

    def __init__(self, head: torch.nn.Linear):
        self.head = head

    def state(self) -> Any:
        return {name: value.tolist() for name, value in self.head.state_dict().items()}

    def restore(self, state: Any) -> None:
        self.head.load_state_dict({name: torch.tensor(value) for name, value in state.items()})
