"""Who is better than whom: paired differences, and how probable dominance is."""

from __future__ import annotations

from moa_cli.comparisons import HEADLINES, Difference, Headline, OnBenchmark
from moa_cli.report.elements import Content, Html, Styles, el, how_to_read, html_table, named_mark, number


def differences(on: OnBenchmark, styles: Styles) -> Content:
    names = [row.method for row in on.rows]
    if len(names) < 2:
        return [how_to_read("There is one method, so nothing to take differences of.")]
    over = "preparations" if len(on.preparations) > 1 else "trainings"
    text = (
        "Above the diagonal: the row's number less the column's, on the same prompts, with its 95 % interval over "
        f"prompts and {over}, coloured and bold where the two can be told apart. Below it: the p value of that test, "
        "corrected for all pairs (Holm); where there is none, nothing can be concluded, be it from one training of "
        "either or from too few prompts. Hypervolumes are at as many policies of both."
    )
    text += f" Of two methods, {on.power}; smaller ones mostly pass unseen." if on.power else ""
    told = [_headline(on, headline, names, styles) for headline in HEADLINES]
    return [how_to_read(text), *told, *_dominance(on, styles)]


def _headline(on: OnBenchmark, headline: Headline, names: list[str], styles: Styles) -> Html:
    """All pairs in one headline number."""
    above = {(a, b): less(on.difference(a, b, headline)) for k, a in enumerate(names) for b in names[k + 1 :]}
    below = {(pair.b, pair.a): _p(pair.of(headline).p_holm) for pair in on.pairs if on.difference(pair.a, pair.b)}
    caption = f"Paired differences of {on.word('scores')} {headline}"
    return _matrix(caption, "Row less column", above | below, names, styles)


def _matrix(caption: str, entry: str, cells: dict[tuple[str, str], Html], names: list[str], styles: Styles) -> Html:
    """A table of what there is to say of pairs (row, column); `entry` says what that is."""
    nothing = el("span", "·")
    rows = [[named_mark(a, styles), *(cells.get((a, b), nothing) for b in names)] for a in names]
    return html_table(caption, [entry, *(named_mark(name, styles) for name in names)], rows, "matrix")


def less(gain: Difference | None) -> Html:
    """A difference, coloured where it is clear."""
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
