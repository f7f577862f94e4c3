"""What `moa init` writes: files that run as they are, each with a comment wherever something is to be changed."""

from __future__ import annotations

from pathlib import Path

METHOD = "method.py"
BENCHMARK = ("benchmark.toml", "rewards.py", "data.jsonl")


def start(name: str) -> str:
    """The text of a start."""
    return (Path(__file__).parent / name).read_text(encoding="utf-8")
