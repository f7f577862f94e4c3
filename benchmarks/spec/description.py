"""What a benchmark is: data, objectives with their rewards, the starting policy, decoding and the grid of weights.

A `Description` is cheap to build and hashable, and has no model in it. What has to be trained before anything can be
scored lies beside it (`benchmarks.prepare`), in a folder named after the content of the description.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import Field, dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Protocol, Self

import numpy as np

from benchmarks.common import (
    BadInput,
    Range,
    Said,
    check_sight,
    digest,
    model_content,
    model_settings,
    nearest,
    plain,
    to_type,
)
from benchmarks.spec.answers import OTHER_HALF, Answer, Data, Graded, Half, PreferencePair, Split, in_half
from benchmarks.spec.grid import Weights, corners, default_grid, default_trained_grid
from benchmarks.spec.settings import CHAT, LONGEST, PLAIN, Finetuning, Lora, Sampling, Scratch
from benchmarks.spec.signal import Signal

CARD_PROMPTS = 1000


SEEN = 'take prompts("train") and their pairs; by prompts("dev"), under the rewards, something can be chosen'
"""What a method may see of the data."""


REVISION = 6
"""Of the code that prepares a benchmark. Raise it when the same recipe makes something else: it is then made anew."""


Scorer = Callable[[Sequence[str], Sequence[str]], np.ndarray]
"""(N prompts, N responses) -> N raw rewards, higher is better."""


class Reward(Protocol):
    """What gives raw rewards or scores: a frozen dataclass whose fields are how a user declares it.

    Its kinds are in `benchmarks.rewards`.
    """

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    @property
    def identity(self) -> Self:
        """The reward as it enters identities: by content, wherever its files lie."""
        ...

    @property
    def words(self) -> str:
        """The reward in a line for people."""
        ...

    def id(self, benchmark: Description, objective: str) -> str:
        """What it is as the reward of an objective, in one string that scale cards keep."""
        ...

    def scorer(self, benchmark: Description, objective: str) -> Scorer:
        """It as a function, loaded."""
        ...

    def found_in(self, folder: Path) -> Self:
        """It with what it names looked up in a folder. ValueError that says which field is wrong and why."""
        ...


@dataclass(frozen=True, kw_only=True)
class Objective:
    """One thing to be good at: the reward that methods may train on, and the evaluator that only scores evaluation."""

    name: str
    reward: Reward
    evaluator: Reward
    description: str = ""

    def source(self, signal: Signal) -> Reward:
        """What gives the rewards, or the scores."""
        return self.reward if signal == "rewards" else self.evaluator

    @property
    def learnt(self) -> Half:
        """The labels that methods may learn from: not the half that a held-out evaluator was trained on, whose noise it
        shares. One that was trained on all leaves none to keep from them."""
        own, held_out = _fold(self.reward), _fold(self.evaluator)
        return "all" if own == held_out else OTHER_HALF.get(held_out, "all")


def _fold(reward: Reward) -> Half:
    """The labels of the benchmark that a reward learned from; other kinds than trained ones were made elsewhere."""
    fold: Half = getattr(reward, "fold", "all")
    return fold


@dataclass(frozen=True, kw_only=True)
class Description:
    """What is measured and how: the same data, rewards, starting policy, decoding and weights for every method.

    Axis order everywhere: K weights, N prompts, M objectives. Everything is maximised.
    """

    name: str
    version: str
    data: Data
    objectives: tuple[Objective, ...]
    policy: Annotated[str, Said()]
    """The policy every method starts from: "scratch:<size>", a hub id or a local path."""
    sampling: Sampling
    eval_prompts: Annotated[int, Range(1)] = 400
    """How many test or dev prompts a front is measured on, at most: all where there are fewer. No training depends on
    it."""
    scratch: Scratch = field(default_factory=Scratch)
    finetuning: Finetuning = field(default_factory=Finetuning)
    lora: Lora = field(default_factory=Lora)
    grid: tuple[Weights, ...] = ()
    """Weights at which fronts are measured; empty: `default_grid`."""
    trained_grid: tuple[Weights, ...] = ()
    """Weights for which methods that train once per weight are trained; empty: `default_trained_grid`."""
    max_prompt_tokens: Annotated[int, Range(1, LONGEST)] = 512
    card_prompts: Annotated[int, Range(50)] = CARD_PROMPTS
    """Training prompts whose answers give the units of the scale card [choice]: never test prompts, as methods train in
    these units. The SD of 1,000 answers is known to some 2 per cent, of 100 to some 7."""
    template: str = ""
    """How the policy is shown a prompt: "plain", in its tokenizer's "chat" template, or in a text with {prompt}.
    Empty: "chat" where the tokenizer has such a template, else "plain". Rewards, evaluators and files see the prompt as
    it was asked."""
    precision: Literal["", "float32", "bfloat16", "4bit"] = ""
    """What the policy's weights are held in where they are not trained whole, which is done in float32.
    "4bit" is NF4 for adapters alone; it needs bitsandbytes.
    Empty: float32 on a CPU, and anywhere below 300 million parameters; bfloat16 on a GPU from there."""
    seed: Annotated[int, Range(0)] = 0
    """Seed of everything made at preparation."""
    preparation: Annotated[int, Range(0, 1_000_000)] = 0  # a thousand times that is added to seeds, which end at 2**32
    """Which of several preparations: another draw of all that is drawn before a method is trained, test prompts aside.
    """
    home: Path = Path("runs")
    """Where prepared things are kept; not part of the identity."""
    source: str = field(default="", compare=False)
    """What named it, a name or a file: what is typed to name it again. "" where it was made otherwise."""

    def __post_init__(self) -> None:
        M = len(self.objectives)
        object.__setattr__(self, "grid", tuple(self.grid) or default_grid(M))
        object.__setattr__(self, "trained_grid", tuple(self.trained_grid) or default_trained_grid(M))

    @property
    def corners(self) -> tuple[Weights, ...]:
        """e_1, ..., e_M: one weight vector per objective."""
        return corners(len(self.objectives))

    @property
    def typed(self) -> str:
        """What -b takes for it, as one word of a command."""
        return to_type(self.source or self.name)

    @property
    def names(self) -> tuple[str, ...]:
        """The objectives' names, in order."""
        return tuple(o.name for o in self.objectives)

    @cached_property
    def identity(self) -> str:
        """Twelve hex digits naming what is measured and how: data, rewards, policy, decoding; not where it is measured.

        Decoding is part of it, since methods train on answers that they draw like that and in units taken from such.
        """
        rewards = [
            {"name": o.name, "reward": o.reward.identity, "evaluator": o.evaluator.identity} for o in self.objectives
        ]
        return digest({**self._facts, "objectives": rewards})

    @cached_property
    def training_identity(self) -> str:
        """Twelve hex digits naming what training and answering depend on: not the version, nor the evaluators, but for
        the labels that these keep from methods."""
        rewards = [{"name": o.name, "reward": o.reward.identity} for o in self.objectives]
        learnt = {"learnt": self.halves} if self.halves else {}
        return digest({**self._facts, "version": "", "objectives": rewards, **learnt})

    @cached_property
    def measuring_identity(self) -> str:
        """Twelve hex digits naming what fronts are measured with: the identity, and how many prompts; not the grid."""
        return digest([self.identity, self.eval_prompts])

    @property
    def _facts(self) -> dict[str, Any]:
        """What is part of every identity."""
        facts = {f.name: plain(getattr(self, f.name)) for f in fields(self) if f.name not in _NOT_IDENTITY}
        form = {} if self.form == PLAIN else {"template": self.form}
        first = {"finetuning": plain(self.finetuning)} if self.finetuning.sft else {}
        first |= {"lora": plain(self.lora)} if self.lora != Lora() else {}
        held: dict[str, Any] = {"precision": self.precision} if self.precision else {}
        held |= {"card_prompts": self.card_prompts} if self.card_prompts != CARD_PROMPTS else {}
        known = {"policy": self.policy_identity, "data": self.data.fingerprint(), "revision": REVISION}
        return {**facts, **form, **first, **held, **known}

    @property
    def halves(self) -> list[Half]:
        """The labels that methods may learn from, by objective (`Objective.learnt`); empty where that is all."""
        halves = [objective.learnt for objective in self.objectives]
        return [] if set(halves) == {"all"} else halves

    @property
    def policy_name(self) -> str:
        """The starting policy as people call it: its size, its hub id, or the name of its folder."""
        return Path(self.policy).name if Path(self.policy).is_dir() else self.policy

    @property
    def pretrained(self) -> bool:
        """Whether the policy comes from the hub or a folder; others are made here, from nothing."""
        return not self.policy.startswith("scratch:")

    @cached_property
    def policy_identity(self) -> str:
        """The policy as it enters identities: a folder by its name and content, a hub id by its commit."""
        return model_content(self.policy) if self.pretrained else self.policy

    @cached_property
    def form(self) -> str:
        """The template as it enters identities, not at all where it is "plain"; "auto" where the hub's tokenizer says
        which it is, since an identity must not depend on what is downloaded."""
        if self.template or not self.pretrained:
            return self.template or PLAIN
        folder = Path(self.policy)
        if not folder.is_dir():
            return "auto"
        return CHAT if _has_chat_template(folder) else PLAIN

    def prompts(self, split: Split) -> list[str]:
        """Distinct prompts of a split; for "dev" and "test", the `eval_prompts` on which fronts are measured.

        BadInput where a method that trains or answers asks for those of "test".
        """
        if split == "test":
            check_sight("test prompts", SEEN)
        prompts = self.data.prompts(split)
        return prompts if split == "train" else prompts[: self.eval_prompts]

    def demonstrations(self) -> list[Answer]:
        """Training answers worth imitating."""
        return self.data.demonstrations()

    def responses(self) -> list[Answer]:
        """All training answers, good and bad."""
        return self.data.responses()

    def preference_pairs(self, objective: str, split: Split = "train") -> list[PreferencePair]:
        """Preference pairs labelled under one objective; empty where the data has none for it. BadInput for no
        objective of the benchmark, and where a method that trains or answers asks for those of "test"."""
        self._objective(objective)
        if split == "test":
            check_sight("test pairs", SEEN)
        return self.data.preference_pairs(objective, split)

    def pairs_to_learn(self, objective: str) -> list[PreferencePair]:
        """The training pairs of an objective that methods may learn from (`Objective.learnt`)."""
        learnt = self._objective(objective).learnt
        return [pair for pair in self.preference_pairs(objective) if in_half(pair.prompt, learnt)]

    def graded_labels(self, objective: str) -> list[tuple[Answer, int]]:
        """Training answers with grades 1, 2, ... under one objective; empty where the data has none. BadInput for no
        objective of the benchmark."""
        self._objective(objective)
        return self.data.graded_labels(objective) if isinstance(self.data, Graded) else []

    def grades_to_learn(self, objective: str) -> list[tuple[Answer, int]]:
        """The graded answers of an objective that methods may learn from (`Objective.learnt`)."""
        learnt = self._objective(objective).learnt
        return [told for told in self.graded_labels(objective) if in_half(told[0].prompt, learnt)]

    @property
    def graded(self) -> bool:
        """Whether the data has grades for every objective."""
        return all(map(self.graded_labels, self.names))

    def _objective(self, name: str) -> Objective:
        """BadInput for a name that no objective has: of a misspelt one there would seem to be no data."""
        for objective in self.objectives:
            if objective.name == name:
                return objective
        has = f"it has: {', '.join(self.names)}"
        raise BadInput(f"{self.name} has no objective {name!r}{nearest(name, self.names)}", has, "name one of these")


