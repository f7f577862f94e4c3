"""What the report says of how far to believe it: over-optimisation, cost, other corners, collapse, sample answers."""

from __future__ import annotations

from collections.abc import Callable

from moa_cli import relations
from moa_cli.drawing import Part, Styles, volumes
from moa_cli.figure import points
from moa_cli.markup import Html, called, el, join, number
from moa_cli.sections import Content, legend, panel, panels, per_method, read
from moa_cli.svg import named
from moa_cli.tables import amount
from moa_cli.verdict import left_out
from moa_cli.words import in_seeds, time

Entries = dict[str, tuple[str, Callable[[float], str]]]
"""Keys of the document, what a column calls them and how it writes them."""
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
TRAINING: Entries = {
    "seconds": ("Time", time),
    "generated_tokens": ("Tokens generated", amount),
    "trained_tokens": ("Tokens trained on", amount),
    "reward_calls": ("Reward calls", amount),
    "flops": ("FLOP", amount),
    "peak_memory_bytes": ("Peak memory", lambda value: f"{amount(value)}B"),
}
SERVING: Entries = {
    "serving_tokens": ("Tokens", amount),
    "serving_reward_calls": ("Reward calls", amount),
    "serving_flops": ("FLOP", amount),
}


def over_optimisation(benchmark: Part, styles: Styles) -> Content:
    reward, held_out = volumes(benchmark, "reward"), volumes(benchmark, "evaluator")

    def cells(row: Part) -> list[str]:
        name, gap = row["method"], float(relations.gaps(row).mean())
        if left_out(benchmark, row):
            return [*["–"] * 5, number(gap, "+")]
        change = number(reward[name] - held_out[name], "+")
        places = [str(_place(reward, name)), str(_place(held_out, name))]
        return [number(reward[name]), number(held_out[name]), change, *places, number(gap, "+")]

    text = (
        "Methods train on the rewards; the evaluators are held out. A method to the right of the line, or high above "
        "0, is better at pleasing its rewards than at what these stand for."
    )
    if benchmark["agreement"] is not None:
        text += f" The two orders of methods agree with a Kendall's tau of {number(benchmark['agreement'])}."
    drawn = [
        panel("Hypervolumes", relations.both_volumes(benchmark, styles)),
        panel("Gap and KL", relations.gap(benchmark, styles)),
    ]
    columns = ["Rewards", "Held-out", "Difference", "Place by rewards", "Place held-out", "Mean gap of scores"]
    told = per_method("Hypervolume under rewards and held-out", columns, cells, benchmark, styles)
    return [read(text), legend(benchmark, styles), panels(drawn), told]


def _place(values: dict[str, float], name: str) -> int:
    """The place of a method by its value, 1 for the highest."""
    return 1 + sum(value > values[name] for value in values.values())


def cost(benchmark: Part, styles: Styles) -> Content:
    kinds = {"flops": "FLOP in training", "serving_flops": "FLOP for an answer"}
    known = {key: title for key, title in kinds.items() if any(key in row["cost"] for row in benchmark["rows"])}
    if not known:
        return [read("What these answers cost was not counted.")]
    text = (
        "Further up for less is better. Training is what a method spends beyond the preparation that all share; an "
        "answer is paid for at every use."
    )

    def told(caption: str, entries: Entries) -> Html:
        return per_method(caption, _titles(entries), lambda row: _written(entries, row["cost"]), benchmark, styles)

    drawn = [panel(title, relations.cost(benchmark, key, title, styles)) for key, title in known.items()]
    tables = [told("Training, mean over seeds", TRAINING), told("An answer, mean over points", SERVING)]
    return [read(text), legend(benchmark, styles), panels(drawn), *tables]


def _titles(entries: Entries) -> list[str]:
    return [title for title, _ in entries.values()]


def _written(entries: Entries, values: dict[str, float | None]) -> list[str]:
    """Each entry's value, a dash where it is not known."""
    found = ((values.get(key), write) for key, (_, write) in entries.items())
    return ["–" if value is None else write(value) for value, write in found]


