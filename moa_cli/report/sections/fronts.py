"""Fronts: every method's points, under the evaluators and under the rewards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from benchmarks.spec import Signal, simplex_grid
from moa_cli.comparisons import BestOfN, CeilingFront, CeilingOf, OnBenchmark, Row
from moa_cli.report.elements import (
    INK,
    MUTED,
    PAPER,
    SIXTH,
    Content,
    Style,
    Styles,
    called,
    dots,
    draw_between,
    draw_count,
    drawing,
    el,
    how_to_read,
    join,
    label_axes,
    legend,
    line,
    listed,
    named_mark,
    number,
    panel,
    panels,
    point_words,
    ranked,
    shortened,
)

CROWD = 2
"""Rows beyond which the intervals of all points at once would hide the points [choice]."""
GRID = simplex_grid(3, 14)
"""The weightings of the triangle."""


def fronts(on: OnBenchmark, styles: Styles) -> Content:
    M, drawn, triangle = len(on.objectives), Content(), Content()
    text = "Each mark is a method at one weighting of the objectives, where several coincide with their number; "
    for signal in on.signals:
        if M in (2, 3):
            for pair in combinations(range(M), 2):
                title = on.scorers_word(signal, *(on.objectives[m] for m in pair)).capitalize()
                drawn += [panel(title, draw_plane(on, signal, pair, styles))]
        if M != 2:
            title = on.scorers_word(signal).capitalize()
            title += ", a line per point" if M == 3 else ""
            drawn += [panel(title, draw_lines(on, signal, styles))]
    if M == 3:
        triangle = best_at_each_weighting(on, styles)
    text += "further up and to the right is better. " if M in (2, 3) else "further up is better. "
    text += "Lines join them in the order of the weights. " if M == 2 else ""
    text += (
        "What is hollow adds nothing to the front: another point of the method is better in everything, or the "
        "point is left out. What is crossed out has too many collapsed answers."
    )
    if any(point.score_intervals for row in on.rows for point in row.points):
        shown = "A mark that is pointed at shows its" if len(on.rows) > CROWD else "Thin lines are"
        text += f" {shown} 95 % intervals."
    if on.ceiling and M in (2, 3):
        text += (
            " In grey, an estimate of what optimising the rewards perfectly reaches at some KL from the starting "
            "policy, and what choosing from n answers by their rewards does."
        )
    crowd = " crowd" if len(on.rows) > CROWD else ""
    shown = el("div", legend(on, styles), panels(drawn), class_=f"fronts{crowd}")
    return [how_to_read(text), shown, *triangle, *_bands(on, styles)]


def best_at_each_weighting(on: OnBenchmark, styles: Styles) -> Content:
    """The triangle of weightings, and how to read it."""
    best, shares = _best_rows(on)
    text = (
        "Every mark is a weighting of the three objectives: at a corner one objective counts alone, on a side two of "
        "them, in the middle all three alike. It is that of the method whose best point has the highest weighted "
        f"{on.score_word('scores')} there. "
    )
    falling = sorted(shares.items(), key=lambda one: -one[1])
    told = [join([el("b", called(name)), f" at {share:.0%}"]) for name, share in falling if share > 0]
    who = join(["Best of all: ", listed(told), " of the weightings."])
    drawn = [panel("Who is best at each weighting", draw_triangle(on, best, shares, styles))] if len(told) > 1 else []
    return [el("h4", "At each weighting"), how_to_read(text), el("p", who), *([panels(drawn)] if drawn else [])]


def _best_rows(on: OnBenchmark) -> tuple[list[str], dict[str, float]]:
    """The row with the best point at each of the `GRID`, and at which share of it each row is that."""
    counted = {row.method: row.values("scores")[on.adds(row, "scores")] for row in on.rows}
    counted = {name: reached for name, reached in counted.items() if len(reached)}
    values = np.array([(np.array(GRID) @ reached.T).max(axis=1) for reached in counted.values()])
    best = [[*counted][k] for k in values.argmax(axis=0)] if counted else []
    return best, {name: best.count(name) / len(GRID) for name in counted}


def _bands(on: OnBenchmark, styles: Styles) -> Content:
    """Each method alone, with what its seeds attain."""
    shown = [row for row in on.rows if row.attainment]
    if not shown:
        return []
    text = (
        f"Each method alone, {on.word('scores')}: the band lies between what its worst and its best seed attain, "
        "the line is the median. A narrow band means that training again gives the same front."
    )
    drawn = [panel(named_mark(row.method, styles), draw_alone(on, row, styles)) for row in shown]
    return [el("h4", "Over seeds"), how_to_read(text), panels(drawn, "many")]


@drawing()
def draw_plane(ax: Axes, on: OnBenchmark, signal: Signal, shown: tuple[int, int], styles: Styles) -> str:
    """Every method's points in the plane of two objectives, before the ceiling."""
    names = [on.objectives[m] for m in shown]
    joined = len(on.objectives) == 2  # with more objectives the weights have no order to follow
    if on.ceiling:
        _draw_ceiling(ax, on.ceiling.of(signal), shown, joined)
    for row in on.rows:
        _draw_front(ax, on, row, signal, shown, styles[row.method], joined=joined)
    x, y = (f"{shortened(name)}, {on.score_word(signal, name)}" for name in names)
    label_axes(ax, x, y)
    volumes = ranked(on.volumes(signal))
    word = on.score_word(signal, *names)
    return f"{names[1]} against {names[0]}, {word}s. Hypervolumes at {on.policies} points: {volumes}."


