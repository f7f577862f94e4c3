"""One number orders the rows and one rule stars them, in every format alike, where the two are easily wrong."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from functools import cache

import pytest

from benchmarks.measure.front import Front
from moa_cli.comparisons.comparison import compare
from moa_cli.comparisons.document import Comparison, OnBenchmark
from moa_cli.formats.exports import COMPARISON_FORMATS, comparison_csv, comparison_markdown, latex
from moa_cli.formats.figure import comparison_figure
from moa_cli.report.page import report_html
from tests.kit.fronts import GOLD, NAMES, changed, make_card, make_front, only, other_card
from tests.kit.pages import Page, filled, show

GOALS = [0, 0, 2, 2, 4, 4, 4, 7, 7, 9, 9]
"""Eleven weights that ask for five distinct goals: the point whose answers each repeats."""


def trainings(method: str, shifts: tuple[float, ...], *, kept: list[int] | None = None, goals: bool = False,
              steering: str = "merge", prompts: int = 60) -> list[Front]:  # fmt: skip
    """One front per training, that of reach 1 shifted by so much in everything."""
    card, fronts = make_card(prompts=prompts), []
    for seed, shift in enumerate(shifts):
        front = make_front("soup", 0 if steering == "none" else 1.0, steering=steering, card=card)
        rewards, scores = front.rewards + shift, front.scores + shift
        if goals:
            rewards, scores = rewards[GOALS], scores[GOALS]
        front = replace(changed(front, rewards=rewards, scores=scores), method=method, seed=seed)
        fronts.append(only(front, kept) if kept else front)
    return fronts


@cache
def contest(seeds: int = 3, prompts: int = 60) -> Comparison:
    """Eleven points; five points, better by little; five goals at eleven weights, better than the start on average, but
    trainings differ by more; eleven points, surely worse than the start."""
    contestants = {
        "eleven": trainings("eleven", (0.0, 0.01, -0.01), prompts=prompts),
        "five": trainings("five", (0.09, 0.1, 0.11), kept=[0, 2, 5, 8, 10], steering="merge", prompts=prompts),
        "goals": trainings("goals", (-1.75, -1.45, -1.15), goals=True, prompts=prompts),
        "worse": trainings("worse", (-4.5, -4.51, -4.49), prompts=prompts),
        "sft": trainings("sft", (-1.0, -1.0, -1.0), steering="none", prompts=prompts),
    }
    return compare([front for fronts in contestants.values() for front in fronts[:seeds]])


def starred(on: OnBenchmark, headline: str) -> set[str]:
    """Whom the document tells from the base."""
    return {row.method for row in on.rows if (gain := on.gain(row, headline)) and gain.clear}


@pytest.fixture(scope="module")
def three() -> Comparison:
    return contest()


def test_the_set_is_one_where_orders_and_stars_could_disagree(three):
    """By all weights eleven is ahead of five; by intervals over prompts alone the goals are told from the start."""
    (on,) = three.benchmarks
    rows = {row.method: row.scores for row in on.rows}
    assert rows["eleven"].all_weights > rows["eleven"].hypervolume
    assert [row.method for row in on.rows if row.method in ("five", "eleven")] == ["five", "eleven"]
    assert on.policies == 5
    assert starred(on, "hypervolume") == starred(on, "utility") == {"five", "eleven", "worse"}
    once = [*trainings("goals", (-0.45,), goals=True), *trainings("sft", (0.0,), steering="none")]
    alone = compare(once).benchmarks[0]
    assert alone.gain(alone.rows[0]).low > 0, "on these prompts, of this training"


def cells_of(text: str, between: str) -> list[list[str]]:
    """The rows of a table, their cells stripped."""
    names = {"eleven", "five", "goals", "worse", "sft"}
    rows = [[cell.strip(" |\\\n") for cell in line.strip("| ").split(between)] for line in text.splitlines()]
    return [cells for cells in rows if cells[0] in names]


def check(on: OnBenchmark, rows: list[list[str]], volume: int, utility: int) -> None:
    """That a table's rows are in the order of the document, with stars where it is clear."""
    assert [cells[0] for cells in rows] == [row.method for row in on.rows]
    for column, headline in ((volume, "hypervolume"), (utility, "utility")):
        assert {cells[0] for cells in rows if "*" in cells[column]} == starred(on, headline)


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("seeds", [3, 1])
def test_every_format_agrees(seeds: int):
    document = contest(seeds)
    (on,) = document.benchmarks
    order = [row.method for row in on.rows]
    if seeds == 1:
        assert starred(on, "hypervolume") == starred(on, "utility") == set()
    terminal = re.sub(r" (\[\S+) (\S+\])", r"\1\2", show(document, 120))
    rows = [line.split() for line in terminal.splitlines() if line.split() and line.split()[0] in order]
    check(on, [row for row in rows if len(row) > 6], 2, 3)
    check(on, cells_of(comparison_markdown(document), " | "), 2, 3)
    check(on, cells_of(latex(document), " & "), 2, 3)
    lines = {line["method"]: line for line in csv.DictReader(io.StringIO(comparison_csv(document)))}
    assert list(lines) == order
    for headline in ("hypervolume", "utility"):
        assert {name for name, line in lines.items() if line[f"{headline}_clear"] == "True"} == starred(on, headline)
    saved = json.loads(COMPARISON_FORMATS[".json"](document))["benchmarks"][0]
    assert [row["method"] for row in saved["rows"]] == order
    assert [row["scores"]["hypervolume"] for row in saved["rows"]] == sorted(
        (row["scores"]["hypervolume"] for row in saved["rows"]), reverse=True
    )
    html = report_html(document)
    table = html[html.index("and utility</span></caption>") :]
    table = table[: table.index("</table>")]
    told = re.findall(r"<bdi>(\w+)</bdi>.*?</tr>", table, flags=re.DOTALL)[-len(order) :]
    assert told == order
    parts = dict(zip(order, re.split(r"<th scope=\"row\">", table)[1:], strict=True))
    bold = {name: len(re.findall("<strong>", part)) for name, part in parts.items()}
    assert {name for name, count in bold.items() if count} == starred(on, "hypervolume") | starred(on, "utility")
    assert ("on these trainings" in Page(html).text) == (seeds == 1)


