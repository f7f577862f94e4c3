"""Does it obey: each score against the weight of its objective."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from moa_cli.comparisons import OnBenchmark
from moa_cli.report.elements import (
    Content,
    Styles,
    called,
    dots,
    drawing,
    how_to_read,
    label_axes,
    legend,
    line,
    number,
    panel,
    panels,
    per_method,
    ranked,
    shortened,
)


def control(on: OnBenchmark, styles: Styles) -> Content:
    text = (
        "A method obeys if each score rises with the weight of its objective. Kendall's tau is 1 where it always does "
        "and 0 where it does not follow at all."
    )
    text += " Lines go through the mean of the points that share a weight." if len(on.objectives) > 2 else ""
    drawn = [panel(called(name), draw_control(on, m, styles)) for m, name in enumerate(on.objectives)]
    told = per_method(
        f"Kendall's tau between weight and {on.score_word('scores')}", [called(name) for name in on.objectives],
        lambda row: [number(row.kendall_tau[name]) for name in on.objectives], on, styles,
    )  # fmt: skip
    return [how_to_read(text), legend(on, styles), panels(drawn), told]


@drawing()
def draw_control(ax: Axes, on: OnBenchmark, m: int, styles: Styles) -> str:
    """The score of an objective against its weight; the line is the mean where several points have the same."""
    name, taus = on.objectives[m], {}
    for row in on.rows:
        weights, reached = np.array([point.weights[m] for point in row.in_order]), row.values("scores")[:, m]
        several, of = np.unique(weights, return_inverse=True)
        line(ax, several, np.bincount(of, reached) / np.bincount(of), styles[row.method])
        dots(ax, weights, reached, styles[row.method])
        if (tau := row.kendall_tau[name]) is not None:
            taus[row.method] = tau
    label_axes(ax, f"weight of {shortened(name)}", f"{shortened(name)}, {on.score_word('scores', name)}")
    return f"{name} against its weight. Kendall's tau: {ranked(taus) or 'no method is steered'}."
