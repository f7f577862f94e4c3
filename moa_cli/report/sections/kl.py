"""Score and KL: what was paid in distance from the starting policy."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from benchmarks import Weights
from benchmarks.spec import simplex_grid
from moa_cli.comparisons import OnBenchmark
from moa_cli.report.elements import (
    KL_AXIS,
    MUTED,
    THIRD,
    Content,
    Html,
    Styles,
    called,
    dots,
    drawing,
    how_to_read,
    join,
    label_axes,
    legend,
    panel,
    panels,
    ranked,
)


def kl(on: OnBenchmark, styles: Styles) -> Content:
    M = len(on.objectives)
    places = list(zip((join([called(name), " alone"]) for name in on.objectives), simplex_grid(M, 1), strict=True))
    places += [(Html("Equal weights"), (1 / M,) * M)] if M > 1 else []
    text = "What distance from the starting policy buys, at some weightings: the higher at the same KL, the better."
    text += " In grey, an estimate of the best that any policy can reach." if on.ceiling else ""
    drawn = [panel(title, draw_kl(on, weights, styles)) for title, weights in places]
    return [how_to_read(text), legend(on, styles), panels(drawn, "trio")]


@drawing(THIRD)
def draw_kl(ax: Axes, on: OnBenchmark, weights: Weights, styles: Styles) -> str:
    """The weighted score at some weights against KL, under the curve of the best possible policies."""
    if on.ceiling:
        best = [one for one in on.ceiling.scores.curve if np.allclose(one.weights, weights)]
        best.sort(key=lambda one: one.kl)
        ax.plot([one.kl for one in best], [np.dot(weights, one.values) for one in best], color=MUTED, linewidth=0.8)
    reached = {}
    for row in on.rows:
        # what is not steered answers alike at all weights
        found = [point for point in row.points if row.steering == "none" or np.allclose(point.weights, weights)]
        if found:
            y = [float(np.dot(weights, point.scores)) for point in found]
            dots(ax, [point.kl for point in found], y, styles[row.method])
            reached[row.method] = max(y)
    label_axes(ax, KL_AXIS, f"weighted {on.score_word('scores')}")
    return f"Weighted {on.score_word('scores')}: {ranked(reached) or 'no method was measured at these weights'}."
