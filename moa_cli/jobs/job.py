"""A piece of work as it is sent to a worker process, and what comes back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import Benchmark
from benchmarks.common import Log
from moa_cli.runs import Source
from moa_cli.words import prepared_name

Event = tuple[str, str, int, int, dict[str, float]]
"""Key of the job, then what a `Log` is called with."""


ANSWERS = ""
"""The stage of an event that tells how many of how many answers are made within the stage of the job."""


NOTE = "note: "
"""What the stage of an event begins with that is a line to be said."""


Work = Callable[[Benchmark, Log], Any]
"""What is to be done on a job's benchmark. It returns what it found, or nothing.

A function of a module, or a `functools.partial` of one: it is sent to another process.
"""


@dataclass(frozen=True, kw_only=True)
class Job:
    """A piece of work, small enough to be sent to another process."""

    key: str
    """What tells the job from the others of a command."""
    label: str
    """Its name for people."""
    foreseen: str = ""
    """Its name before anybody has looked what is left to do in it; empty: the same."""
    purpose: str
    """What it is there for, in a word or two."""
    source: Source
    """What names the benchmark."""
    work: Work
    folder: Path | None = None
    """The folder of the run, where it is about one."""
    needs: tuple[str, ...] = ()
    """Keys of the jobs that must have gone well before."""
    after: tuple[str, ...] = ()
    """Keys of the jobs that must have ended before, well or not."""


@dataclass(frozen=True, kw_only=True)
class Look(Job):
    """A job that finds jobs (tuple[Job, ...]): those that need the look need what it found in its place."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a job went."""

    job: Job
    started: bool = True
    seconds: float = 0.0
    result: Any = None
    """What its work returned."""
    error: tuple[str, str, str] | None = None
    """What, why, what to type."""
    traceback: str = ""
    killed: bool = False
    """Whether its process was killed from outside, perhaps for another job: nothing is known of this one."""
    cause: Outcome | None = None
    """How the job went whose failure kept this one from being started."""

    @property
    def reason(self) -> tuple[str, str, str]:
        """What, why, what to type of the job that failed in the end; its name is left out where this is that job."""
        at = self.cause or self
        what, why, fix = at.error or ("", "", "")
        return (what.removeprefix(f"{self.job.label} failed: "), why, fix)

    @property
    def word(self) -> str:
        """How it went, in a word or two."""
        if self.error is None:
            return "done"
        return "failed" if self.started else "not started"


def benchmark_label(source: Source) -> str:
    """A benchmark's name in labels and keys of jobs: as it was typed, of a file the name alone; and its preparation."""
    name = Path(source.name).stem if source.name.endswith((".toml", ".py")) else source.name
    preparation = source.options.get("preparation", 0)
    assert isinstance(preparation, int)  # options are checked
    return prepared_name(name, preparation)
