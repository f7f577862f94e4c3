"""A user's code in our process: what it does to the process is undone, and how long it takes can be limited."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from contextvars import copy_context
from functools import partial
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any, NamedTuple

from benchmarks.common.errors import BadInput
from benchmarks.common.ledger import tell

TIMEOUT = "MOA_REWARD_TIMEOUT"
"""The environment variable with the seconds that a call may take; without it there is no limit. Workers inherit it."""
PATIENCE = 60.0
"""Seconds after which it is said that a call has not returned. [choice]"""
AGAIN = 1.0
"""Seconds after which a call that caught the end of its time is ended again. [choice]"""


class TimeUp(BaseException):
    """A call takes longer than it may. No Exception, so that code which tries again and again lets it pass."""


class Guest:
    """Code that shares our process and nothing else: it has random numbers of its own, from a fixed seed, which do not
    depend on what else draws any.

    It can import what lies beside its file, whatever the working folder.

    The working folder, stdout and stderr, filters of warnings, torch's threads, gradients, device and type of numbers
    are after a call what they were before it. A child that it forks and lets return ends there.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._folder = str(file.resolve().parent) if file else ""
        self._drawn: dict[str, Any] = {}

    @contextmanager
    def inside(self) -> Iterator[None]:
        """The guest's code runs inside the block."""
        process, streams = os.getpid(), _streams()
        undo = _settings()
        ours = _random_states()
        _draw_from(self._drawn)
        try:
            with staying(), _neighbours(self._folder) if self._folder else nullcontext():
                yield
        finally:
            if os.getpid() != process:
                os._exit(0)
            for again in undo:
                again()
            self._drawn = _random_states()
            _draw_from(ours)
            for stream in streams:
                stream.restore()


@contextmanager
def staying() -> Iterator[None]:
    """The working folder is after the block what it was before, wherever a user's code goes: where runs lie is told by
    paths that begin there. Of use as a decorator, too."""
    place = _folder()
    try:
        yield
    finally:
        if place is not None and _folder() != place:
            os.chdir(place)


_FOUND: dict[str, dict[str, ModuleType]] = {}
"""Modules that guests imported from beside their files, by folder: those of two folders may have the same name."""


@contextmanager
def _neighbours(folder: str) -> Iterator[None]:
    """Modules in a folder can be imported inside the block, where no other has their name."""
    if folder in map(os.path.abspath, sys.path):
        yield
        return
    own = _FOUND.setdefault(folder, {})
    names = {name for found in _FOUND.values() for name in found}
    kept = {name: sys.modules.pop(name) for name in names if name in sys.modules}
    sys.modules.update(own)
    sys.path.append(folder)
    before = set(sys.modules)
    try:
        yield
    finally:
        if folder in sys.path:
            sys.path.remove(folder)
        new = {name: sys.modules[name] for name in set(sys.modules) - before}
        own |= {name: module for name, module in new.items() if _lies_in(folder, module)}
        sys.modules.update(kept)


def _lies_in(folder: str, module: ModuleType) -> bool:
    return bool(module.__spec__ and str(module.__spec__.origin).startswith(folder + os.sep))


class _Random(NamedTuple):
    """Where random numbers come from: reading and setting its state, and beginning it."""

    state: Callable[[ModuleType], Any]
    set: Callable[[ModuleType, Any], object]
    seed: Callable[[ModuleType], object]


_SOURCES = {
    "random": _Random(lambda m: m.getstate(), lambda m, s: m.setstate(s), lambda m: m.seed(0)),
    "numpy.random": _Random(lambda m: m.get_state(), lambda m, s: m.set_state(s), lambda m: m.seed(0)),
    "torch": _Random(lambda m: m.get_rng_state(), lambda m, s: m.set_rng_state(s), lambda m: m.manual_seed(0)),
    "torch.cuda": _Random(lambda m: m.get_rng_state_all(), lambda m, s: m.set_rng_state_all(s), lambda m: None),
}
"""By module, of which only those that are loaded matter. torch's seed is that of its GPUs, too."""


