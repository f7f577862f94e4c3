"""Trackers of trainings: transformers' own integrations, told what a training is called here."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from transformers import Trainer

TRACK = "MOA_TRACK"
"""The environment variable that names the tracker; without it there is none. Worker processes inherit it."""
PROJECT = "moa"


def tracked_as(folder: Path) -> dict[str, Any]:
    """What a trainer is told of its tracker, a training with checkpoints in this folder being called after that."""
    tracker = os.environ.get(TRACK)
    if not tracker:
        return {"report_to": []}
    name = training_name(folder)
    os.environ.setdefault("WANDB_PROJECT", PROJECT)
    if tracker == "tensorboard":  # it knows no names but folders, and its own one would be that of the checkpoints
        os.environ["TENSORBOARD_LOGGING_DIR"] = str(_home(folder) / "tensorboard" / name)
    return {"report_to": [tracker], "run_name": name, "project": PROJECT}


def training_name(folder: Path) -> str:
    """What a training is called: its place below the folder of all runs.

    >>> training_name(Path("runs/hh/sft/0123abcd-s0/checkpoints/offline"))
    'hh/sft/0123abcd-s0/offline'
    >>> training_name(Path("runs/hh/prepared/.policy-0123.partial/sft"))
    'hh/prepared/policy-0123/sft'
    >>> training_name(Path("runs/hh/prepared/.reward-0123.partial/checkpoints"))
    'hh/prepared/reward-0123'
    """
    own = folder.parts[len(_home(folder).parts) :]
    return "/".join(part.removeprefix(".").removesuffix(".partial") for part in own if part != "checkpoints")


def _home(folder: Path) -> Path:
    """The folder of all runs: three above that of a run, two above that of what is prepared."""
    above = [folder, *folder.parents]
    names = [place.name for place in above]
    if names[2:3] == ["prepared"]:
        return above[4]
    return above[5] if names[1:2] == ["checkpoints"] and len(above) > 5 else folder.parent


def end_tracking(trainer: Trainer) -> None:
    """A worker trains one thing after another: the next one is another run of the tracker."""
    if "wandb" in trainer.args.report_to:
        import wandb

        wandb.finish()
