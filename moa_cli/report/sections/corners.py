"""Other refs: whether the order of methods depends on the corner of the hypervolume."""

from __future__ import annotations

from moa_cli.comparisons import Part, left_out
from moa_cli.report.elements import Content, Html, Styles, called, el, join, number, per_method, place, read


def corners(benchmark: Part, styles: Styles) -> Content:
    refs = benchmark["refs"]
    if not refs:
        return [read("The hypervolume was measured above one corner only.")]

    def cells(row: Part) -> list[Html]:
        name = row["method"]
        if left_out(benchmark, row):
            return [Html("–")] * len(refs)
        found = [(ref["hypervolume"][name], place(ref["hypervolume"], name)) for ref in refs]
        return [join([number(value), el("small", f" ({place})")]) for value, place in found]

    flips: dict[tuple[str, str], list[str]] = {}
    for ref in refs:
        for a, b in ref["flips"]:
            flips.setdefault((a, b), []).append(f"{ref['sds']:g}")
    text = (
        "The hypervolume depends on the corner that it is measured from: so many SDs below the mean of the starting "
        "policy. In brackets, the place of the method."
    )
    told = "These pairs change their order, at so many SDs:" if flips else "No pair of methods changes its order."
    pairs = [el("li", called(a), ", ", called(b), f" ({', '.join(sds)})") for (a, b), sds in flips.items()]
    table = per_method(
        "Held-out hypervolume above other corners",
        [f"{ref['sds']:g} SD{'s' * (ref['sds'] != 1)}" for ref in refs],
        cells,
        benchmark,
        styles,
    )
    return [read(text), table, el("p", told), *([el("ul", *pairs, class_="flat")] if pairs else [])]
