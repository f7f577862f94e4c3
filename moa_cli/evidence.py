"""What the report says of methods beside each other: paired differences, the ceiling, control, KL."""

from __future__ import annotations

from benchmarks import simplex_grid
from moa_cli import relations
from moa_cli.drawing import Part, Styles
from moa_cli.markup import Html, called, el, join, number, table
from moa_cli.sections import Content, legend, panel, panels, per_method, read
from moa_cli.svg import named, strip
from moa_cli.verdict import difference


def differences(benchmark: Part, styles: Styles) -> Content:
    names = [row["method"] for row in benchmark["rows"]]
    if len(names) < 2:
        return [read("There is one method, so nothing to take differences of.")]
    tested = any(pair["p_holm"] is not None for pair in benchmark["pairs"])
    test = "permutation test, corrected for all pairs (Holm)" if tested else "bootstrap, not corrected for many pairs"
    text = (
        "Above the diagonal: the row's held-out hypervolume less the column's, on the same prompts and, between "
        "methods that are steered, at as many points of both, with its 95 % interval, coloured and bold where the two "
        f"can be told apart. Below it: the p value of the {test}, which is about these trained policies, not about "
        "other trainings."
    )
    above = {(a, b): _less(benchmark, a, b) for k, a in enumerate(names) for b in names[k + 1 :]}
    below = {
        (pair["b"], pair["a"]): _p(pair["p_holm"] if tested else pair["p"])
        for pair in benchmark["pairs"]
        if difference(benchmark, pair["a"], pair["b"])
    }
    told = _matrix("Paired differences of held-out hypervolume", "Row less column", above | below, names, styles)
    return [read(text), told, *_dominance(benchmark, styles)]


def _matrix(caption: str, corner: str, cells: dict[tuple[str, str], Html], names: list[str], styles: Styles) -> Html:
    """A table of what there is to say of pairs (row, column)."""
    nothing = el("span", "·")
    rows = [[named(a, styles), *(cells.get((a, b), nothing) for b in names)] for a in names]
    return table(caption, [corner, *(named(name, styles) for name in names)], rows, "matrix")


def _less(benchmark: Part, a: str, b: str) -> Html:
    """A difference, coloured where it is clear."""
    gain = difference(benchmark, a, b)
    if gain is None:
        return el("span", "–", class_="tie")
    side = "tie" if not gain.clear else "ahead" if gain.value > 0 else "behind"
    interval = el("small", f"{number(gain.low, '+')} {number(gain.high, '+')}")
    return el("span", number(gain.value, "+"), interval, class_=side)


def _p(p: float | None) -> Html:
    told = "–" if p is None else "< .001" if p < 0.001 else f"{p:.3f}".removeprefix("0")
    return el("span", told, class_="tie")


def _dominance(benchmark: Part, styles: Styles) -> Content:
    """How often one method's point dominates the other's."""
    shares = {}
    for pair in benchmark["pairs"]:
        if pair["dominance"]:
            shares[pair["a"], pair["b"]] = el("span", f"{pair['dominance']['a']:.0%}")
            shares[pair["b"], pair["a"]] = el("span", f"{pair['dominance']['b']:.0%}")
    if not shares:
        return []
    names = [row["method"] for row in benchmark["rows"] if any(row["method"] in pair for pair in shares)]
    text = "How probable it is that, at the same weights, the row's point is better than the column's in everything."
    told = _matrix("Probability of dominance at the same weights", "Row over column", shares, names, styles)
    return [el("h4", "Dominance"), read(text), told]


def ceiling(benchmark: Part, styles: Styles) -> Content:
    found = benchmark.get("ceiling")
    if not found:
        text = (
            "The ceiling was not measured, since it takes many answers of the starting policy to every prompt. "
            "This does: "
        )
        return [el("p", text, el("code", "moa compare --ceiling"), class_="read")]
    held_out = found["evaluator"]["efficiency"]
    ends = [share[key] for share in held_out.values() if share for key in ("low", "high")]
    span = (min(ends, default=0), max(ends, default=1))

    def cells(row: Part) -> list[Html | str]:
        share = held_out[row["method"]]
        interval = (share["value"], share["low"], share["high"]) if share else None
        drawn = strip(styles[row["method"]], interval, span, None) if interval else ""
        shares = [_share(found[kind], row["method"]) for kind in ("evaluator", "reward")]
        return [shares[0], drawn, shares[1], number(row["kl"])]

    kept = ", ".join(f"{front['share']:.0%} at KL {front['kl']:.2g}" for front in found["evaluator"]["fronts"])
    text = (
        "Alignment efficiency is a method's hypervolume as a share of the best that any policy can have at the same "
        "KL from the starting policy: what is missing to 100 % is distance without gain. The best policies are found "
        f"by weighing sampled answers anew, and the estimate is as good as what this leaves of the sample: {kept}. "
        "Where a method's KL is beyond what the sample reaches, its share is at most what is shown."
    )
    columns = ["Held-out", f"{span[0]:.0%} to {span[1]:.0%}", "Rewards", "KL"]
    return [read(text), per_method("Alignment efficiency", columns, cells, benchmark, styles)]


def _share(kind: Part, name: str) -> Html:
    """A row's efficiency under one kind of score; where its KL is out of reach, what it is at most."""
    share, beyond = kind["efficiency"][name], kind.get("unreached", {}).get(name)
    if share is None and beyond and beyond["at_most"] is not None:
        return el("span", f"≤ {beyond['at_most']:.0%}")
    if share is None:
        return Html("–")
    return join([f"{share['value']:.0%}", el("small", f" [{share['low']:.0%}, {share['high']:.0%}]")])


def control(benchmark: Part, styles: Styles) -> Content:
    objectives = benchmark["objectives"]
    text = (
        "A method obeys if each score rises with the weight of its objective. Kendall's tau is 1 where it always does "
        "and 0 where it does not follow at all."
    )
    drawn = [panel(called(name), relations.control(benchmark, m, styles)) for m, name in enumerate(objectives)]
    told = per_method(
        "Kendall's tau between weight and held-out score", [called(name) for name in objectives],
        lambda row: [number(row["kendall_tau"][name]) for name in objectives], benchmark, styles,
    )  # fmt: skip
    return [read(text), legend(benchmark, styles), panels(drawn), told]


def kl(benchmark: Part, styles: Styles) -> Content:
    M = len(benchmark["objectives"])
    places = list(
        zip((join([called(name), " alone"]) for name in benchmark["objectives"]), simplex_grid(M, 1), strict=True)
    )
    places += [(Html("Equal weights"), (1 / M,) * M)] if M > 1 else []
    text = "What distance from the starting policy buys, at some weightings: the higher at the same KL, the better."
    text += " In grey, an estimate of the best that any policy can reach." if benchmark.get("ceiling") else ""
    drawn = [panel(title, relations.against_kl(benchmark, weights, styles)) for title, weights in places]
    return [read(text), legend(benchmark, styles), panels(drawn, "trio")]
