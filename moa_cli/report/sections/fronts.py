"""Fronts: every method's points, under the evaluators and under the rewards."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from benchmarks.spec import simplex_grid
from moa_cli.comparisons import Part, adds_to_volume, row_points, row_scores, volumes
from moa_cli.report.elements import (
    KINDS,
    MUTED,
    PAPER,
    SIXTH,
    Content,
    Styles,
    dots,
    drawing,
    el,
    in_order,
    label,
    legend,
    named_mark,
    number,
    panel,
    panels,
    read,
    short,
)
from moa_cli.style import INK, Style

TITLES = {"evaluator": "Held-out evaluators", "reward": "Training rewards"}


def fronts(benchmark: Part, styles: Styles) -> Content:
    M, drawn = len(benchmark["objectives"]), []
    text = "Each mark is a method at one weighting of the objectives; "
    for kind in KINDS:
        if M in (2, 3):
            planes = [plane(benchmark, kind, pair, styles) for pair in combinations(range(M), 2)]
            drawn += [panel(TITLES[kind], plane) for plane in planes]
        else:
            drawn += [panel(TITLES[kind], parallel(benchmark, kind, styles))]
        if M == 3 and kind == "evaluator":
            drawn += [panel("Who is best at each weighting", triangle(benchmark, styles))]
    text += "further up and to the right is better. " if M in (2, 3) else "further up is better. "
    text += "Lines join them in the order of the weights. " if M == 2 else ""
    text += (
        "What is hollow adds nothing to the hypervolume: another point of the method is better in everything, or the "
        "point is left out. What is crossed out has too many collapsed answers."
    )
    if benchmark.get("ceiling") and M in (2, 3):
        text += (
            " In grey, an estimate of the best that any policy can reach at some KL from the starting policy, and by "
            "choosing from n answers."
        )
    return [read(text), legend(benchmark, styles), panels(drawn), *_bands(benchmark, styles)]


def _bands(benchmark: Part, styles: Styles) -> Content:
    """Each method alone, with what its seeds attain."""
    shown = [row for row in benchmark["rows"] if row["attainment"]]
    if not shown:
        return []
    text = (
        "Each method alone, held-out: the band lies between what its worst and its best seed attain, the line is the "
        "median. A narrow band means that training again gives the same front."
    )
    drawn = [panel(named_mark(row["method"], styles), alone(benchmark, row, styles)) for row in shown]
    return [el("h4", "Over seeds"), read(text), panels(drawn, "many")]


@drawing()
def plane(ax: Axes, benchmark: Part, kind: str, shown: tuple[int, int], styles: Styles) -> str:
    """Every method's points in the plane of two objectives, before the ceiling."""
    names = [benchmark["objectives"][m] for m in shown]
    joined = len(benchmark["objectives"]) == 2  # with more objectives the weights have no order to follow
    if benchmark.get("ceiling"):
        _ceiling(ax, benchmark["ceiling"][kind], shown, joined)
    for row in benchmark["rows"]:
        _front(ax, benchmark, row, kind, shown, styles[row["method"]], joined=joined)
    x, y = (f"{short(name)}, {KINDS[kind]}" for name in names)
    label(ax, x, y)
    volume = in_order(volumes(benchmark, kind))
    return f"{names[1]} against {names[0]}, {KINDS[kind]}s. Hypervolumes: {volume}."


def _front(
    ax: Axes, benchmark: Part, row: Part, kind: str, shown: tuple[int, int], style: Style, joined: bool, size: float = 1
) -> None:
    """One method's points, collapsed ones crossed out."""
    x, y = row_scores(row, kind)[:, shown].T
    if joined:
        ax.plot(x, y, color=style.colour, linewidth=0.8, zorder=2)
    dots(ax, x, y, style, adds_to_volume(benchmark, row, kind), size)
    collapsed = [point["collapsed"] for point in row_points(row)]
    ax.scatter(x[collapsed], y[collapsed], s=size * 60, marker="x", color=INK, linewidths=0.8, zorder=4)


def _ceiling(ax: Axes, ceiling: Part, shown: tuple[int, int], joined: bool) -> None:
    """The best fronts at some KLs, and that of the best of n answers (dashed)."""
    fronts = [(f"KL {front['kl']:.2g}", front, "-") for front in ceiling["fronts"]]
    for name, front, line in [*fronts, (f"best of {ceiling['best_of_n']['n']}", ceiling["best_of_n"], "--")]:
        order = sorted(range(len(front["points"])), key=lambda k: front["weights"][k])
        x, y = np.array(front["points"])[order][:, shown].T
        if joined:
            ax.plot(x, y, color=MUTED, linewidth=0.6, linestyle=line, zorder=1)
        else:
            ax.scatter(x, y, s=5, marker="o" if line == "-" else "+", color=MUTED, linewidths=0.6, zorder=1)
        # the dashed line crosses the others: its name stands at its other end
        k, below = (int(np.argmax(x)), True) if line == "-" else (int(np.argmax(y)), False)
        ax.annotate(
            name, (x[k], y[k]), (0, -3 if below else 3), textcoords="offset points", fontsize=6.5, color=MUTED,
            ha="center", va="top" if below else "bottom",
            bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 0.5}, zorder=1.5,
        )  # fmt: skip


