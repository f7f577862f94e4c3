"""Rows: read from files and the hub, cleaned, or drawn from an embedded world."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.common.door import door

if TYPE_CHECKING:
    from benchmarks.data.clean import (
        DEV_SHARE,
        alike,
        alternate,
        contrast,
        distinct,
        fault,
        first_turn,
        parted,
        report_skipped,
        share_of,
        split_dialogue,
        warn_once,
        without,
    )
    from benchmarks.data.files import named_files
    from benchmarks.data.formats import SUFFIXES
    from benchmarks.data.graded import graded_pairs
    from benchmarks.data.items import FORMATS, number_in
    from benchmarks.data.lexicon import Reading, degeneracy, read, saturating, sentences, words
    from benchmarks.data.odd import oddities
    from benchmarks.data.rows import Row, Source, local_folder, placed_rows
    from benchmarks.data.table import Place, Table
    from benchmarks.data.world import PROMPTS, Sizes, World, combinations, pick

__getattr__, __all__ = door(__name__)
