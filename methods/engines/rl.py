"""Reinforcement learning against rewards, as one stage of a run: sampling, judging and updating through TRL."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from datasets import Dataset

from benchmarks import BadInput, Benchmark, Policy, Sampling, Weights
from benchmarks.models import Progress, Training, run_trainer, training_mode
from benchmarks.rewards import resident_bytes
from methods.contract import Reinforcement, Stage, in_range
from methods.engines.optimisers import make_trainer
from methods.engines.tasks import Judge, Pose, Reward, Task, tasks_of, weighted, weights_of
from methods.engines.trained import rate_of, save_trained, scaled, to_train
from methods.engines.trainers import Memory, Remember


@in_range
def train_rl(
    benchmark: Benchmark,
    weights: Weights | None,
    settings: Reinforcement,
    stage: Stage,
    *,
    reward: Reward | None = None,
    pose: Pose = lambda prompt, _: [Task(prompt)],
    contrast: int = 1,
    memory: Memory | None = None,
) -> None:
    """Maximises E[w . r(x, y)] - kl_coef KL(pi || pi_0) from the starting policy, with the optimiser of the settings.

    That is MORLHF's objective (arXiv 2310.03708, eq. 2; 2402.10207, section 2). `weights` (M,) are a point on the
    simplex; r is in benchmark units, where 0 is the starting policy's mean and 1 its SD.

    A `reward` of one's own takes the place of w . r, and `weights` are None: it is called with N prompts, as the
    benchmark has them, N answers and the goals of their tasks, and returns N finite numbers and what is worth logging,
    by name. One that changes while it judges keeps that in `memory`, which comes back with a checkpoint.

    `pose` makes `contrast` tasks of a prompt, anew for each pass; the answers to a task are judged against each other.
    All tasks of a prompt are in one batch, answered with the same random numbers: what their answers have in common
    then cancels out of the gradient, and what is left is the effect of the goals.

    Prompts that the policy would not read whole are left out. Samples are drawn at the settings' temperature, from all
    tokens. BadInput for weights that are none, for weights together with a reward, for a reward or a pose that returns
    something else, and where no prompt is left.
    """
    if reward is None:
        reward = weighted(benchmark, weights_of(benchmark, weights))
    elif weights is not None:
        raise BadInput(
            "train_rl was given weights and a reward",
            "a reward of your own takes the place of w . r",
            "train_rl(benchmark, None, settings, stage, reward=...), and let the reward weigh",
        )
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
        resident=resident_bytes(benchmark, ("rewards",)),  # a reward of one's own is taken for as large
    )
    sampling = Sampling(
        max_new_tokens=benchmark.sampling.max_new_tokens,
        temperature=settings.temperature,
        top_p=1.0,
        stop=benchmark.sampling.stop,
    )
    judge = Judge(reward, policy, sampling.stop, settings.unfinished_penalty)
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
    prompts = [text for text, length in lengths if length <= policy.max_prompt_tokens]
    if not prompts:
        raise BadInput(
            f"every training prompt of {benchmark.name} has more than {policy.max_prompt_tokens} tokens",
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
        posed = [(prompts[i], tasks_of(pose(prompts[i], generator), contrast)) for i in step]
        rows += [(plain, tasks[k]) for k in range(contrast) for plain, tasks in posed]
    return Dataset.from_dict(
        {
            "prompt": [task.shown for _, task in rows],
            "plain": [plain for plain, _ in rows],
            "goals": [list(task.goals) for _, task in rows],
        }
    )
