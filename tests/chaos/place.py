"""Where commands are tried: a benchmark that trains in seconds, all methods, and what a folder of runs comes to."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq

EXAMPLES = Path(__file__).parents[2] / "examples"

BENCHMARK = """
version = "1"
policy = "scratch:0.3m"
eval_prompts = 6
grid = [[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]]
trained_grid = [[1.0, 0.0], [0.0, 1.0]]
[data]
path = "data.jsonl"
format = "pairs"
template = "Question: {prompt}\\nAnswer:"
test_share = 0.4
columns = { prompt = "question", chosen = "better", rejected = "worse", objective = "goal" }
[[objectives]]
name = "polite"
reward = { steps = 12, base = "0.3m" }
evaluator = { function = "rewards.py:polite_ending" }
[[objectives]]
name = "brief"
reward = { function = "rewards.py:brief" }
evaluator = { function = "rewards.py:brief_in_characters" }
[sampling]
max_new_tokens = 16
[scratch]
vocabulary = 512
pretrain_steps = 25
sft_steps = 12
batch = 8
"""

TROUBLE = """

import os, random, signal, sys, threading, time
import numpy as np
import torch

_good, _calls = brief, 0


def brief(prompts, responses):
    global _calls
    _calls += 1
    if _calls < 4 or not os.environ.get("TROUBLE"):
        return _good(prompts, responses)
    made = {}
    exec("def trouble(good):\\n    " + os.environ["TROUBLE"], globals(), made)
    return made["trouble"](_good(prompts, responses))
"""
"""Told by the environment, a reward misbehaves as users' rewards do: late, and only then."""

SETTINGS = {
    "sft": "",
    "sft-goals": "",
    "best-of-n": "candidates = 3",
    "ric": "rounds = 1\nbatch = 4\noffline_epochs = 3.0\nonline_epochs = 10.0\nonline_prompts = 12",
    "rewarded-soups": "prompts_per_step = 4\nsamples_per_prompt = 2\nepochs = 3.0",
    "morlhf": "prompts_per_step = 4\nsamples_per_prompt = 2\nepochs = 2.0\noptimizer = 'ppo'",
    "mod": "prompts_per_step = 4\nsamples_per_prompt = 2\nepochs = 2.0\noptimizer = 'grpo'",
    "moslim": "prompts_per_step = 4\nsamples_per_prompt = 2\nepochs = 3.0\nreward_steps = 10\nreward_batch = 4\n"
    "calibration_answers = 16",
    "spo": "epochs = 2.0\nbatch = 2\nalphas = [0.0, 1.0]",
    "modpo": "epochs = 3.0\nbatch = 2",
    "paretohqd": "steps = 8\nbatch = 4\nanswers = 10",
}
"""A handful of steps of every method: several checkpoints, where a training is saved every three steps."""

RUN = ("-b", "tiny.toml", "-c", "settings.toml")


def benchmark_in(folder: Path) -> Path:
    """The folder, with the benchmark's files."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(EXAMPLES / "my_data.jsonl", folder / "data.jsonl")
    (folder / "rewards.py").write_text((EXAMPLES / "my_reward.py").read_text() + TROUBLE)
    (folder / "tiny.toml").write_text(BENCHMARK)
    (folder / "settings.toml").write_text("".join(f"[{name}]\n{text}\n" for name, text in SETTINGS.items()))
    return folder


class Trial(NamedTuple):
    """What came of one trial."""

    name: str
    count: int
    """Of what is counted: kills, files, processes."""
    wrong: tuple[str, ...]
    """What is not as it should be; empty where all is."""


PASSING = {"seconds", "peak_memory_bytes", "lost", "command", "folder", "sum", "local_files_only"}
"""What a document says of how it was made, which is another thing each time."""


def came_to(folder: Path) -> dict[str, str]:
    """What lies in a folder, each file by what it says: numbers and texts of fronts, weights, costs.

    Logs, locks, caches and what libraries print are there or not.
    """
    return {
        str(path.relative_to(folder)): _content(path, str(folder))
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in ("lock", "output.txt")
    }


def _content(path: Path, folder: str) -> str:
    read = _READERS.get(path.suffix)
    try:
        return read(path, folder) if read else ""
    except (ValueError, OSError, RecursionError):
        return "damaged"


def _document(path: Path, folder: str) -> str:
    return _digest(
        json.dumps(_lasting(json.loads(path.read_text())), sort_keys=True).replace(json.dumps(folder)[1:-1], ".")
    )


def _lasting(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _lasting(v) for k, v in value.items() if k not in PASSING}
    if isinstance(value, float):
        return float(f"{value:.10g}")  # operations are added up in another order
    return [*map(_lasting, value)] if isinstance(value, list) else value


def _table(path: Path, folder: str) -> str:
    return _digest(repr(pq.read_table(path).to_pydict()))


def _bytes(path: Path, folder: str) -> str:
    return _digest(path.read_bytes().hex())


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


_READERS: dict[str, Callable[[Path, str], str]] = {
    ".json": _document, ".parquet": _table, ".safetensors": _bytes, ".toml": _bytes, ".txt": _bytes,
}  # fmt: skip


def differences(expected: dict[str, str], found: dict[str, str]) -> list[str]:
    """Which files are other ones, are missing or should not be there."""
    there = {name for name in expected if not passing(name)}
    return [
        *(f"missing: {name}" for name in sorted(there - set(found))),
        *(f"left over: {name}" for name in sorted(set(found) - set(expected)) if not passing(name)),
        *(f"differs: {name}" for name in sorted(there & set(found)) if expected[name] != found[name]),
    ]


def passing(name: str) -> bool:
    """Whether a file says how something was made, or saves making it again."""
    return name.endswith((".lock", ".sqlite", "log.jsonl", "sums.json", ".error", ".out", "out.html", ".tar"))
