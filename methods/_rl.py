"""Reinforcement learning against the benchmark's rewards, as one stage of a run: RLOO through TRL."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from datasets import Dataset
from trl import RLOOConfig, RLOOTrainer

from benchmarks import (
    Benchmark,
    Policy,
    Progress,
    Sampling,
    Training,
    Weights,
    charge,
    cut,
    cut_tokens,
    run_trainer,
    sample_tokens,
    trainer_arguments,
    training_mode,
)
from methods import _policy
from methods._base import Stage
from methods._settings import Reinforcement


def train(benchmark: Benchmark, weights: Weights, settings: Reinforcement, stage: Stage) -> None:
    """Maximises E[w . r(x, y)] - kl_coef KL(pi || pi_0) from the starting policy; rewards in benchmark units.

    MORLHF's objective (arXiv 2310.03708, eq. 2; 2402.10207, section 2). Each answer's advantage is its reward minus the
    mean reward of the other answers to the same prompt (RLOO, arXiv 2402.14740, eq. 5).
    """
    if stage.done:
        return
    policy = _policy.to_train(benchmark, settings.lora_rank, stage.run.seed)
    prompts = [p for p in benchmark.prompts("train") if len(policy.encode_prompt(p)) < policy.max_prompt_tokens]
    batch = settings.prompts_per_step * settings.samples_per_prompt
    training = Training(
        steps=max(1, round(settings.epochs * len(prompts) / settings.prompts_per_step)),
        batch=batch,
        learning_rate=_policy.scaled(settings.learning_rate, policy),
        schedule="constant_with_warmup",
    )
    # laid out for all passes beforehand, so that a resumed training goes on in the same order
    generator = np.random.default_rng(stage.run.seed)
    passes = [generator.permutation(len(prompts)) for _ in range(math.ceil(settings.epochs) + 1)]
    order = np.concatenate(passes)[: training.steps * settings.prompts_per_step]
    sampling = Sampling(
        max_new_tokens=benchmark.sampling.max_new_tokens,
        temperature=settings.temperature,
        top_p=1.0,
        stop=benchmark.sampling.stop,
    )
    config = RLOOConfig(
        **trainer_arguments(training, stage.checkpoints, stage.run.seed, policy.model),
        num_generations=settings.samples_per_prompt,
        max_completion_length=sampling.max_new_tokens,
        temperature=sampling.temperature,
        top_p=sampling.top_p,
        beta=settings.kl_coef,
        num_iterations=1,
        shuffle_dataset=False,
    )

    def reward(prompts: list[str], completions: list[str], completion_ids: list[list[int]], **_: Any) -> list[float]:
        responses = [cut(c.strip(), sampling.stop) for c in completions]
        scores = benchmark.score(prompts, responses)
        for name, column in zip(benchmark.names, scores.T, strict=True):
            measured[name].append(float(column.mean()))
        _charge(policy.parameters, prompts, completion_ids)
        return [float(value) for value in scores @ np.asarray(weights)]

    measured: dict[str, list[float]] = {name: [] for name in benchmark.names}

    def log(name: str, step: int, steps: int, logs: dict[str, float]) -> None:
        means = {f"reward/{k}": float(np.mean(v)) for k, v in measured.items() if v}
        for values in measured.values():
            values.clear()
        kl = {"kl": logs["kl"] * logs["completions/mean_length"]} if settings.kl_coef else {}
        stage.log(name, step, steps, {"reward": logs["reward"], **means, **kl})

    def _charge(parameters: int, prompts: Sequence[str], completions: Sequence[Sequence[int]]) -> None:
        generated = sum(map(len, completions))
        read = sum(len(policy.tokenizer(p)["input_ids"]) for p in prompts)
        # generating 2, old and reference log-probabilities 2 each, training 6 operations per parameter and token
        charge(
            generated_tokens=generated, trained_tokens=generated + read, flops=12.0 * parameters * (generated + read)
        )

    with training_mode(policy):
        trainer = _Sampler(
            policy,
            sampling,
            args=config,
            reward_funcs=reward,
            train_dataset=Dataset.from_dict({"prompt": [prompts[i] for i in order]}),
            callbacks=[Progress(stage.name, log, keep=("reward", "kl", "completions/mean_length"))],
        )
        run_trainer(trainer)
    with stage.writing() as folder:
        _policy.save(policy, folder)


class _Sampler(RLOOTrainer):
    """RLOOTrainer that samples with our batched sampler on a CPU (`make bench`); elsewhere TRL samples as it does."""

    def __init__(self, policy: Policy, sampling: Sampling, **kwargs: Any):
        self.policy, self.sampling = policy, sampling
        super().__init__(model=policy.model, processing_class=policy.tokenizer, **kwargs)

    def _generate_single_turn(self, prompt_ids: list[list[int]], images: Any, multimodal_fields: Any) -> Any:
        if self.accelerator.device.type != "cpu":
            return super()._generate_single_turn(prompt_ids, images, multimodal_fields)
        generator = np.random.default_rng([self.args.seed, self.state.global_step])
        uniforms = generator.random((len(prompt_ids), self.sampling.max_new_tokens))
        with training_mode(self.policy, on=False):
            answers = sample_tokens(self.policy.model, self.policy.tokenizer, prompt_ids, self.sampling, uniforms)
        return [cut_tokens(self.policy.tokenizer, ids, self.sampling.stop) for ids in answers]
