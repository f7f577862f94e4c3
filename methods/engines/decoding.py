"""Policies that are made while they answer: experts mixed token by token, the best of several answers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from peft import PeftModel
from transformers import DynamicCache
from transformers.modeling_outputs import CausalLMOutputWithPast

from benchmarks import BadInput, Benchmark, Policy, Sampling, Weights
from benchmarks.common import Cost, Range, charge, charged_to, digest, kept
from benchmarks.models import ANSWERS_AT_ONCE, Divergence, sequence_log_probs
from methods.contract import in_range
from methods.engines.trained import PART, check_folders, load_adapters, load_trained


def mix(benchmark: Benchmark, folders: Sequence[Path], weights: Weights) -> Policy:
    """The normalised product of the trained policies in `folders`, prod_i pi_i^{w_i} (arXiv 2406.18853).

    `weights` (M) are one for each folder, none negative. An expert of weight zero takes no part, so w = e_i is expert i
    itself. Adapters share one copy of the model and answer in one batched forward pass; whole models answer one after
    the other. A token costs as many passes as there are experts that take part. BadInput for other weights.
    """
    check_folders(folders)
    if len(weights) != len(folders) or not 0 < sum(weights) < math.inf or min(weights) < 0:
        raise BadInput(
            f"{len(folders)} policies cannot be mixed with the weights {', '.join(f'{w:g}' for w in weights)}",
            "each has a weight, none of them negative, and one at least counts",
            "give one number for each folder; soup takes negative weights",
        )
    active = [(folder, w) for folder, w in zip(folders, weights, strict=True) if w > 0]
    if len(active) == 1:
        return load_trained(benchmark, active[0][0])
    folders, shares = [folder for folder, _ in active], [w for _, w in active]
    model: Mixture
    if (folders[0] / "adapter_config.json").exists():
        adapted = load_adapters(benchmark.prepared.load_starting_policy().model, folders)
        model = MixtureOfAdapters(adapted, shares)
    else:
        model = MixtureOfModels([load_trained(benchmark, folder).model for folder in folders], shares)
    return replace(benchmark.prepared.policy, model=model.eval())


class Mixture(torch.nn.Module):
    """sum_i w_i log pi_i, normalised: a causal language model as far as sampling and `sequence_divergence` need one.

    In the cache it is given, the experts' caches take the place of a model's layers: selecting rows of the whole
    selects rows of each.
    """

    def __init__(self, weights: Sequence[float]):
        super().__init__()
        self.weights = tuple(weights)

    def forward(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        position_ids: torch.Tensor,
        past_key_values: DynamicCache | None = None,
        use_cache: bool = True,
        logits_to_keep: int = 0,
    ) -> CausalLMOutputWithPast:
        """Log-probabilities (B, T, V) of the next tokens."""
        cache = DynamicCache() if past_key_values is None else past_key_values
        if not cache.layers:
            cache.layers.extend(self.caches())
        inputs = {"input_ids": input_ids, "attention_mask": attention_mask, "position_ids": position_ids}
        logits = self.logits(inputs, cache.layers, logits_to_keep)
        # each expert's own normaliser is the same for all tokens, so the last softmax takes it out
        total = reduce(torch.add, (w * each.float() for w, each in zip(self.weights, logits, strict=True)))
        return CausalLMOutputWithPast(logits=torch.log_softmax(total, dim=-1), past_key_values=cache)

    def caches(self) -> list[DynamicCache]:
        """Empty caches, as `logits` wants them."""
        raise NotImplementedError

    def logits(
        self, inputs: dict[str, torch.Tensor], caches: Sequence[DynamicCache], keep: int
    ) -> Iterator[torch.Tensor]:
        """Every expert's logits (B, T, V) at the last `keep` positions (0: all), one expert after the other."""
        raise NotImplementedError

    def num_parameters(self) -> int:
        """Parameters that a token passes, in all experts together."""
        raise NotImplementedError


class MixtureOfModels(Mixture):
    """Whole models, each with its own cache."""

    def __init__(self, experts: Sequence[torch.nn.Module], weights: Sequence[float]):
        super().__init__(weights)
        self.experts = torch.nn.ModuleList(experts)

    def caches(self) -> list[DynamicCache]:
        """An empty cache for each model."""
        return [DynamicCache() for _ in self.experts]

    def logits(
        self, inputs: dict[str, torch.Tensor], caches: Sequence[DynamicCache], keep: int
    ) -> Iterator[torch.Tensor]:
        """Every expert's logits, from a forward pass per model."""
        for expert, cache in zip(self.experts, caches, strict=True):
            yield expert(**inputs, past_key_values=cache, logits_to_keep=keep).logits

    def num_parameters(self) -> int:
        """Parameters of all models together."""
        return sum(p.numel() for p in self.parameters())


