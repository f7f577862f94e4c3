"""How close to the best possible: alignment efficiency."""

from __future__ import annotations

from moa_cli.comparisons import Part
from moa_cli.report.elements import Content, Html, Styles, el, join, number, per_method, read, strip


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
