"""The trainers that TRL lacks, on its RLOO trainer: online DPO, and PPO with a value head."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from trl import RLOOTrainer
from trl.trainer.utils import pad as pad_rows

from benchmarks import Policy, Sampling
from benchmarks.models import PIECE, language_models, vocabulary
from methods.engines.advantages import dpo_advantages, gae, policy_kl, ppo_loss, whiten
from methods.engines.trainers import Remember, Rloo


class _Rollout(Rloo):
    """Samples and scores with everything per token; a subclass says what the answers' advantages are."""

    def _judged(self, inputs: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
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
        per_answer = torch.stack([kl.sum(), batch["completion_mask"].sum()])
        total = self.accelerator.reduce(per_answer, reduction="sum")
        self._metrics["train"]["kl"].append((total[0] / total[1]).item())
        return batch | {"old_logps": old} | self._judge(batch, old, kl, rewards)

    def _judge(
        self, batch: dict[str, torch.Tensor], old: torch.Tensor, kl: torch.Tensor, rewards: torch.Tensor
    ) -> dict[str, torch.Tensor]:
        raise NotImplementedError

    def _log_probs(self, model: Any, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """Log-probabilities of the answers' tokens (B, T), zero beyond their ends."""
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
    """DPO on the best and the worst fresh answer to each prompt, beta = kl_coef (arXiv 2402.04792, algorithm 1).

    At the policy that sampled them the gradient of the DPO loss is a policy gradient, see `dpo_advantages`.
    """

    def _judge(
        self, batch: dict[str, torch.Tensor], old: torch.Tensor, kl: torch.Tensor, rewards: torch.Tensor
    ) -> dict[str, torch.Tensor]:
        group = (-1, self.num_generations)
        advantages = dpo_advantages(rewards.view(group), kl.sum(1).view(group), self.beta)
        return {"old_logps": old.sum(1), "advantages": advantages.flatten()}


class Ppo(_Rollout):
    """PPO (arXiv 1707.06347): passes over the parts of each batch, until the policy is too far from the one that
    answered; a value head is on the last hidden state."""

    one_pass = False
    stopped = False
    """Whether the batch is trained on no further."""

    def __init__(self, policy: Policy, sampling: Sampling, copies: int, **kwargs: Any):
        hidden = policy.model.config.get_text_config().hidden_size
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
        if self.settings.ppo_whiten == "both":
            per_token = whiten(per_token, mask, centre=False)
        advantages = gae(per_token, values, mask, self.settings.ppo_lambda)
        return {"values": values, "returns": advantages + values, "advantages": whiten(advantages, mask)}

    def training_step(self, model: Any, inputs: Any, num_items_in_batch: Any = None) -> torch.Tensor:
        """TRL's. An update that finds the policy too far away is not made, nor are those left for the batch: without
        any gradient the optimiser leaves everything, its own moments too, as it is."""
        if self._step % (self.args.steps_per_generation * self.num_iterations) == 0:
            self.stopped = False
        if self.stopped:
            self._step += 1
            return torch.zeros((), device=self.accelerator.device)
        loss = super().training_step(model, inputs, num_items_in_batch)
        if self.stopped:
            model.zero_grad(set_to_none=True)
        return loss

    def _act(self, model: Any, batch: dict[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        """Log-probabilities and values (B, T) of the answers' tokens, zero beyond their ends."""
        answers, mask = batch["completion_ids"], batch["completion_mask"]
        keep = answers.shape[1] + 1
        ids = torch.cat([batch["prompt_ids"], answers], dim=1)
        attention = torch.cat([batch["prompt_mask"], mask], dim=1)
        if len(ids) * keep * vocabulary(model) > PIECE:  # TRL's head makes these in tiles
            with _last_states(model) as states:
                logps, _, _ = RLOOTrainer._get_per_token_logps_and_entropies(self, model, ids, attention, keep - 1)
        else:
            out = model(input_ids=ids, attention_mask=attention, logits_to_keep=keep, output_hidden_states=True)
            states = [out.hidden_states[-1]]
            logits = out.logits[:, :-1].float() / self.temperature
            logps = torch.log_softmax(logits, dim=-1).gather(2, answers[..., None])[..., 0]
        head = self.accelerator.unwrap_model(model).value_head
        values = head(states[0][:, -keep:-1].to(head.weight.dtype))[..., 0]
        return logps * mask, values * mask

    def _compute_loss(self, model: Any, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
        logps, values = self._act(model, inputs)
        mask, limit = inputs["completion_mask"], self.settings.ppo_stop_kl
        if limit is not None:
            kl = policy_kl(logps.detach(), inputs["old_logps"], mask)
            self.stopped = self.accelerator.gather(kl).mean().item() > limit
        return ppo_loss(
            logps, values, inputs["old_logps"], inputs["values"], inputs["advantages"], inputs["returns"], mask,
            clip=self.settings.ppo_clip, value_coef=self.settings.ppo_value_coef,
        )  # fmt: skip


@contextmanager
def _last_states(model: torch.nn.Module) -> Iterator[list[torch.Tensor]]:
    """A list to which passes through the language model add its last hidden states (B, T, H), inside the block."""
    states: list[torch.Tensor] = []
    (one,) = language_models(model)
    hook = one.base_model.register_forward_hook(lambda _module, _args, output: states.append(output[0]))
    try:
        yield states
    finally:
        hook.remove()


class _HeadMemory:
    """The parameters of PPO's value head."""

    def __init__(self, head: torch.nn.Linear):
        self.head = head

    def state(self) -> Any:
        return {name: value.tolist() for name, value in self.head.state_dict().items()}

    def restore(self, state: Any) -> None:
        self.head.load_state_dict({name: torch.tensor(value) for name, value in state.items()})
