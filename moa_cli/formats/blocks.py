"""Tables for terminals of any width: what has no room beside the names goes on below."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from rich import box
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text


@dataclass(frozen=True)
class Column:
    """A heading, and what stands below it, row by row."""

    heading: str
    cells: tuple[Text, ...]
    words: bool = False
    """Words stand to the left and are folded after `most` characters, or more where there is room; numbers to the
    right, and whole."""
    most: int | None = None


def column(heading: str, cells: Iterable[Text | str], *, words: bool = False, most: int | None = None) -> Column:
    """A column of texts, styled or plain."""
    return Column(heading, tuple(cell if isinstance(cell, Text) else Text(cell) for cell in cells), words, most)


@dataclass(frozen=True)
class Blocks:
    """A table on a screen. Columns that have no room on it go on below, beside the `names` first ones again."""

    columns: tuple[Column, ...]
    names: int = 1
    apart: int = 0
    """Spaces between columns, beside the one that there always is."""

    def __rich_console__(self, console: Console, screen: ConsoleOptions) -> RenderResult:
        whole = screen.update(max_width=WIDEST)

        def left(columns: Sequence[Column]) -> int:
            return screen.max_width - console.measure(self._table(columns), options=whole).maximum

        first, rest = self.columns[: self.names], self.columns[self.names :]
        while True:
            count = _most(first, rest, lambda columns: left(columns) >= 0)
            room = max(0, left((*first, *rest[:count])))
            *names, last = first
            wider = replace(last, most=last.most + room if last.most else None)
            yield self._table((*names, wider, *rest[:count]))
            if not (rest := rest[count:]):
                return
            yield Text()

    def _table(self, columns: Sequence[Column]) -> Table:
        made = Table(box=box.SIMPLE_HEAD, padding=(0, self.apart, 0, 0), pad_edge=False, show_edge=False)
        for one in columns:
            made.add_column(
                Text(one.heading), justify="left" if one.words else "right", no_wrap=not one.words, overflow="fold",
                max_width=one.most, vertical="bottom",
            )  # fmt: skip
        for cells in zip(*(one.cells for one in columns), strict=True):
            made.add_row(*cells)
        return made


WIDEST = 10_000
"""Columns of a screen on which every table fits."""


def _most(first: Sequence[Column], rest: Sequence[Column], fits: Callable[[Sequence[Column]], bool]) -> int:
    """How many of the rest fit beside the first ones: at least one."""
    count = len(rest)
    while count > 1 and not fits((*first, *rest[:count])):
        count -= 1
    return count