@drawing(SIXTH)
def alone(ax: Axes, benchmark: Part, row: Part, styles: Styles) -> str:
    """One method's held-out points in the band that its seeds attain, before the lines of all others."""
    style, held_out, limits = styles[row["method"]], row["evaluator"], _limits(benchmark)
    for other in benchmark["rows"]:
        if other is not row:
            ax.plot(*row_scores(other, "evaluator").T, color=MUTED, linewidth=0.4)
    if row["attainment"]:
        corners = {name: np.array(found) for name, found in row["attainment"]["evaluator"].items()}
        x = np.unique(np.concatenate([limits[:1, 0], *(found[:, 0] for found in corners.values())]))
        level = {name: attained(x, found, limits[0, 1]) for name, found in corners.items()}
        ax.fill_between(x, level["worst"], level["best"], step="pre", color=style.colour, alpha=0.3, linewidth=0)
        ax.step(x, level["median"], where="pre", color=style.colour, linewidth=0.8)
    _front(ax, benchmark, row, "evaluator", (0, 1), style, joined=False, size=0.5)
    label(ax, "", "", ticks=4)
    ax.set(xlim=limits[:, 0], ylim=limits[:, 1])
    low, high = number(held_out["hv_low"]), number(held_out["hv_high"])
    return f"{row['method']}: held-out hypervolume {number(held_out['hypervolume'])}, from {low} to {high}."


def _limits(benchmark: Part) -> np.ndarray:
    """The lowest and the highest held-out scores (2, M) that any method reaches, with a margin."""
    reached = np.concatenate(
        [row_scores(row, "evaluator") for row in benchmark["rows"]]
        + [np.array(row["attainment"]["evaluator"]["best"]) for row in benchmark["rows"] if row["attainment"]]
    )
    margin = 0.06 * np.ptp(reached, axis=0) + 1e-6
    return np.array([reached.min(axis=0) - margin, reached.max(axis=0) + margin])


def attained(x: np.ndarray, corners: np.ndarray, least: float) -> np.ndarray:
    """The height of a staircase with these corners (C, 2) at each x: the highest corner that is as far to the right."""
    return np.max(np.where(corners[:, 0] >= x[:, None], corners[:, 1], least), axis=1)


@drawing()
def parallel(ax: Axes, benchmark: Part, kind: str, styles: Styles) -> str:
    """A line per point over the objectives, dotted where it adds nothing to the hypervolume."""
    names = benchmark["objectives"]
    for row in benchmark["rows"]:
        style = styles[row["method"]]
        for point, adds in zip(row_scores(row, kind), adds_to_volume(benchmark, row, kind), strict=True):
            ax.plot(
                range(len(names)), point, color=style.colour, marker=style.marker, linewidth=0.8, markersize=4.5,
                linestyle="-" if adds else ":", markerfacecolor=style.colour if adds else PAPER,
            )  # fmt: skip
    label(ax, "", f"{KINDS[kind]}")
    ax.set_xticks(range(len(names)), [short(name) for name in names])
    ax.margins(x=0.1 if len(names) > 1 else 1)
    return f"{KINDS[kind]}s over {', '.join(names)}. Hypervolumes: {in_order(volumes(benchmark, kind))}."


@drawing((4.0, 3.5))
def triangle(ax: Axes, benchmark: Part, styles: Styles) -> str:
    """For every weighting of three objectives, which method has the best held-out point."""
    weights = np.array(simplex_grid(3, 14))
    kept = {
        r["method"]: row_scores(r, "evaluator")[adds_to_volume(benchmark, r, "evaluator")] for r in benchmark["rows"]
    }
    kept = {name: found for name, found in kept.items() if len(found)}
    best = np.array([(weights @ found.T).max(axis=1) for found in kept.values()]).argmax(axis=0)
    x, y = weights[:, 1] + weights[:, 2] / 2, weights[:, 2] * np.sqrt(3) / 2
    for k, name in enumerate(kept):
        dots(ax, x[best == k], y[best == k], styles[name], size=2)
    corners: list[tuple[float, float, Any]] = [(-0.05, -0.08, "left"), (1.05, -0.08, "right"), (0.5, 0.95, "center")]
    for name, (left, top, side) in zip(benchmark["objectives"], corners, strict=True):
        ax.text(left, top, f"{short(name)} alone", ha=side, va="center")
    ax.set(aspect="equal", ylim=(-0.15, 1))
    ax.set_axis_off()
    shares = {name: 100 * float((best == k).mean()) for k, name in enumerate(kept)}
    return f"Percentage of weightings at which a method is the best: {in_order(shares, 0)}."
