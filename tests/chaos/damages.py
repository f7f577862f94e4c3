"""Artefacts that are damaged, several at a time: what is damaged is not used, and is mended by what moa says."""

from __future__ import annotations

import random
import re
import shlex
import shutil
from pathlib import Path

from tests.chaos.forked import Ended, Running
from tests.chaos.harm import BYTES
from tests.chaos.place import RUN, Trial, came_to, differences
from tests.kit.worlds import copied_store

METHODS = "sft,ric,rewarded-soups"
SAME = ("compare", "-m", METHODS, *RUN, "-o", "out.json")
"""The command that made the place, and that is to mend it."""
LOOKS = (
    ("list", "runs"), ("compare", *RUN[:2]), ("eval", "--pareto", *RUN[:2], "-c", "settings.toml"), ("show", "RUN"),
    ("claims",),
)  # fmt: skip
"""What one would type before that."""
GONE = ("", "runs/tiny/*/*/front-*", "runs/tiny/ric")
"""What is gone as well, and has to be made again from what is left: nothing, so that what is there is read; the fronts,
so that policies answer again; a run, so that it is trained from what is prepared."""
AT_ONCE = 4
"""Artefacts that are damaged before anything is typed."""
TRIES = 4 * AT_ONCE
"""Commands that refusals may ask for, one after another."""


def picked(names: list[str], draw: random.Random) -> list[str]:
    """Some of them. A training's ledger has no second copy: what it takes to mend that training is not known then."""
    some = draw.sample(names, AT_ONCE)
    ledgers = [Path(name) for name in some if name.endswith("cost.json") and "prepared" not in name]
    return [name for name in some if not any(one.parent in Path(name).parents for one in ledgers if str(one) != name)]


def artefacts(place: Path) -> list[str]:
    """What can be damaged: all that moa has made and reads."""
    found = (path for path in place.rglob("*") if path.is_file() and "runs" in path.parts)
    unread = (".lock", "output.txt", "log.jsonl")
    return sorted(str(p.relative_to(place)) for p in found if not p.name.endswith(unread) and p.name != "lock")


def damaged(states: Path, folder: Path, expected: dict[str, str], seed: str) -> Trial:
    """Artefacts damaged, each in its way; then a look, then the command that made everything, then what it says."""
    draw = random.Random(seed)
    copied_store(states / "measured", folder)
    for path in folder.glob(draw.choice(GONE) or "none"):
        shutil.rmtree(path)
    harmed = {}
    for name in picked(artefacts(folder), draw):
        whole = (folder / name).read_bytes()
        while harmed.setdefault(name, whole) == whole:
            harmed[name] = draw.choice((*BYTES, lambda data, draw: b""))(whole, draw)
        (folder / name).write_bytes(harmed[name])
    wrong, first = list[str](), next(iter(harmed))
    wrong += _manners(_run(folder, draw.choice(LOOKS), first))
    ended = _run(folder, SAME, first)
    for _ in range(TRIES):
        wrong += _manners(ended)
        if ended.code == 0 or (asked := _asked(ended.error, folder)) is None:
            break
        for command in asked:
            wrong += _manners(_run(folder, command, first))
        ended = _run(folder, SAME, first)
    if ended.code:
        wrong.append(f"is not mended: {ended.error[-400:]}")
    else:
        unread = set()
        for name, bytes_ in harmed.items():
            if not (folder / name).exists() or (folder / name).read_bytes() == bytes_:
                unread |= {f"differs: {name}", f"missing: {name}"}
        wrong += [f for f in differences(expected, came_to(folder)) if "left over" not in f and f not in unread]
    if not wrong:
        shutil.rmtree(folder)
    return Trial(", ".join(harmed), len(harmed), tuple(wrong))


def _run(folder: Path, command: tuple[str, ...], name: str) -> Ended:
    """A command, and the run that it takes is the one that was damaged, if any was."""
    run = "." if "prepared" in name else str(Path(*Path(name).parts[:4]))
    return Running(tuple(run if word == "RUN" else word for word in command), folder).end()


def _manners(ended: Ended) -> list[str]:
    """What no command does, whatever is damaged."""
    told = [line for line in ("Traceback", "this should not happen") if line in ended.error]
    wrong = [f"says {line}: {ended.error[-400:]}" for line in told]
    return wrong if ended.code in (0, 2) else [*wrong, f"ends with {ended.code}: {ended.error[-400:]}"]


def _asked(said: str, folder: Path) -> list[tuple[str, ...]] | None:
    """The commands that a refusal tells to type, having deleted what it says to delete; None where it asks nothing."""
    commands, deleted = [], False
    for line in re.findall(r"^try: (.*(?:\n  .*)*)", said, re.MULTILINE):
        for path in re.findall(r"(?:delete|remove|rm(?: -r)?) (\S+?)[,;.]?(?: |$)", line):
            target, deleted = folder / path, True
            if target.is_dir():
                shutil.rmtree(target)
            else:
                target.unlink(missing_ok=True)
        for typed in re.findall(r"moa ((?:train|eval|prepare|compare)[^;,]*)", line):
            commands.append(tuple(shlex.split(typed)))
    return commands if commands or deleted else None
