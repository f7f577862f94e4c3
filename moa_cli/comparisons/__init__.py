"""Fronts side by side: the comparison, its rows, pairs, ceiling and gate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.common.door import door

if TYPE_CHECKING:
    from moa_cli.comparisons.comparison import COMPARISON_SCHEMA, compare
    from moa_cli.comparisons.document import (
        Part,
        adds_to_volume,
        base,
        difference,
        facts,
        left_out,
        not_held_out,
        remarks,
        row_name,
        row_points,
        row_scores,
        volumes,
    )
    from moa_cli.comparisons.gate import WORSE, check_units, judge, read_baseline, told_verdict
    from moa_cli.comparisons.pairs import equally_many, shared_points
    from moa_cli.comparisons.row import counted, known_mean
    from moa_cli.comparisons.saved import is_saved, read_shown
    from moa_cli.comparisons.select import found_fronts, named_fronts, run_of, saved_comparison

__getattr__, __all__ = door(__name__)
