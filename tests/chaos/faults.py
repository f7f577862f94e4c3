"""Faults of a user's code and of the machine: a command ends well or says what is wrong, and goes on once it is not."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from tests.chaos.forked import NOTHING, Running
from tests.chaos.place import RUN, Trial, came_to, differences
from tests.kit.worlds import copied_store

SAME = ("compare", "-m", "ric", *RUN, "-o", "out.json")


class Fault(NamedTuple):
    """What is wrong while a command works."""

    code: int
    """With what it leaves."""
    words: tuple[str, ...] = ()
    """What it says."""
    environment: Mapping[str, str | None] = NOTHING
    first: Callable[[], object] = dict
    """Done in its process before it begins."""
    place: Callable[[Path], Path] = lambda folder: folder
    """Changes the folder that it works in; where it works then."""
    more: tuple[str, ...] = ()
    """Options."""


def _reward(code: int, does: str, *words: str, more: tuple[str, ...] = ()) -> Fault:
    return Fault(code, words, {"TROUBLE": does}, more=more)


TAKEN = list[bytes]()
"""Memory that nobody else is to have."""


def _limit(which: int, most: int) -> Callable[[], object]:
    return lambda: resource.setrlimit(which, (most, resource.getrlimit(which)[1]))


def _memory() -> None:
    """Forty megabytes are left; what the process has to itself from earlier is taken first."""
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + 40_000_000,) * 2)
    with suppress(MemoryError):
        while True:
            TAKEN.append(bytes(1_000_000))
    del TAKEN[-40:]


def _full() -> None:
    os.dup2(os.open("/dev/full", os.O_WRONLY), 1)


def _without(name: str, number: int) -> Callable[[], object]:
    """As Python finds it when a shell has closed it."""

    def close() -> None:
        os.close(number)
        setattr(sys, name, None)

    return close


def _small_disk(folder: Path) -> Path:
    """Its runs lie on a disk of which two megabytes are left; OSError where none can be made."""
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) + 2_000_000
    kept = shutil.copytree(folder / "runs", folder.with_name(f"{folder.name}.runs"))
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", folder / "runs"], capture_output=True)
    if made.returncode:
        raise OSError(made.stderr)
    shutil.copytree(kept, folder / "runs", dirs_exist_ok=True)
    return folder


def _read_only(folder: Path) -> Path:
    """Its runs lie on a disk that takes nothing, which stops root, too; OSError where none can be made."""
    _small_disk(folder)
    subprocess.run(["mount", "-o", "remount,ro", folder / "runs"], check=True)
    return folder


def _gone() -> None:
    """The folder in which it is typed is removed."""
    Path("gone").mkdir()
    os.chdir("gone")
    Path("../gone").rmdir()


def _elsewhere(folder: Path) -> Path:
    """Its runs are a link to another place."""
    (folder / "runs").rename(folder.with_name(f"{folder.name}.runs"))
    (folder / "runs").symlink_to(folder.with_name(f"{folder.name}.runs"))
    return folder


def _dated(when: float) -> Callable[[Path], Path]:
    def date(folder: Path) -> Path:
        for path in folder.rglob("*"):
            os.utime(path, (when, when))
        return folder

    return date


def _named(name: str) -> Callable[[Path], Path]:
    return lambda folder: copied_store(folder, folder / name)


FAULTS: dict[str, Fault] = {
    "a reward calls sys.exit": _reward(2, "sys.exit(0)", "rewards.py", "sys.exit(0)"),
    "a reward calls os._exit": _reward(2, "os._exit(0)", "killed from outside"),
    "a reward raises": _reward(2, "raise ValueError('no reward today')", "no reward today"),
    "a reward raises KeyboardInterrupt": _reward(2, "raise KeyboardInterrupt", "KeyboardInterrupt"),
    "a reward raises SystemExit": _reward(2, "raise SystemExit", "rewards.py"),
    "a reward gives None": _reward(2, "return None", "returned None"),
    "a reward gives too few": _reward(2, "return good[:-1]", "an array of shape"),
    "a reward gives NaN": _reward(2, "return [float('nan') for _ in good]", "non-finite"),
    "a reward gives infinity": _reward(2, "return [float('inf') for _ in good]", "non-finite"),
    "a reward gives texts": _reward(2, "return ['good' for _ in good]", "something else than numbers"),
    "a reward gives lists": _reward(2, "return [[g] for g in good]", "an array of shape"),
    "a reward never returns": _reward(
        2, "time.sleep(999)", "did not return within 1 s", more=("--reward-timeout", "1")
    ),
    "a reward tries for ever": _reward(
        2,
        "exec('while True:\\n try: time.sleep(9)\\n except Exception: pass')",
        "did not return within 1 s",
        more=("--reward-timeout", "1"),
    ),
    "a reward ends itself": _reward(2, "os.kill(os.getpid(), signal.SIGKILL)", "killed from outside"),
    "a reward changes the folder": _reward(0, "os.chdir('/'); return good"),
    "a reward closes stdout": _reward(0, "sys.stdout.close(); return good"),
    "a reward closes streams": _reward(0, "os.close(1); os.close(2); return good"),
    "a reward prints": _reward(0, "print('x' * 100000); print('y', file=sys.stderr); return good"),
    "a reward seeds": _reward(0, "random.seed(1); np.random.seed(1); torch.manual_seed(1); return good"),
    "a reward draws": _reward(0, "random.random(); np.random.rand(9); torch.rand(9); return good"),
    "a reward sets threads": _reward(0, "torch.set_num_threads(3); return good"),
    "a reward stops gradients": _reward(0, "torch.set_grad_enabled(False); return good"),
    "a reward sets types": _reward(0, "torch.set_default_dtype(torch.float64); return good"),
    "a reward forks": _reward(0, "os.fork(); return good"),
    "a reward leaves threads": _reward(0, "threading.Thread(target=time.sleep, args=(.5,)).start(); return good"),
    "a reward ignores signals": _reward(0, "signal.signal(signal.SIGTERM, signal.SIG_IGN); return good"),
    "no file may be large": Fault(2, ("room",), first=_limit(resource.RLIMIT_FSIZE, 300_000)),
    "the disk is full": Fault(2, ("room",), place=_small_disk),
    "a folder that may not be written": Fault(2, ("cannot write to",), place=_read_only),
    "the folder is gone": Fault(2, ("is gone",), first=_gone),
    "no memory": Fault(2, ("memory",), first=_memory),
    "stdout is full": Fault(2, ("room",), first=_full),
    "no stdout": Fault(0, first=_without("stdout", 1)),
    "no stderr": Fault(0, first=_without("stderr", 2)),
    "no stdin": Fault(0, first=_without("stdin", 0)),
    "no HOME": Fault(0, environment={"HOME": None}),
    "a HOME that is not there": Fault(0, environment={"HOME": "/nowhere", "XDG_CACHE_HOME": "/nowhere/cache"}),
    "a TMPDIR that is not there": Fault(0, environment={"TMPDIR": "/nowhere"}),
    "another language": Fault(0, environment={"LC_ALL": "tr_TR.UTF-8", "LANG": "tr_TR.UTF-8"}),
    "another time zone": Fault(0, environment={"TZ": "Pacific/Kiritimati"}),
    "a terminal of one column": Fault(0, environment={"COLUMNS": "1"}),
    "an odd path": Fault(0, place=_named("ein Ordner\n– ü;$(x) 'y\"")),
    "a long path": Fault(0, place=_named("/".join("n" * 100 for _ in range(8)))),
    "a linked store": Fault(0, place=_elsewhere),
    "files of 1970": Fault(0, place=_dated(0)),
    "files of 2100": Fault(0, place=_dated(4.1e9)),
}


def faulted(name: str, states: Path, folder: Path, expected: dict[str, str]) -> Trial:
    """The command while something is wrong, and once that is over."""
    fault, wrong = FAULTS[name], list[str]()
    copied_store(states / "prepared", folder)
    try:
        place = fault.place(folder)
    except OSError as error:
        return Trial(f"{name}: not tried, {error}", 0, ())
    running = Running((*SAME, *fault.more), place, environment=fault.environment, first=fault.first)
    ended = running.end()
    wrong += [f"{len(left)} processes are left" for left in [running.orphans()] if left]
    wrong += [f"says {bad}: {ended.error[-500:]}" for bad in ("Traceback", "should not happen") if bad in ended.error]
    if ended.code != fault.code:
        wrong.append(f"ends with {ended.code}, not {fault.code}: {ended.error[-500:]}")
    wrong += [f"does not say {word!r}: {ended.error[-500:]}" for word in fault.words if word not in ended.error]
    if (folder / "runs").is_symlink():
        (folder / "runs").unlink()
        folder.with_name(f"{folder.name}.runs").rename(folder / "runs")
    if place == folder and os.path.ismount(folder / "runs"):
        subprocess.run(["mount", "-o", "remount,rw,size=100m", folder / "runs"], check=True)
    if fault.code and (last := Running(SAME, place).end()).code:
        wrong.append(f"ends with {last.code} afterwards: {last.error[-500:]}")
    wrong += differences(expected, came_to(place))
    if os.path.ismount(folder / "runs"):
        subprocess.run(["umount", folder / "runs"], check=True)
    if not wrong:
        shutil.rmtree(folder)
    return Trial(name, 1, tuple(wrong))
