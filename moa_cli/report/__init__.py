"""The report of a comparison: one HTML file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.common.door import door

if TYPE_CHECKING:
    from moa_cli.report.page import html_page, report_html
    from moa_cli.report.verdict import verdict_sentence

__getattr__, __all__ = door(__name__)
