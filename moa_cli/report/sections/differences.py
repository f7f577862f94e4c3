"""Who is better than whom: paired differences, and how probable dominance is."""

from __future__ import annotations

from moa_cli.comparisons import OnBenchmark
from moa_cli.report.elements import Content, Html, Styles, el, how_to_read, html_table, named_mark, number


def differences(on: OnBenchmark, styles: Styles) -> Content:
    names = [row.method for row in on.rows]
    if len(names) < 2:
        return [how_to_read("There is one method, so nothing to take differences of.")]
    tested = any(pair.p_holm is not None for pair in on.pairs)
    test = "permutation test, corrected for all pairs (Holm)" if tested else "bootstrap, not corrected for many pairs"
    text = (
        "Above the diagonal: the row's held-out hypervolume less the column's, on the same prompts and, between "
        "methods that are steered, at as many points of both, with its 95 % interval, coloured and bold where the two "
        f"can be told apart. Below it: the p value of the {test}, which is about these trained policies, not about "
        "other trainings."
    )
    above = {(a, b): _less(on, a, b) for k, a in enumerate(names) for b in names[k + 1 :]}
    below = {
        (pair.b, pair.a): _p(pair.p_holm if tested else pair.p) for pair in on.pairs if on.difference(pair.a, pair.b)
    }
    told = _matrix("Paired differences of held-out hypervolume", "Row less column", above | below, names, styles)
    return [how_to_read(text), told, *_dominance(on, styles)]


def _matrix(caption: str, entry: str, cells: dict[tuple[str, str], Html], names: list[str], styles: Styles) -> Html:
    """A table of what there is to say of pairs (row, column); `entry` says what that is."""
    nothing = el("span", "·")
    rows = [[named_mark(a, styles), *(cells.get((a, b), nothing) for b in names)] for a in names]
    return html_table(caption, [entry, *(named_mark(name, styles) for name in names)], rows, "matrix")


def _less(on: OnBenchmark, a: str, b: str) -> Html:
    """A difference, coloured where it is clear."""
    gain = on.difference(a, b)
    if gain is None:
        return el("span", "–", class_="tie")
    side = "tie" if not gain.clear else "ahead" if gain.value > 0 else "behind"
    interval = el("small", f"{number(gain.low, '+')} {number(gain.high, '+')}")
    return el("span", number(gain.value, "+"), interval, class_=side)


def _p(p: float | None) -> Html:
    told = "–" if p is None else "< .001" if p < 0.001 else f"{p:.3f}".removeprefix("0")
    return el("span", told, class_="tie")


def _dominance(on: OnBenchmark, styles: Styles) -> Content:
    """How often one method's point dominates the other's."""
    shares = {}
    for pair in on.pairs:
        if pair.dominance:
            shares[pair.a, pair.b] = el("span", f"{pair.dominance.a:.0%}")
            shares[pair.b, pair.a] = el("span", f"{pair.dominance.b:.0%}")
    if not shares:
        return []
    names = [row.method for row in on.rows if any(row.method in pair for pair in shares)]
    text = "How probable it is that, at the same weights, the row's point is better than the column's in everything."
    told = _matrix("Probability of dominance at the same weights", "Row over column", shares, names, styles)
    return [el("h4", "Dominance"), how_to_read(text), told]
