"""How close to the best possible: alignment efficiency."""

from __future__ import annotations

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
    kinds = (measured.scores, measured.evaluators, measured.rewards)
    ends = [end for share in measured.scores.efficiency.values() if share for end in (share.low, share.high)]
    span = (min(ends, default=0), max(ends, default=1))

    def cells(row: Row) -> list[Html | str]:
        share = measured.scores.efficiency[row.method]
        drawn = draw_strip(styles[row.method], (share.value, share.low, share.high), span, None) if share else ""
        first, *others = (_share(best, row.method) for best in kinds)
        return [first, drawn, *others, number(row.kl)]

    word = on.score_word("scores")
    kept = ", ".join(f"{front.share:.0%} at KL {front.kl:.2g}" for front in measured.scores.fronts)
    text = (
        "Alignment efficiency is what a method gains over the starting policy, averaged over its weights, as a share "
        "of what can be gained at the same KL: 0 % has gained nothing, what is missing to 100 % is distance without "
        f"gain. Against what optimising the rewards perfectly gains in {word}s, which is what a method can hope "
        f"for; against the best possible {word}s, which only training on the evaluators themselves would "
        "reach; and in rewards, against the best possible rewards. The optimal policies are found by weighing sampled "
        f"answers anew, and the estimate is as good as what this leaves of the sample: {kept}. A method whose KL is "
        "beyond what the sample reaches has no share, or at most what is shown."
    )
    columns = [word.capitalize(), f"{span[0]:.0%} to {span[1]:.0%}", f"Of the best {word}", "Rewards", "KL"]
    return [how_to_read(text), per_method("Alignment efficiency", columns, cells, on, styles)]


def _share(best: CeilingOf, name: str) -> Html:
    """A row's efficiency against one ceiling; where its KL is out of reach, what it is at most."""
    share, beyond = best.efficiency.get(name), best.unreached.get(name)
    if share is None and beyond and beyond.at_most is not None:
        return el("span", f"≤ {beyond.at_most:.0%}")
    if share is None:
        return Html("–")
    return join([f"{share.value:.0%}", el("small", f" [{share.low:.0%}, {share.high:.0%}]")])
