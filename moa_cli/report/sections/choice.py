"""What to take: of every method the point that is best at the weights that somebody asked for."""

from __future__ import annotations

from moa_cli.comparisons import OnBenchmark, times_words
from moa_cli.report.elements import Content, Styles, el, how_to_read, html_table, named_mark, number, spread
from moa_cli.report.sections.differences import less


def choice(on: OnBenchmark, styles: Styles) -> Content:
    found, score = on.choice, on.score_word("scores")
    if found is None:
        return [
            how_to_read(
                "Nobody said how much each objective counts. moa compare --at 0.3,0.7, or whatever the weights are, "
                "says what to take there; --max-answer-cost 2x and --max-kl 3 limit it."
            )
        ]
    text = (
        f"Of every method the measured point whose w . {score} is highest within the limits, for w = "
        f"{', '.join(f'{w:.3g} {name}' for w, name in zip(found.wish.weights, on.objectives, strict=True))}. Best: how "
        "probable it is, over other prompts and trainings, that a point is the best of these."
    )
    rows = [
        [
            named_mark(one.method, styles),
            "–" if one.weights is None else ", ".join(f"{w:.3g}" for w in one.weights),
            spread(one.value, one.low, one.high, "+"),
            less(one.ahead.turned()) if one.ahead else "",
            f"{one.probability:.0%}",
            number(one.kl, digits=1),
            times_words(one.answer_cost),
        ]
        for one in found.candidates
    ]
    heads = ["Method", "at", f"w . {score}", "behind the first", "best", "KL", "an answer"]
    told = el("ul", *(el("li", line) for line in found.told(score)))
    table = [html_table(f"What to take {found.title}", heads, rows)] if rows else []
    return [how_to_read(text), told, *table]
