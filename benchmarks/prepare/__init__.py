"""Preparation: what a benchmark needs before it can measure, built once and shared by all methods."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.common.door import door

if TYPE_CHECKING:
    from benchmarks.prepare.archive import pack
    from benchmarks.prepare.benchmark import Benchmark
    from benchmarks.prepare.card import Card, StoredCard, stored_card
    from benchmarks.prepare.make import missing_parts, prepare, prepare_part
    from benchmarks.prepare.parts import is_prepared
    from benchmarks.prepare.readings import as_read
    from benchmarks.prepare.taking import unpack

__getattr__, __all__ = door(__name__)
