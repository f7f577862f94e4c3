"""A piece of work as it is sent to a worker process, and what comes back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from benchmarks import Weights
from benchmarks.measure import Given
from moa_cli.runs import Source

Event = tuple[str, str, int, int, dict[str, float]]
"""Key of the job, then what a `Log` is called with."""


@dataclass(frozen=True, kw_only=True)
class Member:
    """A trained policy whose answers help to estimate a ceiling: one point of a run."""

    method: str
    config: Mapping[str, Any]
    folder: Path
    """The folder of the run."""
    weights: Weights

    @property
    def name(self) -> str:
        """What tells it from any other policy: folders are named after what was trained."""
        return f"{self.folder.parent.name}/{self.folder.name} {','.join(map(str, self.weights))}"


@dataclass(frozen=True, kw_only=True)
class Job:
    """A piece of work, small enough to be sent to another process."""

    kind: Literal["look", "part", "card", "run", "weights", "sweep", "given", "rescore", "ceiling"]
    """What is to be done: prepare, train, measure, score or draw.
    "look" asks what a preparation lacks; "part" makes one part of it; "card" makes the rest; "run" trains and measures
    a run; "weights" measures one point, "sweep" every intensity of every goal; "given" scores answers that were made
    elsewhere, "rescore" those of another run; "ceiling" draws what a ceiling is estimated from."""
    source: Source
    part: str = ""
    method: str = ""
    config: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    folder: Path | None = None
    """The folder of the run."""
    train: bool = False
    measure: bool = False
    restart: bool = False
    weights: Weights = ()
    given: tuple[Given, ...] = ()
    """The answers that were made elsewhere."""
    origin: Mapping[str, Any] = field(default_factory=dict)
    """Where the answers came from: what to record, or the "run" of which to score them."""
    pool: tuple[Member, ...] = ()
    """Whose answers a ceiling is estimated from, beside the starting policy's."""
    variant: str = ""
    """What tells the run from others of the same method and seed, for people."""
    needs: tuple[str, ...] = ()
    """Keys of the jobs that must have gone well before."""
    after: tuple[str, ...] = ()
    """Keys of the jobs that must have ended before, well or not."""

    @property
    def key(self) -> str:
        """What tells the job from the others of a command."""
        return f"{self.kind} {self.folder or self.label}"

    @property
    def label(self) -> str:
        """The job's name for people."""
        typed, method = self.source.name, self.method
        benchmark = Path(typed).stem if typed.endswith((".toml", ".py")) else typed
        if method.endswith(".py") and self.folder:
            method = self.folder.parent.name  # as its class is called, which is the name in tables too
        what = {"look": "look", "part": self.part, "card": self.part or "scale card", "ceiling": "ceiling"}
        if self.kind in what:
            return f"{benchmark}: {what[self.kind]}"
        return f"{method}/{benchmark}/s{self.seed}{f' {self.variant}' if self.variant else ''}"

    @property
    def purpose(self) -> str:
        """What it is there for, in a word or two."""
        removed = self.restart and self.folder is not None and self.folder.exists()
        wanted = (("remove", removed), ("train", self.train), ("eval", self.measure))
        done = [name for name, is_wanted in wanted if is_wanted]
        return " + ".join(done) or ("prepare" if self.kind in ("look", "part", "card") else "eval")


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a job went."""

    job: Job
    started: bool = True
    seconds: float = 0.0
    result: Any = None
    error: tuple[str, str, str] | None = None
    """What, why, what to type."""
    traceback: str = ""

    @property
    def word(self) -> str:
        """How it went, in a word or two."""
        if self.error is None:
            return "done"
        return "failed" if self.started else "not started"


def preparation_jobs(source: Source) -> list[Job]:
    """The jobs that prepare a benchmark; the first one finds out which others there are."""
    look = Job(kind="look", source=source)
    return [look, Job(kind="card", source=source, needs=(look.key,))]
