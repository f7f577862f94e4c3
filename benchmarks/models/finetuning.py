"""Supervised fine-tuning of a pretrained policy on a benchmark's demonstrations, before any method starts from it."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model

from benchmarks.common import BadInput, Log, silent
from benchmarks.models.policy import Policy, load_policy
from benchmarks.models.training import Training, supervised
from benchmarks.spec import Description, Lora, adapter_rank

WHOLE_RATE, ADAPTER_RATE = 2e-5, 1.414e-4


def finetuned_policy(benchmark: Description, folder: Path, log: Log = silent) -> Policy:
    """The policy that a benchmark names, after SFT on its demonstrations; adapters are merged. `folder` holds
    checkpoints while it is trained. BadInput where there are no demonstrations."""
    demonstrations, settings = benchmark.demonstrations(), benchmark.finetuning
    if not demonstrations:
        raise BadInput(
            f"{benchmark.name} has no demonstrations to fine-tune {benchmark.policy} on",
            "policy.sft=true takes the answers that the data marks as good: of pairs, the chosen ones",
            "-c policy.sft=false, or data with pairs or answers to imitate",
        )
    policy = load_policy(
        benchmark.policy, benchmark.max_prompt_tokens, template=benchmark.template,
        max_new_tokens=benchmark.sampling.max_new_tokens,
    )  # fmt: skip
    rank = adapter_rank(policy.parameters, settings.lora_rank)
    if rank:
        trained = with_adapter(policy, rank, benchmark.lora, benchmark.seed)
    else:
        trained = replace(policy, model=policy.model.float())
    limit = benchmark.sampling.max_new_tokens
    training = Training(
        steps=settings.steps or math.ceil(len(demonstrations) / settings.batch),
        batch=settings.batch,
        learning_rate=settings.learning_rate or (ADAPTER_RATE if rank else WHOLE_RATE),
    )
    supervised(
        trained, [(prompt, response[:limit]) for prompt, response in map(policy.encode, demonstrations)], training,
        folder=folder / "sft", seed=benchmark.seed, log=log,
    )  # fmt: skip
    model = trained.model.float().merge_and_unload() if rank else trained.model  # rounded once, when it is stored
    return replace(policy, model=model.to(policy.stored).eval())


def with_adapter(policy: Policy, rank: int, settings: Lora, seed: int) -> Policy:
    """The policy with a fresh adapter, whose initialisation depends on the seed alone. BadInput for targets that its
    model does not have."""
    torch.manual_seed(seed)
    config = LoraConfig(
        r=rank, lora_alpha=2 * rank if settings.alpha is None else settings.alpha, lora_dropout=settings.dropout,
        target_modules=list(settings.targets) or "all-linear", task_type="CAUSAL_LM",
    )  # fmt: skip
    linear = {n.rpartition(".")[2] for n, m in policy.model.named_modules() if type(m).__name__ in ("Linear", "Conv1D")}
    if unknown := sorted({*settings.targets} - linear):
        raise BadInput(
            f"lora.targets: the policy has no linear layers called {', '.join(unknown)}",
            f"it has {', '.join(sorted(linear))}",
            "-c lora.targets=[] puts adapters on all of them but the head",
        )
    return replace(policy, model=get_peft_model(policy.model, config))
