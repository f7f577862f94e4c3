"""What the report's sections are made of: panels, legends, tables with a row per method."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from moa_cli.comparisons import OnBenchmark, Row
from moa_cli.report.elements.axes import Styles
from moa_cli.report.elements.markup import Html, el, html_table
from moa_cli.report.elements.svg import named_mark

Content = list[Html]


def how_to_read(text: str) -> Html:
    """How to read a section."""
    return el("p", text, class_="read")


def panel(title: str, drawn: Html) -> Html:
    """A drawing under its title."""
    return el("figure", el("figcaption", title), drawn)


def panels(drawn: Content, width: str = "") -> Html:
    """Drawings side by side where there is room: two, a "trio" or "many"."""
    return el("div", *drawn, class_=f"panels {width}".rstrip())


def legend(on: OnBenchmark, styles: Styles) -> Html:
    """Which mark is whose."""
    return el("ul", *(el("li", named_mark(row.method, styles)) for row in on.rows), class_="legend")


def per_method(
    caption: str, columns: Sequence[str], cells: Callable[[Row], Sequence[str]], on: OnBenchmark, styles: Styles
) -> Html:
    """A table with a row per method, whose `cells` follow its name."""
    rows = [[named_mark(row.method, styles), *cells(row)] for row in on.rows]
    return html_table(caption, ["Method", *columns], rows)


Entries = dict[str, tuple[str, Callable[[float], str]]]
"""Names of measurements, what a column calls them and how it writes them."""


def place(values: dict[str, float], name: str) -> int:
    """The place of a method by its value, 1 for the highest."""
    return 1 + sum(value > values[name] for value in values.values())


def titles(entries: Entries) -> list[str]:
    return [title for title, _ in entries.values()]


def written(entries: Entries, values: Mapping[str, float | None]) -> list[str]:
    """Each entry's value, a dash where it is not known."""
    found = ((values.get(key), write) for key, (_, write) in entries.items())
    return ["–" if value is None else write(value) for value, write in found]
