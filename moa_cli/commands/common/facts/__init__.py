"""What `moa list` and `moa show` say, as types."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.common.door import door

if TYPE_CHECKING:
    from moa_cli.commands.common.facts.benchmarks import BenchmarkFacts, benchmark_rows
    from moa_cli.commands.common.facts.methods import Hyperparameter, MethodFacts, method_facts, method_rows
    from moa_cli.commands.common.facts.runs import RunFacts, RunRow, run_facts, run_rows
    from moa_cli.commands.common.facts.subjects import is_benchmark, is_method, nothing_called, tunings_called

__getattr__, __all__ = door(__name__)
