"""What the report says was reached, fronts and hypervolumes, and what all its sections are made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations

from moa_cli import charts
from moa_cli.drawing import KINDS, Part, Styles, volumes
from moa_cli.markup import Html, called, el, join, number, spread, table
from moa_cli.render import remarks
from moa_cli.svg import Interval, named, strip
from moa_cli.verdict import base, difference, left_out

Content = list[Html]
TITLES = {"evaluator": "Held-out evaluators", "reward": "Training rewards"}


def read(text: str) -> Html:
    """How to read a section."""
    return el("p", text, class_="read")


def panel(title: str, drawn: Html) -> Html:
    """A drawing under its title."""
    return el("figure", el("figcaption", title), drawn)


def panels(drawn: Content, kind: str = "") -> Html:
    """Drawings side by side where there is room: two, a "trio" or "many"."""
    return el("div", *drawn, class_=f"panels {kind}".rstrip())


def legend(benchmark: Part, styles: Styles) -> Html:
    """Which mark is whose."""
    return el("ul", *(el("li", named(row["method"], styles)) for row in benchmark["rows"]), class_="legend")


def per_method(
    caption: str, columns: Sequence[str], cells: Callable[[Part], Sequence[str]], benchmark: Part, styles: Styles
) -> Html:
    """A table with a row per method, whose `cells` follow its name."""
    rows = [[named(row["method"], styles), *cells(row)] for row in benchmark["rows"]]
    return table(caption, ["Method", *columns], rows)


def fronts(benchmark: Part, styles: Styles) -> Content:
    M, drawn = len(benchmark["objectives"]), []
    text = "Each mark is a method at one weighting of the objectives; "
    for kind in KINDS:
        if M in (2, 3):
            planes = [charts.plane(benchmark, kind, pair, styles) for pair in combinations(range(M), 2)]
            drawn += [panel(TITLES[kind], plane) for plane in planes]
        else:
            drawn += [panel(TITLES[kind], charts.parallel(benchmark, kind, styles))]
        if M == 3 and kind == "evaluator":
            drawn += [panel("Who is best at each weighting", charts.triangle(benchmark, styles))]
    text += "further up and to the right is better. " if M in (2, 3) else "further up is better. "
    text += "Lines join them in the order of the weights. " if M == 2 else ""
    text += (
        "What is hollow adds nothing to the hypervolume: another point of the method is better in everything, or the "
        "point is left out. What is crossed out has too many collapsed answers."
    )
    if benchmark.get("ceiling") and M in (2, 3):
        text += (
            " In grey, an estimate of the best that any policy can reach at some KL from the starting policy, and by "
            "choosing from n answers."
        )
    return [read(text), legend(benchmark, styles), panels(drawn), *_bands(benchmark, styles)]


def _bands(benchmark: Part, styles: Styles) -> Content:
    """Each method alone, with what its seeds attain."""
    shown = [row for row in benchmark["rows"] if row["attainment"]]
    if not shown:
        return []
    text = (
        "Each method alone, held-out: the band lies between what its worst and its best seed attain, the line is the "
        "median. A narrow band means that training again gives the same front."
    )
    drawn = [panel(named(row["method"], styles), charts.alone(benchmark, row, styles)) for row in shown]
    return [el("h4", "Over seeds"), read(text), panels(drawn, "many")]


def hypervolume(benchmark: Part, styles: Styles) -> Content:
    start, rows = base(benchmark), benchmark["rows"]
    kept = {row["method"] for row in rows if not left_out(benchmark, row)}
    ends = [row["evaluator"][key] for row in rows if row["method"] in kept for key in ("hv_low", "hv_high")]
    span = min(ends, default=0), max(ends, default=0)
    level = volumes(benchmark, "evaluator").get(start or "") if start in kept else None
    equal = any(row["evaluator"]["hv_equal"] is not None for row in rows)

    def cells(row: Part) -> list[str]:
        name, held_out = row["method"], row["evaluator"]
        if name not in kept:
            return ["–"] * len(columns)
        value: Interval = held_out["hypervolume"], held_out["hv_low"], held_out["hv_high"]
        return [
            spread(*value),
            strip(styles[name], value, span, level),
            *([] if start is None else [_gain(benchmark, name, start)]),
            number(held_out["hv_corrected"]),
            *([number(held_out["hv_equal"])] if equal else []),
            spread(row["hypervolume"], row["hv_low"], row["hv_high"]),
            number(held_out["igd_plus"]),
            number(held_out["eum"]),
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
        *([] if start is None else [join(["Over ", called(start)])]), "Corrected",
        *(["Equal points"] if equal else []), "Rewards", "IGD+", "Utility",
    ]  # fmt: skip
    told = [el("p", line) for line in remarks(benchmark)]
    return [read(text), per_method("Hypervolume, highest held-out first", columns, cells, benchmark, styles), *told]


def _gain(benchmark: Part, name: str, start: str) -> Html:
    """By how much a row exceeds the base, bold where that is clear."""
    if name == start:
        return Html()
    gain = difference(benchmark, name, start)
    if gain is None:
        return Html("–")
    told = spread(gain.value, gain.low, gain.high, sign="+")
    return el("strong", told) if gain.clear else told
