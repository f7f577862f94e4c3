"""Behind `Reinforcement.optimizer`: the trainer of each optimiser."""

from __future__ import annotations

from typing import Any

from trl import GRPOConfig, RLOOConfig

from benchmarks import Policy, Sampling
from methods.contract import Optimizer
from methods.engines.ppo import EPOCHS, OnlineDpo, Ppo
from methods.engines.trainers import Grpo, Rloo


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
