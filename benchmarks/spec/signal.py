"""The two signals of every objective."""

from __future__ import annotations

from typing import Literal

Signal = Literal["rewards", "scores"]
"""What methods train on, and what the held-out evaluators say."""


SIGNALS: tuple[Signal, ...] = ("scores", "rewards")
"""The held-out one comes first."""


def column(signal: Signal, objective: str) -> str:
    """What an objective's numbers are called in tables: "reward:helpful" or "score:helpful"."""
    return f"{signal.removesuffix('s')}:{objective}"
