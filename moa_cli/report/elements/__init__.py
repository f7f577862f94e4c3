"""What the report's sections are made of: panels and tables, drawings, SVG, markup that is inert."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.common.door import door

if TYPE_CHECKING:
    from moa_cli.report.elements.axes import (
        KL_AXIS,
        SIXTH,
        THIRD,
        Styles,
        dots,
        drawing,
        label_axes,
        line,
        ranked,
        shortened,
        with_interval,
    )
    from moa_cli.report.elements.markup import (
        LONG,
        Html,
        called,
        data,
        el,
        flat,
        html_table,
        inert,
        join,
        listed,
        number,
        seen,
        spread,
    )
    from moa_cli.report.elements.parts import (
        Content,
        Entries,
        how_to_read,
        legend,
        panel,
        panels,
        per_method,
        place,
        titles,
        written,
    )
    from moa_cli.report.elements.points import draw_between, draw_count, point_words
    from moa_cli.report.elements.style import COLOURS, INK, LOOK, MARKERS, PANEL, Style, encoded, plain, styles_of
    from moa_cli.report.elements.svg import MUTED, PAGE, PAPER, Interval, draw_strip, inline, named_mark, numbered

__getattr__, __all__ = door(__name__)
