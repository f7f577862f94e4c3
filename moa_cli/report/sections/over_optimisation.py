"""Over-optimisation: what the rewards say against what the evaluators say."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from moa_cli.comparisons import OnBenchmark, Row
from moa_cli.report.elements import (
    KL_AXIS,
    MUTED,
    Content,
    Styles,
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
    place,
    ranked,
    with_interval,
)


def over_optimisation(on: OnBenchmark, styles: Styles) -> Content:
    rewards, scores = on.volumes("rewards"), on.volumes("scores")

    def cells(row: Row) -> list[str]:
        name, gap = row.method, float(gaps(row).mean())
        if on.left_out(row):
            return [*["–"] * 5, number(gap, "+")]
        change = number(rewards[name] - scores[name], "+")
        places = [str(place(rewards, name)), str(place(scores, name))]
        return [number(rewards[name]), number(scores[name]), change, *places, number(gap, "+")]

    told = (
        "; the evaluators are held out" if on.word("scores") == "held-out" else ", and some of them are evaluators too"
    )
    text = (
        f"Methods train on the rewards{told}. A method to the right of the line, or high above "
        "0, is better at pleasing its rewards than at what these stand for."
    )
    if on.agreement is not None:
        text += f" The two orders of methods agree with a Kendall's tau of {number(on.agreement)}."
    drawn = [panel("Hypervolumes", draw_volumes(on, styles)), panel("Gap and KL", draw_gap(on, styles))]
    held_out, trained_on = on.word("scores"), on.word("rewards")
    columns = [
        trained_on.capitalize(), held_out.capitalize(), "Difference", f"Place by {trained_on}", f"Place by {held_out}",
        "Mean gap of scores",
    ]  # fmt: skip
    told = per_method(f"Hypervolume, {trained_on} and {held_out}", columns, cells, on, styles)
    return [how_to_read(text), legend(on, styles), panels(drawn), told]


def gaps(row: Row) -> np.ndarray:
    """By how much each point's (K,) weighted reward exceeds its weighted score."""
    return np.array([np.dot(point.weights, np.subtract(point.rewards, point.scores)) for point in row.in_order])


def _less(on: OnBenchmark) -> str:
    """What a gap is."""
    return f"{on.score_word('rewards')} less {on.score_word('scores')}"


@drawing()
def draw_gap(ax: Axes, on: OnBenchmark, styles: Styles) -> str:
    """By how much the weighted reward exceeds the weighted score, against KL."""
    for row in on.rows:
        dots(ax, [point.kl for point in row.in_order], gaps(row), styles[row.method])
    ax.axhline(0, color=MUTED, linewidth=0.8)
    label_axes(ax, KL_AXIS, _less(on))
    means = {row.method: float(gaps(row).mean()) for row in on.rows}
    return f"{_less(on).capitalize()}, mean over points: {ranked(means)}."


@drawing()
def draw_volumes(ax: Axes, on: OnBenchmark, styles: Styles) -> str:
    """The hypervolume under the scores against that under the rewards, with the line where they are equal."""
    for row in on.rows:
        style, y = styles[row.method], row.scores.hypervolume
        line(ax, [row.rewards.low, row.rewards.high], [y, y], style, linestyle="-")
        with_interval(ax, row.rewards.hypervolume, row, style)
    ax.axline((on.rows[0].rewards.hypervolume,) * 2, slope=1, color=MUTED, linewidth=0.8)
    label_axes(ax, f"hypervolume, {on.word('rewards')}", f"hypervolume, {on.word('scores')}")
    return f"Hypervolumes, {on.word('rewards')}: {ranked(on.volumes('rewards'))}."
