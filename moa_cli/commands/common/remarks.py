"""What is said of a benchmark before it is used: where it measures less than it seems to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from moa_cli.words import prepared_name

if TYPE_CHECKING:
    from benchmarks import Benchmark


def few_prompts(benchmark: Benchmark) -> str:
    """That there are fewer test prompts than a benchmark asks for; "" where it asks for none or has them, and where
    nobody knows before data are downloaded."""
    from moa_cli.jobs.estimate import are_here

    asked = benchmark.eval_prompts
    if asked == type(benchmark).eval_prompts:
        return ""  # which is said to be the most
    if not are_here(benchmark) or (there := len(benchmark.prompts("test"))) >= asked:
        return ""
    return f"{_name(benchmark)}: eval_prompts = {asked}, but only {there} test prompt{'s' * (there != 1)}"


def not_held_out(benchmark: Benchmark) -> str:
    """That objectives have no evaluator of their own; "" where all have."""
    names = [o.name for o in benchmark.objectives if o.reward.identity == o.evaluator.identity]
    if not names:
        return ""
    one = len(names) == 1
    told = f"{', '.join(names)} {'has' if one else 'have'} no held-out evaluator: what {'it is' if one else 'they are'}"
    return f"{_name(benchmark)}: {told} trained on is what is measured, so over-optimisation cannot be seen"


def remarks(benchmark: Benchmark) -> Iterator[str]:
    """All that is to be said, a line each."""
    yield from filter(None, (few_prompts(benchmark), not_held_out(benchmark)))


def _name(benchmark: Benchmark) -> str:
    return prepared_name(benchmark.name, benchmark.preparation)
