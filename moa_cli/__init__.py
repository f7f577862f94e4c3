"""Runs the contest between methods and reports it. What is named here is moa's public interface (docs/methods.md).

Names are loaded when first used: `import moa_cli` alone imports neither torch nor numpy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmarks import Answer, Benchmark, Front, Policy, Weights, load_benchmark
    from methods import (
        Adapter,
        Method,
        Range,
        Reinforcement,
        Run,
        find_method,
        load_trained,
        point_name,
        soup,
        train_rl,
        train_sft,
    )
    from moa_cli.comparison import compare
    from moa_cli.work import evaluate, train

_HOMES = {
    "benchmarks": "Answer Benchmark Front Policy Weights load_benchmark",
    "methods": "Adapter Method Range Reinforcement Run find_method load_trained point_name soup train_rl train_sft",
    "moa_cli.comparison": "compare",
    "moa_cli.work": "evaluate train",
}
_HOME = {name: home for home, names in _HOMES.items() for name in names.split()}
__all__ = [
    "Adapter",
    "Answer",
    "Benchmark",
    "Front",
    "Method",
    "Policy",
    "Range",
    "Reinforcement",
    "Run",
    "Weights",
    "compare",
    "evaluate",
    "find_method",
    "load_benchmark",
    "load_trained",
    "point_name",
    "soup",
    "train",
    "train_rl",
    "train_sft",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'moa_cli' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
