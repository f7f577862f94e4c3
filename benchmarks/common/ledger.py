"""What things cost: counted by the ruler itself, so that no method can forget to."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, fields
from typing import Any

from benchmarks.common.blocks import holding


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
    used: tuple[str, ...] = ()
    """Names of what it took of that which preparation made, such as "reward helpful" or "tags"."""
    lost: dict[str, float] = field(default_factory=dict)
    """What was spent beside it on work that was done again, because a process ended before it was kept: by name."""

    def __post_init__(self) -> None:
        self._since: float | None = None

    def start(self) -> None:
        """Lets time be charged from now on, whenever `tick` is called."""
        self._since = time.perf_counter()

    def tick(self) -> None:
        """Charges the time since the last tick, where it has been started."""
        if self._since is not None:
            now = time.perf_counter()
            self.seconds, self._since = self.seconds + now - self._since, now

    def lose(self, spent: Cost, kept: Cost | None = None) -> None:
        """Counts apart what was spent beyond what was kept; where that is all the other way, takes it back."""
        kept = kept or Cost()
        for name in SUMS:
            self.lost[name] = self.lost.get(name, 0) + getattr(spent, name) - getattr(kept, name)

    def go_back_to(self, kept: Cost) -> None:
        """Takes up the ledger of the point from which work goes on: what was spent since is lost."""
        self.tick()
        self.lose(self, kept)
        for name in SUMS:
            setattr(self, name, getattr(kept, name))
        self.note(kept.used)

    def add(self, other: Cost) -> None:
        """Adds what was spent elsewhere; of the two peaks of memory the higher one counts."""
        self.note(other.used)
        self.peak_memory_bytes = max(self.peak_memory_bytes, other.peak_memory_bytes)
        for name in SUMS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name, spent in other.lost.items():
            self.lost[name] = self.lost.get(name, 0) + spent

    def times(self, share: float) -> Cost:
        """A share of it, as if that had been spent alone; counts are rounded."""
        lost = {name: spent * share for name, spent in self.lost.items()}
        part = Cost(peak_memory_bytes=self.peak_memory_bytes, used=self.used, lost=lost)
        for name in SUMS:
            spent = getattr(self, name)
            setattr(part, name, round(spent * share) if isinstance(spent, int) else spent * share)
        return part

    def note(self, used: Iterable[str]) -> None:
        """Notes that this was used; each name is there once."""
        self.used = tuple(sorted({*self.used, *used}))

    @property
    def numbers(self) -> dict[str, float]:
        """What was spent, by name."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name not in ("used", "lost")}

    def to_json(self) -> dict[str, Any]:
        """The ledger as JSON types."""
        return self.numbers | {"used": list(self.used), "lost": dict(self.lost)}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Cost:
        """The ledger that was written so."""
        return cls(**{**content, "used": tuple(content["used"])})


SUMS = ("seconds", "generated_tokens", "trained_tokens", "reward_calls", "flops")
"""What of a cost adds up."""


_ledger: ContextVar[Cost | None] = ContextVar("ledger", default=None)


@contextmanager
def charged_to(cost: Cost) -> Iterator[Cost]:
    """Inside the block, generation, training and scoring are charged to `cost`."""
    with holding(_ledger, cost):
        yield cost


def charge(
    *,
    generated_tokens: int = 0,
    trained_tokens: int = 0,
    reward_calls: int = 0,
    flops: float = 0.0,
    used: Iterable[str] = (),
) -> None:
    """Adds to the ledger in force; without one, does nothing."""
    if (cost := in_force()) is not None:
        cost.generated_tokens += generated_tokens
        cost.trained_tokens += trained_tokens
        cost.reward_calls += reward_calls
        cost.flops += flops
        cost.note(used)


def in_force() -> Cost | None:
    """The ledger in force, None outside of any."""
    return _ledger.get()


_watch: ContextVar[Callable[[int, int], None] | None] = ContextVar("watch", default=None)


def watching(report: Callable[[int, int], None]) -> AbstractContextManager[object]:
    """Inside the block, `report` is called with how many of how many answers there are, while they are being made."""
    return holding(_watch, report)


def answering(done: int, total: int) -> None:
    """So many of so many answers are there: tells whoever watches."""
    if (report := _watch.get()) is not None:
        report(done, total)


_teller: ContextVar[Callable[[str], None] | None] = ContextVar("teller", default=None)


def telling(report: Callable[[str], None]) -> AbstractContextManager[object]:
    """Inside the block, `report` is called with each line that `tell` says."""
    return holding(_teller, report)


def tell(line: str) -> None:
    """Says a line to whoever listens; it is logged where nobody does."""
    if (report := _teller.get()) is not None:
        report(line)
    else:
        logging.getLogger("moa").warning(line)


Log = Callable[[str, int, int, dict[str, float]], None]
"""Called with stage, step, number of steps, and what was measured since the last call."""


def silent(stage: str, step: int, steps: int, measured: dict[str, float]) -> None:
    """A log that keeps nothing."""
