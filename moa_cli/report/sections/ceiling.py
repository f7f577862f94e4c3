"""How close to the best possible: alignment efficiency."""

from __future__ import annotations

from benchmarks.spec import SIGNALS
from moa_cli.comparisons import CeilingOf, OnBenchmark, Row
from moa_cli.report.elements import Content, Html, Styles, draw_strip, el, how_to_read, join, number, per_method


def ceiling(on: OnBenchmark, styles: Styles) -> Content:
    measured = on.ceiling
    if measured is None:
        text = (
            "The ceiling was not measured, since it takes many answers of the starting policy to every prompt. "
            "This does: "
        )
        return [el("p", text, el("code", "moa compare --ceiling"), class_="read")]
    held_out = measured.scores.efficiency
    ends = [end for share in held_out.values() if share for end in (share.low, share.high)]
    span = (min(ends, default=0), max(ends, default=1))

    def cells(row: Row) -> list[Html | str]:
        share = held_out[row.method]
        drawn = draw_strip(styles[row.method], (share.value, share.low, share.high), span, None) if share else ""
        shares = [_share(measured.of(signal), row.method) for signal in SIGNALS]
        return [shares[0], drawn, shares[1], number(row.kl)]

    kept = ", ".join(f"{front.share:.0%} at KL {front.kl:.2g}" for front in measured.scores.fronts)
    text = (
        "Alignment efficiency is a method's hypervolume as a share of the best that any policy can have at the same "
        "KL from the starting policy: what is missing to 100 % is distance without gain. The best policies are found "
        f"by weighing sampled answers anew, and the estimate is as good as what this leaves of the sample: {kept}. "
        "Where a method's KL is beyond what the sample reaches, its share is at most what is shown."
    )
    columns = ["Held-out", f"{span[0]:.0%} to {span[1]:.0%}", "Rewards", "KL"]
    return [how_to_read(text), per_method("Alignment efficiency", columns, cells, on, styles)]


def _share(best: CeilingOf, name: str) -> Html:
    """A row's efficiency under one signal; where its KL is out of reach, what it is at most."""
    share, beyond = best.efficiency[name], best.unreached.get(name)
    if share is None and beyond and beyond.at_most is not None:
        return el("span", f"≤ {beyond.at_most:.0%}")
    if share is None:
        return Html("–")
    return join([f"{share.value:.0%}", el("small", f" [{share.low:.0%}, {share.high:.0%}]")])
