"""The command line as a user meets it: arguments, streams and an exit code, in a process of its own or in this one."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from functools import cache
from pathlib import Path
from unittest import mock

import pytest
import typer.main
from typer.main import get_command

from benchmarks.models.device import release, setup
from moa_cli import console
from moa_cli.app import app, main
from moa_cli.jobs import pool
from moa_cli.jobs.estimate import machine
from moa_cli.jobs.job import Event, Job, Outcome
from moa_cli.jobs.pool import Submit, Workers
from moa_cli.jobs.worker import perform
from tests.kit.files import ROOT

Done = subprocess.CompletedProcess[str]

GET_COMMAND, RATE = cache(get_command), cache(machine._rate)
"""What a process does once, in whatever command it needs it first."""


def environment(**more: str) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if k not in ("MOA_RUNS", "LOCAL_RANK")}
    return kept | {"PYTHONPATH": str(ROOT), "COLUMNS": "100", "NO_COLOR": "1", "MOA_TAKEN": ""} | more


def process(*arguments: str, cwd: Path, **more: str) -> Done:
    """`moa` in a process of its own, with workers of its own."""
    command = [sys.executable, "-m", "moa_cli", *arguments]
    return subprocess.run(command, cwd=cwd, env=environment(**more), capture_output=True, text=True, timeout=300)


def moa(*arguments: str, cwd: Path, **more: str) -> Done:
    """`moa` in this process, its workers too: the same code from `main` on, without their seconds of imports."""
    with (
        tempfile.TemporaryFile("w+") as out,
        tempfile.TemporaryFile("w+") as error,
        pytest.MonkeyPatch.context() as patch,
        mock.patch.dict(os.environ, environment(**more), clear=True),
    ):
        patch.chdir(cwd)
        patch.setattr(sys, "argv", ["moa", *arguments])
        patch.setattr(console, "_verbose", False)
        patch.setattr(pool, "_started", _started_here)
        patch.setattr(typer.main, "get_command", GET_COMMAND)
        patch.setattr(machine, "_rate", RATE)
        patch.setattr(sys, "unraisablehook", sys.unraisablehook)  # put back afterwards: `main` has one of its own
        with redirect_stdout(out), redirect_stderr(error), pytest.raises(SystemExit) as leaving:
            main()
        out.seek(0)
        error.seek(0)
        return Done(["moa", *arguments], int(leaving.value.code or 0), out.read(), error.read())


@contextmanager
def _started_here(
    workers: Workers, listen: Callable[[Event], None], quiet: bool
) -> Iterator[tuple[Submit, Callable[[], None]]]:
    """Does one job after the other where workers would do them side by side."""
    setup(1)
    spoken = sys.stderr

    def submit(job: Job) -> Future[Outcome]:
        def log(stage: str, step: int, steps: int, measured: dict[str, float]) -> None:
            with redirect_stderr(spoken):
                listen((job.key, stage, step, steps, measured))

        future: Future[Outcome] = Future()
        with open(os.devnull, "w") as nothing, redirect_stdout(nothing), redirect_stderr(nothing):
            future.set_result(perform(job, log, quiet=quiet))
        release()
        return future

    yield submit, lambda: None


def examples() -> dict[str, list[str]]:
    """The examples in the help text of every command, as they are typed."""
    commands = get_command(app).commands.items()  # type: ignore[attr-defined]
    lines = {name: [line.strip() for line in (command.help or "").splitlines()] for name, command in commands}
    return {name: [line for line in told if line.startswith("moa ")] for name, told in lines.items()}


def refused(result: Done, *words: str) -> None:
    """Exit code 2, nothing on stdout, three labelled lines on stderr, no traceback."""
    assert result.returncode == 2, result.stderr
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    labels = [line.split(" ")[0] for line in lines if re.match(r"(error|why|try): ", line)]
    assert labels == ["error:", "why:", "try:"]
    assert "Traceback" not in result.stderr
    for word in words:
        assert word in result.stderr