@pytest.mark.usefixtures("undrawn")
def test_ties_in_words_are_differences_without_a_star(three):
    """Nobody is called better who is not told apart, in the matrix nor in the sentence."""
    text = Page(report_html(three)).text
    (on,) = three.benchmarks
    first = on.rows[0].method
    tied = [row.method for row in on.rows[1:] if not on.difference(first, row.method).clear]
    assert tied
    assert f"and cannot be told from {tied[0]}" in text


@pytest.mark.usefixtures("undrawn")
def test_few_prompts_are_told_loudly_everywhere_and_star_nothing():
    document = contest(3, prompts=49)
    told = "only 49 test prompts: below 50, nothing can be told apart"
    assert document.benchmarks[0].warnings == (told,)
    for suffix in (".md", ".json", ".csv", ".tex", ".xml", ".svg", ".html"):
        assert told in COMPARISON_FORMATS[suffix](document).decode(), suffix
    assert f"WARNING: {told}" in show(document)
    assert starred(document.benchmarks[0], "hypervolume") == starred(document.benchmarks[0], "utility") == set()
    assert "*" not in show(document)
    assert contest(3, prompts=50).benchmarks[0].warnings == ()


@pytest.mark.parametrize("evaluators", [NAMES[:2], (GOLD[0], NAMES[1])])
def test_held_out_is_said_only_where_everything_is(three, evaluators: tuple[str, ...]):
    """Be it no objective that has an evaluator of its own, or not all."""

    def opened(front: Front) -> Front:
        return replace(front, card=other_card(front.card, evaluators=evaluators))

    fronts = [*trainings("five", (0.0, 0.1)), *trainings("eleven", (0.2, 0.1))]
    document = filled(compare([opened(front) for front in fronts]))  # with a ceiling
    of_all, of_one = (".md", ".csv", ".tex", ".xml"), (".svg", ".html")
    for suffix in (*of_all, *of_one):
        assert "held-out" in COMPARISON_FORMATS[suffix](three).decode().lower(), suffix
        text = COMPARISON_FORMATS[suffix](document).decode().replace("nothing here is held-out", "").lower()
        if suffix == ".html" and evaluators[0] == GOLD[0]:  # the drawings of one objective alone may say so
            assert "helpful, held-out score" in text
            text = text.replace("helpful, held-out score", "")
        assert "held-out" not in text, suffix
    shown = show(document).replace("nothing here is held-out", "")
    assert "held-out" not in shown
    assert "training" in shown


@pytest.mark.usefixtures("undrawn")
def test_what_is_one_is_drawn_once(three):
    """Where every reward is its own evaluator, both are the same numbers."""

    def opened(front: Front) -> Front:
        return replace(changed(front, scores=front.rewards), card=other_card(front.card, evaluators=NAMES[:2]))

    alone = compare([opened(front) for front in trainings("five", (0.0, 0.1))])
    assert [len(comparison_figure(one).axes) for one in (three, alone)] == [2, 1]
    whole, single = (Page(report_html(one)).text for one in (three, alone))
    assert "Training rewards" in whole
    assert "Training rewards" not in single


def test_what_more_weights_add_is_a_column_of_its_own(three):
    cells = {row[0]: row for row in cells_of(comparison_markdown(three), " | ")}
    head = next(line for line in comparison_markdown(three).splitlines() if line.startswith("| method"))
    names = [name.strip() for name in head.strip("| ").split(" | ")]
    assert names[:6] == ["method", "HV held-out at 5", "vs sft", "utility", "HV reward at 5", "all weights"]
    for row in three.benchmarks[0].rows:
        assert cells[row.method][5] == f"{row.scores.all_weights:.2f} ({row.policies})"
    assert "HV at all weights  " in show(three)
