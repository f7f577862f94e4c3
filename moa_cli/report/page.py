"""The report of a comparison: one HTML file that needs nothing else, made from the document of `compare` alone.

A section answers a question; `sections`, `evidence` and `checks` have a function for each.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from moa_cli.comparisons import Part
from moa_cli.report.elements import (
    LONG,
    Content,
    Html,
    Styles,
    called,
    el,
    flat,
    html_table,
    inert,
    join,
    number,
    numbered,
)
from moa_cli.report.sections import (
    answers,
    ceiling,
    control,
    corners,
    cost,
    differences,
    fronts,
    hypervolume,
    kl,
    language,
    over_optimisation,
)
from moa_cli.report.verdict import gate_sentence, gate_table, verdict
from moa_cli.style import styles_of

SECTIONS: dict[str, Callable[[Part, Styles], Content]] = {
    "Fronts": fronts,
    "Hypervolume": hypervolume,
    "Who is better than whom": differences,
    "How close to the best possible": ceiling,
    "Does it obey": control,
    "Score and KL": kl,
    "Over-optimisation": over_optimisation,
    "Cost": cost,
    "Other corners": corners,
    "Collapse and language": language,
    "Answers": answers,
}


_HEAD = Html(
    '<meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
    "style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\">"
    '<meta name="viewport" content="width=device-width, initial-scale=1">'
    '<meta name="color-scheme" content="light dark"><meta name="referrer" content="no-referrer">'
)


def report_html(document: dict[str, Any]) -> str:
    """The whole report; the same document gives the same text. All text from data is shown and does nothing."""
    styles, benchmarks = styles_of(document), document["benchmarks"]
    names = [benchmark["name"] for benchmark in benchmarks]
    css = Html((Path(__file__).parent / "report.css").read_text(encoding="utf-8"))
    parts = [_benchmark(benchmark, f"b{n}", styles) for n, benchmark in enumerate(benchmarks, 1)]
    title = ["Comparison on ", join(map(called, names), ", ")] if names else ["Comparison"]
    body = el(
        "body",
        el("header", el("h1", *title), *_verdicts(document)),
        el("main", *parts, _again(document)),
    )
    head = el(
        "head",
        _HEAD,
        el("title", flat(f"Comparison on {', '.join(names)}" if names else "Comparison")),
        el("style", css),
    )
    return f"<!DOCTYPE html>\n{numbered(el('html', head, body, lang='en'))}\n"


def _verdicts(document: dict[str, Any]) -> Content:
    """A sentence per benchmark, after that of the gate, and what they rest on."""
    told = [el("p", verdict(benchmark), class_="verdict") for benchmark in document["benchmarks"]]
    tables: Content = []
    if found := document.get("gate"):
        told = [el("p", gate_sentence(found), class_=f"verdict {found['verdict']}"), *told]
        tables = [gate_table(found)]
    if not document["benchmarks"]:  # all that was to be measured has failed
        return [*told, *tables]
    seeds = min(len(row["seeds"]) for benchmark in document["benchmarks"] for row in benchmark["rows"])
    text = (
        "Scores are in standard deviations (SDs) of the starting policy's answers, 0 being their mean; more is "
        "better. Brackets hold 95 % intervals of a bootstrap over "
        f"prompts{' and training seeds' if seeds > 1 else ''}, paired where methods are compared."
    )
    if seeds == 1:
        text += " With one seed of a method, they do not tell how much of its place is luck in training."
    return [*told, el("p", text, class_="note"), *tables]


def _benchmark(benchmark: Part, key: str, styles: Styles) -> Html:
    """All sections of one benchmark."""
    parts = [
        el("section", el("h3", title), *section(benchmark, styles), id=f"{key}-{k}")
        for k, (title, section) in enumerate(SECTIONS.items(), 1)
    ]
    links = [el("li", el("a", title, href=f"#{key}-{k}")) for k, title in enumerate(SECTIONS, 1)]
    seeds = sorted({seed for row in benchmark["rows"] for seed in row["seeds"]})
    facts = {
        "Objectives": ", ".join(benchmark["objectives"]),
        "Prompts": str(benchmark["prompts"]),
        "Seeds": ", ".join(map(str, seeds)),
        "Ref (corner)": ", ".join(number(r, digits=1) for r in benchmark["ref"]),
        "Starting policy": benchmark["card"]["policy"],
        "Held-out evaluators": ", ".join(benchmark["card"]["evaluators"]),
    }
    title = el("h2", called(benchmark["name"]), el("small", f" version {benchmark['version']}"))
    menu = el("nav", el("ul", *links), aria_label=f"Sections on {benchmark['name']}")
    return el("section", title, _facts(facts), menu, *parts, class_="benchmark")


def _facts(facts: dict[str, str]) -> Html:
    return el("dl", *(el("div", el("dt", name), el("dd", text)) for name, text in facts.items()), class_="facts")


def _again(document: dict[str, Any]) -> Html:
    """How to make the comparison again."""
    parts = [el("h2", "How to reproduce")]
    if "command" in document:  # a comparison that was made in Python has none
        versions = ", ".join(f"{package} {version}" for package, version in document["versions"].items())
        parts += [el("pre", el("code", inert(document["command"], 10 * LONG))), _facts({"Versions": versions})]
    for benchmark in document["benchmarks"]:
        card = benchmark["card"]
        facts = {
            "Scale card": card["hash"],
            "Prompts": card["prompts_hash"],
            "Rewards": ", ".join(card["rewards"]),
            "Decoding": _settings(card["sampling"]),
        }
        rows = [
            [
                called(row["method"]),
                row["steering"],
                ", ".join(map(str, row["seeds"])),
                el("code", _settings(row["config"])),
            ]
            for row in benchmark["rows"]
        ]
        told = html_table(
            f"Settings on {benchmark['name']}", ["Method", "Steering", "Seeds", "Settings"], rows, "words"
        )
        parts += [el("h3", called(benchmark["name"])), _facts(facts), told]
    return el("section", *parts, id="again")


def _settings(values: dict[str, Any]) -> str:
    return ", ".join(f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in values.items()) or "–"
