"""Where and how it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

RUNNING = "Where and how it runs"


def limit_rewards(seconds: float | None) -> None:
    """Tells this process and the workers that it starts how long a call of a reward may take."""
    import os

    from benchmarks.common import TIMEOUT

    if seconds is not None:
        os.environ[TIMEOUT] = str(seconds)


def at_home(folder: Path) -> Path:
    """A folder with "~" for that of the user, as a variable has it that no shell has read."""
    return folder.expanduser()


Home = Annotated[
    Path,
    typer.Option(
        "--runs", metavar="DIR", envvar="MOA_RUNS", callback=at_home, help="Where runs and prepared benchmarks lie.",
        rich_help_panel=RUNNING,
    ),
]  # fmt: skip


DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir", metavar="DIR", help="Read the benchmark's data from this folder.", rich_help_panel=RUNNING
    ),
]


Prepared = Annotated[
    Path | None,
    typer.Option(
        "--prepared", metavar="FILE.tar",
        help="Take what is prepared from this file of moa prepare -o, into the folder of runs, instead of making it.",
        rich_help_panel=RUNNING,
    ),
]  # fmt: skip


Track = Annotated[
    str | None,
    typer.Option(
        "--track", metavar="TRACKER",
        help="Send what trainings measure to trackio, wandb or tensorboard, too, under the name of the run.",
        rich_help_panel=RUNNING,
    ),
]  # fmt: skip


Jobs = Annotated[
    int | None,
    typer.Option(
        "--jobs", metavar="N", min=1,
        help=r"Number of worker processes. \[default: one per GPU or CPU core, at most one per job]",
        rich_help_panel=RUNNING,
    ),
]  # fmt: skip


RewardTimeout = Annotated[
    float | None,
    typer.Option(
        "--reward-timeout", metavar="SECONDS", envvar="MOA_REWARD_TIMEOUT", min=0.001, callback=limit_rewards,
        help=r"End a call of a reward that is a Python function if it takes longer than that. \[default: no limit]",
        rich_help_panel=RUNNING,
    ),
]  # fmt: skip
