"""How much memory a job needs, added up from its parts before it starts."""

from __future__ import annotations

from collections.abc import Iterable

from benchmarks.common import Part
from moa_cli.jobs.estimate.models import Model

PROCESS = 650_000_000
"""Bytes of a worker that holds no more than the libraries: what a run that trains nothing takes at its peak."""


ACTIVATIONS = 23
"""Numbers kept for the backward pass per hidden unit, layer and token.
Korthikanti et al. 2022 (arXiv 2205.05198, eq. 1) count 17 without attention; a pass of SmolLM2-135M took 23."""


ADAPTED = 20
"""Parameters of LoRA on all linear layers, per rank, layer and hidden unit: those of a Llama."""


SMALL = 300_000_000
"""Parameters below which a policy is in fp32 on a GPU too."""


FIXED = ("weights", "gradients", "optimiser", "rewards", "process")
"""The parts of a memory that no smaller batch saves."""


class Memory(Part):
    """Bytes that a job needs at its peak, by what they are for."""

    process: int = PROCESS
    weights: int = 0
    """Of the policy, and of the reference beside it where that is a model of its own."""
    gradients: int = 0
    optimiser: int = 0
    """AdamW's two moments of every trained parameter."""
    rewards: int = 0
    """Of the models that give rewards and scores, which stay loaded, in fp32."""
    cache: int = 0
    """Keys and values of the answers that are drawn side by side."""
    activations: int = 0
    """Of the answers that are learned from side by side."""
    logits: int = 0
    """Of these answers, and their logarithms."""

    @property
    def fixed(self) -> int:
        """What no smaller batch saves."""
        return sum(getattr(self, name) for name in FIXED)

    @property
    def total(self) -> int:
        """The peak: nothing is drawn while a backward pass is under way."""
        return self.fixed + max(self.cache, self.activations + self.logits)


def scorers_memory(models: Iterable[Model]) -> int:
    """Bytes of reward models, each once."""
    return sum(4 * parameters for parameters in {m.name: m.parameters for m in models}.values())


def rows_of(model: Model, batch: int) -> int:
    """How many answers of a batch a trainer takes at a time, as `benchmarks.models.trainer_arguments` has it."""
    return min(batch, 128 if model.parameters < 1_000_000 else 64 if model.parameters < 1_000_000_000 else 8)


def memory_of(
    model: Model,
    *,
    gpu: bool,
    rank: int | None,
    drawn: int,
    learned: int,
    tokens: tuple[float, float],
    reference: bool,
    rewards: int,
) -> Memory:
    """What it takes to draw so many answers side by side and to learn from so many, of mean lengths in `tokens`.

    `rank` is LoRA's, 0 where the whole policy is trained, in fp32, and None where nothing is.
    """
    held = 2 if gpu and model.parameters >= SMALL else 4
    width = 4 if rank == 0 else held  # what is trained whole is trained in fp32
    adapters = (rank or 0) * ADAPTED * model.layers * model.hidden
    trained = 0 if rank is None else adapters or model.parameters
    prompt, answer = tokens
    copies = 2 if reference and not adapters else 1
    return Memory(
        weights=width * model.parameters + (copies - 1) * held * model.parameters + 4 * adapters,
        gradients=4 * trained,
        optimiser=8 * trained,
        rewards=rewards,
        cache=round(held * drawn * (prompt + answer) * model.layers * model.cached),
        activations=round(width * learned * (prompt + answer) * ACTIVATIONS * model.layers * model.hidden),
        logits=round(2 * 4 * learned * answer * model.vocabulary),
    )
