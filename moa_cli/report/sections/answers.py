"""Answers: what every method says to the same prompts."""

from __future__ import annotations

from moa_cli.comparisons import OnBenchmark, SampleAnswer
from moa_cli.report.elements import Content, Html, Styles, called, el, how_to_read, named_mark, number


def answers(on: OnBenchmark, styles: Styles) -> Content:
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
    return parts


def _answer(on: OnBenchmark, answer: SampleAnswer, styles: Styles) -> Html:
    """One method's answer, with its scores."""
    scores = zip(on.objectives, answer.scores, strict=True)
    told = [el("span", called(name), f" {number(score, '+')}") for name, score in scores]
    text = el("p", answer.response.strip(), dir="auto")
    return el("article", el("h5", named_mark(answer.method, styles)), text, el("footer", *told))
