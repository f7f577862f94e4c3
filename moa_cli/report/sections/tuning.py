"""What tuning brought: each method with the settings that a search chose, less itself with those that were there."""

from __future__ import annotations

from itertools import product

from moa_cli.comparisons import HEADLINES, OnBenchmark
from moa_cli.report.elements import Content, Styles, el, how_to_read, html_table, named_mark
from moa_cli.report.sections.differences import less


def tuning(on: OnBenchmark, styles: Styles) -> Content:
    pairs = [
        (before, after)
        for before, after in product(on.rows, on.rows)
        if before.of_method == after.of_method and before.trials == 0 < after.trials
    ]
    if not pairs:
        return [
            how_to_read(
                "No method is here twice, as it was and with settings that a search chose. To see what tuning brought: "
                "moa compare -m METHOD, moa compare -m METHOD -c tuned, then moa compare."
            )
        ]
    text = (
        "Settings were chosen on dev prompts; here both are measured on test prompts. The second less the first, "
        "paired by prompt, with its 95 % interval, coloured where the two can be told apart."
    )
    rows = [
        [
            named_mark(before.method, styles),
            named_mark(after.method, styles),
            el("span", str(after.trials)),
            *(less(on.difference(after.method, before.method, headline)) for headline in HEADLINES),
        ]
        for before, after in pairs
    ]
    heads = ["as it was", "tuned", "trials", *HEADLINES]
    return [how_to_read(text), html_table("Gain of tuning, under " + on.scorers_word("scores"), heads, rows)]
