"""What the tests share: a tiny world whose whole preparation takes seconds, and tiny random policies. Nothing is downloaded."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from benchmarks import (
    ENVIRONMENT,
    Answer,
    Benchmark,
    FunctionReward,
    Objective,
    PreferencePair,
    Sampling,
    Scratch,
    TrainedReward,
    digest,
    simplex_grid,
)

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

    from benchmarks import Policy

for name, value in {**ENVIRONMENT, "HF_HUB_OFFLINE": "1"}.items():  # before any test module imports torch
    os.environ.setdefault(name, value)


def pytest_configure(config: pytest.Config) -> None:
    """Tests compute on the CPU, where they are exact, unless it is the GPU's turn (-m gpu)."""
    if config.getoption("-m") != "gpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""


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


def say(i: int, ahs: int, ohs: int) -> str:
    """An answer of so many ahs and ohs, in an order that depends on i."""
    words = ["ah"] * ahs + ["oh"] * ohs
    return (
        " ".join(words[(7 * i + 3 * k) % len(words)] for k in range(len(words))) if len(words) % 3 else " ".join(words)
    )


@dataclass(frozen=True)
class Cries:
    """A world of two words, ah and oh, which compete for the room in an answer of eight tokens."""

    def prompts(self, split: str) -> list[str]:
        train = split == "train"
        return [f"{'Call' if train else 'Shout'} {i}: what do you say?" for i in range(48 if train else 12)]

    def demonstrations(self) -> list[Answer]:
        return [Answer(p, say(i, 1 + i % 3, 3 - i % 3)) for i, p in enumerate(self.prompts("train"))]

    def responses(self) -> list[Answer]:
        more = [Answer(p, say(i, i % 4, 1 + i % 2)) for i, p in enumerate(self.prompts("train"))]
        return [*self.demonstrations(), *more]

    def preference_pairs(self, objective: str, split: str) -> list[PreferencePair]:
        if objective != "ah":
            return []
        return [PreferencePair(p, say(i, 3, 1), say(i, 1 - i % 2, 3)) for i, p in enumerate(self.prompts(split))]

    def fingerprint(self) -> str:
        return digest([GOLD, self.responses()])


@contextmanager
def a_tiny_size() -> Iterator[None]:
    """Inside the block `scratch:tiny` exists: width 32, two layers, two heads, about 30,000 parameters."""
    from benchmarks import setup
    from benchmarks._scratch import SIZES

    setup(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(SIZES, "tiny", (32, 2, 2))
        yield


@pytest.fixture
def tiny_size() -> Iterator[None]:
    """The test can build `scratch:tiny` models."""
    with a_tiny_size():
        yield


@pytest.fixture(scope="session")
def unprepared(tmp_path_factory: pytest.TempPathFactory) -> Benchmark:
    """The tiny benchmark before anything is made: a trained reward with gold evaluator, and a gold reward."""
    home = tmp_path_factory.mktemp("home")
    gold = home / "gold.py"
    gold.write_text(GOLD)
    ah, oh = (FunctionReward(function=f"{gold}:{name}") for name in ("ahs", "ohs"))
    trained = TrainedReward(base="tiny", steps=30, batch=16, learning_rate=1e-2)
    return Benchmark(
        name="cries",
        version="1",
        data=Cries(),
        objectives=(Objective(name="ah", reward=trained, evaluator=ah), Objective(name="oh", reward=oh, evaluator=oh)),
        policy="scratch:tiny",
        sampling=Sampling(max_new_tokens=8),
        eval_prompts=10,
        scratch=Scratch(vocabulary=300, pretrain_steps=40, sft_steps=10, batch=16, learning_rate=1e-2),
        grid=simplex_grid(2, 2),
        max_prompt_tokens=64,
        home=home / "runs",
    )


@pytest.fixture(scope="session")
def tiny(unprepared: Benchmark) -> Benchmark:
    """The tiny benchmark, prepared. Shared by all tests: what changes files takes `own_tiny`."""
    from benchmarks import prepare

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
    from benchmarks import prepare

    objectives = tuple(replace(o, reward=o.evaluator) for o in own_tiny.objectives)
    return prepare(replace(own_tiny, objectives=objectives)).benchmark


@pytest.fixture(scope="session")
def tokenizer() -> PreTrainedTokenizerFast:
    """A byte-level tokenizer with few merges."""
    from benchmarks._scratch import train_tokenizer

    texts = [
        "Please call a doctor.\n\nHuman: Why not now?\n\nAssistant: Because I say so.",
        "Hello there, how are you?",
    ]
    return train_tokenizer(texts, 330)


@pytest.fixture(scope="session")
def random_policy(tokenizer: PreTrainedTokenizerFast) -> Callable[..., Policy]:
    """Makes untrained policies: `random_policy(seed, sharpness)`; a sharp one has few likely tokens, a flat one many."""
    import torch
    from transformers import LlamaForCausalLM

    from benchmarks import Policy
    from benchmarks._scratch import scratch_config

    def make(seed: int = 0, sharpness: float = 0.3, max_prompt_tokens: int = 512) -> Policy:
        with a_tiny_size():
            config = scratch_config("tiny", tokenizer, 600)
        config.initializer_range = sharpness
        torch.manual_seed(seed)
        return Policy(LlamaForCausalLM(config).eval(), tokenizer, max_prompt_tokens=max_prompt_tokens)

    return make
