"""What all tests are given: the tiny world, prepared, and tiny random policies. Nothing is downloaded."""

from __future__ import annotations

import gc
import logging
import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest

from benchmarks.models.device import ENVIRONMENT
from benchmarks.prepare.benchmark import Benchmark
from benchmarks.rewards.function import FunctionReward
from methods.conformance.tiny import tiny_benchmark
from tests.kit.worlds import GOLD, a_tiny_size

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

    from benchmarks.models.policy import Policy


MEMORY = Path("/dev/shm")
"""Files that are held in memory, on Linux."""


for name, value in {**ENVIRONMENT, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}.items():  # before torch is imported
    os.environ.setdefault(name, value)


def pytest_configure(config: pytest.Config) -> None:
    """Tests compute on the CPU, where they are exact, unless it is the GPU's turn (-m gpu).

    Their files need not outlive a loss of power, so nobody waits for the disk; they lie in memory where it has room.
    """
    os.fsync = lambda number: None  # type: ignore[assignment]
    if "TMPDIR" not in os.environ and MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > 4e9:
        os.environ["TMPDIR"] = tempfile.tempdir = str(MEMORY)
    if config.getoption("-m") != "gpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""


def left_alone() -> None:
    """What is there stays, and no garbage collection looks at it again: every training begins with a full one
    (accelerate's), every command ends its jobs with one, and each would take longer than such a training."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[Any]:
    """What the imports make."""
    gc.disable()
    result = yield
    gc.enable()
    left_alone()
    return result


@pytest.fixture(scope="module", autouse=True)
def what_earlier_files_made() -> None:
    """Worlds that are drawn once per process, benchmarks prepared for all, libraries that were imported meanwhile."""
    left_alone()


@pytest.fixture(scope="module", autouse=True)
def as_it_was() -> Iterator[None]:
    """What a file's tests, and the commands that they run in this process, change of it is changed back: the files
    run in any order."""
    levels = {name: logging.getLogger(name).level for name in ("moa", "moa.settings")}
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)}
    with mock.patch.dict(os.environ):
        yield
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture
def tiny_size() -> Iterator[None]:
    """The test can build `scratch:tiny` models."""
    with a_tiny_size():
        yield


@pytest.fixture
def saved_early(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trainings are saved after 5 steps: what comes back then comes back after 25."""
    from benchmarks.models import training

    monkeypatch.setattr(training, "SAVE_EVERY", 5)


@pytest.fixture(scope="session")
def unprepared(tmp_path_factory: pytest.TempPathFactory) -> Benchmark:
    """The tiny benchmark before anything is made: a trained reward with gold evaluator, and a gold reward."""
    home = tmp_path_factory.mktemp("home")
    gold = home / "gold.py"
    gold.write_text(GOLD)
    ah, oh = (FunctionReward(function=f"{gold}:{name}") for name in ("ahs", "ohs"))
    return tiny_benchmark(home / "runs", ah, oh)


@pytest.fixture(scope="session")
def tiny(unprepared: Benchmark) -> Benchmark:
    """The tiny benchmark, prepared. Shared by all tests: what changes files takes `own_tiny`."""
    from benchmarks.prepare.make import prepare

    with a_tiny_size():
        return prepare(unprepared).benchmark


@pytest.fixture
def own_tiny(tiny: Benchmark, tmp_path: Path) -> Benchmark:
    """The prepared tiny benchmark in a folder of the test's own."""
    shutil.copytree(tiny.home, tmp_path / "runs")
    return replace(tiny, home=tmp_path / "runs")


@pytest.fixture
def gold_tiny(own_tiny: Benchmark, tiny_size: None) -> Benchmark:
    """The same with gold rewards throughout, prepared."""
    from benchmarks.prepare.make import prepare

    objectives = tuple(replace(o, reward=o.evaluator) for o in own_tiny.objectives)
    return prepare(replace(own_tiny, objectives=objectives)).benchmark


@pytest.fixture(scope="session")
def tokenizer() -> PreTrainedTokenizerFast:
    """A byte-level tokenizer with few merges."""
    from benchmarks.models.scratch import train_tokenizer

    texts = [
        "Please call a doctor.\n\nHuman: Why not now?\n\nAssistant: Because I say so.",
        "Hello there, how are you?",
    ]
    return train_tokenizer(texts, 330)


@pytest.fixture(scope="session")
def random_policy(tokenizer: PreTrainedTokenizerFast) -> Callable[..., Policy]:
    """Makes untrained policies: `random_policy(seed, sharpness)`; a sharp one has few likely tokens, a flat one
    many."""
    import torch
    from transformers import LlamaForCausalLM

    from benchmarks.models.policy import Policy
    from benchmarks.models.scratch import scratch_config

    def make(seed: int = 0, sharpness: float = 0.3, max_prompt_tokens: int = 512) -> Policy:
        with a_tiny_size():
            config = scratch_config("tiny", tokenizer, 600)
        config.initializer_range = sharpness
        torch.manual_seed(seed)
        return Policy(LlamaForCausalLM(config).eval(), tokenizer, max_prompt_tokens=max_prompt_tokens)

    return make
