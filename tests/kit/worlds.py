"""Small worlds: one of two words, whose preparation takes seconds, and one in files as a user has them."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from benchmarks.common.atomic import locked
from benchmarks.spec.answers import Answer
from methods.conformance.tiny import Cries, a_tiny_size, say

__all__ = ["GOLD", "METHODS", "TOML", "Cries", "WithGrades", "a_tiny_size", "benchmark_in", "copied", "once", "say"]

GOLD = '''
def ahs(prompts, responses):
    """How often the answer says ah."""
    return [float(r.split().count("ah")) for r in responses]

def ohs(prompts, responses):
    """How often the answer says oh."""
    return [float(r.split().count("oh")) for r in responses]

def long(prompts, responses):
    """How long the answer is, in characters."""
    return [float(len(r)) for r in responses]

def flat(prompts, responses):
    """Always the same."""
    return [1.0 for _ in responses]
'''


@dataclass(frozen=True)
class WithGrades:
    """Data and its grades."""

    data: Any
    grades: Any

    def graded_labels(self, objective: str) -> list[tuple[Answer, int]]:
        return self.grades[objective]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.data, name)


TOML = """
policy = "scratch:0.3m"
eval_prompts = 6
grid = [[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]]
[data]
path = "rows.jsonl"
format = "answers"
test_share = 0.3
[[objectives]]
name = "long"
reward = { function = "letters.py:long" }
evaluator = { function = "letters.py:words" }
[[objectives]]
name = "round"
reward = { function = "letters.py:vowels" }
evaluator = { function = "letters.py:consonants" }
[sampling]
max_new_tokens = 8
[scratch]
vocabulary = 150
pretrain_steps = 2
sft_steps = 1
batch = 4
"""
LETTERS = '''
import os, signal, time

def long(prompts, responses):
    """Told by the environment, it fails, dies or dawdles as real rewards do."""
    trouble = os.environ.get("TROUBLE")
    if trouble == "raise":
        raise RuntimeError("no reward today")
    if trouble == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if trouble == "dawdle":
        time.sleep(600)
    return [float(len(r)) for r in responses]

def words(prompts, responses):
    return [len(r.split()) + len(r) / 9 for r in responses]

def vowels(prompts, responses):
    return [float(sum(c in "aeiou" for c in r.lower())) for r in responses]

def consonants(prompts, responses):
    return [-float(sum(c in "rstln" for c in r.lower())) for r in responses]
'''
METHODS = ("-m", "sft,ric", "-c", "ric.rounds=0", "-c", "offline_epochs=0.1", "-c", "batch=4")


def benchmark_in(folder: Path) -> Path:
    """The folder, with a benchmark that trains in a second: its rewards are letter counts."""
    (folder / "tiny.toml").write_text(TOML)
    (folder / "letters.py").write_text(LETTERS)
    rows = [{"prompt": f"Say number {i} aloud.", "response": f"It is {i}, and then comes {i + 1}."} for i in range(40)]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """A folder that the first of all processes which test side by side makes, and the others find."""
    base = factory.getbasetemp()
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder, done = base / name, base / f"{name}.done"
    with locked(base / f"{name}.lock"):
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            make(folder)
            done.touch()
    return folder


def copied(folder: Path, to: Path) -> Path:
    """A folder with runs, elsewhere: its runs name the copied benchmark file."""
    assert [*folder.glob("runs/*/*/*/run.json")]
    return copied_store(folder, to)


def copied_store(folder: Path, to: Path) -> Path:
    """The same of a folder that may have no runs yet, and whatever the folders are called."""
    shutil.copytree(folder, to)
    for record in to.glob("runs/*/*/*/run.json"):
        record.write_text(record.read_text().replace(json.dumps(str(folder))[1:-1], json.dumps(str(to))[1:-1]))
    return to
