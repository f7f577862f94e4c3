"""Reinforcement learning against rewards, as one stage of a run: sampling, judging and updating through TRL."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from datasets import Dataset

from benchmarks import BadInput, Benchmark, Policy, Sampling, Weights
from benchmarks.common import charge
from benchmarks.models import Progress, Training, cut, run_trainer, training_mode
from methods.contract import Reinforcement, Stage
from methods.engines.goals import Goals
from methods.engines.optimisers import make_trainer
from methods.engines.trained import rate_of, save_trained, scaled, to_train
from methods.engines.trainers import Memory, Remember


class Task(NamedTuple):
    """What a group of answers is sampled for."""

    shown: str
    """The prompt as the policy reads it."""
    goals: Goals = ()
    """What the answers are to reach, where rewards depend on it."""


Pose = Callable[[str, np.random.Generator], Sequence[Task]]
"""A prompt -> the tasks that are made of it in one pass."""


class Reward(Protocol):
    """Judges answers to the benchmark's own prompts."""

    def __call__(
        self, prompts: Sequence[str], responses: Sequence[str], goals: Sequence[Goals]
    ) -> tuple[np.ndarray, dict[str, float]]:
        """One number per answer (N,), and what is worth logging."""
        ...


def train_rl(benchmark: Benchmark, weights: Weights, settings: Reinforcement, stage: Stage) -> None:
    """Maximises E[w . r(x, y)] - kl_coef KL(pi || pi_0) from the starting policy; rewards in benchmark units.

    MORLHF's objective (arXiv 2310.03708, eq. 2; 2402.10207, section 2).
    """

    def reward(
        prompts: Sequence[str], responses: Sequence[str], goals: Sequence[Goals]
    ) -> tuple[np.ndarray, dict[str, float]]:
        rewards = benchmark.rewards(prompts, responses)
        means = zip(benchmark.names, rewards.mean(axis=0), strict=True)
        return rewards @ np.asarray(weights), {f"reward/{name}": float(mean) for name, mean in means}

    maximise(benchmark, reward, settings, stage)


