"""What a benchmark is: data, objectives with their rewards, the starting policy, decoding and the grid of weights.

A `Benchmark` is a plain description: cheap to build, hashable, no model in it. What has to be trained before it can
score anything (`_prepare`) lies beside it, in a folder named after the content of the description.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, Protocol, runtime_checkable

import numpy as np

from benchmarks._types import Range

if TYPE_CHECKING:
    from benchmarks._card import Card
    from benchmarks._prepare import Prepared

REVISION = 5
"""Of the code that prepares a benchmark. Raise it when the same recipe makes something else: it is then made anew."""

Weights = tuple[float, ...]
"""A point on the simplex: M numbers, non-negative, sum 1."""


class Answer(NamedTuple):
    """A response to a prompt. The prompt ends where the assistant speaks; the response carries no leading space."""

    prompt: str
    response: str


class PreferencePair(NamedTuple):
    """Two responses to one prompt, the first preferred under one objective."""

    prompt: str
    chosen: str
    rejected: str


class Data(Protocol):
    """Where a benchmark's rows come from: an embedded world, a published data set, a user's table.

    Splits are "train" and "test"; no prompt is in both. Every call returns the same rows in the same order.
    """

    def prompts(self, split: str) -> list[str]:
        """Distinct prompts."""
        ...

    def demonstrations(self) -> list[Answer]:
        """Training answers worth imitating: what the SFT policy learns from."""
        ...

    def responses(self) -> list[Answer]:
        """All training answers, good and bad.

        Offline methods learn from them, and a scratch policy is pre-trained on them.
        """
        ...

    def preference_pairs(self, objective: str, split: str) -> list[PreferencePair]:
        """Pairs labelled under one objective. Empty where the data has none for it."""
        ...

    def fingerprint(self) -> str:
        """Hash of the content: equal fingerprints mean equal rows, and equal grades where there are any."""
        ...


@runtime_checkable
class Graded(Protocol):
    """Data with graded annotations."""

    def graded_labels(self, objective: str) -> list[tuple[Answer, int]]:
        """Training answers with grades 1, 2, ...; empty where there are none for the objective."""
        ...


@dataclass(frozen=True, kw_only=True)
class HubReward:
    """A sequence classifier by hub id or local path: one of its logits is the reward (METHODS: rewards)."""

    model: str
    label: Annotated[int, Range(0)] = 0
    """Index of the logit."""
    sign: float = 1.0
    """-1 for a classifier of something bad."""
    inputs: str = "pair"
    """"pair" = (prompt, response) as two segments, "pair-reversed" = (response, prompt), "response" = response only,
    otherwise a template with {prompt}, {response} and {bos}, scored as one text."""
    revision: str | None = None


@dataclass(frozen=True, kw_only=True)
class TrainedReward:
    """A Bradley-Terry classifier trained at preparation from the objective's own preference pairs."""

    base: str = "policy"
    """What it starts from: "policy", an untrained model of a scratch size ("0.3m", "1m", ...), a hub id or a path.
    "policy" is the benchmark's starting policy, which knows what fits a prompt."""
    steps: Annotated[int, Range(1)] = 300
    batch: Annotated[int, Range(1)] = 12
    """Pairs per step."""
    learning_rate: Annotated[float, Range(0, 1)] = 7e-4
    seed: Annotated[int, Range(0)] = 0
    """Two objectives' seeds may agree; a held-out evaluator trained on the same pairs needs another."""
    fold: Literal["all", "even", "odd"] = "all"
    """Which training pairs it sees: all, or the "even" or "odd" half.
    With a half each, a reward and its held-out evaluator share none."""


@dataclass(frozen=True, kw_only=True)
class FunctionReward:
    """A Python function `f(prompts, responses) -> sequence of N floats`: "module:function" or "file.py:function"."""

    function: str
    version: str = "1"
    """Part of the identity: change it when the function's meaning changes."""


Reward = HubReward | TrainedReward | FunctionReward


@dataclass(frozen=True, kw_only=True)
class Objective:
    """One thing to be good at: the reward that methods may train on, and the evaluator that only scores evaluation."""

    name: str
    reward: Reward
    evaluator: Reward
    description: str = ""


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How answers are drawn, in training-set generation and in evaluation alike."""

    max_new_tokens: Annotated[int, Range(1)]
    temperature: Annotated[float, Range(1e-6)] = 1.0
    top_p: Annotated[float, Range(above=0, high=1)] = 0.9
    stop: tuple[str, ...] = ()
    """Texts that end an answer, such as the next turn's "\n\nHuman:"; they are cut off with what follows."""


