"""Does it obey: each score against the weight of its objective."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from moa_cli.comparisons import Part, row_points, row_scores
from moa_cli.report.elements import (
    Content,
    Styles,
    called,
    dots,
    drawing,
    in_order,
    label,
    legend,
    number,
    panel,
    panels,
    per_method,
    read,
    short,
)


def control(benchmark: Part, styles: Styles) -> Content:
    objectives = benchmark["objectives"]
    text = (
        "A method obeys if each score rises with the weight of its objective. Kendall's tau is 1 where it always does "
        "and 0 where it does not follow at all."
    )
    drawn = [panel(called(name), draw_control(benchmark, m, styles)) for m, name in enumerate(objectives)]
    told = per_method(
        "Kendall's tau between weight and held-out score", [called(name) for name in objectives],
        lambda row: [number(row["kendall_tau"][name]) for name in objectives], benchmark, styles,
    )  # fmt: skip
    return [read(text), legend(benchmark, styles), panels(drawn), told]


@drawing()
def draw_control(ax: Axes, benchmark: Part, m: int, styles: Styles) -> str:
    """The held-out score of an objective against its weight."""
    name, taus = benchmark["objectives"][m], {}
    for row in benchmark["rows"]:
        weights, reached = np.array([p["weights"][m] for p in row_points(row)]), row_scores(row, "evaluator")[:, m]
        order = np.lexsort((reached, weights))
        ax.plot(weights[order], reached[order], color=styles[row["method"]].colour, linewidth=0.8)
        dots(ax, weights, reached, styles[row["method"]])
        if row["kendall_tau"][name] is not None:
            taus[row["method"]] = row["kendall_tau"][name]
    label(ax, f"weight of {short(name)}", f"{short(name)}, held-out score")
    return f"{name} against its weight. Kendall's tau: {in_order(taus) or 'no method is steered'}."
