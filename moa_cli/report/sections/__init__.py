"""The sections of the report: one question, one file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.common.door import door

if TYPE_CHECKING:
    from moa_cli.report.sections.order import SECTIONS

__getattr__, __all__ = door(__name__)
