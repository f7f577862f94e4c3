"""Hypervolume: how much of the space of scores each method's points dominate."""

from __future__ import annotations

from moa_cli.comparisons import Part, base, difference, left_out, remarks, volumes
from moa_cli.report.elements import (
    Content,
    Html,
    Interval,
    Styles,
    called,
    el,
    join,
    number,
    per_method,
    read,
    spread,
    strip,
)


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
