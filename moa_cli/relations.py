"""The report's drawings of one number against another: weight, KL, reward, cost."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator

from benchmarks import Weights, pareto
from moa_cli.drawing import THIRD, Part, Styles, dots, drawing, in_order, label, short, volumes
from moa_cli.figure import Style, points, scores
from moa_cli.svg import MUTED
from moa_cli.tables import amount

KL = "KL from the starting policy (nats)"


@drawing()
def control(ax: Axes, benchmark: Part, m: int, styles: Styles) -> str:
    """The held-out score of an objective against its weight."""
    name, taus = benchmark["objectives"][m], {}
    for row in benchmark["rows"]:
        weights, reached = np.array([p["weights"][m] for p in points(row)]), scores(row, "evaluator")[:, m]
        order = np.lexsort((reached, weights))
        ax.plot(weights[order], reached[order], color=styles[row["method"]].colour, linewidth=0.8)
        dots(ax, weights, reached, styles[row["method"]])
        if row["kendall_tau"][name] is not None:
            taus[row["method"]] = row["kendall_tau"][name]
    label(ax, f"weight of {short(name)}", f"{short(name)}, held-out score")
    return f"{name} against its weight. Kendall's tau: {in_order(taus) or 'no method is steered'}."


@drawing(THIRD)
def against_kl(ax: Axes, benchmark: Part, weights: Weights, styles: Styles) -> str:
    """The weighted held-out score at some weights against KL, under the curve of the best possible policies."""
    if benchmark.get("ceiling"):
        curve = [c for c in benchmark["ceiling"]["evaluator"]["curve"] if np.allclose(c["weights"], weights)]
        curve.sort(key=lambda c: c["kl"])
        ax.plot([c["kl"] for c in curve], [np.dot(weights, c["scores"]) for c in curve], color=MUTED, linewidth=0.8)
    reached = {}
    for row in benchmark["rows"]:
        # what is not steered answers alike at all weights
        found = [p for p in row["points"] if row["steering"] == "none" or np.allclose(p["weights"], weights)]
        if found:
            y = [float(np.dot(weights, p["evaluator"])) for p in found]
            dots(ax, [p["kl"] for p in found], y, styles[row["method"]])
            reached[row["method"]] = max(y)
    label(ax, KL, "weighted held-out score")
    return f"Weighted held-out score: {in_order(reached) or 'no method was measured at these weights'}."


def gaps(row: Part) -> np.ndarray:
    """By how much each point's (K,) weighted reward exceeds its weighted held-out score."""
    return np.array([np.dot(p["weights"], np.subtract(p["reward"], p["evaluator"])) for p in points(row)])


@drawing()
def gap(ax: Axes, benchmark: Part, styles: Styles) -> str:
    """By how much the weighted reward exceeds the weighted held-out score, against KL."""
    for row in benchmark["rows"]:
        dots(ax, [p["kl"] for p in points(row)], gaps(row), styles[row["method"]])
    ax.axhline(0, color=MUTED, linewidth=0.8)
    label(ax, KL, "reward less held-out score")
    means = {row["method"]: float(gaps(row).mean()) for row in benchmark["rows"]}
    return f"Reward less held-out score, mean over points: {in_order(means)}."


@drawing()
def both_volumes(ax: Axes, benchmark: Part, styles: Styles) -> str:
    """The held-out hypervolume against that under the rewards, with the line where they are equal."""
    for row in benchmark["rows"]:
        style, y = styles[row["method"]], row["evaluator"]["hypervolume"]
        ax.plot([row["hv_low"], row["hv_high"]], [y, y], color=style.colour, linewidth=0.8)
        _with_interval(ax, row["hypervolume"], row, style)
    ax.axline((benchmark["rows"][0]["hypervolume"],) * 2, slope=1, color=MUTED, linewidth=0.8)
    label(ax, "hypervolume under the rewards", "hypervolume, held-out")
    return f"Hypervolumes under the rewards: {in_order(volumes(benchmark, 'reward'))}."


@drawing()
def cost(ax: Axes, benchmark: Part, key: str, name: str, styles: Styles) -> str:
    """The held-out hypervolume against an entry of the cost, on a logarithmic scale with room for 0."""
    rows = [row for row in benchmark["rows"] if key in row["cost"]]
    spent = np.array([row["cost"][key] for row in rows])
    for row, x in zip(rows, spent, strict=True):
        _with_interval(ax, x, row, styles[row["method"]])
    label(ax, f"{name} (log scale)", "hypervolume, held-out")
    least = min(spent[spent > 0], default=1.0)
    ax.set_xscale("symlog", linthresh=least, linscale=0.3)
    ticks = _steps(least, max(spent))
    if min(spent) == 0:  # what is close together beside the room for 0 has space for one label
        ticks = [0.0, *(ticks if ticks[-1] > 1.15 * ticks[0] else ticks[-1:])]
    ax.set_xticks(ticks, [amount(x) for x in ticks])
    ax.xaxis.set_minor_locator(NullLocator())
    best = pareto([[-x, row["evaluator"]["hypervolume"]] for row, x in zip(rows, spent, strict=True)])
    return (
        f"Held-out hypervolume against {name}. "
        f"Nothing better costs less than {', '.join(rows[k]['method'] for k in best)}."
    )


def _steps(least: float, most: float) -> list[float]:
    """Round numbers between two positive ones: 1, 2 and 5 times the powers of ten, or these alone where they are many.

    The ends themselves where fewer than two are between them.

    >>> _steps(3.0, 25.0)
    [5.0, 10.0, 20.0]
    >>> _steps(2.1e12, 4.9e12)
    [2100000000000.0, 4900000000000.0]
    """
    low, high = math.floor(math.log10(least)), math.ceil(math.log10(max(most, least)))
    steps = [step * 10.0**k for k in range(low, high + 1) for step in ((1, 2, 5) if most < 100 * least else (1,))]
    within = [x for x in steps if least <= x <= most]
    return within if len(within) > 1 else sorted({least, most})


def _with_interval(ax: Axes, x: float, row: Part, style: Style) -> None:
    """A row's held-out hypervolume at x."""
    held_out = row["evaluator"]
    ax.plot([x, x], [held_out["hv_low"], held_out["hv_high"]], color=style.colour, linewidth=0.8)
    dots(ax, [x], [held_out["hypervolume"]], style)
