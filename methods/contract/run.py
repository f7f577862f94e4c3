"""A run: one method trained at one seed, in stages that each leave a policy."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.common import (
    BadInput,
    Cost,
    kept,
    read_json,
    remove_unfinished_in,
    silent,
    whole_folder,
    write_json,
)

if TYPE_CHECKING:
    from benchmarks.common import Log

LONGEST = 230
"""Bytes of a stage's name [choice]. Names of files end at 255, and one that is set aside has a process beside it."""


class Clock:
    """How long a training takes, over all processes that worked on it, and how fast it is just now."""

    def __init__(self, cost: Cost):
        cost.start()
        self._cost, self._last = cost, (cost.seconds, _tokens(cost))
        self.speed = 0.0
        """Tokens per second, generated or trained on, between the last two readings."""

    @property
    def seconds(self) -> float:
        """Since the start of the training, without what was lost."""
        self._cost.tick()
        return self._cost.seconds

    def read(self) -> dict[str, float]:
        """What a row of the log says: seconds since the start, and tokens per second since the row before."""
        now, tokens = self.seconds, _tokens(self._cost)
        self.speed = max(tokens - self._last[1], 0) / max(now - self._last[0], 1e-9)
        self._last = now, tokens
        return {"seconds": round(now, 3), "tokens/s": round(self.speed, 1)}


def _tokens(cost: Cost) -> int:
    return cost.generated_tokens + cost.trained_tokens


WHOLE = "whole"
"""In place of a path: what a training that is being mended had spent when it was whole."""


class Kept:
    """What a run had spent when each stage or file was kept that it goes on from: checkpoints/costs.json, by path.

    A training that goes on does again what was done between them: that is lost, and no cost of the method. Costs are
    written before the thing is there, and believed once it is.
    """

    def __init__(self, folder: Path, cost: Cost):
        self._folder, self._cost = folder, cost
        self._costs: dict[str, Cost] = {}
        self._to: Cost | None = None

    @property
    def _file(self) -> Path:
        return self._folder / "checkpoints" / "costs.json"

    def begin(self, *, mending: bool = False) -> None:
        """A training begins, or goes on from the last thing that was kept; `mending`: it was whole before."""
        try:
            told = read_json(self._file)
        except (FileNotFoundError, ValueError):  # a training begins, or nobody knows any more what was spent when
            self._note(self._folder)
            if mending:
                self._note(self._folder / WHOLE)
            return
        self._costs = {path: Cost.from_json(cost) for path, cost in told.items()}
        there = [cost for path, cost in self._costs.items() if (self._folder / path).exists()]
        self._to = max(there, key=lambda cost: cost.seconds)
        self._cost.go_back_to(self._to)

    def before(self, path: Path) -> None:
        """The next thing to happen is that this is there."""
        if self._costs:  # a training has begun
            self._note(path)

    def _note(self, path: Path) -> None:
        self._cost.tick()
        self._costs[str(path.relative_to(self._folder))] = Cost.from_json(self._cost.to_json())
        self._to = None
        write_json(self._file, {path: cost.to_json() for path, cost in self._costs.items()}, lasting=False)

    def again(self) -> None:
        """What was done since the training went on had been done before: the method has found what is kept."""
        if self._to is not None:
            self._cost.go_back_to(self._to)

    def done(self) -> None:
        """Everything is there. What mending it took is lost."""
        if (whole := self._costs.get(WHOLE)) is not None:
            self._cost.go_back_to(whole)

    def end(self) -> None:
        """The training is done, and nothing will go on from here, nor from what killed processes had begun."""
        self._file.unlink(missing_ok=True)
        remove_unfinished_in(self._folder)


@dataclass(frozen=True)
class Run:
    """One method trained at one seed: a folder, and nothing outside it is written."""

    dir: Path
    seed: int
    progress: Log = field(default=silent, repr=False)
    cost: Cost = field(default_factory=Cost)
    """What was spent so far, over all processes that worked on this run."""
    clock: Clock = field(init=False, compare=False, repr=False)
    kept: Kept = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "clock", Clock(self.cost))
        object.__setattr__(self, "kept", Kept(self.dir, self.cost))

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

    def keep(self, path: Path, make: Callable[[], Any]) -> Any:
        """What a JSON file of the run holds, which is not made again, should the training be interrupted: made and
        written first where there is none, or a damaged one."""

        def made() -> Any:
            value = make()
            self.kept.before(path)
            return value

        return kept(path, made)

    def stage(self, name: str) -> Stage:
        """A named part of the training that leaves one policy. BadInput for a name that is not that of one folder."""
        if not name or name.startswith(".") or {*"/\\\0"} & {*name} or len(name.encode()) > LONGEST:
            raise BadInput(
                f"no stage can be called {name!r:.80}",
                f"it is one folder of the run: no path, no dot in front, {LONGEST} bytes at most",
                "run.stage(point_name(benchmark, weights)), or a plain word such as run.stage('reward-model')",
            )
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
        """Whether the policy is there.

        What a training that goes on has spent until it finds that is lost: it was spent before.
        """
        there = self.folder.exists()
        if there:
            self.run.kept.again()
        return there

    @contextmanager
    def writing(self) -> Iterator[Path]:
        """A folder to save the policy into; it becomes `folder` when the block ends well."""
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        with whole_folder(self.folder) as partial:
            yield partial
            self.run.kept.before(self.folder)

    def log(self, stage: str, step: int, steps: int, measured: dict[str, float]) -> None:
        """Logs under this stage's name."""
        self.run.log(self.name, step, steps, measured)
