"""A comparison in every format: terminal, Markdown, CSV, LaTeX, JUnit, figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.common.door import door

if TYPE_CHECKING:
    from moa_cli.formats.blocks import Blocks, Column, column
    from moa_cli.formats.columns import volume_cell
    from moa_cli.formats.exports import COMPARISON_FORMATS, comparison_csv, comparison_markdown
    from moa_cli.formats.figure import comparison_image
    from moa_cli.formats.output import Formats, as_text, check_place, check_suffix, write_document
    from moa_cli.formats.shown import Shown, compare
    from moa_cli.formats.terminal import comparison_table

__getattr__, __all__ = door(__name__)
