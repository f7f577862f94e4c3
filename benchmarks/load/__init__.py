"""Finding a benchmark by name or file, and checking what was written there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.common.door import door

if TYPE_CHECKING:
    from benchmarks.load.embedded import embedded_benchmark
    from benchmarks.load.fields import benchmark_names, benchmark_summary
    from benchmarks.load.load import has_trained_rewards, load_benchmark, option_names

__getattr__, __all__ = door(__name__)
