"""A run: one method trained at one seed, in stages that each leave a policy."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.common import Cost, silent, whole_folder, write_json

if TYPE_CHECKING:
    from benchmarks.common import Log


class Clock:
    """How long a training takes, over all processes that worked on it, and how fast it is just now."""

    def __init__(self, cost: Cost):
        self._cost, self._before, self._begin = cost, cost.seconds, time.perf_counter()
        self._last = self._before, _tokens(cost)
        self.speed = 0.0
        """Tokens per second, generated or trained on, between the last two readings."""

    @property
    def seconds(self) -> float:
        """Since the start of the training."""
        return self._before + time.perf_counter() - self._begin

    def read(self) -> dict[str, float]:
        """What a row of the log says: seconds since the start, and tokens per second since the row before."""
        now, tokens = self.seconds, _tokens(self._cost)
        self.speed = (tokens - self._last[1]) / max(now - self._last[0], 1e-9)
        self._last = now, tokens
        return {"seconds": round(now, 3), "tokens/s": round(self.speed, 1)}


def _tokens(cost: Cost) -> int:
    return cost.generated_tokens + cost.trained_tokens


@dataclass(frozen=True)
class Run:
    """One method trained at one seed: a folder, and nothing outside it is written."""

    dir: Path
    seed: int
    progress: Log = silent
    cost: Cost = field(default_factory=Cost)
    """What was spent so far, over all processes that worked on this run."""
    clock: Clock = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "clock", Clock(self.cost))

    def log(self, stage: str, step: int, steps: int, measured: dict[str, float]) -> None:
        """Appends one line to log.jsonl, passes it on to whoever watches, and saves the ledger.

        The line says when it was written (UTC), how many seconds after the start of the training, and how many tokens a
        second there were since the last.
        """
        self.dir.mkdir(parents=True, exist_ok=True)
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        row = {"time": now, "stage": stage, "step": step, "steps": steps, **self.clock.read(), **measured}
        with open(self.dir / "log.jsonl", "a+b") as file:
            cut_short = file.seek(0, 2) and file.seek(-1, 2) >= 0 and file.read(1) != b"\n"
            file.write(b"\n" * bool(cut_short) + json.dumps(row).encode() + b"\n")  # a kill may have ended a line
        write_json(self.dir / "cost.json", self.cost.to_json(), lasting=False)
        self.progress(stage, step, steps, measured)

    def stage(self, name: str) -> Stage:
        """A named part of the training that leaves one policy."""
        return Stage(self, name)


@dataclass(frozen=True)
class Stage:
    """A part of a training that leaves one policy in `folder`: it is there when the stage is done, and whole."""

    run: Run
    name: str

    @property
    def folder(self) -> Path:
        """Where the trained policy lies: a PEFT adapter, or a whole model."""
        return self.run.dir / "policy" / self.name

    @property
    def checkpoints(self) -> Path:
        """Where the trainer keeps what it needs to resume."""
        return self.run.dir / "checkpoints" / self.name

    @property
    def done(self) -> bool:
        """Whether the policy is there."""
        return self.folder.exists()

    @contextmanager
    def writing(self) -> Iterator[Path]:
        """A folder to save the policy into; it becomes `folder` when the block ends well."""
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        with whole_folder(self.folder) as partial:
            yield partial

    def log(self, stage: str, step: int, steps: int, measured: dict[str, float]) -> None:
        """Logs under this stage's name."""
        self.run.log(self.name, step, steps, measured)
