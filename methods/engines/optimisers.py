"""Behind `Reinforcement.optimizer`: the trainer of each optimiser, and what it computes."""

from __future__ import annotations

from typing import Any

from trl import GRPOConfig, RLOOConfig

from benchmarks import Policy, Sampling
from methods.contract import Optimizer
from methods.engines.ppo import EPOCHS, OnlineDpo, Ppo
from methods.engines.trainers import Grpo, Rloo


def passes_over(optimizer: Optimizer) -> int:
    """How often an optimiser trains on each batch of answers."""
    return EPOCHS if optimizer == "ppo" else 1


def operations(optimizer: Optimizer, kl_coef: float, one_pass: bool) -> int:
    """Floating-point operations per parameter and token: 2 for a forward pass, 6 for training.

    Answers are generated, go through the reference where there is a KL, and through the policy before it is trained on
    them where that is not `one_pass`; PPO also values them.

    >>> operations("rloo", 0.2, one_pass=False), operations("rloo", 0.2, one_pass=True)
    (12, 10)
    >>> operations("ppo", 0.2, one_pass=False)
    32
    """
    old, reference = 0 if one_pass else 2, 2 if kl_coef else 0
    values = 2 if optimizer == "ppo" else 0
    return 2 + old + reference + values + 6 * passes_over(optimizer)


def make_trainer(
    optimizer: Optimizer, policy: Policy, sampling: Sampling, kl_coef: float, copies: int, **kwargs: Any
) -> Any:
    """The trainer of an optimiser.

    `kwargs["args"]` are keyword arguments of its configuration, the others the trainer's own.

    A batch consists of `copies` equal parts that are sampled with the same random numbers (on a CPU).
    """
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