def _draw_front(
    ax: Axes, on: OnBenchmark, row: Row, signal: Signal, shown: tuple[int, int], style: Style, joined: bool,
    size: float = 1,
) -> None:  # fmt: skip
    """One method's points, collapsed ones crossed out."""
    x, y = row.values(signal)[:, shown].T
    if joined:
        line(ax, x, y, style, zorder=2)
    adds, places = on.adds(row, signal), dict[tuple[float, float], list[int]]()
    for k, place in enumerate(zip(x, y, strict=True)):
        places.setdefault(place, []).append(k)
    for place, here in places.items():
        points = [row.in_order[k] for k in here]
        dots(ax, [place[0]], [place[1]], style, bool(adds[here].any()), size, point_words(on, row, points))
        draw_between(ax, points[0].intervals(signal), place, shown, style)
        if len(here) > 1 and size == 1:  # small drawings have no room for numbers
            draw_count(ax, place, len(here), style)
    collapsed = [point.collapsed for point in row.in_order]
    ax.scatter(
        x[collapsed], y[collapsed], s=size * 60, marker="x", color=INK, linewidths=0.8, zorder=4, gid=f"of-{style.key}"
    )


def _draw_ceiling(ax: Axes, ceiling: CeilingOf, shown: tuple[int, int], joined: bool) -> None:
    """The best fronts at some KLs, and that of the best of n answers (dashed)."""
    found: list[tuple[str, CeilingFront | BestOfN, str]] = [(f"KL {one.kl:.2g}", one, "-") for one in ceiling.fronts]
    found += [(f"best of {ceiling.shown_best.n}", ceiling.shown_best, "--")]
    for name, front, stroke in found:
        order = sorted(range(len(front.points)), key=lambda k: front.weights[k])
        x, y = np.array(front.points)[order][:, shown].T
        if joined:
            ax.plot(x, y, color=MUTED, linewidth=0.6, linestyle=stroke, zorder=1)
        else:
            ax.scatter(x, y, s=5, marker="o" if stroke == "-" else "+", color=MUTED, linewidths=0.6, zorder=1)
        # the dashed line crosses the others: its name stands at its other end
        k, below = (int(np.argmax(x)), True) if stroke == "-" else (int(np.argmax(y)), False)
        ax.annotate(
            name, (x[k], y[k]), (0, -3 if below else 3), textcoords="offset points", fontsize=6.5, color=MUTED,
            ha="center", va="top" if below else "bottom",
            bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 0.5}, zorder=1.5,
        )  # fmt: skip


