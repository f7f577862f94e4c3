"""Answers: what every method says to the same prompts."""

from __future__ import annotations

from typing import Any

from moa_cli.comparisons import Answers, OnBenchmark, SampleAnswer, first_looked_at
from moa_cli.report.elements import (
    Content,
    Html,
    Styles,
    called,
    data,
    el,
    how_to_read,
    named_mark,
    number,
    seen,
)


def answers(on: OnBenchmark, styles: Styles) -> Content:
    """Answers to three prompts as they are printed; what can be searched instead lies beside them."""
    if not on.samples:
        return [how_to_read("No answers are at hand.")]
    first = on.samples[0].answers[0].method
    text = (
        "What methods answer to the same prompt, at weights nearest to equal; below each, its "
        f"{on.score_word('scores')}s. The "
        f"prompts are those on which {first} has its best, its median and its worst mean score."
    )
    parts = [how_to_read(text)]
    for sample in on.samples:
        prompt = el("blockquote", sample.prompt.strip(), class_="prompt", dir="auto")
        given = [_answer(on, answer, styles) for answer in sample.answers]
        title = el("h4", f"{sample.kind.capitalize()} prompt")
        parts += [el("section", title, prompt, el("div", *given, class_="answers"), class_="sample")]
    if on.answers is None:
        return parts
    printed = el("div", *parts, class_="printed")
    return [el("div", printed, data(_browsed(on, on.answers, styles)), class_="browser")]


def _answer(on: OnBenchmark, answer: SampleAnswer, styles: Styles) -> Html:
    """One method's answer, with its scores."""
    scores = zip(on.objectives, answer.scores, strict=True)
    told = [el("span", called(name), f" {number(score, '+')}") for name, score in scores]
    text = el("p", answer.response.strip(), dir="auto")
    return el("article", el("h5", named_mark(answer.method, styles)), text, el("footer", *told))


def _browsed(on: OnBenchmark, kept: Answers, styles: Styles) -> dict[str, Any]:
    """What the browser of answers reads: columns are weights, those first that a reader looks at first."""
    steered = {row.method for row in on.rows if row.steering != "none"}
    first = first_looked_at(len(on.objectives))
    asked = {one.weights for one in kept.given if one.method in steered} or {one.weights for one in kept.given}
    columns = [w for w in first if w in asked]
    begun = len(columns) or min(3, len(asked))
    columns += sorted(asked.difference(columns), reverse=True)
    rows = [row.method for row in on.rows if any(one.method == row.method for one in kept.given)]
    return {
        "objectives": [seen(name) for name in on.objectives],
        "rows": [{"name": seen(name), "key": f"of-{styles[name].key}"} for name in rows],
        "columns": [{"label": " · ".join(f"{v:.3g}" for v in w), "weights": w} for w in columns],
        "first": begun,
        "of": on.prompts,
        "numbers": kept.numbers,
        "prompts": [seen(prompt.strip()) for prompt in kept.prompts],
        "at": [
            {
                "row": rows.index(one.method),
                "column": columns.index(one.weights) if one.method in steered else -1,
                "said": [seen(text.strip()) for text in one.responses],
                "scores": [[round(score, 2) for score in scores] for scores in one.scores],
                "broken": [int(found) for found in one.collapsed],
            }
            for one in kept.given
        ],
    }
