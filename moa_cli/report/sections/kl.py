"""Score and KL: what was paid in distance from the starting policy."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from benchmarks import Weights
from benchmarks.spec import simplex_grid
from moa_cli.comparisons import Ceiling, OnBenchmark
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
    if on.ceiling:
        text += (
            " In grey, estimates: what optimising the rewards perfectly reaches (solid), what choosing from n answers "
            "by their rewards does (dashed), and the best possible, which optimises the evaluators (dotted)."
        )
    drawn = [panel(title, draw_kl(on, weights, styles)) for title, weights in places]
    return [how_to_read(text), legend(on, styles), panels(drawn, "trio")]


@drawing(THIRD)
def draw_kl(ax: Axes, on: OnBenchmark, weights: Weights, styles: Styles) -> str:
    """The weighted score at some weights against KL, with the curves of the ceiling."""
    if on.ceiling:
        for curve, line in _curves(on.ceiling, weights):
            x = [kl for kl, _ in curve]
            ax.plot(x, [np.dot(weights, values) for _, values in curve], color=MUTED, linewidth=0.8, linestyle=line)
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


def _curves(ceiling: Ceiling, weights: Weights) -> list[tuple[list[tuple[float, tuple[float, ...]]], str]]:
    """Scores by KL at some weights, and the line that they are drawn with."""
    drawn = []
    for best, line in ((ceiling.scores, "-"), (ceiling.evaluators, ":")):
        drawn.append((sorted((one.kl, one.values) for one in best.curve if np.allclose(one.weights, weights)), line))
    chosen = [
        (b.kl, p)
        for b in ceiling.scores.best_of_n
        for w, p in zip(b.weights, b.points, strict=True)
        if np.allclose(w, weights)
    ]
    return [*drawn, (chosen, "--")]