def _has_chat_template(folder: Path) -> bool:
    """Whether the tokenizer in a folder has a chat template."""
    if any((folder / name).exists() for name in ("chat_template.jinja", "chat_template.json")):
        return True
    return bool(model_settings(folder / "tokenizer_config.json").get("chat_template"))


_SAID_APART = {"policy", "template", "precision", "card_prompts", "finetuning", "lora", "data", "objectives"}
_NOT_IDENTITY = {*_SAID_APART, "home", "source", "grid", "trained_grid", "eval_prompts"}


def names_mistakes(names: Iterable[str]) -> list[str]:
    """What is wrong with the names of objectives beside each other: people and file systems may not tell two apart that
    differ in case alone, or in whether an accent is a character of its own."""
    looks: dict[str, list[str]] = {}
    for name in names:
        looks.setdefault(_look(name), []).append(name)
    mistakes = []
    for alike in looks.values():
        if len(set(alike)) > 1:
            mistakes.append(f"objectives: {' and '.join(map(repr, dict.fromkeys(alike)))} look alike")
        elif len(alike) > 1:
            mistakes.append(f"objectives: {alike[0]!r} is there twice")
    return mistakes


def _look(name: str) -> str:
    """A name as it is compared where case and the form of Unicode do not count."""
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", name).casefold())


def choose(name: str, known: Iterable[Objective], chosen: Sequence[str]) -> tuple[Objective, ...]:
    """The objectives of these names, in this order. Raises BadInput for unknown, repeated or no names."""
    by_name = {objective.name: objective for objective in known}
    has = f"it has: {', '.join(by_name)}"
    if not chosen or len(set(chosen)) < len(chosen):
        raise BadInput(f"{name}: objectives {list(chosen)}", "name at least one, each once", has)
    left = [o for o in by_name if o not in chosen]
    if unknown := [f"{o!r}{nearest(o, left)}" for o in chosen if o not in by_name]:
        raise BadInput(f"{name} has no objective {', '.join(unknown)}", has, "choose among those")
    return tuple(by_name[o] for o in chosen)
