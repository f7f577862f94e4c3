"""Indicators of fronts, intervals and tests for them, and statistics of text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.common.door import door

if TYPE_CHECKING:
    from benchmarks.stats.bootstrap import Bootstrap, Interval, bootstrap_hypervolume, bootstrap_means, gain_by_chance
    from benchmarks.stats.indicators import (
        attainment,
        expected_utility,
        hypervolume,
        igd_plus,
        kendall_tau,
        pareto,
        spearman,
        utility,
    )
    from benchmarks.stats.nested import NestedTest, compare_contrasts, compare_rows, nested_test
    from benchmarks.stats.power import Spread, detectable_difference, spread
    from benchmarks.stats.prepared import compare_preparations
    from benchmarks.stats.significance import dominance, holm, pseudo_values
    from benchmarks.stats.text import collapsed, text_statistics

__getattr__, __all__ = door(__name__)
