"""Behind `Reinforcement.optimizer`: the trainer of each optimiser."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from trl import GRPOConfig, RLOOConfig

from benchmarks import Policy, Sampling
from benchmarks.models import Training, trainer_arguments
from methods.contract import Reinforcement, Stage
from methods.engines.ppo import OnlineDpo, Ppo
from methods.engines.trainers import Grpo, Rloo


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
