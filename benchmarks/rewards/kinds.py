"""The kinds of rewards. Another one is a file beside this, and an entry here."""

from __future__ import annotations

from benchmarks.rewards.function import FunctionReward
from benchmarks.rewards.hub import HubReward
from benchmarks.rewards.trained import TrainedReward
from benchmarks.spec import Reward

KINDS: tuple[type[Reward], ...] = (HubReward, FunctionReward, TrainedReward)
"""A table in a benchmark's file is of the first kind all of whose required fields it has."""
