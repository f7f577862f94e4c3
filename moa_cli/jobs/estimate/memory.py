"""How much memory a job needs, by what is known of its model before it is loaded."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from benchmarks import HubReward
from benchmarks.models import SMALL, Memory, Size, fitting, planned, split
from benchmarks.rewards import held_bytes
from benchmarks.spec import SIGNALS, Signal
from moa_cli.jobs.estimate.amounts import Known
from moa_cli.jobs.estimate.models import Model


def scorers_memory(known: Known, signals: Iterable[Signal] = SIGNALS) -> int:
    """Bytes of the models that give rewards or scores, each once: published ones by name, those made here by what they
    learn."""
    held: dict[object, int] = {}
    for signal in signals:
        for objective, model in zip(known.benchmark.objectives, known.scorers(signal), strict=True):
            reward = objective.source(signal)
            if isinstance(reward, HubReward):
                held[model.name] = held_bytes(model.parameters, model.stored)
            else:
                held[objective.name, reward] = 4 * model.parameters
    return sum(held.values())


def size_of_model(model: Model) -> Size:
    """A model's size, as far as it is known."""
    if not (model.layers and model.hidden):
        return Size.about(model.parameters)
    return Size(
        parameters=model.parameters, layers=model.layers, hidden=model.hidden, inner=model.inner,
        heads=model.heads or model.hidden // 64, keys=model.cached // 2,
    )  # fmt: skip


def memory_of(
    model: Model,
    *,
    gpu: bool,
    rank: int | None,
    drawn: int,
    batch: int,
    tokens: float,
    reference: bool,
    rewards: int,
    room: int,
) -> Memory:
    """What it takes to draw answers side by side, or to learn from a batch of them split as `room` bytes allow.

    `tokens` are those of a prompt and an answer. `rank` is LoRA's, 0 where the whole policy is trained, and None where
    nothing is.
    """
    held = 2 if gpu and model.parameters >= SMALL else 4
    size, length = size_of_model(model), max(1, round(tokens))
    if rank is None:
        rows = fitting(size, length, held, room - rewards, drawn) if drawn else 0
        return Memory(weights=held * model.parameters, cache=size.cache(rows * length, held), rewards=rewards)
    learning = partial(
        planned, size, tokens=length, held=held, adapter_rank=rank, answers=min(16, drawn), reference=reference,
        rewards=rewards,
    )  # fmt: skip
    return split(batch, room, lambda rows, on: learning(rows=rows, checkpointing=on), most=64).memory
