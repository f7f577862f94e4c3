"""A method that is examined: trained once on the tiny benchmark, in small batches, with what happened meanwhile."""

from __future__ import annotations

import ast
import hashlib
import inspect
import os
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks import Benchmark, Front
from benchmarks.common import charged_to, method_at_work
from benchmarks.measure import evaluate
from methods.contract import Method, Run, method_name
from methods.engines import forget_loaded

SMALL = {
    "batch": 16, "prompts_per_step": 16, "steps": 4, "answers": 16,
    "reward_steps": 8, "reward_batch": 8, "calibration_answers": 32,
}  # fmt: skip
"""A pass over the tiny data is then several steps, of which the first has a learning rate of zero."""


class Wrong(Exception):
    """What a check found wrong, and what to mend."""

    def __init__(self, what: str, mend: str):
        super().__init__(f"{what}; {mend}")
        self.what, self.mend = what, mend


def expect(right: object, what: str, mend: str) -> None:
    """Raises Wrong where something is not right."""
    if not right:
        raise Wrong(what, mend)


@dataclass(frozen=True)
class Examined:
    """A method trained on a benchmark, and every file around it before and after, the ruler's own left out."""

    method: Method
    benchmark: Benchmark
    run: Run
    working: Path
    """The folder that was the working folder meanwhile."""
    before: dict[str, str]
    after: dict[str, str]

    @property
    def anything(self) -> bool:
        """Whether there is something to train: not where the starting policy is only used in another way."""
        [function] = ast.parse(textwrap.dedent(inspect.getsource(self.method.train))).body
        assert isinstance(function, ast.FunctionDef)
        return not all(isinstance(line, ast.Pass) or _is_text(line) for line in function.body)

    @property
    def fresh_run(self) -> Run:
        """A run that only knows the folder."""
        return Run(self.run.dir, self.run.seed)

    def measure(self, run: Run, folder: Path, seed: int = 0, points: int | None = None) -> Front:
        """The front of a run at its first points, or all; what is on disk answers."""
        forget_loaded()
        method, benchmark = self.method, self.benchmark
        return evaluate(
            benchmark, partial(method.policy, benchmark, run), method.points(benchmark)[:points], folder,
            method=method_name(type(method)), steering=method.steering, seed=seed, cost={}, config={},
        )  # fmt: skip


def _is_text(line: ast.stmt) -> bool:
    """Whether a line of code is a docstring, or three dots."""
    return isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant)


def in_small(cls: type[Method]) -> Method:
    """The method with its default hyperparameters, but for the size of a batch."""
    return cls(**{field.name: SMALL[field.name] for field in fields(cls) if field.name in SMALL})


def train_examined(method: Method, benchmark: Benchmark, place: Path) -> Examined:
    """Trains the method on the prepared benchmark, below the folder `place`."""
    working, run = place / "working", Run(place / "runs" / "here", 0)
    working.mkdir(parents=True)
    before = hashes(benchmark.home, working)
    with _inside(working), charged_to(run.cost), method_at_work():
        method.train(benchmark, run)
    return Examined(method, benchmark, run, working, before, hashes(benchmark.home, working))


def hashes(*folders: Path) -> dict[str, str]:
    """Every file and its content. The ruler's cache of scores and its locks are not a method's writing."""
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    own = [path for path in files if path.parent.name != "scores" and path.suffix != ".lock"]
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in own}


def numbers(front: Front) -> list[np.ndarray]:
    """All that was measured, each with K in front."""
    return [front.rewards, front.scores, front.kl, front.tokens, front.collapsed]


@contextmanager
def _inside(folder: Path) -> Iterator[None]:
    """With another working folder."""
    here = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(here)
