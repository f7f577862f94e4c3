"""LoRA adapters (Hu et al. 2021, arXiv 2106.09685), made alike wherever a policy is trained."""

from __future__ import annotations

from dataclasses import replace

import torch
from peft import LoraConfig, get_peft_model

from benchmarks.common import BadInput
from benchmarks.models.policy import Policy
from benchmarks.spec import Lora


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