@dataclass(frozen=True, kw_only=True)
class Scratch:
    """How a `scratch:<size>` policy is made of the data's text: pre-training on all answers, SFT on demonstrations."""

    vocabulary: Annotated[int, Range(1)] = 1024
    pretrain_steps: Annotated[int, Range(0)] = 400
    sft_steps: Annotated[int, Range(0)] = 150
    batch: Annotated[int, Range(1)] = 24
    learning_rate: Annotated[float, Range(0, 1)] = 5e-3
    seed: Annotated[int, Range(0)] = 0


SIZES: dict[str, tuple[int, int, int]] = {
    "0.3m": (96, 2, 4),
    "1m": (128, 3, 4),
    "2m": (192, 4, 6),
    "4m": (256, 4, 4),
    "8m": (320, 6, 5),
    "20m": (512, 6, 8),
}
"""Hidden size, layers and heads of the models that are made here.
A size is called by about how many parameters that is with a vocabulary of 1k to 4k."""


def simplex_grid(objectives: int, steps: int) -> tuple[Weights, ...]:
    """All weights whose entries are multiples of 1/steps, the last objective's share growing first.

    >>> simplex_grid(2, 2)
    ((1.0, 0.0), (0.5, 0.5), (0.0, 1.0))
    """
    counts = [c for c in product(range(steps, -1, -1), repeat=objectives) if sum(c) == steps]
    return tuple(tuple(c / steps for c in count) for count in counts)


# The three-objective grid of the literature (arXiv 2402.10207, appendix), with exact thirds.
_THREE = (
    (1.0, 0.0, 0.0), (0.8, 0.1, 0.1), (0.6, 0.2, 0.2), (0.4, 0.4, 0.2), (1 / 3, 1 / 3, 1 / 3), (0.2, 0.6, 0.2),
    (0.1, 0.8, 0.1), (0.0, 1.0, 0.0), (0.2, 0.2, 0.6), (0.1, 0.1, 0.8), (0.0, 0.0, 1.0),
)  # fmt: skip


def default_grid(objectives: int) -> tuple[Weights, ...]:
    """The evaluation grid: 11 weights for two or three objectives, corners + centre + edges beyond.

    Those for two are 0, .1, ..., 1; those for three are the published ones.
    """
    if objectives == 1:
        return ((1.0,),)
    if objectives == 2:
        return simplex_grid(2, 10)
    if objectives == 3:
        return _THREE
    return (*simplex_grid(objectives, 2), (1 / objectives,) * objectives)


def default_trained_grid(objectives: int) -> tuple[Weights, ...]:
    """The weights for which methods that retrain per weight pay: 5 for two objectives, corners and centre beyond."""
    if objectives <= 2:
        return simplex_grid(objectives, 4) if objectives == 2 else ((1.0,),)
    return (*corners(objectives), (1 / objectives,) * objectives)


