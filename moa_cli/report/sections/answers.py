"""Answers: what every method says to the same prompts."""

from __future__ import annotations

from moa_cli.comparisons import Part
from moa_cli.report.elements import Content, Html, Styles, called, el, named_mark, number, read


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
    return el("article", el("h5", named_mark(answer["method"], styles)), text, el("footer", *told))
