"""What the report's drawings share: axes, marks, labels.

Methods are told by colour and marker, the page has the legend.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, Concatenate, ParamSpec

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from moa_cli.comparisons import Row
from moa_cli.report.elements.markup import Html, number
from moa_cli.report.elements.style import Style, plain
from moa_cli.report.elements.svg import PAGE, PAPER, inline

WIDE = (4.0, 3.1)
"""Width and height in inches of a drawing of which two stand side by side; letters keep a readable size on a phone."""


THIRD = (3.2, 2.6)
"""Width and height in inches of a drawing of which three stand side by side."""


SIXTH = (2.1, 1.8)
"""Width and height in inches of a drawing of which six stand side by side."""


Styles = Mapping[str, Style]


P = ParamSpec("P")


def drawing(size: tuple[float, float] = WIDE) -> Callable[[Callable[Concatenate[Axes, P], str]], Callable[P, Html]]:
    """Makes a drawing for the page of a function that draws in axes and returns what there is to see, in words."""

    def make(draw: Callable[Concatenate[Axes, P], str]) -> Callable[P, Html]:
        @wraps(draw)
        def made(*args: P.args, **options: P.kwargs) -> Html:
            with matplotlib.rc_context(PAGE):
                drawn = Figure(figsize=size, layout="constrained")
                finding = draw(drawn.subplots(), *args, **options)
            return inline(drawn, finding)

        return made

    return make


def dots(
    ax: Axes, x: Any, y: Any, style: Style, filled: np.ndarray | bool = True, size: float = 1, said: str | None = None
) -> None:
    """A mark per point of x (K,) and y (K,), hollow where it is not `filled`. What is `said` of them is their title."""
    solid = np.broadcast_to(filled, np.shape(x))
    area = size * (80 if style.marker == "*" else 28)
    around, width = (style.outline, 0.9) if style.outline else (PAPER, 0.4)
    made = ax.scatter(
        x, y, s=area, marker=style.marker, c=[style.colour if f else PAPER for f in solid],
        edgecolors=[around if f else style.outline or style.colour for f in solid],
        linewidths=[width if f else 0.9 for f in solid], zorder=3,
    )  # fmt: skip
    made.set(gid=f"of-{style.key}-{len(ax.collections)}", label=said or "_")
    if style.hole:
        ax.scatter(x, y, s=area / 7, marker="o", c=PAPER, linewidths=0, zorder=3, gid=f"of-{style.key}")


def line(ax: Axes, x: Any, y: Any, style: Style, **look: Any) -> Line2D:
    """What joins the points of a row, or an interval of it."""
    look = {"linewidth": 0.8, "linestyle": style.line, **look}
    (drawn,) = ax.plot(x, y, color=style.colour, gid=f"of-{style.key}", **look)
    return drawn


def label_axes(ax: Axes, x: str, y: str, ticks: int = 6) -> None:
    """Names what the axes show."""
    ax.set(xlabel=x, ylabel=y)
    ax.xaxis.set_major_locator(MaxNLocator(ticks, steps=[1, 2, 2.5, 5, 10]))
    ax.yaxis.set_major_locator(MaxNLocator(ticks, steps=[1, 2, 2.5, 5, 10]))


def shortened(name: str) -> str:
    """A name from data on an axis."""
    return plain(name if len(name) <= 24 else f"{name[:23]}…")


def ranked(values: Mapping[str, float], digits: int = 2) -> str:
    """Values from the highest to the lowest in words, of many the highest three and the lowest.

    >>> ranked({"a": 1.0, "b": 3.0, "c": 2.0, "d": 0.0, "e": 1.0})
    'b 3.00, c 2.00, a 1.00, …, d 0.00'
    """
    falling = sorted(values.items(), key=lambda item: -item[1])
    told = [f"{name} {number(value, digits=digits)}" for name, value in falling]
    return ", ".join(told if len(told) < 5 else [*told[:3], "…", told[-1]])


KL_AXIS = "KL from the starting policy (nats)"


def with_interval(ax: Axes, x: float, row: Row, style: Style) -> None:
    """A row's hypervolume under the scores at x."""
    line(ax, [x, x], [row.scores.low, row.scores.high], style, linestyle="-")
    dots(ax, [x], [row.scores.hypervolume], style)
