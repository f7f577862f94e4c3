"""What the speed benchmarks share: a line of the table, and how variants are timed against each other."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from statistics import median


@dataclass(frozen=True, kw_only=True)
class Line:
    """One measurement."""

    what: str
    value: float
    unit: str = "x"
    """"x" for a ratio, "s" for seconds."""
    target: float | None = None
    """What must be reached; None: for information."""
    at_most: bool = False
    """Whether small is good."""
    detail: str = ""

    @property
    def missed(self) -> bool:
        """Whether there is a target and it is missed."""
        if self.target is None:
            return False
        return self.value > self.target if self.at_most else self.value < self.target

    @property
    def verdict(self) -> str:
        """One word."""
        if self.target is None:
            return "info"
        return "MISSED" if self.missed else "ok"

    def emit(self) -> None:
        """Tells run.py."""
        print(json.dumps(asdict(self)), flush=True)


def wall_seconds(work: Callable[[], object]) -> float:
    """How long it takes."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def cpu_seconds(work: Callable[[], object]) -> float:
    """How long this process computes for it: with one thread, the time it takes on a machine that does nothing else."""
    begin = time.process_time()
    work()
    return time.process_time() - begin


def interleaved(variants: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, float]:
    """The median of each variant. All are measured once per round: what else the machine does hits all alike."""
    measured: dict[str, list[float]] = {name: [] for name in variants}
    for _ in range(rounds):
        for name, measure in variants.items():
            measured[name].append(measure())
    return {name: median(values) for name, values in measured.items()}
