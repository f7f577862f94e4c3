"""Measuring a policy: its front, on disk and in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.common.door import door

if TYPE_CHECKING:
    from benchmarks.measure.evaluation import evaluate
    from benchmarks.measure.front import TOO_MANY, Front, known
    from benchmarks.measure.front_files import read_answers, read_front, read_front_record
    from benchmarks.measure.point import Point
    from benchmarks.measure.rescoring import Given, rescore, score_given

__getattr__, __all__ = door(__name__)