def maximise(
    benchmark: Benchmark,
    reward: Reward,
    settings: Reinforcement,
    stage: Stage,
    *,
    pose: Pose = lambda prompt, _: [Task(prompt)],
    contrast: int = 1,
    memory: Memory | None = None,
) -> None:
    """Maximises E[reward] - kl_coef KL(pi || pi_0) from the starting policy, with the optimiser of the settings.

    `pose` makes `contrast` tasks of a prompt, anew for each pass; the answers to a task are judged against each other.
    All tasks of a prompt are in one batch, answered with the same random numbers: what their answers have in common
    then cancels out of the gradient, and what is left is the effect of the goals. A reward that changes while it judges
    keeps that in `memory`.
    """
    if stage.done:
        return
    policy = to_train(benchmark, settings.lora_rank, stage.run.seed)
    prompts = _whole_prompts(benchmark, policy)
    per_step = max(1, settings.prompts_per_step // contrast)
    training = Training(
        steps=max(1, round(settings.epochs * len(prompts) / (per_step * contrast))),
        batch=per_step * contrast * settings.samples_per_prompt,
        learning_rate=scaled(rate_of(settings, "learning_rate", policy), policy),
        schedule="constant_with_warmup",
        tokens=policy.max_prompt_tokens + benchmark.sampling.max_new_tokens,
        answers=per_step * contrast * settings.samples_per_prompt,
    )
    sampling = Sampling(
        max_new_tokens=benchmark.sampling.max_new_tokens,
        temperature=settings.temperature,
        top_p=1.0,
        stop=benchmark.sampling.stop,
    )
    judge = _Judge(reward, policy, sampling.stop, settings.unfinished_penalty)
    kept = ("reward", "kl", "kl_coef", "completions/mean_length")

    def log(name: str, step: int, steps: int, logs: dict[str, float]) -> None:
        kl = {"kl": logs["kl"] * logs["completions/mean_length"]} if settings.kl_coef else {}
        adapted = {"kl_coef": logs["kl_coef"]} if settings.kl_target else {}
        stage.log(name, step, steps, {"reward": logs["reward"], **judge.means(), **kl, **adapted})

    with training_mode(policy):
        trainer = make_trainer(
            settings,
            policy,
            sampling,
            training,
            stage,
            contrast,
            reward_funcs=judge,
            train_dataset=_rows(prompts, training.steps, per_step, pose, contrast, stage.run.seed),
            callbacks=[
                Progress(stage.name, log, keep=kept),
                *([Remember("reward", memory)] if memory else []),
            ],
        )
        run_trainer(trainer)
    with stage.writing() as folder:
        save_trained(policy, folder)


def _whole_prompts(benchmark: Benchmark, policy: Policy) -> list[str]:
    """The training prompts that the policy reads whole. BadInput where there is none."""
    texts = benchmark.prompts("train")
    lengths = zip(texts, policy.reader.lengths(texts), strict=True)
    prompts = [text for text, length in lengths if length < policy.max_prompt_tokens]
    if not prompts:
        raise BadInput(
            f"every training prompt of {benchmark.name} has {policy.max_prompt_tokens} tokens or more",
            "prompts that would be cut are left out of reinforcement learning, and none is left",
            "raise max_prompt_tokens of the benchmark",
        )
    return prompts


def _rows(prompts: Sequence[str], steps: int, per_step: int, pose: Pose, contrast: int, seed: int) -> Dataset:
    """What is asked in which order, step by step: prompts as the policy reads them, as the benchmark has them, goals.

    It is laid out for all passes beforehand, so that a resumed training goes on in the same order.
    """
    generator = np.random.default_rng(seed)
    needed = steps * per_step
    passes = [generator.permutation(len(prompts)) for _ in range(math.ceil(needed / len(prompts)))]
    rows: list[tuple[str, Task]] = []
    for step in np.concatenate(passes)[:needed].reshape(steps, per_step):
        posed = [(prompts[i], pose(prompts[i], generator)) for i in step]
        rows += [(plain, tasks[k]) for k in range(contrast) for plain, tasks in posed]
    return Dataset.from_dict(
        {
            "prompt": [task.shown for _, task in rows],
            "plain": [plain for plain, _ in rows],
            "goals": [list(task.goals) for _, task in rows],
        }
    )


class _Judge:
    """Judges the answers of a step as a trainer asks for it, charges what drawing them cost, and keeps what is worth
    logging."""

    __name__ = "judge"  # by which the trainer logs it

    def __init__(self, reward: Reward, policy: Policy, stop: tuple[str, ...], unfinished_penalty: float):
        self.reward, self.policy, self.stop = reward, policy, stop
        self.unfinished_penalty = unfinished_penalty
        self._measured: dict[str, list[float]] = {}

    def __call__(
        self,
        prompts: list[str],
        completions: list[str],
        completion_ids: list[list[int]],
        plain: list[str],
        goals: list[list[int]],
        **_: Any,
    ) -> list[float]:
        values, means = self.reward(plain, [cut(c, self.stop) for c in completions], [tuple(g) for g in goals])
        for name, mean in means.items():
            self._measured.setdefault(name, []).append(mean)
        generated = sum(map(len, completion_ids))
        tokens = generated + sum(map(len, self.policy.encode_prompts(prompts)))
        charge(generated_tokens=generated, flops=2.0 * self.policy.parameters * tokens)
        short = np.array([not self.policy.ended(ids, self.stop) for ids in completion_ids])
        return [float(value) for value in values - self.unfinished_penalty * short]

    def means(self) -> dict[str, float]:
        """What was measured since this was last asked."""
        means = {name: float(np.mean(values)) for name, values in self._measured.items()}
        self._measured.clear()
        return means
