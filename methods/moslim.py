"""MOSLIM: goals such as <helpful 5> in the prompt, and one grading reward model that knows whether they were met (arXiv 2505.20336)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import cycle, islice
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from benchmarks import Answer, BadInput, Benchmark, Weights, tagged
from methods._base import Method, Run
from methods._settings import Reinforcement

if TYPE_CHECKING:
    from benchmarks import Policy
    from methods._grader import Grader
    from methods._rl import Goals, Task

FLOOR, LIMIT = 0.01, 5.0
"""Least standard deviation to divide by, largest reward."""


@dataclass(frozen=True, kw_only=True)
class MOSLIM(Reinforcement, Method):
    """One RL run from the starting policy, under random goals that it reads and the reward model does not: a single policy
    for all weights. The reward model has one classification head per objective; an answer is rewarded for the probability
    of the grades that its goals ask for.
    """

    steering = "prompt"

    epochs: float = 6.0
    """Tasks, a prompt under some goals, per training prompt; each prompt is posed under K goals at a time [choice]."""
    learning_rate: float = 3e-5
    """Of the policy [choice]: telling goals apart takes more than moving all answers one way."""
    kl_coef: float = 0.1
    """Against rewards in standard deviations of a probability [choice]."""
    supervision: Literal["rewards", "grades"] = "rewards"
    """What the reward model learns: the quantile bin of the benchmark's training reward, the signal that all other methods
    are given [choice], or the data's graded annotations ("grades", the paper's case)."""
    classes: int = 5
    """Quantile bins per objective, the intensities 1..K [choice]; annotations bring their own number."""
    reward_base: str = "policy"
    """What the reward model starts from: "policy" (the benchmark's starting policy, which knows what fits a prompt [choice]),
    an untrained model of a scratch size ("0.3m", "1m", ...), or a hub id / local path of a decoder."""
    reward_steps: int = 300
    """Training steps of the reward model [choice]."""
    reward_batch: int = 32
    """Answers per step of the reward model [choice]."""
    reward_learning_rate: float = 1.5e-5
    """Of the reward model, cosine schedule [choice]."""
    statistics: Literal["head", "running", "batch", "calibration"] = "head"
    """Where mean and SD of the probabilities come from: per head, pooled over its classes and over all answers so far
    [choice]; the same per head and class ("running"); per head and class over the batch, or over `calibration_answers` alone.
    Pooled, an answer that ignores its goal gains nothing on balance, since the probabilities of all grades sum to one. Per
    class a rare grade pays more than a frequent one, and a small policy gives it to everybody before it reads any goal."""
    calibration_answers: int = 512
    """Answers of the starting policy with which the statistics begin [choice]."""
    divisor: Literal["heads", "goals"] = "heads"
    """What the sum over heads is divided by: their number (paper), or that of the goals in the prompt."""
    mapping: Literal["linf", "l2", "linear"] = "linf"
    """How weights become goals, see `asked` [choice]."""

    def train(self, benchmark: Benchmark, run: Run) -> None:
        """The reward model, then one RL run."""
        from methods import _grader, _rl

        stage = run.stage("reward-model")
        if not stage.done:
            answers, labels = self._labelled(benchmark, run.seed)
            classes = (
                (labels.max(axis=0) + 1).tolist() if self.supervision == "grades" else [self.classes] * labels.shape[1]
            )
            _grader.train(
                benchmark, answers, labels, stage, classes=classes, steps=self.reward_steps, batch=self.reward_batch,
                learning_rate=self.reward_learning_rate, lora_rank=self.lora_rank, base=self.reward_base,
            )  # fmt: skip
        if run.stage("policy").done:
            return
        grader = _grader.load(benchmark, stage.folder)
        moments = self._calibrated(benchmark, run.seed, grader)

        def reward(
            prompts: Sequence[str], responses: Sequence[str], goals: Sequence[Goals]
        ) -> tuple[np.ndarray, dict[str, float]]:
            probabilities = grader.probabilities(prompts, responses)
            values = self._rewards(probabilities, np.array(goals), moments, grader.classes)
            return values, achieved(probabilities, np.array(goals), grader.classes, benchmark.names)

        def pose(prompt: str, generator: np.random.Generator) -> list[Task]:
            policy, drawn = benchmark.prepared.policy, random_goals(grader.classes, generator)
            return [_rl.Task(told(policy, prompt, goals, benchmark.names), goals) for goals in drawn]

        _rl.maximise(
            benchmark, reward, self, run.stage("policy"), pose=pose, contrast=max(grader.classes), memory=moments
        )

    def policy(self, benchmark: Benchmark, run: Run, weights: Weights) -> Policy:
        """The one policy, told the goals that the weights ask for."""
        return self.with_goals(benchmark, run, asked(weights, self.intensities(run), self.mapping))

    def intensities(self, run: Run) -> tuple[int, ...]:
        """The highest intensity K_i of every goal (M,), of a trained run."""
        from methods import _grader

        return _grader.classes_of(run.stage("reward-model").folder)

    def with_goals(self, benchmark: Benchmark, run: Run, goals: Goals) -> Policy:
        """The one policy, told these goals."""
        from methods import _policy

        policy = _policy.load(benchmark, run.stage("policy").folder)
        return policy.steered(partial(told, policy, goals=goals, names=benchmark.names))

    def _labelled(self, benchmark: Benchmark, seed: int) -> tuple[list[Answer], np.ndarray]:
        """What the reward model learns from: as many answers as it sees, drawn from all training answers and pairs."""
        from methods import _grader

        if self.supervision == "grades":
            return _grader.annotated_labels(benchmark)
        pairs = [pair for name in benchmark.names for pair in benchmark.preference_pairs(name)]
        compared = [Answer(p.prompt, response) for p in pairs for response in (p.chosen, p.rejected)]
        answers = list(dict.fromkeys([*benchmark.responses(), *compared]))
        enough = round(self.reward_steps * self.reward_batch / (1 - _grader.HELD_OUT))
        picked = np.random.default_rng(seed).permutation(len(answers))[:enough]
        answers = [answers[i] for i in picked]
        return answers, _grader.binned_labels(benchmark, answers, self.classes)

    def _calibrated(self, benchmark: Benchmark, seed: int, grader: Grader) -> Moments:
        """The statistics of the starting policy's answers to training prompts, sampled as in training."""
        prompts = list(islice(cycle(benchmark.prompts("train")), self.calibration_answers))
        sampling = replace(benchmark.sampling, temperature=self.temperature, top_p=1.0)
        moments = Moments.none(sum(grader.classes))
        moments.add(grader.probabilities(prompts, benchmark.prepared.policy.generate(prompts, sampling, seed)))
        return moments

    def _rewards(
        self, probabilities: np.ndarray, goals: np.ndarray, moments: Moments, classes: Sequence[int]
    ) -> np.ndarray:
        """Rewards (N,) of answers under goals (N, M), and the statistics moved on where they run."""
        if self.statistics == "batch":
            mean, std = probabilities.mean(axis=0), probabilities.std(axis=0)
        else:
            mean, std = moments.mean, moments.std
        if self.statistics == "head":
            mean, std = pooled(mean, std, classes)
        if self.statistics in ("running", "head"):
            moments.add(probabilities)
        return goal_rewards(probabilities, goals, mean, std, classes, self.divisor)


@dataclass
class Moments:
    """Running mean and (population) standard deviation of columns (Chan et al. 1983). Kept with checkpoints."""

    count: int
    mean: np.ndarray
    squares: np.ndarray
    """Sums of squared deviations from the mean."""

    @classmethod
    def none(cls, columns: int) -> Moments:
        """Of no rows yet."""
        return cls(0, np.zeros(columns), np.zeros(columns))

    def add(self, rows: np.ndarray) -> None:
        """Counts rows (N, columns) in."""
        total, shift = self.count + len(rows), rows.mean(axis=0) - self.mean
        self.squares = self.squares + rows.var(axis=0) * len(rows) + shift**2 * self.count * len(rows) / total
        self.mean = self.mean + shift * len(rows) / total
        self.count = total

    @property
    def std(self) -> np.ndarray:
        """Standard deviations."""
        return np.sqrt(self.squares / self.count)

    def state(self) -> Any:
        """As JSON types."""
        return [self.count, self.mean.tolist(), self.squares.tolist()]

    def restore(self, state: Any) -> None:
        """Takes up a state."""
        self.count, self.mean, self.squares = state[0], np.array(state[1]), np.array(state[2])


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


def random_goals(classes: Sequence[int], generator: np.random.Generator) -> list[Goals]:
    """Goals for the max(K_i) tasks of a prompt: one uniformly random non-empty subset of the objectives, each with a uniformly
    random intensity [choice].

    The tasks share the subset and take the intensities of each objective in random order, every one once: the
    probabilities of all grades sum to one, so an answer that ignores its goal gains nothing on balance.
    """
    subset = int(generator.integers(1, 2 ** len(classes)))
    most = max(classes)
    columns = [
        np.concatenate([generator.permutation(K) + 1 for _ in range(-(-most // K))])[:most] * (subset >> i & 1)
        for i, K in enumerate(classes)
    ]
    return [tuple(row) for row in np.stack(columns, axis=1).tolist()]


def asked(weights: Weights, classes: Sequence[int], mapping: Literal["linf", "l2", "linear"]) -> Goals:
    """Goals for weights: 1 + round((K_i - 1) s_i), s = w / max(w) ("linf"), w / ||w||_2 ("l2"), or w ("linear").

    A goal of intensity 1 is left out [choice]: little weight on an objective is indifference, not a wish for its worst.

    >>> asked((0.25, 0.75), (5, 5), "linf"), asked((0.1, 0.9), (5, 5), "linf")
    ((2, 5), (0, 5))
    """
    w = np.asarray(weights)
    share = {"linf": w / w.max(), "l2": w / np.linalg.norm(w), "linear": w}[mapping]
    intensities = [int(1 + np.floor((K - 1) * s + 0.5 + 1e-9)) for K, s in zip(classes, share, strict=True)]
    return tuple(n if n > 1 else 0 for n in intensities)


def wrap(prompt: str, goals: Goals, names: Sequence[str]) -> str:
    """Writes goals before a prompt.

    >>> wrap("How?", (5, 0, 3), ("helpful", "humor", "harmless"))
    '<helpful 5> <harmless 3> How?'
    """
    return tagged(prompt, goals, names)


def unwrap(text: str, names: Sequence[str]) -> tuple[str, Goals]:
    """Inverse of `wrap`, for prompts that do not themselves begin with a goal.

    >>> unwrap("<helpful 5> <harmless 3> How?", ("helpful", "humor", "harmless"))
    ('How?', (5, 0, 3))
    """
    pattern = "".join(rf"(?:<{re.escape(name)} (\d+)> )?" for name in names)
    match = re.match(pattern, text)
    assert match is not None  # every part is optional
    return text[match.end() :], tuple(int(n or 0) for n in match.groups())


def told(policy: Policy, prompt: str, goals: Goals, names: Sequence[str]) -> str:
    """The prompt with its goals, no longer than the policy reads: what does not fit is cut from the prompt's beginning.

    Policies cut prompts from the left, where the goals are.
    """

    def tokens(text: str) -> int:
        return len(policy.tokenizer(text)["input_ids"])

    text = wrap(prompt, goals, names)
    while (excess := tokens(text) - policy.max_prompt_tokens) > 0:
        if not prompt:
            raise BadInput(
                f"the goals {text.strip()!r} alone are longer than {policy.max_prompt_tokens} tokens",
                "prompts are cut to max_prompt_tokens, and goals stand at their beginning",
                "raise max_prompt_tokens of the benchmark",
            )
        ids = policy.tokenizer(prompt, add_special_tokens=False)["input_ids"]
        prompt = policy.tokenizer.decode(ids[excess:])
        text = wrap(prompt, goals, names)
    return text
