"""Trouble in the workers: what fails, dies or is stopped, and what is said of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.load.load import load_benchmark
from methods.contract.find import find_method
from moa_cli.commands.common.facts import run_rows
from moa_cli.commands.common.finish import show_failures
from moa_cli.jobs.job import Job, Outcome
from moa_cli.jobs.plan import training_jobs
from moa_cli.runs.config import Source
from moa_cli.runs.contestant import Contestant
from tests.kit.cli import environment, moa, process
from tests.kit.worlds import METHODS

LEAVES = """
import sys
from dataclasses import dataclass
from moa_cli import Method

@dataclass(frozen=True, kw_only=True)
class Mine(Method):
    steering = "none"

    def train(self, benchmark, run):
        sys.exit(0)

    def policy(self, benchmark, run, weights):
        return benchmark.prepared.policy
"""


def test_what_several_jobs_failed_for_is_told_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    jobs = [
        Job(key=part, label=part, purpose="prepare", source=Source("here", tmp_path), work=print)
        for part in ("policy", "reward", "evaluator")
    ]
    outcomes = [Outcome(job=job, error=(what, "why", "fix")) for job, what in zip(jobs, "aba", strict=True)]
    show_failures(outcomes)
    assert capsys.readouterr().err.count("error: ") == 2


def test_a_restart_says_whether_something_is_removed(tmp_path: Path) -> None:
    benchmark, method = load_benchmark("hh-rlhf-mini", home=tmp_path), find_method("sft")()
    run = Contestant(Source("hh-rlhf-mini", tmp_path), benchmark, method, 0, tmp_path)

    def purpose(one: Contestant, restart: bool) -> str:
        return training_jobs([one], restart=restart)[-1].purpose

    assert purpose(run, restart=True) == "remove + train"
    assert purpose(replace(run, folder=tmp_path / "new"), restart=True) == purpose(run, restart=False) == "train"


def test_a_crash_is_three_lines_and_the_others_go_on(contest: Path) -> None:
    """sft scores nothing while it trains, ric does: with a reward that raises, one is trained and one fails. A method
    that calls sys.exit fails too."""
    (contest / "mine.py").write_text(LEAVES)
    arguments = ("train", *METHODS, "-b", "tiny.toml", "--seed", "7", "--jobs", "1")
    result = moa(*arguments, "-m", "mine.py", cwd=contest, TROUBLE="raise")
    assert result.returncode == 2
    assert sorted(line.split()[1] for line in result.stdout.splitlines()) == ["failed", "failed", "trained"]
    assert "no reward today" in result.stderr
    assert "sys.exit(0)" in result.stderr
    assert "Traceback" not in result.stderr
    told = {row.status for row in run_rows(contest / "runs") if row.path.endswith("-s7")}
    assert told == {"trained", "failed: RuntimeError: no reward today", "failed: it called sys.exit(0)"}
    mended = moa(*arguments, cwd=contest)
    assert [line.split()[1] for line in mended.stdout.splitlines()] == ["done", "trained"]


def test_a_method_may_go_to_another_folder(contest: Path) -> None:
    """Runs lie where they were asked for, and the next job finds what it needs."""
    leave = "import os; os.chdir('/')\n        "
    (contest / "mine.py").write_text(LEAVES.replace("sys.exit(0)", leave).replace("return", f"{leave}return"))
    result = moa("compare", "-m", "mine.py", "-b", "tiny.toml", "--seed", "0,1", "--jobs", "1", cwd=contest)
    assert result.returncode == 0, result.stderr
    assert len([*contest.glob("runs/tiny/mine/*/front-*/front.json")]) == 2


def test_runs_wait_for_a_preparation_that_fails(contest: Path) -> None:
    arguments = ("train", "-m", "sft", "-b", "tiny.toml", "-c", "sampling.temperature=0.9")
    result = moa(*arguments, cwd=contest, TROUBLE="raise")
    assert result.returncode == 2
    assert result.stdout.strip().endswith("not started")
    assert result.stderr.count("error:") == 1
    assert "scale card" in result.stderr


def test_a_killed_worker_is_explained(contest: Path) -> None:
    result = process("train", "-m", "ric", *METHODS[2:], "-b", "tiny.toml", "--seed", "8", cwd=contest, TROUBLE="die")
    assert result.returncode == 2
    assert "memory" in result.stderr
    assert "--jobs 1" in result.stderr


def test_a_reward_that_never_returns_is_ended(contest: Path) -> None:
    arguments = ("train", "-m", "ric", *METHODS[2:], "-b", "tiny.toml", "--seed", "11", "--reward-timeout", "0.5")
    result = moa(*arguments, cwd=contest, TROUBLE="dawdle")
    assert result.returncode == 2
    assert "letters.py:long" in result.stderr
    assert "did not return within 0.5 s" in result.stderr
    refused_time = moa("train", "-m", "ric", "--reward-timeout", "0", cwd=contest)
    assert refused_time.returncode == 2
    assert "--reward-timeout" in refused_time.stderr


def living(group: int) -> list[str]:
    """The processes of a group that have not ended."""
    listed = subprocess.run(["ps", "-eo", "pgid=,stat=,args="], capture_output=True, text=True).stdout.splitlines()
    return [line for line in listed if line.split()[0] == str(group) and not line.split()[1].startswith("Z")]


@pytest.mark.parametrize(("stop", "seed"), [(os.killpg, 9), (os.kill, 10)], ids=["ctrl-c", "sigterm"])
def test_a_stop_ends_the_workers_and_says_how_to_go_on(
    stop: Callable[[int, int], None], seed: int, contest: Path
) -> None:
    """Ctrl-C reaches all of a terminal's processes, SIGTERM the one that it is sent to. Python has nothing to say of
    either: no traceback, and no semaphores that were left."""
    command = [sys.executable, "-m", "moa_cli", "train", "-m", "ric", *METHODS[2:], "-b", "tiny.toml"]
    command += ["--seed", str(seed)]
    running = subprocess.Popen(
        command, cwd=contest, env=environment(TROUBLE="dawdle"), text=True, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # tests run in the background inherit "ignore"
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while not list(contest.glob(f"runs/tiny/ric/*-s{seed}/run.json")) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert len(living(running.pid)) > 1, "its workers"
    stop(running.pid, signal.SIGINT if stop is os.killpg else signal.SIGTERM)
    out, error = running.communicate(timeout=30)
    assert running.returncode == (130 if stop is os.killpg else 143)
    assert out == ""
    assert "goes on where it stopped" in error
    assert "Traceback" not in error
    assert "leaked" not in error
    assert "Warning" not in error
    deadline = time.monotonic() + 10
    while living(running.pid) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert not living(running.pid)
