"""Fronts side by side: the comparison, its rows, pairs, ceiling and gate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.common.door import door

if TYPE_CHECKING:
    from moa_cli.comparisons.ceiling import BEST_OF, STEP
    from moa_cli.comparisons.choosing import choose
    from moa_cli.comparisons.comparison import compare
    from moa_cli.comparisons.contributions import Sides, differences
    from moa_cli.comparisons.document import Comparison, OnBenchmark
    from moa_cli.comparisons.equal import answering, largest_grid
    from moa_cli.comparisons.failure import Failure, alike, failed_who, failed_words
    from moa_cli.comparisons.gate import check_units, judge, read_baseline
    from moa_cli.comparisons.kept import SAMPLED, first_looked_at
    from moa_cli.comparisons.pairs import shared_points
    from moa_cli.comparisons.parts import (
        HEADLINES,
        LEAST_PROMPTS,
        Answers,
        BestOfN,
        Candidate,
        Ceiling,
        CeilingFront,
        CeilingOf,
        Choice,
        Difference,
        Gate,
        GateVerdict,
        Headline,
        Row,
        RowPoint,
        Sample,
        SampleAnswer,
        Wish,
        method_of,
        times_words,
    )
    from moa_cli.comparisons.row import counted, known_mean
    from moa_cli.comparisons.saved import is_saved, read_saved, saved_comparison
    from moa_cli.comparisons.select import comparable, found_fronts, named_fronts, run_of

__getattr__, __all__ = door(__name__)
