"""Progress on stderr: in a terminal a line per running job, elsewhere a line when a stage begins or a job ends.

There, too, no job is silent for longer than a minute.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from moa_cli.console import Inert
from moa_cli.jobs.job import ANSWERS, NOTE, Event, Job, Look, Outcome
from moa_cli.words import duration, shown

EVERY = 60.0
"""Seconds after which a job is told of again where there is no terminal."""


@dataclass
class Line:
    """The state of a running job."""

    job: Job
    stage: str = "starting"
    step: int = 0
    steps: int = 0
    measured: dict[str, float] = field(default_factory=dict)
    begin: float = 0.0
    """When the stage was first heard of, and at which step."""
    first: int = 0
    said: float = 0.0
    """When it was last told of."""
    since: float = 0.0
    """When the job began."""
    answers: str = ""
    """How many answers are made since it last reported, where it makes some."""

    @property
    def part(self) -> str:
        """The stage, unless it is all of the job and has its name."""
        return "" if self.job.label.endswith(f": {self.stage}") else self.stage

    def left(self, now: float) -> str:
        """Estimated time to the end of the stage; empty where nothing is known yet."""
        if self.step <= self.first or self.step >= self.steps:
            return ""
        return duration((now - self.begin) / (self.step - self.first) * (self.steps - self.step))

    def rate(self, now: float) -> str:
        """Steps of the stage per second, or per minute; empty where nothing is known yet."""
        if self.step <= self.first or now <= self.begin:
            return ""
        speed = (self.step - self.first) / (now - self.begin)
        return f"{speed:.3g}/s" if speed >= 1 else f"{60 * speed:.3g}/min"

    def told(self, now: float) -> str:
        """All of it, on a line."""
        left = self.left(now)
        parts = [
            self.job.label, self.part, f"{self.step}/{self.steps}" if self.steps else "", self.rate(now),
            f"{left} left" if left else f"for {duration(now - self.begin)}", self.answers,
            shown(self.measured),
        ]  # fmt: skip
        return "  ".join(part for part in parts if part)


class Display:
    """Shows what is going on. To be used in a `with` block."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic):
        self.console, self.clock = console, clock
        self.lines: dict[str, Line] = {}
        self.ended: dict[str, list[float]] = {}
        """Seconds that jobs took, by what they were for."""
        self.whole = ""
        """How far the command is."""
        self.live = Live(
            console=console, get_renderable=lambda: Inert(self._table()), transient=True, refresh_per_second=4
        )

    def __enter__(self) -> Display:
        if self.console.is_terminal:
            self.live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.live.stop()

    def start(self, job: Job) -> None:
        """A job has begun."""
        now = self.clock()
        self.lines[job.key] = Line(job, begin=now, said=now, since=now)

    def event(self, event: Event) -> None:
        """A job has reported."""
        key, stage, step, steps, measured = event
        line = self.lines.get(key)
        if line is None:
            return
        if stage.startswith(NOTE):
            self.say(f"{line.job.label}  {stage.removeprefix(NOTE)}")
            return
        line.answers = f"{step}/{steps} answers" if stage == ANSWERS else ""
        if stage == ANSWERS:
            return
        if stage != line.stage:
            now = self.clock()
            self.lines[key] = line = Line(line.job, stage, first=step, begin=now, said=now, since=line.since)
            if not self.console.is_terminal:
                parts = (line.job.label, line.part, f"{step}/{steps}", shown(measured))
                self.say("  ".join(part for part in parts if part))
        line.step, line.steps = step, steps
        line.measured |= measured

    def tick(self, waiting: Sequence[Job] = (), workers: int = 1) -> None:
        """Time has passed, `waiting` are the jobs to come: tells of what nobody has heard of for a minute."""
        now = self.clock()
        self.whole = self._whole(waiting, workers, now)
        for line in self.lines.values():
            if not self.console.is_terminal and now - line.said >= EVERY:
                line.said = now
                self.say(f"{line.told(now)}{f'  ({self.whole})' if self.whole else ''}")

    def _whole(self, waiting: Sequence[Job], workers: int, now: float) -> str:
        """How many of the jobs are done, and how long the others take at the pace of those that were for the same.

        No time where nothing like one of them has ended yet: nobody can know. Nothing at all for a single job.
        """
        jobs = [job for job in waiting if not isinstance(job, Look)]
        running = [line for line in self.lines.values() if not isinstance(line.job, Look)]
        done, rest = sum(map(len, self.ended.values())), len(jobs) + len(running)
        if done + rest < 2 or not rest:
            return ""
        told = f"{done} of {done + rest} jobs done"
        if not {job.purpose for job in (*jobs, *(line.job for line in running))} <= set(self.ended):
            return told
        pace = {purpose: sum(took) / len(took) for purpose, took in self.ended.items()}
        work = sum(pace[job.purpose] for job in jobs)
        work += sum(max(0.0, pace[line.job.purpose] - (now - line.since)) for line in running)
        return f"{told}, about {duration(work / min(workers, rest))} left at their pace"

    def end(self, outcome: Outcome) -> None:
        """A job has ended."""
        line = self.lines.pop(outcome.job.key, None)
        if line and not isinstance(outcome.job, Look):
            self.ended.setdefault(outcome.job.purpose, []).append(self.clock() - line.since)
        if not isinstance(outcome.job, Look) or outcome.error:
            took = f"  {duration(outcome.seconds)}" if outcome.started else ""
            self.say(f"{outcome.job.label}  {outcome.word}{took}")

    def say(self, text: str) -> None:
        """A line that stays."""
        self.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def _table(self) -> Table:
        grid = Table.grid(padding=(0, 1))
        for line in self.lines.values():
            bar = ProgressBar(total=max(line.steps, 1), completed=line.step, width=12)
            count = f"{line.step}/{line.steps}" if line.steps else ""
            grid.add_row(
                Text(line.job.label), Text(line.part, style="cyan"), bar, count,
                Text(f"{line.answers} {shown(line.measured)}".strip(), style="dim"), line.left(self.clock()),
            )  # fmt: skip
        if self.whole:
            grid.add_row(Text(self.whole, style="dim"))
        return grid
