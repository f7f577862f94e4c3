"""Hyperparameters that several methods share, as dataclasses to inherit from. Nothing heavy is imported here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from benchmarks.common import Range, Search

Optimizer = Literal["rloo", "grpo", "online-dpo", "ppo"]


@dataclass(frozen=True, kw_only=True)
class Adapter:
    """How the policy's weights are trained."""

    lora_rank: Annotated[int, Range(0)] | None = None
    """Rank of LoRA on all linear layers (MORLHF: on q and v), alpha = 2 rank (papers: 64; SPO: 16).
    Dropout is .05 in supervised learning and none in RL and DPO, whose log-probabilities it would blur. None chooses:
    full fine-tuning below a billion parameters, rank 64 from there. 0 is full fine-tuning."""


@dataclass(frozen=True, kw_only=True)
class Reinforcement(Adapter):
    """A KL-regularised RL run.

    Learning rates are for a width of 4096 (a 7B model) and grow as 1/width for narrower ones (Yang et al. 2022, muP):
    what is searched is multiplied by 4096 / width, so its range is the same for small and large policies.
    """

    optimizer: Optimizer = "rloo"
    """RLOO [choice], GRPO, online DPO on the best and the worst answer to each prompt, or PPO.
    RLOO: Ahmadian et al. 2024, arXiv 2402.14740. GRPO: Shao et al. 2024, arXiv 2402.03300. Online DPO: Guo et al. 2024,
    arXiv 2402.04792. PPO, as MORLHF and Rewarded Soups have it: Schulman et al. 2017, arXiv 1707.06347."""
    epochs: Annotated[float, Range(above=0), Search(0.25, 4.0, log=True)] = 1.0
    """Passes over the training prompts (Rewarded Soups, MORLHF: 1)."""
    prompts_per_step: Annotated[int, Range(1)] = 32
    """Prompts per update [choice] (MORLHF: 64 per process)."""
    samples_per_prompt: Annotated[int, Range(2)] = 4
    """Answers per prompt; each is judged against the mean of the others [choice]."""
    learning_rate: Annotated[float, Range(0, 1), Search(1e-6, 1e-4, log=True)] = 1e-5
    """AdamW, constant after warm-up (papers: 1e-5 with PPO)."""
    kl_coef: Annotated[float, Range(0), Search(0.02, 1.0, log=True)] = 0.2
    """Weight of the KL to the starting policy in the reward, in benchmark units (papers: 0.2, on raw rewards, then
    adapted to a target of 3 nats; here it is constant). GRPO weighs it
    against rewards in SDs of the answers to one prompt; for online DPO it is the beta of the loss."""
    temperature: Annotated[float, Range(above=0)] = 1.0
    """Temperature of sampling and of every log-probability alike.
    MORLHF's code samples at 0.7 and scores at 1, which biases the KL."""

    def __post_init__(self) -> None:
        if self.optimizer == "online-dpo" and self.kl_coef <= 0:
            raise ValueError("online-dpo needs a kl_coef above 0: it is the beta of its loss")


@dataclass(frozen=True, kw_only=True)
class Preference(Adapter):
    """Training on preference pairs with DPO (Rafailov et al. 2023, arXiv 2305.18290), through TRL.

    Learning rates are for LoRA on a width of 4096 (a 7B model); they grow as 1/width for narrower ones (Yang et al.
    2022, muP), and full fine-tuning takes a tenth of them [choice].
    """

    beta: Annotated[float, Range(above=0), Search(0.01, 1.0, log=True)] = 0.1
    """Weight of the KL to the reference (papers: 0.1)."""
    epochs: Annotated[float, Range(above=0), Search(0.03, 1.0, log=True)] = 0.125
    """Passes over an objective's pairs; below 1 a random share of them is used at all [choice]."""
    batch: Annotated[int, Range(1)] = 16
    """Pairs per step [choice]."""
    learning_rate: Annotated[float, Range(0, 1), Search(1e-5, 1e-3, log=True)] = 1e-4
    """AdamW, cosine after a warm-up of 3 % [choice]."""
