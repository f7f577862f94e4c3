"""Other refs: whether the order of methods depends on the point that the hypervolume is measured from."""

from __future__ import annotations

from moa_cli.comparisons import OnBenchmark, Row
from moa_cli.report.elements import Content, Html, Styles, called, el, how_to_read, join, number, per_method, place


def refs(on: OnBenchmark, styles: Styles) -> Content:
    if not on.refs:
        return [how_to_read("The hypervolume was measured above one ref only.")]

    def cells(row: Row) -> list[Html]:
        if on.left_out(row):
            return [Html("–")] * len(on.refs)
        return [_volume(other.hypervolume, row.method) for other in on.refs]

    flips: dict[tuple[str, str], list[str]] = {}
    for other in on.refs:
        for pair in other.flips:
            flips.setdefault(pair, []).append(f"{other.sds:g}")
    text = (
        "The hypervolume depends on the ref, the point that it is measured from: so many SDs below the mean of the "
        "starting policy. In brackets, the place of the method."
    )
    told = "These pairs change their order, at so many SDs:" if flips else "No pair of methods changes its order."
    pairs = [el("li", called(a), ", ", called(b), f" ({', '.join(sds)})") for (a, b), sds in flips.items()]
    volumes = per_method(
        f"{on.word('scores').capitalize()} hypervolume at {on.policies} points above other refs",
        [f"{other.sds:g} SD{'s' * (other.sds != 1)}" for other in on.refs],
        cells,
        on,
        styles,
    )
    return [how_to_read(text), volumes, el("p", told), *([el("ul", *pairs, class_="flat")] if pairs else [])]


def _volume(volumes: dict[str, float], name: str) -> Html:
    """A method's hypervolume, and its place by it."""
    return join([number(volumes[name]), el("small", f" ({place(volumes, name)})")])
