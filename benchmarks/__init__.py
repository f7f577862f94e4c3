"""The ruler: benchmarks, their rewards and units, the measurement of a policy as a front, indicators and statistics.

A module here is a benchmark, a folder is machinery with a door of its own. Named here are the nouns that benchmarks and
methods are written with; they are loaded when first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.common.door import door

if TYPE_CHECKING:
    from benchmarks.common import BadInput
    from benchmarks.load import benchmark_names, load_benchmark
    from benchmarks.measure import Front
    from benchmarks.models import Policy
    from benchmarks.prepare import Benchmark, Card
    from benchmarks.rewards import FunctionReward, HubReward, TrainedReward
    from benchmarks.spec import Answer, Objective, PreferencePair, Sampling, Scratch, Weights

__getattr__, __all__ = door(__name__)
