"""Collapse and language: how many answers are degenerate, and how varied the others are."""

from __future__ import annotations

from moa_cli.comparisons import Part, row_points
from moa_cli.report.elements import Content, Entries, Styles, called, el, named_mark, per_method, read, titles, written
from moa_cli.words import in_seeds

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


def language(benchmark: Part, styles: Styles) -> Content:
    def cells(row: Part) -> list[str]:
        worst = max(point["collapse"] for point in row["points"])
        return [f"{row['collapse']:.1%}", f"{worst:.1%}", *written(LANGUAGE, _language(row))]

    out = [
        el(
            "li",
            named_mark(row["method"], styles),
            " at ",
            called(point["label"]),
            f" ({point['collapse']:.0%}{in_seeds(point, row)})",
        )
        for row in benchmark["rows"]
        for point in row_points(row)
        if point["collapsed_seeds"]
    ]
    text = (
        "Collapsed answers repeat themselves or hardly say anything. Distinct-n: share of different n-grams; "
        "self-BLEU: how alike answers are; ended: share that come to an end by themselves; perplexity: under the "
        "starting policy."
    )
    columns = ["Collapsed", "Worst point", *titles(LANGUAGE)]
    done = "Kept in hypervolumes in spite of" if benchmark["keeps_collapsed"] else "Left out of hypervolumes for"
    told = f"{done} too many collapsed answers:" if out else "No point has too many collapsed answers."
    table = per_method("Language, mean over points", columns, cells, benchmark, styles)
    return [read(text), table, el("p", told), *([el("ul", *out, class_="flat")] if out else [])]


def _language(row: Part) -> dict[str, float | None]:
    """Means over the points for which an entry is known, None where there are none."""
    known = {key: [v for p in row["points"] if (v := p["language"].get(key)) is not None] for key in LANGUAGE}
    return {key: sum(values) / len(values) if values else None for key, values in known.items()}
