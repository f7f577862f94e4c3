"""Collapse and language: how many answers are degenerate, and how varied the others are."""

from __future__ import annotations

from moa_cli.comparisons import OnBenchmark, Row
from moa_cli.report.elements import (
    Content,
    Entries,
    Styles,
    called,
    el,
    how_to_read,
    named_mark,
    per_method,
    titles,
    written,
)
from moa_cli.words import in_trainings

LANGUAGE: Entries = {
    "repetition": ("Repetitive", "{:.1%}".format),
    "short": ("Too short", "{:.1%}".format),
    "distinct_1": ("Distinct-1", "{:.3f}".format),
    "distinct_2": ("Distinct-2", "{:.3f}".format),
    "self_bleu": ("Self-BLEU", "{:.3f}".format),
    "words": ("Words", "{:.1f}".format),
    "ended": ("Ended", "{:.1%}".format),
    "perplexity": ("Perplexity", "{:.2f}".format),
}


def language(on: OnBenchmark, styles: Styles) -> Content:
    def cells(row: Row) -> list[str]:
        worst = max(point.collapse for point in row.points)
        return [f"{row.collapse:.1%}", f"{worst:.1%}", *written(LANGUAGE, _means(row))]

    out = [
        el(
            "li",
            named_mark(row.method, styles),
            " at ",
            called(point.label),
            f" ({point.collapse:.0%}{in_trainings(point.collapsed_seeds, row.trainings)})",
        )
        for row in on.rows
        for point in row.in_order
        if point.collapsed_seeds
    ]
    text = (
        "Collapsed answers repeat themselves or hardly say anything. Distinct-n: share of different n-grams; "
        "self-BLEU: how alike answers are; ended: share that come to an end by themselves; perplexity: under the "
        "starting policy."
    )
    columns = ["Collapsed", "Worst point", *titles(LANGUAGE)]
    done = "Kept in hypervolumes in spite of" if on.keeps_collapsed else "Left out of hypervolumes for"
    told = f"{done} too many collapsed answers:" if out else "No point has too many collapsed answers."
    means = per_method("Language, mean over points", columns, cells, on, styles)
    return [how_to_read(text), means, el("p", told), *([el("ul", *out, class_="flat")] if out else [])]


def _means(row: Row) -> dict[str, float | None]:
    """Means over the points for which an entry is known, None where there are none."""
    known = {key: [v for p in row.points if (v := p.language.get(key)) is not None] for key in LANGUAGE}
    return {key: sum(values) / len(values) if values else None for key, values in known.items()}
