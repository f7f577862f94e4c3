"""Training: what was logged while methods trained."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from moa_cli.comparisons import OnBenchmark
from moa_cli.report.elements import (
    Content,
    Styles,
    drawing,
    how_to_read,
    label_axes,
    legend,
    line,
    panel,
    panels,
    ranked,
)

MEASURES = {"loss": "Loss", "reward": "Reward", "kl": "KL from the starting policy (nats)"}


def training(on: OnBenchmark, styles: Styles) -> Content:
    logged = {curve.measure for curve in on.curves}
    if not logged:
        return [how_to_read("The logs of these trainings are not at hand.")]
    text = (
        "What the first training of every method has logged, a line per stage, which begins at 0 and ends at 1. What a "
        "loss is differs from method to method: only its course can be compared."
    )
    drawn = [
        panel(title, draw_training(on, measure, styles)) for measure, title in MEASURES.items() if measure in logged
    ]
    return [how_to_read(text), legend(on, styles), panels(drawn, "trio" if len(drawn) > 2 else "")]


@drawing()
def draw_training(ax: Axes, on: OnBenchmark, measure: str, styles: Styles) -> str:
    """A measure over the course of every stage."""
    ends = {}
    for curve in (one for one in on.curves if one.measure == measure):
        along = np.array(curve.steps) / max(curve.steps[-1], 1)
        line(ax, along, curve.values, styles[curve.method], marker="" if len(along) > 1 else ".")
        ends[f"{curve.method} ({curve.stage})"] = curve.values[-1]
    label_axes(ax, "share of the stage", measure)
    return f"{MEASURES[measure]} in training, at the end: {ranked(ends)}."
