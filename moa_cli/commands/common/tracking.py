"""`--track`: what trainings measure is sent to a tracker, too."""

from __future__ import annotations

import os
from importlib.util import find_spec

from moa_cli.console import refuse, say

LIBRARIES = {
    "trackio": ("trackio",),
    "wandb": ("wandb",),
    "tensorboard": ("tensorboard", "tensorboardX"),
}
"""The packages of each tracker, of which one has to be there."""


def track_with(name: str | None) -> None:
    """Has trainings tracked in all processes of this command. BadInput for what is no tracker or is not installed."""
    if name is None:
        os.environ.pop("MOA_TRACK", None)
        return
    if name not in LIBRARIES:
        refuse(
            f"--track {name} is no tracker", f"there are {', '.join(LIBRARIES)}", "name one of them, or leave it out"
        )
    if not any(find_spec(package) for package in LIBRARIES[name]):
        refuse(
            f"--track {name}: {name} is not installed",
            "what is measured would not be tracked, so nothing was started",
            f"pip install {LIBRARIES[name][0]}; log.jsonl has it all without that",
        )
    os.environ["MOA_TRACK"] = name
    say(f"trainings are tracked with {name}")