def corners(benchmark: Part, styles: Styles) -> Content:
    refs = benchmark["refs"]
    if not refs:
        return [read("The hypervolume was measured above one corner only.")]

    def cells(row: Part) -> list[Html]:
        name = row["method"]
        if left_out(benchmark, row):
            return [Html("–")] * len(refs)
        found = [(ref["hypervolume"][name], _place(ref["hypervolume"], name)) for ref in refs]
        return [join([number(value), el("small", f" ({place})")]) for value, place in found]

    flips: dict[tuple[str, str], list[str]] = {}
    for ref in refs:
        for a, b in ref["flips"]:
            flips.setdefault((a, b), []).append(f"{ref['sds']:g}")
    text = (
        "The hypervolume depends on the corner that it is measured from: so many SDs below the mean of the starting "
        "policy. In brackets, the place of the method."
    )
    told = "These pairs change their order, at so many SDs:" if flips else "No pair of methods changes its order."
    pairs = [el("li", called(a), ", ", called(b), f" ({', '.join(sds)})") for (a, b), sds in flips.items()]
    table = per_method(
        "Held-out hypervolume above other corners",
        [f"{ref['sds']:g} SD{'s' * (ref['sds'] != 1)}" for ref in refs],
        cells,
        benchmark,
        styles,
    )
    return [read(text), table, el("p", told), *([el("ul", *pairs, class_="flat")] if pairs else [])]


def collapse(benchmark: Part, styles: Styles) -> Content:
    def cells(row: Part) -> list[str]:
        worst = max(point["collapse"] for point in row["points"])
        return [f"{row['collapse']:.1%}", f"{worst:.1%}", *_written(LANGUAGE, _language(row))]

    out = [
        el(
            "li",
            named(row["method"], styles),
            " at ",
            called(point["label"]),
            f" ({point['collapse']:.0%}{in_seeds(point, row)})",
        )
        for row in benchmark["rows"]
        for point in points(row)
        if point["collapsed_seeds"]
    ]
    text = (
        "Collapsed answers repeat themselves or hardly say anything. Distinct-n: share of different n-grams; "
        "self-BLEU: how alike answers are; ended: share that come to an end by themselves; perplexity: under the "
        "starting policy."
    )
    columns = ["Collapsed", "Worst point", *_titles(LANGUAGE)]
    done = "Kept in hypervolumes in spite of" if benchmark["keeps_collapsed"] else "Left out of hypervolumes for"
    told = f"{done} too many collapsed answers:" if out else "No point has too many collapsed answers."
    table = per_method("Language, mean over points", columns, cells, benchmark, styles)
    return [read(text), table, el("p", told), *([el("ul", *out, class_="flat")] if out else [])]


def _language(row: Part) -> dict[str, float | None]:
    """Means over the points for which an entry is known, None where there are none."""
    known = {key: [v for p in row["points"] if (v := p["language"].get(key)) is not None] for key in LANGUAGE}
    return {key: sum(values) / len(values) if values else None for key, values in known.items()}


def answers(benchmark: Part, styles: Styles) -> Content:
    if not benchmark["samples"]:
        return [read("No answers are at hand.")]
    first = benchmark["samples"][0]["answers"][0]["method"]
    text = (
        "What methods answer to the same prompt, at weights nearest to equal; below each, its held-out scores. The "
        f"prompts are those on which {first} has its best, its median and its worst mean score."
    )
    parts = [read(text)]
    for sample in benchmark["samples"]:
        prompt = el("blockquote", sample["prompt"].strip(), class_="prompt", dir="auto")
        given = [_answer(benchmark, answer, styles) for answer in sample["answers"]]
        title = el("h4", f"{sample['kind'].capitalize()} prompt")
        parts += [el("section", title, prompt, el("div", *given, class_="answers"), class_="sample")]
    return parts


def _answer(benchmark: Part, answer: Part, styles: Styles) -> Html:
    """One method's answer, with its held-out scores."""
    scores = zip(benchmark["objectives"], answer["evaluator"], strict=True)
    told = [el("span", called(name), f" {number(score, '+')}") for name, score in scores]
    text = el("p", answer["response"].strip(), dir="auto")
    return el("article", el("h5", named(answer["method"], styles)), text, el("footer", *told))
