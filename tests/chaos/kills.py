"""Commands that are killed again and again, then left to end: what they made is what one makes that nobody disturbs."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
from collections.abc import Sequence
from pathlib import Path

from tests.chaos.forked import Ended, Running
from tests.chaos.place import RUN, SETTINGS, Trial, came_to, differences
from tests.kit.worlds import copied_store

MOST = 6
"""Kills of one command at most."""

COMMANDS: dict[str, tuple[str, tuple[str, ...]]] = {
    "prepare": ("nothing", ("prepare", *RUN[:2], "-o", "prepared.tar")),
    **{name: ("prepared", ("compare", "-m", name, *RUN, "-o", "out.json", "-o", "out.html")) for name in SETTINGS},
    "train": ("prepared", ("train", "-m", "ric,modpo", *RUN)),
    "eval": ("trained", ("eval", "--pareto", *RUN[:2])),
    "ceiling": ("measured", ("compare", "--ceiling", *RUN[:2], "-o", "out.json")),
    "tune": ("prepared", ("tune", "-m", "paretohqd", *RUN[:2], "--trials", "2", "-c", "steps=6", "-c", "answers=10")),
    "study": ("prepared", ("study", "kl", "-m", "modpo", *RUN, "--over", "0.5,1", "-o", "out.json")),
    "export": ("measured", ("export", "RIC", *RUN[:2], "--weights", ".3,.7", "out")),
}
"""What is killed: the state that it begins in, and the command."""


def arguments(name: str, folder: Path) -> tuple[str, ...]:
    """The command, with the folder of the run that it takes."""
    run = next(iter(folder.glob("runs/tiny/ric/*-s0")), Path("none"))
    return tuple(str(run.relative_to(folder)) if word == "RIC" else word for word in COMMANDS[name][1])


def undisturbed(name: str, states: Path, folder: Path) -> tuple[Ended, dict[str, str]]:
    """What the command comes to when nobody disturbs it."""
    copied_store(states / COMMANDS[name][0], folder)
    ended = Running(arguments(name, folder), folder).end()
    return ended, came_to(folder)


def killed(name: str, states: Path, folder: Path, expected: dict[str, str], seconds: float, seed: str) -> Trial:
    """The command, killed some times at random moments, in random ways, and then left to end."""
    draw, wrong, kills = random.Random(f"{seed} {name}"), list[str](), 0
    copied_store(states / COMMANDS[name][0], folder)
    times = draw.randint(2, MOST)
    while True:
        running = Running(arguments(name, folder), folder)
        if kills == times or running.wait(draw.uniform(0, seconds)):
            break
        kills += 1
        wrong += draw.choice(KILLS)(running, draw)
    ended = running.end()
    had_ended = name == "export" and kills and "out is not empty" in ended.error  # all but its process, when killed
    if ended.code and not had_ended:
        wrong.append(f"it ends with {ended.code} after {kills} kills: {ended.error[-300:]}")
    if left := running.orphans():
        wrong.append(f"{len(left)} processes are left")
    wrong += differences(expected, came_to(folder))
    if not wrong:
        shutil.rmtree(folder)
    return Trial(name, kills, tuple(wrong))


def _all(running: Running, draw: random.Random) -> list[str]:
    """It may have ended by itself just before, here and below."""
    os.killpg(running.pid, signal.SIGKILL)
    return _gone(running, (0, -9))


def _worker(running: Running, draw: random.Random) -> list[str]:
    """The system takes one of its workers."""
    if not (workers := running.others()):
        return _all(running, draw)
    with contextlib.suppress(ProcessLookupError):
        os.kill(draw.choice(workers), signal.SIGKILL)
    return _gone(running, (0, 2), "goes on")


def _parent(running: Running, draw: random.Random) -> list[str]:
    os.kill(running.pid, signal.SIGKILL)
    return _gone(running, (0, -9))


def _stop(running: Running, draw: random.Random) -> list[str]:
    """As a batch system does."""
    os.kill(running.pid, signal.SIGTERM)
    return _gone(running, (0, 143, -15))


def _interrupt(running: Running, draw: random.Random) -> list[str]:
    """Ctrl-C goes to all of a terminal's processes."""
    os.killpg(running.pid, signal.SIGINT)
    return _gone(running, (0, 130))


KILLS = (_all, _all, _worker, _parent, _stop, _interrupt)


def _gone(running: Running, codes: Sequence[int], word: str = "") -> list[str]:
    """What is wrong with how it ended, having been killed."""
    ended = running.end()
    told = [line for line in ("Traceback", "this should not happen", "leaked") if line in ended.error]
    wrong = [f"says {line}: {ended.error[-400:]}" for line in told]
    if ended.code not in codes:
        wrong.append(f"ends with {ended.code}, not {codes}: {ended.error[-300:]}")
    if ended.code == 2 and word not in ended.error:
        wrong.append(f"does not say {word!r}: {ended.error[-300:]}")
    if left := running.orphans():
        wrong.append(f"{len(left)} processes outlive it")
    return wrong
