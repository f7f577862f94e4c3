"""Over-optimisation: what the rewards say against what the held-out evaluators say."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from moa_cli.comparisons import Part, left_out, row_points, volumes
from moa_cli.report.elements import (
    KL,
    MUTED,
    Content,
    Styles,
    dots,
    drawing,
    in_order,
    label,
    legend,
    number,
    panel,
    panels,
    per_method,
    place,
    read,
    with_interval,
)


def over_optimisation(benchmark: Part, styles: Styles) -> Content:
    reward, held_out = volumes(benchmark, "reward"), volumes(benchmark, "evaluator")

    def cells(row: Part) -> list[str]:
        name, gap = row["method"], float(gaps(row).mean())
        if left_out(benchmark, row):
            return [*["–"] * 5, number(gap, "+")]
        change = number(reward[name] - held_out[name], "+")
        places = [str(place(reward, name)), str(place(held_out, name))]
        return [number(reward[name]), number(held_out[name]), change, *places, number(gap, "+")]

    text = (
        "Methods train on the rewards; the evaluators are held out. A method to the right of the line, or high above "
        "0, is better at pleasing its rewards than at what these stand for."
    )
    if benchmark["agreement"] is not None:
        text += f" The two orders of methods agree with a Kendall's tau of {number(benchmark['agreement'])}."
    drawn = [
        panel("Hypervolumes", draw_volumes(benchmark, styles)),
        panel("Gap and KL", draw_gap(benchmark, styles)),
    ]
    columns = ["Rewards", "Held-out", "Difference", "Place by rewards", "Place held-out", "Mean gap of scores"]
    told = per_method("Hypervolume under rewards and held-out", columns, cells, benchmark, styles)
    return [read(text), legend(benchmark, styles), panels(drawn), told]


def gaps(row: Part) -> np.ndarray:
    """By how much each point's (K,) weighted reward exceeds its weighted held-out score."""
    return np.array([np.dot(p["weights"], np.subtract(p["reward"], p["evaluator"])) for p in row_points(row)])


@drawing()
def draw_gap(ax: Axes, benchmark: Part, styles: Styles) -> str:
    """By how much the weighted reward exceeds the weighted held-out score, against KL."""
    for row in benchmark["rows"]:
        dots(ax, [p["kl"] for p in row_points(row)], gaps(row), styles[row["method"]])
    ax.axhline(0, color=MUTED, linewidth=0.8)
    label(ax, KL, "reward less held-out score")
    means = {row["method"]: float(gaps(row).mean()) for row in benchmark["rows"]}
    return f"Reward less held-out score, mean over points: {in_order(means)}."


@drawing()
def draw_volumes(ax: Axes, benchmark: Part, styles: Styles) -> str:
    """The held-out hypervolume against that under the rewards, with the line where they are equal."""
    for row in benchmark["rows"]:
        style, y = styles[row["method"]], row["evaluator"]["hypervolume"]
        ax.plot([row["hv_low"], row["hv_high"]], [y, y], color=style.colour, linewidth=0.8)
        with_interval(ax, row["hypervolume"], row, style)
    ax.axline((benchmark["rows"][0]["hypervolume"],) * 2, slope=1, color=MUTED, linewidth=0.8)
    label(ax, "hypervolume under the rewards", "hypervolume, held-out")
    return f"Hypervolumes under the rewards: {in_order(volumes(benchmark, 'reward'))}."
