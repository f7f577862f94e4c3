"""Runs the contest between methods and reports it. What is named here is moa's public interface.

Names are loaded when first used: `import moa_cli` alone imports neither torch nor numpy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmarks import Benchmark, Front
    from methods import Method
    from moa_cli.comparison import compare
    from moa_cli.work import evaluate, train

_HOME = {
    "Benchmark": "benchmarks",
    "Front": "benchmarks",
    "Method": "methods",
    "compare": "moa_cli.comparison",
    "evaluate": "moa_cli.work",
    "train": "moa_cli.work",
}
__all__ = ["Benchmark", "Front", "Method", "compare", "evaluate", "train"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'moa_cli' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
