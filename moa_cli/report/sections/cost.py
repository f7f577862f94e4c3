"""Cost: of training, and of an answer."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator

from benchmarks.common import SUMS
from benchmarks.stats import pareto
from moa_cli.comparisons import OnBenchmark, Row
from moa_cli.report.elements import (
    Content,
    Entries,
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
from moa_cli.words import NOT_COUNTED, amount, time_words

TRAINING: Entries = {
    "seconds": ("Time", time_words),
    "generated_tokens": ("Tokens generated", amount),
    "trained_tokens": ("Tokens trained on", amount),
    "reward_calls": ("Reward calls", amount),
    "flops": ("FLOP", amount),
    "peak_memory_bytes": ("Peak memory", lambda value: f"{amount(value)}B"),
}


CHARGED: Entries = {key: entry for key, entry in TRAINING.items() if key in SUMS}


SERVING: Entries = {
    "serving_tokens": ("Tokens", amount),
    "serving_reward_calls": ("Reward calls", amount),
    "serving_flops": ("FLOP", amount),
}


class Spent(NamedTuple):
    """A number of operations that hypervolumes are drawn against."""

    title: str
    of: Callable[[Row], float | None]


SPENT = (
    Spent("FLOP in training", lambda row: row.cost.get("flops")),
    Spent("FLOP in training with what it used", lambda row: row.charged.get("flops")),
    Spent("FLOP for an answer", lambda row: row.cost.get("serving_flops")),
)


def cost(on: OnBenchmark, styles: Styles) -> Content:
    known = [one for one in SPENT if any(one.of(row) is not None for row in on.rows)]
    if not known:
        return [how_to_read("What these answers cost was not counted.")]
    text = (
        "Further up for less is better. Training is what a method spends beyond the preparation that all share. With "
        "what it used, it is charged for the trained rewards that it called and for tags, too: a method that brings a "
        "reward model of its own has that in its training. An answer is paid for at every use."
    )

    drawn = [panel(one.title, draw_cost(on, one, styles)) for one in known]
    spending = [
        per_method("Training, mean over seeds", titles(TRAINING), lambda row: _cells(TRAINING, row.cost), on, styles),
        per_method(
            "Training with what it used, mean over seeds", [*titles(CHARGED), "What it used"],
            lambda row: [*_cells(CHARGED, row.charged), ", ".join(row.used) or "–"], on, styles,
        ),
        per_method("An answer, mean over points", titles(SERVING), lambda row: _cells(SERVING, row.cost), on, styles),
    ]  # fmt: skip
    return [how_to_read(text), legend(on, styles), panels(drawn), *spending]


def _cells(entries: Entries, spent: Mapping[str, float | None]) -> list[str]:
    """Each entry, in words where it was not counted."""
    uncounted = [key for key, value in spent.items() if value is None]
    cells = zip(entries, written(entries, spent), strict=True)
    return [NOT_COUNTED if key in uncounted else cell for key, cell in cells]


@drawing()
def draw_cost(ax: Axes, on: OnBenchmark, what: Spent, styles: Styles) -> str:
    """The hypervolume under the scores against what was spent, on a logarithmic scale with room for 0."""
    found = [(row, flops) for row in on.rows if (flops := what.of(row)) is not None]
    rows, spent = [row for row, _ in found], np.array([flops for _, flops in found])
    for row, x in zip(rows, spent, strict=True):
        with_interval(ax, x, row, styles[row.method])
    label_axes(ax, f"{what.title} (log scale)", f"hypervolume, {on.word('scores')}")
    least = min(spent[spent > 0], default=1.0)
    ax.set_xscale("symlog", linthresh=least, linscale=0.3)
    ticks = _round_numbers(least, max(spent))
    if min(spent) == 0:  # what is close together beside the room for 0 has space for one label
        ticks = [0.0, *(ticks if ticks[-1] > 1.15 * ticks[0] else ticks[-1:])]
    ax.set_xticks(ticks, [amount(x) for x in ticks])
    ax.xaxis.set_minor_locator(NullLocator())
    best = pareto([[-x, row.scores.hypervolume] for row, x in zip(rows, spent, strict=True)])
    return (
        f"{on.word('scores').capitalize()} hypervolume against {what.title}. "
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
