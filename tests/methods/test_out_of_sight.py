"""What is held out, no method sees: neither while it trains nor while it answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import pytest

from benchmarks.common.errors import BadInput
from benchmarks.common.sight import method_at_work
from benchmarks.prepare.benchmark import Benchmark
from methods.contract.method import Method
from moa_cli import Policy, Run, Weights, evaluate, train

HELD_OUT: dict[str, Callable[[Benchmark], object]] = {
    "what the evaluators say": lambda benchmark: benchmark.scores(["Why?"], ["So."]),
    "test prompts": lambda benchmark: benchmark.prompts("test"),
    "test pairs": lambda benchmark: benchmark.preference_pairs(benchmark.names[0], "test"),
}


@dataclass(frozen=True, kw_only=True)
class Peeking(Policy):
    """Asks before it answers."""

    at: Benchmark
    for_: str

    def sample(self, *arguments: Any, **more: Any) -> list[list[int]]:
        """As the starting policy does."""
        HELD_OUT[self.for_](self.at)
        return super().sample(*arguments, **more)


@dataclass(frozen=True, kw_only=True)
class Peeks(Method):
    """Asks for what it may not see."""

    steering = "none"
    for_: str = ""
    """What it asks for."""
    when: str = "train"
    """In which of its verbs, or while its policy draws."""

    def train(self, benchmark: Benchmark, run: Run) -> None:
        """Nothing but that."""
        if self.when == "train":
            HELD_OUT[self.for_](benchmark)

    def policy(self, benchmark: Benchmark, run: Run, weights: Weights) -> Policy:
        """The starting policy."""
        policy = benchmark.prepared.load_starting_policy()
        if self.when == "policy":
            HELD_OUT[self.for_](benchmark)
        if self.when == "sample":
            return Peeking(**{f.name: getattr(policy, f.name) for f in fields(policy)}, at=benchmark, for_=self.for_)
        return policy


@pytest.mark.parametrize("when", ["train", "policy", "sample"])
@pytest.mark.parametrize("what", HELD_OUT)
def test_what_is_held_out_is_refused(what: str, when: str, own_tiny: Benchmark) -> None:
    method = Peeks(for_=what, when=when)
    with pytest.raises(BadInput, match=f"a method asked for {what} while it trained or answered"):
        evaluate(own_tiny, method, train(own_tiny, method))
    HELD_OUT[what](own_tiny)  # the measurement sees it, since and before


def test_what_it_learns_from_and_chooses_by_is_not(tiny: Benchmark) -> None:
    with method_at_work():
        assert tiny.prompts("train")
        assert tiny.preference_pairs(tiny.names[0])
        assert tiny.prompts("dev")
        assert tiny.rewards(["Why?"], ["So."]).shape == (1, 2)
