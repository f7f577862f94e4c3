"""What things cost: counted by the ruler itself, so that no method can forget to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, dataclass, fields


@dataclass
class Cost:
    """A ledger of what was spent.

    Floating-point operations are 2 per parameter and token forward, 6 for a training step (Kaplan et al. 2020).
    """

    seconds: float = 0.0
    generated_tokens: int = 0
    trained_tokens: int = 0
    reward_calls: int = 0
    """(prompt, response) pairs scored, times rewards."""
    flops: float = 0.0
    peak_memory_bytes: int = 0

    def add(self, other: Cost) -> None:
        """Adds what was spent elsewhere; of the two peaks of memory the higher one counts."""
        for field in fields(self):
            ours, theirs = getattr(self, field.name), getattr(other, field.name)
            both = max(ours, theirs) if field.name == "peak_memory_bytes" else ours + theirs
            setattr(self, field.name, both)

    def to_json(self) -> dict[str, float]:
        """The ledger as JSON types."""
        return asdict(self)


_ledger: ContextVar[Cost | None] = ContextVar("ledger", default=None)


@contextmanager
def charged_to(cost: Cost) -> Iterator[Cost]:
    """Inside the block, generation, training and scoring are charged to `cost`."""
    token = _ledger.set(cost)
    try:
        yield cost
    finally:
        _ledger.reset(token)


def charge(*, generated_tokens: int = 0, trained_tokens: int = 0, reward_calls: int = 0, flops: float = 0.0) -> None:
    """Adds to the ledger in force; without one, does nothing."""
    cost = _ledger.get()
    if cost is not None:
        cost.generated_tokens += generated_tokens
        cost.trained_tokens += trained_tokens
        cost.reward_calls += reward_calls
        cost.flops += flops


Log = Callable[[str, int, int, dict[str, float]], None]
"""Called with stage, step, number of steps, and what was measured since the last call."""


def silent(stage: str, step: int, steps: int, measured: dict[str, float]) -> None:
    """A log that keeps nothing."""
