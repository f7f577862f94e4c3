"""The methods: what each is, and what was measured that puts it where it stands."""

from __future__ import annotations

import re
import sys

import numpy as np

from methods import find_method, method_names
from moa_cli.comparisons import OnBenchmark, Row
from moa_cli.report.elements import (
    Content,
    Html,
    Styles,
    called,
    el,
    how_to_read,
    join,
    listed,
    named_mark,
    number,
    spread,
)

ARXIV = re.compile(r"\b\d{4}\.\d{4,5}\b")
FOLLOWS = 0.8
"""Kendall's tau from which on a method follows its weights [choice]: of ten pairs of weights one is turned."""


def methods(on: OnBenchmark, styles: Styles) -> Content:
    text = (
        "What every method is, and what was measured of it beside the others: numbers that belong to its place, not "
        "reasons. Ranges are of the means of its points."
    )
    told = [el("div", el("dt", named_mark(row.method, styles)), *_about(on, row), class_="about") for row in on.rows]
    return [how_to_read(text), el("dl", *told)]


def _about(on: OnBenchmark, row: Row) -> Content:
    """What a method is, as its file says, and what its numbers say."""
    line = method_line(row.of_method)
    facts = [join(sentence) for sentence in _facts(on, row) if sentence]
    return [*([el("dd", line)] if line else []), el("dd", join(facts, " "), class_="why")]


def method_line(name: str) -> Html | None:
    """The first line of the file of a method that comes with moa, its papers linked; None for others."""
    if name not in method_names():
        return None
    words = (sys.modules[find_method(name).__module__].__doc__ or "").strip().partition("\n")[0]
    parts, end = Content(), 0
    for found in ARXIV.finditer(words):
        link = el("a", found.group(), href=f"https://arxiv.org/abs/{found.group()}")
        parts += [join([words[end : found.start()], link])]
        end = found.end()
    return join([*parts, words[end:]])


def _facts(on: OnBenchmark, row: Row) -> list[list[str]]:
    """Sentences on one row."""
    if on.left_out(row):
        return [["No point of it counts: at each, too many answers are degenerate."], _collapse(on, row)]
    return [
        _stands(on, row),
        _reach(on, row),
        _distance(on, row),
        _steers(on, row),
        _obeys(on, row),
        _collapse(on, row),
    ]


def _stands(on: OnBenchmark, row: Row) -> list[str]:
    """Its places by the two headline numbers."""
    kept = [other for other in on.rows if not on.left_out(other)]
    volume, volumes = row.scores.hypervolume, [other.scores.hypervolume for other in kept]
    share = f" ({volume / max(volumes):.0%} of the largest)" if 0 <= volume < max(volumes) else ""
    worth = (
        spread(*row.scores.worth, sign="+") if on.start != row.method else Html("0, for others are compared with it")
    )
    return [
        f"Hypervolume {number(volume)}{share}, {_place(volume, volumes)}; utility ", worth,
        f", {_place(row.scores.utility, [r.scores.utility for r in kept])}.",
    ]  # fmt: skip


def _place(value: float, of: list[float]) -> str:
    return f"{1 + sum(other > value for other in of)} of {len(of)}"


def _reach(on: OnBenchmark, row: Row) -> list[str]:
    """How far its points go in each objective, beside the row that goes farthest."""
    told = []
    for m, name in enumerate(on.objectives):
        own = row.values("scores")[:, m]
        far = max(on.rows, key=lambda other: other.values("scores")[:, m].max())
        most = float(far.values("scores")[:, m].max())
        span = f"{number(own.min())} to {number(own.max())}" if np.ptp(own) else number(own[0])
        beside = ["the farthest of all"] if far is row else [called(far.method), f" reaches {number(most)}"]
        told += [join([called(name), f" {span} (", *beside, ")"])]
    return ["Its points span " if len(row.points) > 1 else "Its point has ", listed(told), "."]


def _distance(on: OnBenchmark, row: Row) -> list[str]:
    """Its KL beside the others'."""
    others = {r.method: r.kl for r in on.rows if r.kl is not None and r.steering != "none"}
    if row.kl is None:
        return ["Its KL from the starting policy is unknown."]
    if row.method not in others or len(others) < 2:
        return [f"KL from the starting policy: {number(row.kl)} nats."]
    median = float(np.median([*others.values()]))
    times = f", {row.kl / median:.1f} times the median of the methods that are steered" if median > 0 else ""
    return [f"KL from the starting policy: {number(row.kl)} nats{times}."]


def _steers(on: OnBenchmark, row: Row) -> list[str]:
    """How many policies its weights are."""
    if row.steering == "none":
        return ["It answers alike at all weights."]
    same = row.policies < len(row.points)
    return [f"Its {len(row.points)} weights are {row.policies} distinct policies."] if same else []


def _obeys(on: OnBenchmark, row: Row) -> list[str]:
    """Whether its scores follow the weights."""
    taus = {name: tau for name, tau in row.kendall_tau.items() if tau is not None}
    if not taus:
        return []
    told = listed([join([called(name), f" {number(tau)}"]) for name, tau in taus.items()])
    least = min(taus.values())
    word = (
        "Scores follow the weights"
        if least >= FOLLOWS
        else "Scores follow the weights in part"
        if least > 0
        else ("Scores do not follow all weights")
    )
    return [f"{word} (tau: ", told, ")."]


def _collapse(on: OnBenchmark, row: Row) -> list[str]:
    """How many answers are degenerate, where any are."""
    if not row.collapse:
        return ["No answer is degenerate."]
    worst = max(row.points, key=lambda point: point.collapse)
    at = [", most at ", called(worst.label), f" ({worst.collapse:.1%})"] if len(row.points) > 1 else []
    out = sum(point.collapsed for point in row.points)
    done = "count in spite of that" if on.keeps_collapsed else "are left out"
    return [f"{row.collapse:.1%} of its answers are degenerate", *at, f"; {out} points {done}." if out else "."]
