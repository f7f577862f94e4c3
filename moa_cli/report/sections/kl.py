"""Score and KL: what was paid in distance from the starting policy."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from benchmarks import Weights
from benchmarks.spec import simplex_grid
from moa_cli.comparisons import Part
from moa_cli.report.elements import (
    KL,
    MUTED,
    THIRD,
    Content,
    Html,
    Styles,
    called,
    dots,
    drawing,
    in_order,
    join,
    label,
    legend,
    panel,
    panels,
    read,
)


def kl(benchmark: Part, styles: Styles) -> Content:
    M = len(benchmark["objectives"])
    places = list(
        zip((join([called(name), " alone"]) for name in benchmark["objectives"]), simplex_grid(M, 1), strict=True)
    )
    places += [(Html("Equal weights"), (1 / M,) * M)] if M > 1 else []
    text = "What distance from the starting policy buys, at some weightings: the higher at the same KL, the better."
    text += " In grey, an estimate of the best that any policy can reach." if benchmark.get("ceiling") else ""
    drawn = [panel(title, draw_kl(benchmark, weights, styles)) for title, weights in places]
    return [read(text), legend(benchmark, styles), panels(drawn, "trio")]


@drawing(THIRD)
def draw_kl(ax: Axes, benchmark: Part, weights: Weights, styles: Styles) -> str:
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
