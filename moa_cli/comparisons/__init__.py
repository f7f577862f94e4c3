"""Fronts side by side: the comparison, its rows, pairs, ceiling and gate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.common.door import door

if TYPE_CHECKING:
    from moa_cli.comparisons.ceiling import BEST_OF, STEP
    from moa_cli.comparisons.choice import Candidate, Choice, Wish, times_words
    from moa_cli.comparisons.choosing import choose
    from moa_cli.comparisons.comparison import compare
    from moa_cli.comparisons.contributions import Sides, differences
    from moa_cli.comparisons.document import HEADLINES, Comparison, Headline, OnBenchmark, Row, method_of
    from moa_cli.comparisons.failure import Failure, alike, failed_who, failed_words
    from moa_cli.comparisons.gate import check_units, judge, read_baseline
    from moa_cli.comparisons.kept import SAMPLED, first_looked_at
    from moa_cli.comparisons.pairs import shared_points
    from moa_cli.comparisons.parts import (
        LEAST_PROMPTS,
        Answers,
        BestOfN,
        Ceiling,
        CeilingFront,
        CeilingOf,
        Difference,
        Gate,
        GateVerdict,
        RowPoint,
        Sample,
        SampleAnswer,
    )
    from moa_cli.comparisons.row import counted, known_mean
    from moa_cli.comparisons.select import (
        comparable,
        found_fronts,
        is_saved,
        named_fronts,
        read_saved,
        run_of,
        saved_comparison,
    )

__getattr__, __all__ = door(__name__)