def corners(objectives: int) -> tuple[Weights, ...]:
    """e_1, ..., e_M."""
    return tuple(tuple(float(i == j) for j in range(objectives)) for i in range(objectives))


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """A measuring stick: the same data, rewards, starting policy, decoding and weights for every method.

    Axis order everywhere: K weights, N prompts, M objectives. Everything is maximised.
    """

    name: str
    version: str
    data: Data
    objectives: tuple[Objective, ...]
    policy: str
    """The policy every method starts from: "scratch:<size>", a hub id or a local path."""
    sampling: Sampling
    eval_prompts: Annotated[int, Range(1)] = 400
    """How many test prompts a front is measured on, at most: all where there are fewer."""
    scratch: Scratch = field(default_factory=Scratch)
    grid: tuple[Weights, ...] = ()
    """Weights at which fronts are measured; empty: `default_grid`."""
    trained_grid: tuple[Weights, ...] = ()
    """Weights for which methods that train once per weight are trained; empty: `default_trained_grid`."""
    max_prompt_tokens: Annotated[int, Range(1)] = 512
    seed: Annotated[int, Range(0)] = 0
    """Seed of everything made at preparation."""
    home: Path = Path("runs")
    """Where prepared things are kept; not part of the identity."""

    def __post_init__(self) -> None:
        M = len(self.objectives)
        object.__setattr__(self, "grid", tuple(self.grid) or default_grid(M))
        object.__setattr__(self, "trained_grid", tuple(self.trained_grid) or default_trained_grid(M))

    @property
    def corners(self) -> tuple[Weights, ...]:
        """e_1, ..., e_M: one weight vector per objective."""
        return corners(len(self.objectives))

    @property
    def names(self) -> tuple[str, ...]:
        """The objectives' names, in order."""
        return tuple(o.name for o in self.objectives)

    @cached_property
    def identity(self) -> str:
        """Twelve hex digits naming what is measured and how: data, rewards, policy, decoding, prompts; not the grid."""
        rewards = [
            {"name": o.name, "reward": reward_identity(o.reward), "evaluator": reward_identity(o.evaluator)}
            for o in self.objectives
        ]
        return digest({**self._facts, "objectives": rewards})

    @cached_property
    def training_identity(self) -> str:
        """Twelve hex digits naming what training and answering depend on: not the version, nor the evaluators."""
        rewards = [{"name": o.name, "reward": reward_identity(o.reward)} for o in self.objectives]
        return digest({**self._facts, "version": "", "objectives": rewards})

    @property
    def _facts(self) -> dict[str, Any]:
        """What is part of every identity."""
        facts = {f.name: plain(getattr(self, f.name)) for f in fields(self) if f.name not in _NOT_IDENTITY}
        return {**facts, "data": self.data.fingerprint(), "revision": REVISION}

    def prompts(self, split: str) -> list[str]:
        """Distinct prompts of a split; for "test", the `eval_prompts` on which fronts are measured."""
        prompts = self.data.prompts(split)
        return prompts[: self.eval_prompts] if split == "test" else prompts

    def demonstrations(self) -> list[Answer]:
        """Training answers worth imitating."""
        return self.data.demonstrations()

    def responses(self) -> list[Answer]:
        """All training answers, good and bad."""
        return self.data.responses()

    def preference_pairs(self, objective: str, split: str = "train") -> list[PreferencePair]:
        """Preference pairs labelled under one objective."""
        return self.data.preference_pairs(objective, split)

    def graded_labels(self, objective: str) -> list[tuple[Answer, int]]:
        """Training answers with grades 1, 2, ... under one objective; empty where the data has none."""
        return self.data.graded_labels(objective) if isinstance(self.data, Graded) else []

    @property
    def graded(self) -> bool:
        """Whether the data has grades for every objective."""
        return all(map(self.graded_labels, self.names))

    @cached_property
    def prepared(self) -> Prepared:
        """The starting policy, loaded rewards and the scale card. Raises BadInput where `prepare` has not run."""
        from benchmarks._prepare import open_prepared

        return open_prepared(self)

    @property
    def card(self) -> Card:
        """The scale card: the units of every number below."""
        return self.prepared.card

    def score(self, prompts: Sequence[str], responses: Sequence[str]) -> np.ndarray:
        """Training rewards (N, M) in benchmark units: z-scored by the scale card, 0 = the SFT policy's mean."""
        return self.prepared.score(prompts, responses)

    def evaluate(self, prompts: Sequence[str], responses: Sequence[str]) -> np.ndarray:
        """Held-out evaluator scores (N, M) in benchmark units. Methods must not train on them."""
        return self.prepared.evaluate(prompts, responses)


_NOT_IDENTITY = {"home", "grid", "trained_grid", "data", "objectives"}


def reward_identity(reward: Reward) -> Reward:
    """A reward as it enters identities: a function in a file by content, wherever the file lies."""
    if isinstance(reward, FunctionReward) and ".py:" in reward.function:
        path, _, name = reward.function.rpartition(":")
        content = hashlib.sha256(Path(path).read_bytes()).hexdigest()[:12]
        return replace(reward, function=f"{Path(path).name}:{name}", version=f"{reward.version}+{content}")
    return reward


def plain(value: Any) -> Any:
    """A value as JSON types, dataclasses as dictionaries tagged with their class, to be hashed or stored."""
    if is_dataclass(value) and not isinstance(value, type):
        return {"kind": type(value).__name__} | {f.name: plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    return str(value) if isinstance(value, Path) else value


def digest(value: Any) -> str:
    """Twelve hex digits of SHA-256 over the canonical JSON of a value."""
    text = json.dumps(plain(value), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
