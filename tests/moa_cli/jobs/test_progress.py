"""Progress where there is no terminal: nothing is silent for longer than a minute, and no time is made up."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks.common.ledger import answering, watching
from benchmarks.prepare.benchmark import Benchmark
from benchmarks.rewards.classifier import Classifier
from moa_cli.jobs.job import ANSWERS, Job, Look, Outcome
from moa_cli.jobs.progress import Display
from moa_cli.jobs.worker import _now_and_then
from moa_cli.runs.config import Source


class Watched(Display):
    """A display of a log file, and a clock that goes when it is told to."""

    def __init__(self) -> None:
        self.now, self.file = 0.0, io.StringIO()
        super().__init__(Console(file=self.file, width=200), clock=lambda: self.now)

    def after(self, seconds: float, *waiting: Job, workers: int = 1) -> list[str]:
        """What is said while this time passes, a tick a second."""
        before = len(self.file.getvalue())
        for _ in range(round(seconds)):
            self.now += 1
            self.tick(waiting, workers)
        return self.file.getvalue()[before:].splitlines()


@pytest.fixture
def display() -> Watched:
    return Watched()


def job(key: str, purpose: str = "train", kind: type[Job] = Job) -> Job:
    return kind(key=key, label=key, purpose=purpose, source=Source("b", Path("runs")), work=print)


def test_a_job_that_says_nothing_is_told_every_minute(display: Watched) -> None:
    display.start(job("ric"))
    assert display.after(59) == []
    assert display.after(121) == ["ric  starting  for 1:00", "ric  starting  for 2:00", "ric  starting  for 3:00"]


def test_a_stage_has_done_total_rate_and_what_is_left(display: Watched) -> None:
    """30 of 120 steps in a minute: 30 a minute, so 90 more take three. A stage that goes on at step 60 and makes 120
    steps in a minute makes 2 a second, and the 120 that are left take a minute."""
    display.start(job("ric"))
    display.event(("ric", "offline", 0, 120, {}))
    display.event(("ric", "offline", 30, 120, {"loss": 2.5}))
    assert display.after(60) == ["ric  offline  30/120  30/min  3:00 left  loss 2.50"]
    display.event(("ric", "online-1", 60, 300, {}))
    display.event(("ric", "online-1", 180, 300, {}))
    assert display.after(60) == ["ric  online-1  180/300  2/s  1:00 left"]
    display.event(("ric", "online-1", 300, 300, {}))
    assert display.after(60) == ["ric  online-1  300/300  2/s  for 2:00"]


def test_a_stage_that_is_all_of_its_job_is_not_named_twice(display: Watched) -> None:
    one = replace(job("card", "prepare"), label="tiny: scale card")
    display.start(one)
    display.event(("card", "scale card", 0, 1, {}))
    assert display.after(60) == ["tiny: scale card  0/1  for 1:00"]
    assert display.file.getvalue().splitlines()[0] == "tiny: scale card  0/1"


def test_a_new_stage_is_a_line_and_begins_a_minute(display: Watched) -> None:
    display.start(job("ric"))
    display.after(50)
    display.event(("ric", "offline", 0, 10, {}))
    assert display.after(59) == []
    assert len(display.after(1)) == 1


def test_the_command_has_a_time_once_something_like_all_that_is_left_has_ended(display: Watched) -> None:
    """A training took 100 s. One that runs for 60 s has 40 s left, two more wait: 240 s of work, on two workers two
    minutes. While an evaluation waits of which none has ended, nobody knows."""
    display.start(job("look", "prepare", Look))
    display.end(Outcome(job=job("look", "prepare", Look)))
    display.start(job("first"))
    assert display.after(60, job("next"))[0].endswith("(0 of 2 jobs done)")
    display.after(40)
    display.end(Outcome(job=job("first"), seconds=7.0))
    display.start(job("second"))
    (line,) = display.after(60, job("third"), job("fourth"), workers=2)
    assert line == "second  starting  for 1:00  (1 of 4 jobs done, about 2:00 left at their pace)"
    (line,) = display.after(60, job("third"), job("measured", "eval"))
    assert line.endswith("(1 of 4 jobs done)")


def test_a_single_job_has_no_time_but_its_own(display: Watched) -> None:
    display.start(job("ric"))
    assert display.after(60) == ["ric  starting  for 1:00"]
    display.end(Outcome(job=job("ric")))
    assert display.after(60) == []


def test_answers_are_told_within_a_stage(display: Watched) -> None:
    """As in the scale card, which is a single step; they begin no stage, and are forgotten when a step is done."""
    display.start(job("card"))
    display.event(("card", "scale card", 0, 1, {}))
    display.event(("card", ANSWERS, 384, 1000, {}))
    assert display.after(60) == ["card  scale card  0/1  for 1:00  384/1000 answers"]
    display.event(("card", "scale card", 1, 1, {}))
    assert display.after(60) == ["card  scale card  1/1  0.5/min  for 2:00"]


def test_what_watches_is_told_of_answers() -> None:
    """Not outside of the block, and at most once a second."""
    heard: list[tuple[int, int]] = []
    with watching(lambda done, total: heard.append((done, total))):
        answering(2, 5)
    answering(5, 5)
    assert heard == [(2, 5)]
    sent: list[tuple[str, int, int]] = []
    report = _now_and_then(lambda stage, step, steps, measured: sent.append((stage, step, steps)))
    report(1, 9)
    report(2, 9)
    assert sent == [(ANSWERS, 1, 9)]


def test_policies_and_rewards_say_how_many_answers_there_are(tiny: Benchmark) -> None:
    """While they answer and score, a batch after another."""
    policy, prompts = tiny.prepared.policy, tiny.prompts("train")[:7]
    scorer = Classifier(tiny.objectives[0].reward.folder(tiny, "ah"))  # type: ignore[attr-defined]
    heard: list[tuple[int, int]] = []
    with watching(lambda done, total: heard.append((done, total))):
        policy.sample(prompts, tiny.sampling, 0, batch=3)
        assert heard == [(3, 7), (6, 7), (7, 7)]
        scorer.forward(prompts, ["ah"] * 7)
    assert heard[3:]
    assert heard[-1] == (7, 7)
