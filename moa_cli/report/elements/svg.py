"""Drawings in a page: matplotlib's as inline SVG in the page's colours, marks beside names, intervals in table rows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from itertools import count
from typing import Any

from matplotlib.figure import Figure
from matplotlib.markers import MarkerStyle
from matplotlib.transforms import Affine2D

from moa_cli.report.elements.markup import Html, called, el, flat
from moa_cli.report.elements.style import INK, LOOK, Style, encoded

MUTED, LINE, PAPER = "#121212", "#131313", "#fefefe"
"""What stands for a colour of the page in a drawing."""


PAGE: dict[Any, Any] = LOOK | {
    "font.family": "DejaVu Sans",
    "font.size": 8.5,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": MUTED,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "grid.color": LINE,
}
"""What to draw with: `LOOK` on the page."""


Interval = tuple[float, float, float]
"""A value, and the ends of its interval."""


_OF_THE_PAGE = {INK: "currentColor", MUTED: "var(--muted)", LINE: "var(--line)", PAPER: "var(--paper)"}


def inline(drawn: Figure, finding: str) -> Html:
    """A figure as part of a page. `finding` says in words what it shows, for those who do not see it.

    What has a gid is a group of that class, "of-KEY" being what belongs to a row; its label says what it is.
    """
    artists = [artist for axes in drawn.axes for artist in axes.get_children()]  # findobj() looks at every tick too
    said = {str(gid): str(artist.get_label()) for artist in artists if (gid := artist.get_gid())}
    svg = encoded(drawn, "svg", PAGE).decode()
    svg = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->", "", svg, flags=re.DOTALL)
    for colour, of_the_page in _OF_THE_PAGE.items():
        svg = svg.replace(colour, of_the_page)
    svg = svg.replace(f"'{PAGE['font.family']}'", "system-ui, sans-serif").replace("xlink:href", "href")
    svg = re.sub(r">\s+<", "><", svg)
    svg = re.sub(r'<g id="((?:of|in)-[^"]*)">', lambda found: _group(found[1], said[found[1]]), svg)
    box, inside = re.findall(r'<svg [^>]*viewBox="([^"]*)"[^>]*>(.*)</svg>', svg, flags=re.DOTALL)[0]
    role = "group" if "<title>" in inside else "img"  # what is in an image is not read out
    return el("svg", Html(inside), role=role, aria_label=finding, viewBox=box)


def _group(gid: str, said: str) -> str:
    """The start of a group of a drawing: what it says is shown where the mouse is and read out."""
    kind, key, *_ = gid.split("-")
    name = f"of-{key}{' between' if kind == 'in' else ''}"
    if said.startswith("_"):  # as matplotlib calls what nobody has named
        return f'<g class="{name}">'
    return f'<g class="{name} point" role="img">{el("title", flat(said))}'


def numbered(page: str) -> str:
    """A page whose drawings no longer share ids: matplotlib names the same clip path in all of them."""
    numbers = count(1)

    def one(drawing: re.Match[str]) -> str:
        svg, prefix = drawing.group(), f"c{next(numbers)}-"
        used = set(re.findall(r'(?:url\(|href=")#([\w-]+)', svg))
        svg = re.sub(r' id="([^"]*)"', lambda found: f' id="{prefix}{found[1]}"' if found[1] in used else "", svg)
        return re.sub(r'(url\(|href=")#', rf"\1#{prefix}", svg)

    return re.sub(r'<svg role="(?:img|group)".*?</svg>', one, page, flags=re.DOTALL)


def mark(style: Style) -> Html:
    """A method's marker, to stand beside its name."""
    return el("svg", *_shape(style), class_="mark", viewBox="-6 -6 12 12", aria_hidden="true")


def _shape(style: Style, **where: str) -> list[Html]:
    """The paths of a marker."""
    around = {"stroke": "currentColor", "stroke_width": "1.8"} if style.outline else {}
    paths = [el("path", d=_outline(style.marker), fill=_colour(style), **around, **where)]
    if style.hole:
        paths += [el("path", d=_outline("o", 4), fill="var(--paper)", **where)]
    return paths


def named_mark(name: str, styles: Mapping[str, Style]) -> Html:
    """A method's name behind its mark."""
    return el("span", mark(styles[name]), called(name), class_=f"name of-{styles[name].key}")


def draw_strip(style: Style, interval: Interval, span: tuple[float, float], level: float | None) -> Html:
    """A value with its interval on a scale that all rows of a table share; `level` is a dotted line to compare it with.

    It repeats numbers that stand beside it, so it is silent where the page is read out.
    """
    value, low, high = (_along(span, v) for v in interval)
    parts = [
        el("path", d=f"M{low} 10H{high}", fill="none", stroke=_colour(style), stroke_width="1.5"),
        *_shape(style, transform=f"translate({value} 10) scale(.8)"),
    ]
    if level is not None:
        parts += [
            el("path", d=f"M{_along(span, level)} 0V20", fill="none", stroke="var(--muted)", stroke_dasharray="2 2")
        ]
    return el("svg", *parts, class_="strip", viewBox="0 0 200 20", aria_hidden="true")


def _along(span: tuple[float, float], value: float) -> float:
    """Where a value lies in a strip."""
    return round(6 + 188 * (value - span[0]) / ((span[1] - span[0]) or 1), 1)


def _colour(style: Style) -> str:
    return "currentColor" if style.colour == INK else style.colour


@lru_cache
def _outline(marker: str, size: float = 10) -> str:
    """A marker about `size` units wide around the origin, as the d of a path."""
    shape = MarkerStyle(marker)
    size = 14 if marker == "*" else size
    path = shape.get_path().transformed(shape.get_transform() + Affine2D().scale(size, -size))
    letters = {path.MOVETO: "M", path.LINETO: "L", path.CURVE3: "Q", path.CURVE4: "C", path.CLOSEPOLY: "Z"}
    return "".join(
        letters[code] + ("" if code == path.CLOSEPOLY else " ".join(f"{v:.1f}" for v in points))
        for points, code in path.iter_segments(simplify=False)
    )
