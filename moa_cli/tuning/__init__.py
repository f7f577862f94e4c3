"""Looking for the settings of methods: every method the same number of trials, on dev prompts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.common.door import door

if TYPE_CHECKING:
    from moa_cli.tuning.page import tuning_table
    from moa_cli.tuning.tuner import Plan, Tuner, open_tuner, trials_of

__getattr__, __all__ = door(__name__)
