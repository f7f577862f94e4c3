"""A point of a front as a mark of a drawing: what it says, its intervals, how many points it stands for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from benchmarks.spec import Signal
from moa_cli.comparisons import OnBenchmark, Row, RowPoint
from moa_cli.report.elements.axes import line
from moa_cli.report.elements.markup import number
from moa_cli.report.elements.style import INK, Style
from moa_cli.words import typed_weights


def point_words(on: OnBenchmark, row: Row, points: Sequence[RowPoint]) -> str:
    """What there is to say of a mark, a line each; of several points that coincide, of the first."""
    first, weights = points[0], [", ".join(f"{number(w)}" for w in point.weights) for point in points]
    lines = [f"{row.method} at weights {'; '.join(weights)}"]
    if first.label.replace(" ", "") != typed_weights(first.weights, 3):
        lines += [f"asked as {first.label}"]
    for m, name in enumerate(on.objectives):
        told = [f"{on.score_word(signal)} {_in_brackets(first, signal, m)}" for signal in ("scores", "rewards")]
        lines += [f"{name}: {', '.join(told)}"]
    kl = "unknown" if first.kl is None else f"{number(first.kl)} nats"
    lines += [f"KL {kl}, {first.collapse:.1%} collapsed"]
    return "\n".join([*lines, *([f"{len(points)} weights share this point"] if len(points) > 1 else [])])


def _in_brackets(point: RowPoint, signal: Signal, m: int) -> str:
    """A reward or a score, and its interval where it is known."""
    between = point.intervals(signal)
    return number(point.under(signal)[m]) + (f" [{number(between[m][0])}, {number(between[m][1])}]" if between else "")


def draw_between(
    ax: Axes, intervals: Sequence[tuple[float, float]], place: tuple[float, float], shown: tuple[int, int], style: Style
) -> None:  # fmt: skip
    """The intervals of a point, where they are known."""
    if intervals:
        (left, right), (low, high) = (intervals[m] for m in shown)
        (x, y), gap = place, np.nan
        drawn = line(ax, [left, right, gap, x, x], [y, y, gap, low, high], style, linestyle="-", linewidth=0.6)
        drawn.set(gid=f"in-{style.key}", zorder=3)  # behind its mark in the page, which shows it


def draw_count(ax: Axes, place: tuple[float, float], count: int, style: Style) -> None:
    """How many points there are at a place."""
    ax.annotate(
        f"×{count}", place, (4, 3), textcoords="offset points", fontsize=6.5, color=INK, gid=f"of-{style.key}", zorder=5
    )
