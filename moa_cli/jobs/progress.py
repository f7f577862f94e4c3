"""Progress on stderr: in a terminal a line per running job, elsewhere a line when a stage begins or a job ends."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from moa_cli.jobs.job import Event, Job, Look, Outcome
from moa_cli.words import duration, shown


@dataclass
class Line:
    """The state of a running job."""

    job: Job
    stage: str = "starting"
    step: int = 0
    steps: int = 0
    measured: dict[str, float] = field(default_factory=dict)
    begin: float = field(default_factory=time.monotonic)
    """When the stage was first heard of, and at which step."""
    first: int = 0

    def left(self) -> str:
        """Estimated time to the end of the stage; empty where nothing is known yet."""
        if self.step <= self.first or self.step >= self.steps:
            return ""
        return duration((time.monotonic() - self.begin) / (self.step - self.first) * (self.steps - self.step))


class Display:
    """Shows what is going on. To be used in a `with` block."""

    def __init__(self, console: Console):
        self.console = console
        self.lines: dict[str, Line] = {}
        self.live = Live(console=console, get_renderable=self._table, transient=True, refresh_per_second=4)

    def __enter__(self) -> Display:
        if self.console.is_terminal:
            self.live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.live.stop()

    def start(self, job: Job) -> None:
        """A job has begun."""
        self.lines[job.key] = Line(job)

    def event(self, event: Event) -> None:
        """A job has reported."""
        key, stage, step, steps, measured = event
        line = self.lines.get(key)
        if line is None:
            return
        if stage != line.stage:
            self.lines[key] = line = Line(line.job, stage, first=step)
            if not self.console.is_terminal:
                self.say(f"{line.job.label}  {stage}  {step}/{steps}  {shown(measured)}".rstrip())
        line.step, line.steps = step, steps
        line.measured |= measured

    def end(self, outcome: Outcome) -> None:
        """A job has ended."""
        self.lines.pop(outcome.job.key, None)
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
                Text(line.job.label), Text(line.stage, style="cyan"), bar, count,
                Text(shown(line.measured), style="dim"), line.left(),
            )  # fmt: skip
        return grid
