"""The headline numbers: how much of the space of scores each method's points dominate, and what they are worth."""

from __future__ import annotations

from moa_cli.comparisons import HEADLINES, Difference, Headline, OnBenchmark, Row
from moa_cli.report.elements import (
    Content,
    Html,
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
    ends = [end for row in kept for end in row.scores.volume[1:]]
    span = min(ends, default=0), max(ends, default=0)
    level = next((row.scores.hypervolume for row in kept if row.method == on.base), None)
    goals = on.goals_base
    more = any(row.policies > on.policies for row in on.rows)

    def cells(row: Row) -> list[str]:
        if on.left_out(row):
            return ["–"] * len(columns)
        held_out, trained_on = row.scores, row.rewards
        return [
            spread(*held_out.volume),
            draw_strip(styles[row.method], held_out.volume, span, level),
            *([] if on.base is None else [_gain(on, row, "hypervolume")]),
            _utility(on, row),
            *([] if goals is None else [_bold(on.goals_gain(row, name)) for name in HEADLINES]),
            spread(*trained_on.volume),
            *([f"{number(held_out.all_weights)} ({row.policies})"] if more else []),
            number(held_out.corrected),
            number(held_out.igd_plus),
            number(held_out.expected_utility),
        ]

    text = (
        "The hypervolume is how much of the space of scores above ref the points of a method dominate, at "
        f"{on.policies} distinct policies of every method that has several: more of it means better compromises. The "
        f"utility is what a method is worth at the {len(on.asked)} weights that all are asked for: the mean of "
        f"w · {on.score_word('scores')}{_less(on)}. In brackets, 95 % intervals; bold where "
        + f"a method can be told from the starting policy{'' if on.concludes else ': nowhere here'}. "
        + ("All weights: the hypervolume of all points, and how many policies they are. " if more else "")
        + "Corrected: less part of what choosing among noisy points adds. IGD+: distance to the best points of all "
        "methods, the less the better. Best: the best weighted score, mean over weightings."
    )
    columns = [
        on.word("scores").capitalize(), f"{number(span[0])} to {number(span[1])}",
        *([] if on.base is None else [join(["Over ", called(on.base)])]), "Utility",
        *([] if goals is None else [join([word.capitalize(), " over ", called(goals)]) for word in HEADLINES]),
        on.word("rewards").capitalize(), *(["All weights"] if more else []), "Corrected", "IGD+", "Best",
    ]  # fmt: skip
    told = [el("p", line) for line in on.remarks]
    title = f"Hypervolume at {on.policies} points, highest {on.word('scores')} first, and utility"
    return [how_to_read(text), per_method(title, columns, cells, on, styles), *told]


def _less(on: OnBenchmark) -> str:
    """What a utility is less."""
    return ", 0 being the scale card's mean" if on.start is None else " less that of the starting policy"


def _gain(on: OnBenchmark, row: Row, headline: Headline) -> Html:
    """By how much a row exceeds the base."""
    return Html() if row.method == on.base else _bold(on.gain(row, headline))


def _utility(on: OnBenchmark, row: Row) -> Html:
    """The utility, bold where it is a difference to the base that is clear."""
    return spread(*row.scores.worth, sign="+") if on.start is None else _gain(on, row, "utility")


def _bold(gain: Difference | None) -> Html:
    """A difference, bold where it is clear."""
    if gain is None:
        return Html("–")
    told = spread(*gain.interval, sign="+")
    return el("strong", told) if gain.clear else told
