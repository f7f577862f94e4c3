"""Commands in processes that are forked from one with all libraries loaded: they begin at once, with real workers."""

from __future__ import annotations

import multiprocessing
import multiprocessing.util
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from benchmarks.models.device import ENVIRONMENT

NOTHING: Mapping[str, str | None] = MappingProxyType({})
LONG = 300.0
"""Seconds after which a command is taken for one that does not end."""


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    """Its exit code; minus the signal's number where it was killed."""
    out: str
    error: str
    seconds: float


class Running:
    """A command that has been started: the leader of a session, to which its workers belong."""

    def __init__(
        self, arguments: tuple[str, ...], folder: Path, number: int = 0, *,
        environment: Mapping[str, str | None] = NOTHING, first: Callable[[], object] = dict,
    ):  # fmt: skip
        self.begin = time.monotonic()
        self.streams = (folder / f".{number}.out", folder / f".{number}.error")
        self.pid = os.fork()
        if self.pid == 0:
            _be(arguments, folder, self.streams, environment, first)
        while os.getpgid(self.pid) != self.pid:  # there is nothing to be killed as one before
            time.sleep(0.001)

    def others(self) -> list[int]:
        """The living processes of its session but itself."""
        found = []
        for entry in os.listdir("/proc"):
            if entry.isdigit() and int(entry) != self.pid:
                try:
                    told = Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()
                except OSError:
                    continue
                if int(told[3]) == self.pid and told[0] != "Z":
                    found.append(int(entry))
        return found

    def wait(self, until: float | None = None) -> bool:
        """Whether it has ended, after so many seconds at most."""
        deadline = time.monotonic() + (LONG if until is None else until)
        while (has := os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG)) is None:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)
        return has is not None

    def end(self) -> Ended:
        """Waits for its end. A command that does not end is killed, with code -9."""
        if not self.wait():
            os.killpg(self.pid, signal.SIGKILL)
        _, status = os.waitpid(self.pid, 0)
        out, error = (stream.read_text(errors="replace") for stream in self.streams)
        return Ended(os.waitstatus_to_exitcode(status), out, error, time.monotonic() - self.begin)

    def orphans(self, patience: float = 15) -> list[int]:
        """What is left of its session when it has ended; workers have a moment to see that."""
        deadline = time.monotonic() + patience
        while (left := self.others()) and time.monotonic() < deadline:
            time.sleep(0.05)
        for process in left:
            os.kill(process, signal.SIGKILL)
        return left


def load() -> None:
    """Loads all that commands need, so that what is forked from this process begins at once."""
    os.environ.update(ENVIRONMENT | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": ""})
    from benchmarks.models import training
    from methods import find_method, method_names

    for name in method_names():
        find_method(name)
    for name in ("sft", "dpo", "rl", "grader"):
        __import__(f"methods.engines.{name}")
    for module in ("trl", "moa_cli.app", "moa_cli.comparisons", "moa_cli.formats", "matplotlib.pyplot", "optuna"):
        __import__(module)
    training.SAVE_EVERY = 3


def _be(
    arguments: tuple[str, ...], folder: Path, streams: tuple[Path, Path], environment: Mapping[str, str | None],
    first: Callable[[], object],
) -> None:  # fmt: skip
    """The child: `moa` with these arguments in this folder, having done what comes first. Does not return."""
    code = 70
    try:
        os.setsid()
        for number, stream in enumerate(streams, 1):
            os.dup2(os.open(stream, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
        sys.stdout, sys.stderr = (open(number, "w", buffering=1) for number in (1, 2))  # noqa: SIM115
        os.chdir(folder)
        for name, value in {"COLUMNS": "100", "NO_COLOR": "1", "HF_HUB_OFFLINE": "1", **environment}.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
        os.register_at_fork(after_in_child=lambda: signal.signal(signal.SIGTERM, signal.SIG_DFL))  # as in a new process
        whole = multiprocessing.get_context
        multiprocessing.get_context = lambda method=None: whole("fork")  # type: ignore[assignment]
        sys.argv = ["moa", *arguments]
        first()
        from moa_cli.app import main

        main()
        code = 0
    except SystemExit as end:
        code = int(end.code or 0)
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        try:
            multiprocessing.util._exit_function()  # type: ignore[attr-defined]
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(code)
