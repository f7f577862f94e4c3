"""Jobs: sent to other processes as they are, in the order of what they need."""

from __future__ import annotations

import io
import pickle
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks.load.load import load_benchmark
from benchmarks.models.memory import PROCESS, Size
from benchmarks.rewards import memory
from benchmarks.rewards.trained import TrainedReward
from methods.contract.find import find_method
from moa_cli.jobs import pool
from moa_cli.jobs.job import Job, Look, Outcome
from moa_cli.jobs.plan import measuring_jobs, pointing_jobs, sweeping_jobs, training_jobs
from moa_cli.jobs.pool import Workers, choose_workers, least_memory, run_jobs
from moa_cli.jobs.progress import Display
from moa_cli.runs.config import Source
from moa_cli.runs.contestant import Contestant


def test_what_a_look_finds_is_done_before_what_needs_the_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """The card waits for both parts in place of the look; the run, which needs the card, is last.

    A look is not told.
    """
    source = Source("b", Path("runs"))
    card = Job(key="card", label="card", purpose="prepare", source=source, work=print, needs=("look",))
    parts = tuple(replace(card, key=name, label=name, needs=()) for name in ("policy", "reward"))
    run = replace(card, key="run", label="run", needs=("card",))
    look = Look(key="look", label="look", purpose="prepare", source=source, work=print)
    ended: list[str] = []

    def perform(job: Job, listen: object, *, quiet: bool = True) -> Outcome:
        ended.append(job.key)
        return Outcome(job=job, result=parts if isinstance(job, Look) else None)

    monkeypatch.setattr(pool, "perform", perform)
    said = io.StringIO()
    done = run_jobs([run, card, look], Workers(1, 1, here=True), Display(Console(file=said)))
    assert ended == ["look", "policy", "reward", "card", "run"]
    assert {outcome.word for outcome in done.values()} == {"done"}
    assert [line.split()[0] for line in said.getvalue().splitlines()] == ["policy", "reward", "card", "run"]


def test_every_job_can_be_sent_to_another_process(tmp_path: Path) -> None:
    """With its function and what that is called with."""
    benchmark = load_benchmark("hh-rlhf-mini", home=tmp_path)
    run = Contestant.of(Source("hh-rlhf-mini", tmp_path), benchmark, find_method("moslim")(), 0)
    weights = (0.5, 0.5)
    made = [
        *training_jobs([run], restart=False), *measuring_jobs([run], may_train=True), *sweeping_jobs([run]),
        *pointing_jobs([(run, weights)]),
    ]  # fmt: skip
    assert len({job.key for job in made}) == 5  # a look, a card; a run (trained or measured), a sweep, a point
    for job in made:
        sent = pickle.loads(pickle.dumps(job))
        assert (sent.key, sent.label, sent.needs) == (job.key, job.label, job.needs)
        if isinstance(job.work, partial):
            assert (sent.work.func, sent.work.keywords) == (job.work.func, job.work.keywords)
        else:
            assert sent.work is job.work


def test_workers_are_as_many_as_memory_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """8 cores, but 30 GB, of which 80 % are planned with: two jobs of 10 GB. Policies made here are no matter."""
    benchmark = load_benchmark("hh-rlhf-mini", home=tmp_path)
    job = Job(key="k", label="k", purpose="run", source=Source("hh-rlhf-mini", tmp_path), work=print)
    jobs = [replace(job, key=str(i)) for i in range(7)]
    monkeypatch.setattr(pool, "usable_cores", lambda: 8)
    monkeypatch.setattr(pool, "_gpus", tuple)
    monkeypatch.setattr(pool, "there_is", lambda: 30_000_000_000)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert choose_workers(jobs, [benchmark], None).count == 7
    monkeypatch.setattr(pool, "least_memory", lambda _: 10_000_000_000)
    large = replace(benchmark, policy=str(tmp_path))
    chosen = choose_workers(jobs, [large], None)
    assert (chosen.count, chosen.threads) == (2, 4)
    assert "memory for 2 of 10.0 GB" in chosen.reason
    assert choose_workers(jobs, [large], 3).count == 3
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert choose_workers(jobs, [large], None).threads == 3
    assert choose_workers(jobs, [benchmark], None).threads == 1


def test_the_least_memory_of_a_stored_policy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole, in float32 beside its reference: 4 + 4 bytes a parameter, and 12 for gradients and AdamW. Two rewards were
    trained from it, and are as large."""
    benchmark = load_benchmark("hh-rlhf-mini", home=tmp_path)
    assert least_memory(benchmark) == 0
    size = Size(parameters=1_000_000_000, layers=1, hidden=1, inner=1, heads=1, keys=1)
    for module in (pool, memory):
        monkeypatch.setattr(module, "size_of", lambda _: (size, 0))
    assert least_memory(replace(benchmark, policy="o/n")) == pytest.approx(28e9 + PROCESS, rel=1e-4)


def test_the_least_memory_of_what_is_still_to_be_downloaded(tmp_path: Path) -> None:
    """By the sizes that names tell: the policy's, and those of the bases that rewards are trained from."""
    benchmark = load_benchmark("hh-rlhf-mini", home=tmp_path)
    told = replace(benchmark, policy="nobody/nothing-1b")
    assert least_memory(told) == pytest.approx(28e9 + PROCESS, rel=0.05)
    assert least_memory(replace(benchmark, policy="nobody/nothing")) == 0
    first, *others = benchmark.objectives
    trained = replace(first, reward=TrainedReward(base="nobody/small-500m"))
    smaller = least_memory(told) - least_memory(replace(told, objectives=(trained, *others)))
    assert smaller == pytest.approx(4 * 500e6)
