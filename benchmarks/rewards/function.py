"""Rewards that are Python functions: named, loaded, and held to one finite number per answer."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.common import BadInput, load_file
from benchmarks.spec import FunctionReward, Scorer


def load_function(reward: FunctionReward) -> Scorer:
    """The function named by a `FunctionReward`; its N outputs are checked to be N finite numbers."""
    place, _, name = reward.function.rpartition(":")
    try:
        module = load_file(Path(place), "a reward") if place.endswith(".py") else importlib.import_module(place)
        function = getattr(module, name)
    except BadInput:
        raise
    except Exception as error:
        raise BadInput(
            f"the reward function {reward.function!r} cannot be loaded: {type(error).__name__}: {error}",
            "a reward names a Python function as module:function or path/to/file.py:function",
            "check the spelling and that the module can be imported from here",
        ) from error

    def scorer(prompts: Sequence[str], responses: Sequence[str]) -> np.ndarray:
        returned = function(list(prompts), list(responses))
        try:
            values = np.asarray(returned, dtype=float)
        except (TypeError, ValueError):
            values = None
        if values is None or values.shape != (len(prompts),) or not np.isfinite(values).all():
            raise BadInput(
                f"the reward function {reward.function!r} returned {describe(values)} for {len(prompts)} answers",
                "a reward is one finite number per answer",
                "make it return a list of floats as long as its arguments",
            )
        return values

    return scorer


def describe(values: np.ndarray | None) -> str:
    """A shape, or the number of non-finite entries, in words; None is what is not numbers."""
    if values is None:
        return "something else than numbers"
    bad = int((~np.isfinite(values)).sum())
    return f"{bad} non-finite numbers" if bad else f"an array of shape {values.shape}"
