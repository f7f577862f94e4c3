"""What a method and a run are. A method is its hyperparameters and two verbs: `train` and `policy`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from benchmarks import Benchmark, Cost, Weights, silent, whole_folder, write_text

if TYPE_CHECKING:
    from benchmarks import Log, Policy

Steering = Literal["none", "prompt", "merge", "retrain", "decode"]
"""How weights reach the policy: not at all, written into the prompt, by merging parameters, by training one policy per
weight, or by mixing several policies while decoding."""


@dataclass(frozen=True, kw_only=True)
class Method:
    """A multi-objective alignment method. Its dataclass fields are its hyperparameters.

    A new method is one file with one subclass: say how it is steered, train into `run`, return a policy per weight.
    """

    steering: ClassVar[Steering]
    builds_on: ClassVar[str | None] = None
    """Name of a method that leaves stages of the same name and content where its hyperparameters and seed are the same.
    Such a run is not trained twice: its stages are copied, and what they cost is charged."""

    def train(self, benchmark: Benchmark, run: Run) -> None:
        """Trains everything the method needs into stages of `run`. A stage that is done is not trained again."""
        raise NotImplementedError

    def policy(self, benchmark: Benchmark, run: Run, weights: Weights) -> Policy:
        """The policy that answers for `weights`."""
        raise NotImplementedError

    def points(self, benchmark: Benchmark) -> tuple[Weights, ...]:
        """The weights at which the front is measured: (K, M)."""
        M = len(benchmark.objectives)
        if self.steering == "none":
            return ((1 / M,) * M,)
        return benchmark.trained_grid if self.steering == "retrain" else benchmark.grid

    def labels(self, benchmark: Benchmark) -> tuple[str, ...]:
        """Names of the points (K), for a method whose points are settings; without any, weights name them."""
        return ()


def method_name(cls: type[Method]) -> str:
    """RewardedSoups -> rewarded-soups; the name of a built-in method is that of its file."""
    module = cls.__module__.rpartition(".")[2]
    if cls.__module__.startswith("methods."):
        return module.replace("_", "-")
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", cls.__name__).lower()


def point_name(benchmark: Benchmark, weights: Weights) -> str:
    """The name of a stage trained for `weights`: the objective's where only one counts, else like "0.25-0.75"."""
    if weights in benchmark.corners:
        return benchmark.names[benchmark.corners.index(weights)]
    return "-".join(f"{w:.6g}" for w in weights)


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