def _sources() -> dict[str, tuple[ModuleType, _Random]]:
    """Those that are there. A GPU that nobody has used is not woken."""
    loaded = {name: (sys.modules[name], source) for name, source in _SOURCES.items() if name in sys.modules}
    if "torch.cuda" in loaded and not loaded["torch.cuda"][0].is_initialized():
        del loaded["torch.cuda"]
    return loaded


def _random_states() -> dict[str, Any]:
    return {name: source.state(module) for name, (module, source) in _sources().items()}


def _draw_from(states: dict[str, Any]) -> None:
    """A source without a state begins."""
    for name, (module, source) in _sources().items():
        if name in states:
            source.set(module, states[name])
        else:
            source.seed(module)


def _settings() -> list[Callable[[], object]]:
    """What puts back the filters of warnings, and what torch is set to as far as it matters to a training."""
    filters, torch = list(warnings.filters), sys.modules.get("torch")
    undo: list[Callable[[], object]] = [partial(_filter_as, filters)]
    if torch is None:
        return undo
    threads, gradients, numbers = torch.get_num_threads(), torch.is_grad_enabled(), torch.get_default_dtype()
    device = torch.get_default_device()
    return [
        *undo,
        lambda: torch.set_default_device(None if device.type == "cpu" else device),
        lambda: torch.set_num_threads(threads) if torch.get_num_threads() != threads else None,
        lambda: torch.set_grad_enabled(gradients),
        lambda: torch.set_default_dtype(numbers),
    ]


def _filter_as(filters: list[Any]) -> None:
    """Warnings are filtered as they were."""
    if warnings.filters != filters:
        warnings.resetwarnings()  # forgets what was told under the others
        warnings.filters[:] = filters  # type: ignore[index]


def _folder() -> str | None:
    try:
        return os.getcwd()
    except FileNotFoundError:
        return None


class _Stream(NamedTuple):
    """stdout or stderr: its name in sys, the number that all processes know it by, and a second one of the same."""

    name: str
    file: Any
    number: int
    kept: int

    def restore(self) -> None:
        """As it was, whatever was closed."""
        with contextlib.suppress(ValueError, OSError):
            self.file.flush()
        os.dup2(self.kept, self.number)
        os.close(self.kept)
        closed = getattr(self.file, "closed", False)
        setattr(sys, self.name, open(self.number, "w", closefd=False) if closed else self.file)  # noqa: SIM115


def _streams() -> list[_Stream]:
    found = []
    for name, number in (("stdout", 1), ("stderr", 2)):
        with contextlib.suppress(OSError):
            found.append(_Stream(name, getattr(sys, name), number, os.dup(number)))
    return found


def time_limit() -> float | None:
    """Seconds that a call may take, as the environment says."""
    told = os.environ.get(TIMEOUT)
    if not told:
        return None
    try:
        if (seconds := float(told)) > 0:
            return seconds
    except ValueError:
        pass
    raise BadInput(
        f"{TIMEOUT}={told}",
        "it is how many seconds one call of a reward function may take",
        f"give it a number above 0, or unset {TIMEOUT}",
    )


@contextmanager
def timely(what: str) -> Iterator[None]:
    """TimeUp inside the block when it takes longer than `time_limit()`; and a line that says `what` has not returned.

    Only the main thread of a process can be ended; a call in another one, and code that does not come back to Python,
    are only told of.
    """
    limit = time_limit()
    hint = "" if limit else f"; --reward-timeout or {TIMEOUT} would end such a call"
    line = f"{what} has not returned for {PATIENCE:.0f} s{hint}"
    timer = threading.Timer(PATIENCE, copy_context().run, [tell, line])
    timer.daemon = True
    timer.start()
    can = limit is not None and hasattr(signal, "SIGALRM") and threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGALRM, _time_up) if can else None
    try:
        if can and limit:
            signal.setitimer(signal.ITIMER_REAL, limit, AGAIN)
        yield
    finally:
        timer.cancel()
        if can:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)


def _time_up(number: int, frame: FrameType | None) -> None:
    raise TimeUp
