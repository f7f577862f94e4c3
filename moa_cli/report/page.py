"""The report of a comparison: one HTML file that needs nothing else, made from the document of `compare` alone.

A section answers a question; `sections` has a file for each.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any

from benchmarks.rewards import id_in_words
from moa_cli.comparisons import Comparison, OnBenchmark
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
    styles_of,
)
from moa_cli.report.sections import SECTIONS
from moa_cli.report.verdict import gate_sentence, gate_table, verdict_sentence

_HEAD = Html(
    '<meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
    "script-src {}; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\">"
    '<meta name="viewport" content="width=device-width, initial-scale=1">'
    '<meta name="color-scheme" content="light dark"><meta name="referrer" content="no-referrer">'
)


def report_html(comparison: Comparison) -> str:
    """The whole report; the same comparison gives the same text. All text from data is shown and does nothing."""
    styles, names = styles_of(comparison.steerings), [on.name for on in comparison.benchmarks]
    parts = [_benchmark(on, f"b{n}", styles) for n, on in enumerate(comparison.benchmarks, 1)]
    title = ["Comparison on ", join(map(called, names), ", ")] if names else ["Comparison"]
    return html_page(
        f"Comparison on {', '.join(names)}" if names else "Comparison",
        el("header", el("h1", *title), *_verdicts(comparison)),
        el("main", *parts, _again(comparison)),
    )


FOLDER = Path(__file__).parent


def html_page(title: str, *body: Html, script: Path = FOLDER / "report.js", asks: bool = False) -> str:
    """A file that needs nothing else and may load nothing but for its script: one that `asks` whoever has served it."""
    css, code = (Html(path.read_text(encoding="utf-8")) for path in (FOLDER / "report.css", script))
    own = b64encode(sha256(code.encode()).digest()).decode()
    allowed = Html(_HEAD.format(f"'sha256-{own}'{'; connect-src ' + repr('self') if asks else ''}"))
    head = el("head", allowed, el("title", flat(title)), el("style", css))
    return f"<!DOCTYPE html>\n{numbered(el('html', head, el('body', *body, el('script', code)), lang='en'))}\n"


def _verdicts(comparison: Comparison) -> Content:
    """A sentence per benchmark, after that of the gate, and what they rest on."""
    names = [on.name for on in comparison.benchmarks]
    warned = [(on.name, warning) for on in comparison.benchmarks for warning in on.warnings]
    told = [el("p", called(name), ": ", warning, class_="warning") for name, warning in warned]
    failed = [(name, line) for name in (*names, *comparison.unmeasured) for line in comparison.failed_on(name)]
    told += [el("p", called(name), ": ", line, class_="warning") for name, line in failed]
    told += [el("p", verdict_sentence(on), class_="verdict") for on in comparison.benchmarks]
    judged: Content = []
    if gate := comparison.gate:
        told = [el("p", gate_sentence(gate), class_=f"verdict {gate.verdict}"), *told]
        judged = [gate_table(gate)]
    if not comparison.benchmarks:  # all that was to be measured has failed
        return [*told, *judged]
    trainings = min(row.trainings for on in comparison.benchmarks for row in on.rows)
    tests = any(on.concludes for on in comparison.benchmarks)
    text = (
        "Scores are in standard deviations (SDs) of the starting policy's answers, 0 being their mean; more is "
        f"better. Brackets hold 95 % intervals over {comparison.sampled_over}, paired where methods are compared."
    )
    if tests:
        text += (
            f" Two methods are told apart where p < .05 over {comparison.tested_over}, corrected for all pairs (Holm), "
            "in hypervolume and in utility each."
        )
    if trainings == 1:
        text += (
            " With one training of a method, they do not tell how much of its place is luck in training: what is said "
            "of it is on these trainings, and nobody is called better."
        )
    return [*told, el("p", text, class_="note"), *judged]


def _benchmark(on: OnBenchmark, key: str, styles: Styles) -> Html:
    """All sections of one benchmark."""
    parts = [
        el("section", el("h3", title), *section(on, styles), id=f"{key}-{k}")
        for k, (title, section) in enumerate(SECTIONS.items(), 1)
    ]
    links = [el("li", el("a", title, href=f"#{key}-{k}")) for k, title in enumerate(SECTIONS, 1)]
    seeds = sorted({seed for row in on.rows for seed in row.seeds})
    facts = {
        "Objectives": ", ".join(on.objectives),
        "Prompts": str(on.prompts),
        "Seeds": ", ".join(map(str, seeds)),
        "Preparations": ", ".join(map(str, on.preparations)),
        "Ref": ", ".join(number(r, digits=1) for r in on.ref),
        "Starting policy": f"{on.policy_name} ({on.card.policy})" if on.policy_name else on.card.policy,
        on.scorers_word("scores").capitalize(): "; ".join(map(id_in_words, on.card.evaluators)),
    }
    title = el("h2", called(on.name), el("small", f" version {on.version}"))
    menu = el("nav", el("ul", *links), aria_label=f"Sections on {on.name}")
    return el("section", title, _facts(facts), menu, *parts, class_="benchmark")


def _facts(facts: dict[str, str]) -> Html:
    return el("dl", *(el("div", el("dt", name), el("dd", text)) for name, text in facts.items()), class_="facts")


def _again(comparison: Comparison) -> Html:
    """How to make the comparison again."""
    parts = [el("h2", "How to reproduce")]
    if comparison.command is not None:  # a comparison that was made in Python has none
        versions = ", ".join(f"{package} {version}" for package, version in comparison.versions.items())
        parts += [el("pre", el("code", inert(comparison.command, 10 * LONG))), _facts({"Versions": versions})]
    for on in comparison.benchmarks:
        facts = {
            "Scale card": on.card.hash,
            "Prompts": on.card.prompts_hash,
            "Rewards": "; ".join(map(id_in_words, on.card.rewards)),
            "Decoding": _settings(asdict(on.card.sampling)),
        }
        rows = [
            [called(row.method), row.steering, ", ".join(map(str, row.seeds)), el("code", _settings(row.config))]
            for row in on.rows
        ]
        told = html_table(f"Settings on {on.name}", ["Method", "Steering", "Seeds", "Settings"], rows, "words")
        parts += [el("h3", called(on.name)), _facts(facts), told]
    return el("section", *parts, id="again")


def _settings(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in values.items()) or "–"
