"""Runs the contest between methods and reports it. What is named here is moa's public interface (docs/methods.md).

Names are loaded when first used: `import moa_cli` alone imports neither torch nor numpy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from moa_cli.siblings import check_siblings

check_siblings()  # before anything is taken from them

from benchmarks.common.door import door  # noqa: E402

if TYPE_CHECKING:
    from benchmarks import Answer, Benchmark, Front, Policy, Weights, load_benchmark
    from benchmarks.common import Answering, Choices, Range, Search
    from methods import (
        Adapter,
        Effort,
        Method,
        Reinforcement,
        Run,
        find_method,
        load_trained,
        point_name,
        soup,
        train_rl,
        train_sft,
    )
    from moa_cli.comparisons import compare
    from moa_cli.jobs import evaluate, train

__getattr__, __all__ = door(__name__)