@drawing(SIXTH)
def draw_alone(ax: Axes, on: OnBenchmark, row: Row, styles: Styles) -> str:
    """One method's points under the scores in the band that its seeds attain, before the lines of all others."""
    style, limits = styles[row.method], _limits(on)
    for other in on.rows:
        if other is not row:
            ax.plot(*other.values("scores").T, color=MUTED, linewidth=0.4)
    if row.attainment:
        attained = row.attainment.scores
        steps = [np.array(found) for found in (attained.best, attained.median, attained.worst)]
        x = np.unique(np.concatenate([limits[:1, 0], *(found[:, 0] for found in steps)]))
        best, median, worst = (staircase(x, found, limits[0, 1]) for found in steps)
        ax.fill_between(x, worst, best, step="pre", color=style.colour, alpha=0.3, linewidth=0)
        ax.step(x, median, where="pre", color=style.colour, linewidth=0.8)
    _draw_front(ax, on, row, "scores", (0, 1), style, joined=False, size=0.5)
    label_axes(ax, "", "", ticks=4)
    ax.set(xlim=limits[:, 0], ylim=limits[:, 1])
    low, high = number(row.scores.low), number(row.scores.high)
    return f"{row.method}: {on.word('scores')} hypervolume {number(row.scores.hypervolume)}, from {low} to {high}."


def _limits(on: OnBenchmark) -> np.ndarray:
    """The lowest and the highest scores (2, M) that any method reaches, with a margin."""
    reached = np.concatenate(
        [row.values("scores") for row in on.rows]
        + [np.array(row.attainment.scores.best) for row in on.rows if row.attainment]
    )
    margin = 0.06 * np.ptp(reached, axis=0) + 1e-6
    return np.array([reached.min(axis=0) - margin, reached.max(axis=0) + margin])


def staircase(x: np.ndarray, steps: np.ndarray, least: float) -> np.ndarray:
    """The height of a staircase with these steps (S, 2) at each x: the highest step that is as far to the right."""
    return np.max(np.where(steps[:, 0] >= x[:, None], steps[:, 1], least), axis=1)


@drawing()
def draw_lines(ax: Axes, on: OnBenchmark, signal: Signal, styles: Styles) -> str:
    """A line per point over the objectives, dotted where it adds nothing to the hypervolume."""
    names = on.objectives
    for row in on.rows:
        style = styles[row.method]
        for point, adds in zip(row.in_order, on.adds(row, signal), strict=True):
            drawn = line(
                ax, range(len(names)), point.under(signal), style, marker=style.marker, markersize=4.5,
                linestyle="-" if adds else ":", markerfacecolor=style.colour if adds else PAPER,
                markeredgecolor=style.outline or style.colour,
            )  # fmt: skip
            drawn.set(gid=f"of-{style.key}-{len(ax.lines)}", label=point_words(on, row, [point]))
    label_axes(ax, "", on.score_word(signal))
    ax.set_xticks(range(len(names)), [shortened(name) for name in names])
    ax.margins(x=0.1 if len(names) > 1 else 1)
    volumes = ranked(on.volumes(signal))
    return f"{on.score_word(signal)}s over {', '.join(names)}. Hypervolumes at {on.policies} points: {volumes}."


@drawing((4.0, 3.5))
def draw_triangle(ax: Axes, on: OnBenchmark, best: Sequence[str], shares: Mapping[str, float], styles: Styles) -> str:
    """For every weighting of three objectives, which method has the best point under the scores."""
    weights = np.array(GRID)
    x, y = weights[:, 1] + weights[:, 2] / 2, weights[:, 2] * np.sqrt(3) / 2
    for name in shares:
        here = np.array(best) == name
        dots(ax, x[here], y[here], styles[name], size=2)
    corners: list[tuple[float, float, Any]] = [(-0.05, -0.08, "left"), (1.05, -0.08, "right"), (0.5, 0.95, "center")]
    for name, (left, top, side) in zip(on.objectives, corners, strict=True):
        ax.text(left, top, f"{shortened(name)} alone", ha=side, va="center")
    ax.set(aspect="equal", ylim=(-0.15, 1))
    ax.set_axis_off()
    told = {name: 100 * share for name, share in shares.items()}
    return f"Percentage of weightings at which a method is the best: {ranked(told, 0)}."
