"""Many commands at once on one folder of runs: each ends well or says who is at work, and nothing comes to harm."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

from tests.chaos.forked import Running
from tests.chaos.place import RUN, Trial, came_to, differences
from tests.kit.worlds import copied_store

CROWD = 20
SAME = ("compare", "-m", "sft,best-of-n,ric", *RUN, "-o", "out.json")
"""What everybody wants in the end."""
COMMANDS = (
    SAME, SAME, ("train", "-m", "ric", *RUN), ("eval", "--pareto", *RUN[:2], "-c", "settings.toml"), ("list", "runs"),
    ("compare", *RUN[:2]), ("prepare", *RUN[:2]), ("train", "-m", "ric", *RUN, "--restart"), ("claims",),
    ("train", "-m", "sft", *RUN, "--seed", "1"),
)  # fmt: skip


def crowded(states: Path, folder: Path, expected: dict[str, str], seed: str) -> Trial:
    """Twenty commands, begun within a second or two; then the one that everybody wanted, alone."""
    draw = random.Random(seed)
    copied_store(states / draw.choice(("nothing", "prepared", "measured")), folder)
    commands = [draw.choice(COMMANDS) for _ in range(CROWD)]
    running = [Running(command, folder, number) for number, command in enumerate(commands)]
    wrong = list[str]()
    for one, command in zip(running, commands, strict=True):
        ended = one.end()
        wrong += [f"{command[:3]} left {len(left)} processes" for left in [one.orphans()] if left]
        if ended.code not in (0, 2) or "Traceback" in ended.error or "this should not happen" in ended.error:
            wrong.append(f"{' '.join(command[:3])} ends with {ended.code}: {ended.error[-400:]}")
    last = Running(SAME, folder).end()
    if last.code:
        wrong.append(f"{' '.join(SAME[:3])} ends with {last.code} afterwards: {last.error[-400:]}")
    wrong += [told for told in differences(expected, came_to(folder)) if "left over" not in told]
    if not wrong:
        shutil.rmtree(folder)
    return Trial("crowd", CROWD, tuple(wrong))
