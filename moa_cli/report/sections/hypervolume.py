"""Hypervolume: how much of the space of scores each method's points dominate."""

from __future__ import annotations

from moa_cli.comparisons import OnBenchmark, Row
from moa_cli.report.elements import (
    Content,
    Html,
    Interval,
    Styles,
    called,
    draw_strip,
    el,
    how_to_read,
    join,
    number,
    per_method,
    spread,
)


def hypervolume(on: OnBenchmark, styles: Styles) -> Content:
    kept = [row for row in on.rows if not on.left_out(row)]
    ends = [end for row in kept for end in (row.scores.low, row.scores.high)]
    span = min(ends, default=0), max(ends, default=0)
    level = next((row.scores.hypervolume for row in kept if row.method == on.base), None)
    equal = any(row.scores.equal is not None for row in on.rows)

    def cells(row: Row) -> list[str]:
        if on.left_out(row):
            return ["–"] * len(columns)
        held_out, trained_on = row.scores, row.rewards
        value: Interval = held_out.hypervolume, held_out.low, held_out.high
        return [
            spread(*value),
            draw_strip(styles[row.method], value, span, level),
            *([] if on.base is None else [_gain(on, row)]),
            number(held_out.corrected),
            *([number(held_out.equal)] if equal else []),
            spread(trained_on.hypervolume, trained_on.low, trained_on.high),
            number(held_out.igd_plus),
            number(held_out.expected_utility),
        ]

    text = (
        "The hypervolume is how much of the space of scores above ref the points of a method dominate: more of it "
        "means better compromises. In brackets, 95 % intervals; bold where a method can be told from the starting "
        "policy. Corrected: less part of what choosing among noisy points adds. "
        + ("Equal points: with as many points as the smallest grid. " if equal else "")
        + "IGD+: distance to the best points of all methods, the less the better. Utility: best weighted score, mean "
        "over weightings."
    )  # fmt: skip
    columns = [
        "Held-out", f"{number(span[0])} to {number(span[1])}",
        *([] if on.base is None else [join(["Over ", called(on.base)])]), "Corrected",
        *(["Equal points"] if equal else []), "Rewards", "IGD+", "Utility",
    ]  # fmt: skip
    told = [el("p", line) for line in on.remarks]
    return [how_to_read(text), per_method("Hypervolume, highest held-out first", columns, cells, on, styles), *told]


def _gain(on: OnBenchmark, row: Row) -> Html:
    """By how much a row exceeds the base, bold where that is clear."""
    if row.method == on.base:
        return Html()
    gain = on.gain(row)
    if gain is None:
        return Html("–")
    told = spread(gain.value, gain.low, gain.high, sign="+")
    return el("strong", told) if gain.clear else told
