"""How many floating-point operations a job takes, by what they are spent on, and how long that is.

2 per parameter and token that is read or drawn, 6 per token that is learned from, as ledgers count them (`Cost`). What
is drawn is taken to be as long as it may be, and to come to an end: an upper bound.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil
from typing import NamedTuple

from benchmarks import Benchmark, TrainedReward
from benchmarks.spec import Signal, part_name
from methods import Effort, Method
from methods.contract import checked_serving
from moa_cli.jobs.estimate.lengths import Lengths
from moa_cli.jobs.estimate.machine import Device
from moa_cli.jobs.estimate.models import Model
from moa_cli.jobs.estimate.parts import Role, other_base

SIDE = 128
"""Answers that are drawn side by side, about."""


class Spent(NamedTuple):
    """Floating-point operations, and steps of drawing in which `SIDE` answers get a token each."""

    drawn: float = 0.0
    learned: float = 0.0
    read: float = 0.0
    steps: float = 0.0

    @property
    def flops(self) -> float:
        """All operations."""
        return self.drawn + self.learned + self.read


EFFICIENCY: dict[Device, Spent] = {
    "CPU core": Spent(drawn=0.35, learned=0.5, read=0.6),
    "GPU": Spent(drawn=0.1, learned=0.3, read=0.4),
}
"""Share of a device's measured rate that is reached [choice].
Drawing waits for memory. On a core these are what runs of 1M and of 135M parameters had; on a GPU they are usual."""


STEP = 0.025
"""Seconds that a step of drawing takes on a GPU at least [choice]: that of a loop in Python over some 30 layers."""


def summed(parts: Iterable[Spent]) -> Spent:
    """Several together."""
    return Spent(*map(sum, zip(Spent(), *parts, strict=True)))


def seconds_of(spent: Spent, rate: float, device: Device) -> float:
    """About how long that takes on a device of this measured rate."""
    share = EFFICIENCY[device]
    least = STEP * spent.steps if device == "GPU" else 0.0
    drawn = max(spent.drawn / share.drawn / rate, least)
    return drawn + (spent.learned / share.learned + spent.read / share.read) / rate


@dataclass(frozen=True)
class Known:
    """What is known of a benchmark before anything is made."""

    benchmark: Benchmark
    roles: Sequence[Role]
    lengths: Lengths

    @property
    def policy(self) -> Model:
        """The starting policy."""
        return self.roles[0].model

    def scorers(self, signal: Signal) -> list[Model]:
        """What gives rewards or scores, objective by objective."""
        names = [part_name(signal, name) for name in self.benchmark.names]
        return [role.model for role in self.roles if role.role in names]

    def tokens(self, *, own: bool) -> float:
        """Of a prompt and an answer, the policy's own or the data's."""
        answer = self.lengths.most_tokens if own else self.lengths.answer_tokens
        return (self.lengths.prompt_tokens or 0.0) + (answer or 0.0)


def spent_on(effort: Effort, known: Known) -> Spent:
    """What a part of a method's effort takes."""
    tokens = known.tokens(own=effort.own)
    each = 2.0 * other_base(known.benchmark, effort.model, known.policy).parameters * tokens
    scoring = 2.0 * sum(model.parameters for model in known.scorers("rewards")) * tokens
    return Spent(
        drawn=each * effort.drawn,
        learned=3 * each * effort.learned,
        read=each * effort.read + scoring * effort.scored,
        steps=effort.drawn * known.lengths.most_tokens / SIDE,
    )


def spent_on_front(method: Method, known: Known) -> Spent:
    """What measuring a front takes."""
    prompts = len(known.benchmark.prompts("test"))
    answers = len(method.points(known.benchmark)) * prompts
    evaluators = 2.0 * sum(model.parameters for model in known.scorers("scores")) * known.tokens(own=True) * answers
    return summed([spent_on(checked_serving(method, known.benchmark, prompts), known), Spent(read=evaluators)])


def preparation_efforts(known: Known) -> dict[str, Effort]:
    """What is still to be made of a benchmark, in the order in which it is made: parts, then the scale card.

    A part's effort is that of the model in its role.
    """
    b, parts = known.benchmark, {}
    for role in known.roles:
        if role.ready:
            continue
        if role.role == "policy":
            made, first = b.scratch, b.finetuning
            if b.pretrained:
                learned, batch = (first.steps or ceil(len(b.demonstrations()) / first.batch)) * first.batch, first.batch
            else:
                learned, batch = (made.pretrain_steps + made.sft_steps) * made.batch, made.batch
        else:
            reward = next(
                found
                for o in b.objectives
                for signal, found in (("rewards", o.reward), ("scores", o.evaluator))
                if part_name(signal, o.name) == role.role  # type: ignore[arg-type]
            )
            assert isinstance(reward, TrainedReward)
            learned, batch = 2 * reward.steps * reward.batch, 2 * reward.batch
        parts[role.role] = Effort(learned=learned, batch=batch)
    answers = min(b.card_prompts, known.lengths.prompts or b.card_prompts)
    return {**parts, "scale card": Effort(own=True, drawn=answers, scored=answers)}


def spent_on_part(name: str, effort: Effort, known: Known) -> Spent | None:
    """What a part of a preparation takes; None where nobody knows how large its model is."""
    tokens = known.tokens(own=effort.own)
    if name == "scale card":
        evaluators = 2.0 * sum(model.parameters for model in known.scorers("scores")) * tokens * effort.scored
        return summed([spent_on(effort, known), Spent(read=evaluators)])
    model = next(role.model for role in known.roles if role.role == name)
    return Spent(learned=6.0 * model.parameters * tokens * effort.learned) if model.parameters else None
