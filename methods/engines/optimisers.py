"""Behind `Reinforcement.optimizer`: the trainer of each optimiser, and what it computes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from trl import GRPOConfig, RLOOConfig

from benchmarks import Policy, Sampling
from benchmarks.models import Training, trainer_arguments
from methods.contract import Optimizer, Reinforcement, Stage
from methods.engines.ppo import OnlineDpo, Ppo
from methods.engines.trainers import Grpo, Rloo


def passes_over(optimizer: Optimizer) -> int:
    """How often an optimiser surely trains on each batch of answers. PPO, which may stop, charges for what it does."""
    return 0 if optimizer == "ppo" else 1


def operations(optimizer: Optimizer, kl_coef: float, one_pass: bool) -> int:
    """Floating-point operations per parameter and token: 2 for a forward pass, 6 for training.

    Answers are generated, go through the reference where there is a KL, and through the policy before it is trained on
    them where that is not `one_pass`; PPO also values them, and charges for training itself.

    >>> operations("rloo", 0.2, one_pass=False), operations("rloo", 0.2, one_pass=True)
    (12, 10)
    >>> operations("ppo", 0.2, one_pass=False)
    8
    """
    old, reference = 0 if one_pass else 2, 2 if kl_coef else 0
    values = 2 if optimizer == "ppo" else 0
    return 2 + old + reference + values + 6 * passes_over(optimizer)


def make_trainer(
    settings: Reinforcement,
    policy: Policy,
    sampling: Sampling,
    training: Training,
    stage: Stage,
    copies: int,
    **kwargs: Any,
) -> Any:
    """The trainer of the settings' optimiser, with TRL's own keyword arguments. A step of the training is a batch.

    A batch consists of `copies` equal parts that are sampled with the same random numbers (on a CPU).
    """
    ppo = settings.optimizer == "ppo"
    parts = _parts(training.batch, settings.ppo_minibatches) if ppo else 1
    common = {
        **trainer_arguments(
            replace(training, batch=training.batch // parts), stage.checkpoints, stage.run.seed, policy.model
        ),
        "num_generations": settings.samples_per_prompt,
        "max_completion_length": sampling.max_new_tokens,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "beta": settings.kl_coef,
        "disable_dropout": True,  # or log-probabilities are another policy's than the answers
        "shuffle_dataset": False,
    }
    if settings.optimizer == "grpo":  # DeepSeekMath's loss (arXiv 2402.03300, eq. 3)
        grpo = GRPOConfig(**common, num_iterations=1, loss_type="grpo", scale_rewards="group")
        return Grpo(policy, sampling, copies, args=grpo, **kwargs)
    window = settings.ppo_epochs * parts if ppo else 1
    for name in ("max_steps", "save_steps", "warmup_steps", "logging_steps"):
        common[name] *= window  # a checkpoint inside a window of reuse would not resume exactly
    config = RLOOConfig(
        **common,
        steps_per_generation=common["gradient_accumulation_steps"] * parts,
        num_iterations=settings.ppo_epochs if ppo else 1,
    )
    trainer = {"rloo": Rloo, "online-dpo": OnlineDpo, "ppo": Ppo}[settings.optimizer]
    return trainer(policy, sampling, copies, settings=settings, args=config, **kwargs)


def _parts(batch: int, wanted: int) -> int:
    """The largest number up to `wanted` that divides a batch."""
    return next(parts for parts in range(min(wanted, batch), 0, -1) if batch % parts == 0)
