"""What moa promises of kills, damage, crowds, faults and odd inputs, tried: `python -m tests.chaos` prints figures.

30 to 50 minutes on two cores; `--share .1` tries a tenth. What went wrong is printed with what repeats it, and the exit
code is 1 then.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple

from tests.chaos.crowd import CROWD, crowded
from tests.chaos.crowd import SAME as WANTED
from tests.chaos.damages import SAME as MADE
from tests.chaos.damages import damaged
from tests.chaos.faults import FAULTS, faulted
from tests.chaos.faults import SAME as TRAINED
from tests.chaos.forked import Running, load
from tests.chaos.fuzz import read
from tests.chaos.kills import COMMANDS, killed, undisturbed
from tests.chaos.place import RUN, Trial, benchmark_in, came_to
from tests.chaos.readers import readers
from tests.kit.worlds import copied_store

LANES = 2
"""Trials side by side."""
KILLS, DAMAGES, PROCESSES, INPUTS = 300, 500, 1000, 100_000
"""How many are tried of each. [choice]"""
OF_A_COMMAND, OF_A_TRIAL = 2.4, 3.8
"""Kills of one command, and artefacts that one trial damages, as it turns out: some commands end before they are
killed, some folders have fewer artefacts."""
READ_AT_ONCE = 100
"""Damaged files of each kind that are read in one trial."""
SECURITY = ("tests/moa_cli/formats/test_inert.py", "tests/moa_cli/runs/test_store_is_data.py")
"""What a text or a folder from elsewhere can do: tests of their own."""

Try = Callable[[], Trial]


class Kind(NamedTuple):
    """What is tried, in words, and the states that it needs."""

    what: str
    states: tuple[str, ...] = ()


KINDS = {
    "kills": Kind("kills of everything, a worker, the parent, by SIGTERM and Ctrl-C", ("prepared", "measured")),
    "damages": Kind("artefacts that were damaged", ("prepared", "measured")),
    "crowds": Kind("processes on one store", ("prepared", "measured", "wanted")),
    "faults": Kind("faults of rewards and of the machine", ("prepared", "mended")),
    "inputs": Kind("damaged inputs read"),
}


STATES = {
    "prepared": ("nothing", ("prepare", *RUN[:2])),
    "measured": ("prepared", MADE),
    "wanted": ("prepared", WANTED),
    "mended": ("prepared", TRAINED),
}
"""What a state is made of, and by which command."""


def states_in(folder: Path, kinds: set[str]) -> Path:
    """The states that trials of these kinds begin in, or are to come to."""
    benchmark_in(folder / "nothing")
    needed = {name for kind in kinds for name in KINDS[kind].states}
    for name in [name for name in STATES if name in needed]:
        before, command = STATES[name]
        ended = Running(command, copied_store(folder / before, folder / name)).end()
        assert ended.code == 0, ended.error
    if "measured" in needed:
        for front in copied_store(folder / "measured", folder / "trained").glob("runs/tiny/*/*/front-*"):
            shutil.rmtree(front)
    return folder


def trials(
    lanes: ProcessPoolExecutor, states: Path, scratch: Path, seed: int, share: float, kinds: set[str]
) -> Iterator[tuple[str, Try]]:
    """All of them, by name."""
    if "kills" in kinds:
        begun = {name: lanes.submit(undisturbed, name, states, scratch / f"whole-{name}") for name in COMMANDS}
        known = {name: future.result() for name, future in begun.items()}
        for name, (ended, _) in known.items():
            assert ended.code == 0, f"{name}: {ended.error}"
        for n in range(math.ceil(share * KILLS / OF_A_COMMAND)):
            name = [*COMMANDS][n % len(COMMANDS)]
            ended, whole = known[name]
            yield f"kills {n}", partial(killed, name, states, scratch / f"k{n}", whole, ended.seconds, f"{seed} {n}")
    if "damages" in kinds:
        measured = came_to(states / "measured")
        for n in range(math.ceil(share * DAMAGES / OF_A_TRIAL)):
            yield f"damages {n}", partial(damaged, states, scratch / f"d{n}", measured, f"{seed} {n}")
    if "crowds" in kinds:
        wanted = came_to(states / "wanted")
        for n in range(math.ceil(share * PROCESSES / CROWD)):
            yield f"crowds {n}", partial(crowded, states, scratch / f"c{n}", wanted, f"{seed} {n}")
    if "faults" in kinds:
        mended = came_to(states / "mended")
        for n, name in enumerate(FAULTS):
            if n % max(1, round(1 / share)) == 0:
                yield f"faults {n}", partial(faulted, name, states, scratch / f"f{n}", mended)
    if "inputs" in kinds:
        (place := scratch / "readers").mkdir()
        at_once = READ_AT_ONCE * len(readers(place))
        for n in range(math.ceil(share * INPUTS / at_once)):
            yield f"inputs {n}", partial(read, READ_AT_ONCE, seed, n)


def main() -> int:
    """Tries them and prints figures."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--share", type=float, default=1.0, help="how much of it: 1 is all")
    parser.add_argument("--only", metavar="KIND [N]", default="", help="one kind, or one of its trials: 'kills 17'")
    asked = parser.parse_args()
    kinds = {asked.only.split(" ")[0]} if asked.only else {*KINDS}
    begin, scratch = time.monotonic(), Path(tempfile.mkdtemp(prefix="chaos-"))
    load()
    tried, wrong = dict.fromkeys(KINDS, 0), list[str]()
    states = states_in(scratch / "states", kinds)
    with ProcessPoolExecutor(LANES, multiprocessing.get_context("fork")) as lanes:
        chosen = [
            (name, lanes.submit(one))
            for name, one in trials(lanes, states, scratch, asked.seed, asked.share, kinds)
            if asked.only in (name, name.split(" ")[0], "")
        ]
        for name, future in chosen:
            error = future.exception()
            trial = Trial("itself", 0, (f"ends in {error!r}",)) if error else future.result()
            tried[name.split(" ")[0]] += trial.count
            for told in trial.wrong:
                wrong.append(name)
                print(f"{name} ({trial.name}): {told}", flush=True)
    print(f"{'tried':>8}{'wrong':>8}  seed {asked.seed}, {time.monotonic() - begin:.0f} s")
    for kind, (what, _) in KINDS.items():
        if tried[kind]:
            print(f"{tried[kind]:8}{sum(name.startswith(kind) for name in {*wrong}):8}  {what}")
    if not asked.only:
        security = subprocess.run([sys.executable, "-m", "pytest", "-q", *SECURITY], capture_output=True, text=True)
        print(f"texts and folders from elsewhere: {security.stdout.strip().splitlines()[-1]}")
        wrong += ["security"] * bool(security.returncode)
    if not wrong:
        shutil.rmtree(scratch)
    else:
        print(f"what went wrong lies in {scratch}; one again: --seed {asked.seed} --only '{wrong[0]}'")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
