"""MOSLIM: goals like <helpful 5> in the prompt, one reward model that grades how they are met (arXiv 2505.20336)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import cycle, islice
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import numpy as np

from benchmarks import Answer, Benchmark, Weights
from benchmarks.common import Answering, Range, Search
from benchmarks.models import tagged
from benchmarks.spec import model_mistake
from methods import (
    Effort,
    Goals,
    Method,
    Moments,
    Rates,
    Reinforcement,
    Run,
    Template,
    WeightsToGoals,
    goals_for,
    goals_template,
    intensities,
    random_goals,
)

if TYPE_CHECKING:
    from benchmarks import Policy
    from methods import Grader, Pose


FLOOR, LIMIT = 0.01, 5.0
"""Least standard deviation to divide by, largest reward."""


@dataclass(frozen=True, kw_only=True)
class MOSLIM(Reinforcement, Method):
    """One RL run from the starting policy under random goals: a single policy for all weights.

    The policy reads the goals, the reward model does not. The reward model has one classification head per objective;
    an answer is rewarded for the probability of the grades that its goals ask for.
    """

    steering = "prompt"
    pretrained_rates: ClassVar[Mapping[str, Rates]] = {
        "learning_rate": Rates(whole=2e-6, adapters=2e-5),
        "reward_learning_rate": Rates(whole=1.5e-5, adapters=1.5e-4),
    }

    epochs: Annotated[float, Range(above=0), Search(1.0, 16.0, log=True)] = 4.0
    """Tasks, a prompt under some goals, per training prompt [choice] (the paper does not say).
    Each prompt is posed under K goals at a time, so 4 are less than one round of K = 5 for every prompt."""
    learning_rate: Annotated[float, Range(0, 1), Search(1e-6, 1e-4, log=True)] = 2e-5
    """Learning rate of the policy [choice]: telling goals apart takes more than moving all answers one way.
    2e-6 where a pretrained policy is trained whole and none is set."""
    kl_coef: Annotated[float, Range(0), Search(0.02, 1.0, log=True)] = 0.2
    """Weight of the KL to the starting policy, against rewards in standard deviations of a probability [choice]."""
    supervision: Literal["auto", "grades", "rewards"] = "auto"
    """What the reward model learns: the data's graded annotations, or the quantile bin of the training reward (paper:
    grades). "rewards" bins the benchmark's reward, the signal that RL by other methods is given.
    "auto" takes grades where the data has them for every objective [choice]."""
    classes: Annotated[int, Range(2)] = 5
    """Quantile bins per objective, the intensities 1..K [choice]: fifths, as public graded data has 5 grades.
    Annotations bring their own number."""
    reward_base: str = "policy"
    """What the reward model starts from: "policy", an untrained model of a scratch size, or a decoder.
    "policy" is the benchmark's starting policy, which knows what fits a prompt [choice]; scratch sizes are "0.3m",
    "1m", ...; a decoder is a hub id / local path."""
    reward_steps: Annotated[int, Range(1)] = 600
    """Training steps of the reward model [choice]: as many as a reward of the embedded benchmarks takes."""
    reward_batch: Annotated[int, Range(1)] = 48
    """Answers per step of the reward model [choice]: those of the 24 pairs that such a reward sees in a step."""
    reward_learning_rate: Annotated[float, Range(0, 1)] = 1.5e-5
    """Learning rate of the reward model, cosine schedule, for width 4096 [choice]: usual for whole models of it.
    1.5e-4 for adapters on a pretrained one where none is set."""
    statistics: Literal["running", "head", "batch", "calibration"] = "running"
    """Where mean and SD of the probability of the grade that was asked for come from; the paper does not say.
    Per head and grade, over the answers that were asked for that grade: all so far ("running") [choice], those of the
    batch ("batch"), or the first `calibration_answers` alone ("calibration"). "head" is another mapping: mean and SD
    are pooled over all grades of a head and over all answers so far, so the mean is the constant 1 / K, and an answer
    that ignores its goal gains nothing on balance. The SD has a floor of .01, and the reward is cut at +-5 [choice]."""
    calibration_answers: Annotated[int, Range(1)] = 512
    """Least number of answers of the starting policy, under goals as in training, with which the statistics begin.
    512 are some 70 for each grade of two objectives [choice]."""
    divisor: Literal["heads", "goals"] = "heads"
    """What the sum over heads is divided by: their number, or that of the goals in the prompt (paper: the former).
    By their number a goal that stands alone pays half of what it pays beside another one, of two."""
    mapping: Annotated[WeightsToGoals, Answering] = "middle"
    """How weights become goals [choice]: intensity 1 + (K - 1) s, rounded, where s follows from w.
    s is w ("linear"), w / max(w) ("linf"), w / ||w||_2 ("l2"), or the power of w that is 1/2 at equal weights
    ("middle", for two objectives the same as "linear"). A goal of intensity 1 is left out. With "middle", equal weights
    ask for the middle grade of everything, where "linf" and "l2" ask for more than any answer has."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if mistake := model_mistake(self.reward_base):
            raise ValueError(f"reward_base: {mistake}")

    def train(self, benchmark: Benchmark, run: Run) -> None:
        """The reward model, then one RL run."""
        from methods import Task, grade, rate_of, shown, train_grader, train_rl

        stage = run.stage("reward-model")
        if not stage.done:
            answers, labels, classes = self._labelled(benchmark, run.seed)
            train_grader(
                benchmark, answers, labels, stage, classes=classes, steps=self.reward_steps, batch=self.reward_batch,
                learning_rate=partial(rate_of, self, "reward_learning_rate"), lora_rank=self.lora_rank,
                base=self.reward_base,
            )  # fmt: skip
        if run.stage("policy").done:
            return
        grader = grade(benchmark, stage.folder)

        def pose(prompt: str, generator: np.random.Generator) -> list[Task]:
            policy, drawn = benchmark.prepared.policy, random_goals(grader.classes, generator)
            return [Task(shown(policy, prompt, _writes(benchmark, goals)), goals) for goals in drawn]

        moments = self._calibrated(benchmark, run.seed, grader, pose)

        def reward(
            prompts: Sequence[str], responses: Sequence[str], goals: Sequence[tuple[float, ...]]
        ) -> tuple[np.ndarray, dict[str, float]]:
            probabilities = grader.probabilities(prompts, responses)
            values = self._rewards(probabilities, np.array(goals), moments, grader.classes)
            return values, achieved(probabilities, np.array(goals), grader.classes, benchmark.names)

        train_rl(
            benchmark, None, self, run.stage("policy"), reward=reward, pose=pose, contrast=max(grader.classes),
            memory=moments,
        )  # fmt: skip

    def effort(self, benchmark: Benchmark, parameters: int) -> tuple[Effort, ...]:
        """The reward model with its labels, the answers with which the statistics begin, and an RL run it judges."""
        labels, classes = Effort(), self.classes
        if self.graded(benchmark):
            classes = max(intensities(benchmark, self.classes))
        else:
            pairs = sum(len(benchmark.preference_pairs(name)) for name in benchmark.names)
            seen = min(len(benchmark.responses()) + 2 * pairs, self.reward_steps * self.reward_batch)
            labels = Effort(scored=seen + len(benchmark.demonstrations()))
        begun, practice = self.calibration_answers, self.practice(benchmark, contrast=classes)
        return (
            labels,
            Effort(model=self.reward_base, learned=self.reward_steps * self.reward_batch, batch=self.reward_batch),
            Effort(own=True, drawn=begun),
            replace(practice, scored=0),
            Effort(model=self.reward_base, own=True, read=begun + practice.drawn),
        )

    def policy(self, benchmark: Benchmark, run: Run, weights: Weights) -> Policy:
        """The one policy, told the goals that the weights ask for."""
        return self.with_goals(benchmark, run, goals_for(weights, self.intensities(run), self.mapping))

    def template(self, benchmark: Benchmark, run: Run) -> Template:
        """The same goals before the same prompt."""
        return goals_template(benchmark.names, self.intensities(run), self.mapping)

    def intensities(self, run: Run) -> tuple[int, ...]:
        """The highest intensity K_i of every goal (M,), of a trained run."""
        from methods import classes_of

        return classes_of(run.stage("reward-model").folder)

    def with_goals(self, benchmark: Benchmark, run: Run | None, goals: Goals) -> Policy:
        """The one policy, told these goals; without a run, the starting policy."""
        from methods import load_trained, steered

        policy = load_trained(benchmark, run.stage("policy").folder) if run else benchmark.prepared.policy
        return steered(policy, _writes(benchmark, goals))

    def graded(self, benchmark: Benchmark) -> bool:
        """Whether the reward model learns the data's annotations."""
        return self.supervision == "grades" or (self.supervision == "auto" and benchmark.graded)

    def _labelled(self, benchmark: Benchmark, seed: int) -> tuple[list[Answer], np.ndarray, list[int]]:
        """What the reward model learns from: answers, labels (N, M) and the number of classes per head.

        Where rewards label, these are as many answers as it sees, drawn from all training answers and pairs.
        """
        from methods import annotated_labels, answers_to_grade, binned_labels

        if self.graded(benchmark):
            answers, labels = annotated_labels(benchmark)
            return answers, labels, [*intensities(benchmark, self.classes)]
        answers = answers_to_grade(benchmark, self.reward_steps * self.reward_batch, seed)
        return answers, binned_labels(benchmark, answers, self.classes), [self.classes] * len(benchmark.names)

    def _calibrated(self, benchmark: Benchmark, seed: int, grader: Grader, pose: Pose) -> Moments:
        """The statistics of the starting policy's answers to posed training prompts, sampled as in training."""
        generator = np.random.default_rng(seed)
        posed = islice(cycle(benchmark.prompts("train")), -(-self.calibration_answers // max(grader.classes)))
        prompts, tasks = zip(*((p, task) for p in posed for task in pose(p, generator)), strict=True)
        sampling = replace(benchmark.sampling, temperature=self.temperature, top_p=1.0)
        answers = benchmark.prepared.policy.generate([task.shown for task in tasks], sampling, seed)
        goals, moments = np.array([task.goals for task in tasks]), Moments.none(sum(grader.classes))
        moments.add(grader.probabilities(prompts, answers), self._counted(goals, grader.classes))
        return moments

    def _counted(self, goals: np.ndarray, classes: Sequence[int]) -> np.ndarray:
        """Which probabilities (N, K_1 + ... + K_M) of answers under goals (N, M) the statistics are over."""
        entries = asked_for(goals, classes)
        return np.ones_like(entries) if self.statistics == "head" else entries

    def _rewards(
        self, probabilities: np.ndarray, goals: np.ndarray, moments: Moments, classes: Sequence[int]
    ) -> np.ndarray:
        """Rewards (N,) of answers under goals (N, M), and the statistics moved on where they run."""
        counted, used = self._counted(goals, classes), moments
        if self.statistics == "batch":
            used = Moments.none(sum(classes))
            used.add(probabilities, counted)
        mean, std = used.mean, used.std
        if self.statistics == "head":
            mean, std = pooled(mean, std, classes)
        if self.statistics in ("running", "head"):
            moments.add(probabilities, counted)
        return goal_rewards(probabilities, goals, mean, std, classes, self.divisor)


def _writes(benchmark: Benchmark, goals: Goals) -> Callable[[str], str]:
    """Writes the goals before what the user says."""
    return partial(tagged, levels=goals, names=benchmark.names)


def asked_for(goals: np.ndarray, classes: Sequence[int]) -> np.ndarray:
    """Which classes of which heads each answer was asked for (N, K_1 + ... + K_M), by its goals (N, M).

    >>> asked_for(np.array([[2, 0], [1, 3]]), (2, 3)).astype(int).tolist()
    [[0, 1, 0, 0, 0], [1, 0, 0, 0, 1]]
    """
    return np.concatenate([goals[:, [i]] == np.arange(1, K + 1) for i, K in enumerate(classes)], axis=1)


def pooled(mean: np.ndarray, std: np.ndarray, classes: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation over all classes of a head, given to each of them."""
    starts = np.cumsum([0, *classes[:-1]])
    average = np.add.reduceat(mean, starts) / classes
    variance = np.add.reduceat(std**2 + mean**2, starts) / classes - average**2
    return np.repeat(average, classes), np.repeat(np.sqrt(variance), classes)


def goal_rewards(
    probabilities: np.ndarray,
    goals: np.ndarray,
    mean: np.ndarray,
    std: np.ndarray,
    classes: Sequence[int],
    divisor: Literal["heads", "goals"],
) -> np.ndarray:
    """r = 1/k sum_i (p_i[goal_i] - mean) / std mask_i (the paper's reward mapping), clipped to +-`LIMIT` (N,).

    Probabilities (N, K_1 + ... + K_M), goals (N, M) with 0 where there is none, mean and std per column.
    """
    mask = goals > 0
    columns = np.cumsum([0, *classes[:-1]]) + np.maximum(goals, 1) - 1
    met = np.take_along_axis(probabilities, columns, axis=1)
    z = (met - mean[columns]) / np.maximum(std[columns], FLOOR)
    k = goals.shape[1] if divisor == "heads" else np.maximum(mask.sum(axis=1), 1)
    return np.clip((z * mask).sum(axis=1) / k, -LIMIT, LIMIT)


def achieved(
    probabilities: np.ndarray, goals: np.ndarray, classes: Sequence[int], names: Sequence[str]
) -> dict[str, float]:
    """Per head, the mean probability of the grade that was asked for, over the answers asked for one."""
    starts = np.cumsum([0, *classes[:-1]])
    asked_for = {name: np.flatnonzero(goals[:, i] > 0) for i, name in enumerate(names)}
    return {
        f"met/{name}": float(probabilities[rows, starts[i] + goals[rows, i] - 1].mean())
        for i, (name, rows) in enumerate(asked_for.items())
        if len(rows)
    }
