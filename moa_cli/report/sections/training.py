"""Training: what was logged while methods trained."""

from __future__ import annotations

from itertools import product

import numpy as np
from matplotlib.axes import Axes

from moa_cli.comparisons import HEADLINES, OnBenchmark
from moa_cli.report.elements import (
    Content,
    Styles,
    drawing,
    el,
    how_to_read,
    html_table,
    label_axes,
    legend,
    line,
    named_mark,
    panel,
    panels,
    ranked,
)
from moa_cli.report.sections.differences import less

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


def tuning(on: OnBenchmark, styles: Styles) -> Content:
    pairs = [
        (before, after)
        for before, after in product(on.rows, on.rows)
        if before.of_method == after.of_method and before.trials == 0 < after.trials
    ]
    if not pairs:
        return [
            how_to_read(
                "No method is here twice, as it was and with settings that a search chose. To see what tuning brought: "
                "moa compare -m METHOD, moa compare -m METHOD -c tuned, then moa compare."
            )
        ]
    text = (
        "Settings were chosen on dev prompts; here both are measured on test prompts. The second less the first, "
        "paired by prompt, with its 95 % interval, coloured where the two can be told apart."
    )
    rows = [
        [
            named_mark(before.method, styles),
            named_mark(after.method, styles),
            el("span", str(after.trials)),
            *(less(on.difference(after.method, before.method, headline)) for headline in HEADLINES),
        ]
        for before, after in pairs
    ]
    heads = ["as it was", "tuned", "trials", *HEADLINES]
    return [how_to_read(text), html_table("Gain of tuning, under " + on.scorers_word("scores"), heads, rows)]
