"""A run: one method trained at one seed, in stages that each leave a policy."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.common import Cost, silent, whole_folder, write_text

if TYPE_CHECKING:
    from benchmarks.common import Log


@dataclass(frozen=True)
class Run:
    """One method trained at one seed: a folder, and nothing outside it is written."""

    dir: Path
    seed: int
    progress: Log = silent
    cost: Cost = field(default_factory=Cost)
    """What was spent so far, over all processes that worked on this run."""

    def log(self, stage: str, step: int, steps: int, measured: dict[str, float]) -> None:
        """Appends one line to log.jsonl, passes it on to whoever watches, and saves the ledger."""
        self.dir.mkdir(parents=True, exist_ok=True)
        row = {"stage": stage, "step": step, "steps": steps, **measured}
        with open(self.dir / "log.jsonl", "a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        write_text(self.dir / "cost.json", json.dumps(self.cost.to_json()))
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
