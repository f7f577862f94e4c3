"""Cost: of training, and of an answer."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator

from benchmarks.stats import pareto
from moa_cli.comparisons import OnBenchmark
from moa_cli.report.elements import (
    Content,
    Entries,
    Html,
    Styles,
    drawing,
    how_to_read,
    label_axes,
    legend,
    panel,
    panels,
    per_method,
    titles,
    with_interval,
    written,
)
from moa_cli.words import amount, time_words

TRAINING: Entries = {
    "seconds": ("Time", time_words),
    "generated_tokens": ("Tokens generated", amount),
    "trained_tokens": ("Tokens trained on", amount),
    "reward_calls": ("Reward calls", amount),
    "flops": ("FLOP", amount),
    "peak_memory_bytes": ("Peak memory", lambda value: f"{amount(value)}B"),
}


SERVING: Entries = {
    "serving_tokens": ("Tokens", amount),
    "serving_reward_calls": ("Reward calls", amount),
    "serving_flops": ("FLOP", amount),
}


def cost(on: OnBenchmark, styles: Styles) -> Content:
    spent = {"flops": "FLOP in training", "serving_flops": "FLOP for an answer"}
    known = {key: title for key, title in spent.items() if any(key in row.cost for row in on.rows)}
    if not known:
        return [how_to_read("What these answers cost was not counted.")]
    text = (
        "Further up for less is better. Training is what a method spends beyond the preparation that all share; an "
        "answer is paid for at every use."
    )

    def told(caption: str, entries: Entries) -> Html:
        return per_method(caption, titles(entries), lambda row: written(entries, row.cost), on, styles)

    drawn = [panel(title, draw_cost(on, key, title, styles)) for key, title in known.items()]
    spending = [told("Training, mean over seeds", TRAINING), told("An answer, mean over points", SERVING)]
    return [how_to_read(text), legend(on, styles), panels(drawn), *spending]


@drawing()
def draw_cost(ax: Axes, on: OnBenchmark, key: str, name: str, styles: Styles) -> str:
    """The hypervolume under the scores against an entry of the cost, on a logarithmic scale with room for 0."""
    rows = [row for row in on.rows if key in row.cost]
    spent = np.array([row.cost[key] for row in rows])
    for row, x in zip(rows, spent, strict=True):
        with_interval(ax, x, row, styles[row.method])
    label_axes(ax, f"{name} (log scale)", f"hypervolume, {on.word('scores')}")
    least = min(spent[spent > 0], default=1.0)
    ax.set_xscale("symlog", linthresh=least, linscale=0.3)
    ticks = _round_numbers(least, max(spent))
    if min(spent) == 0:  # what is close together beside the room for 0 has space for one label
        ticks = [0.0, *(ticks if ticks[-1] > 1.15 * ticks[0] else ticks[-1:])]
    ax.set_xticks(ticks, [amount(x) for x in ticks])
    ax.xaxis.set_minor_locator(NullLocator())
    best = pareto([[-x, row.scores.hypervolume] for row, x in zip(rows, spent, strict=True)])
    return (
        f"{on.word('scores').capitalize()} hypervolume against {name}. "
        f"Nothing better costs less than {', '.join(rows[k].method for k in best)}."
    )


def _round_numbers(least: float, most: float) -> list[float]:
    """Round numbers between two positive ones: 1, 2 and 5 times the powers of ten, or these alone where they are many.

    The ends themselves where fewer than two are between them.

    >>> _round_numbers(3.0, 25.0)
    [5.0, 10.0, 20.0]
    >>> _round_numbers(2.1e12, 4.9e12)
    [2100000000000.0, 4900000000000.0]
    """
    low, high = math.floor(math.log10(least)), math.ceil(math.log10(max(most, least)))
    found = [step * 10.0**k for k in range(low, high + 1) for step in ((1, 2, 5) if most < 100 * least else (1,))]
    within = [x for x in found if least <= x <= most]
    return within if len(within) > 1 else sorted({least, most})