class MixtureOfAdapters(Mixture):
    """One model with adapters called `PART`: the batch is repeated for each, and all answer in one forward pass."""

    def __init__(self, adapted: PeftModel, weights: Sequence[float]):
        super().__init__(weights)
        self.adapted = adapted

    def caches(self) -> list[DynamicCache]:
        """One empty cache for all adapters."""
        return [RepeatedRows(len(self.weights))]

    def logits(
        self, inputs: dict[str, torch.Tensor], caches: Sequence[DynamicCache], keep: int
    ) -> Iterator[torch.Tensor]:
        """Every expert's logits, split from one forward pass."""
        times, rows = len(self.weights), len(inputs["input_ids"])
        names = [PART.format(i) for i in range(times) for _ in range(rows)]
        repeated = {name: value.repeat(times, 1) for name, value in inputs.items()}
        out = self.adapted(**repeated, past_key_values=caches[0], adapter_names=names, logits_to_keep=keep)
        yield from out.logits.split(rows)

    def num_parameters(self) -> int:
        """Parameters of the model, once per adapter, and of the adapters."""
        adapters = sum(p.numel() for name, p in self.adapted.named_parameters() if "lora_" in name)
        model = sum(p.numel() for p in self.adapted.parameters()) - adapters
        return len(self.weights) * model + adapters


class RepeatedRows(DynamicCache):
    """The cache of a batch that was repeated: row b of the batch is rows b, B + b, 2 B + b, ... here."""

    def __init__(self, times: int):
        super().__init__()
        self.times = times

    def batch_select_indices(self, indices: torch.Tensor) -> None:
        """Keeps these rows of the batch."""
        rows = len(self.layers[0].keys) // self.times
        super().batch_select_indices(torch.cat([indices + rows * i for i in range(self.times)]))


@in_range
def best_of(benchmark: Benchmark, candidates: Annotated[int, Range(1)], weights: Weights, folder: Path) -> Policy:
    """The starting policy, giving the best of several answers. What it draws is kept in `folder`.

    BadInput for another number of candidates, and for weights (M,) that are not a finite number for each objective.
    """
    if np.shape(weights) != (len(benchmark.objectives),) or not np.isfinite(weights).all():
        raise BadInput(
            f"best_of was given the weights {weights!r:.80}",
            f"the answer with the highest w . r is given: {len(benchmark.objectives)} finite numbers, one for each of "
            f"{', '.join(benchmark.names)}",
            "those that policy is called with",
        )
    start = benchmark.prepared.policy
    return BestOf(
        start.model, start.tokenizer, max_prompt_tokens=start.max_prompt_tokens, form=start.form, ends=start.ends,
        benchmark=benchmark, candidates=candidates, weights=weights, folder=folder,
    )  # fmt: skip


@dataclass(frozen=True, eq=False, kw_only=True)
class BestOf(Policy):
    """Draws `candidates` answers per prompt and gives the one with the highest w . r."""

    benchmark: Benchmark
    candidates: int
    weights: Weights
    folder: Path

    def sample(
        self, prompts: Sequence[str], sampling: Sampling, seed: int, batch: int = ANSWERS_AT_ONCE
    ) -> list[list[int]]:
        """The best of its candidates for each prompt, as token ids.

        They are charged in full each time: it is what the answers cost to serve.
        """
        ids, rewards, spent = self._drawn(prompts, sampling, seed, batch)
        charge(
            generated_tokens=spent.generated_tokens, reward_calls=spent.reward_calls, flops=spent.flops, used=spent.used
        )
        best = (rewards @ np.asarray(self.weights)).argmax(axis=1)
        return [ids[row * self.candidates + column] for row, column in enumerate(best.tolist())]

    def stream(self, prompt: str, sampling: Sampling, seed: int) -> Iterator[str]:
        """The best of its candidates, at once."""
        yield from self.generate([prompt], sampling, seed)

    def divergence(
        self, reference: Policy, prompts: Sequence[str], answers: Sequence[Sequence[int]], temperature: float = 1.0
    ) -> Divergence:
        """The KL is log N - (N - 1) / N for every answer: an upper bound of that to the policy that draws.

        It is reached where no two answers score the same (arXiv 2401.01879, theorem 1).
        """
        bound = math.log(self.candidates) - (self.candidates - 1) / self.candidates
        sequences = zip(reference.encode_prompts(prompts), answers, strict=True)
        likely = sequence_log_probs(reference, list(sequences), temperature=temperature)
        return Divergence(np.full(len(prompts), bound), likely)

    def _drawn(
        self, prompts: Sequence[str], sampling: Sampling, seed: int, batch: int
    ) -> tuple[list[list[int]], np.ndarray, Cost]:
        """Token ids of all answers, N to a prompt, their rewards (prompts, N, M), and what that cost."""
        name = digest([list(prompts), sampling, seed, self.candidates, self.benchmark.card.hash])
        path = self.folder / f"{name}.json"

        def draw() -> dict[str, Any]:
            repeated = [prompt for prompt in prompts for _ in range(self.candidates)]
            with charged_to(Cost()) as spent:
                ids = super(BestOf, self).sample(repeated, sampling, seed, batch)
                responses = [self.decode(i, sampling.stop) for i in ids]
                rewards = self.benchmark.rewards(repeated, responses)
            return {"ids": ids, "rewards": rewards.tolist(), "cost": spent.to_json()}

        found = kept(path, draw)
        shape = (len(prompts), self.candidates, len(self.weights))
        return found["ids"], np.array(found["rewards"]).reshape(shape), Cost.from_json(found["cost"])
