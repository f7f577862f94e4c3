"""The HTML report: complete, readable by everyone, and inert whatever the data says."""

from __future__ import annotations

import json
import re
import unicodedata
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from moa_cli.comparisons.comparison import compare
from moa_cli.comparisons.document import Comparison
from moa_cli.comparisons.parts import RowPoint
from moa_cli.formats.exports import COMPARISON_FORMATS
from moa_cli.formats.output import write_document
from moa_cli.report.elements.markup import LONG, el, inert
from moa_cli.report.page import report_html
from moa_cli.report.sections.fronts import staircase
from moa_cli.report.sections.order import SECTIONS
from tests.kit.documents import edited
from tests.kit.files import ROOT
from tests.kit.fronts import make_card, make_front
from tests.kit.pages import Page, filled, toy

SCRIPT = (ROOT / "moa_cli/report/report.js").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    def change(made: dict[str, Any]) -> None:
        made["gate"] = {
            "baseline": "base.json", "tolerance": 0.01, "verdict": "regressed",
            "verdicts": [
                {"benchmark": "toy", "method": "soup", "verdict": "regressed", "difference": -0.3, "low": -0.4,
                "high": -0.2, "base": 9.0},
                {"benchmark": "toy", "method": "gone", "verdict": "lost"},
            ],
        }  # fmt: skip
        made["benchmarks"][0]["rows"][0]["points"][3] |= {"collapsed": True, "collapsed_seeds": 2}

    return edited(toy(), change)


@pytest.fixture(scope="module")
def page(comparison) -> str:
    return report_html(comparison)


@pytest.fixture(scope="module")
def harmless(comparison) -> str:
    """What no name of a method that comes with moa is left in."""
    return report_html(attacked(comparison, "x"))


def test_the_check_of_pages_sees_what_is_wrong():
    for wrong in ("<p><b></p></b>", "<p>", "</p>", "<p/>", "<p id=a id=b></p>"):
        with pytest.raises(AssertionError):
            Page(wrong)


def collapsed(*names: str) -> Comparison:
    """Three methods, of which all points of some are left out. The ceiling is as for any others."""

    def change(made: dict[str, Any]) -> None:
        for row in made["benchmarks"][0]["rows"]:
            if row["method"] in names:
                for point in row["points"]:
                    point |= {"collapsed": True, "collapsed_seeds": len(row["seeds"])}

    return edited(toy(), change)


CASES = {
    "the base has collapsed": lambda: collapsed("sft"),
    "all have collapsed": lambda: collapsed("sft", "soup", "context"),
    "two objectives": toy,
    "one": lambda: toy(1),
    "three": lambda: toy(3),
    "four": lambda: toy(4),
    "one seed": lambda: toy(seeds=1),
    "no base": lambda: toy(base=False),
    "nothing but what must be": lambda: toy(nulls=True),
    "three, nothing more": lambda: toy(3, nulls=True),
    "one method": lambda: filled(compare([make_front("soup", 1.0)])),
    "the base alone": lambda: filled(compare([make_front("sft", 0, steering="none")])),
}


@pytest.mark.parametrize("case", CASES)
def test_every_comparison_has_a_whole_report(case):
    text = report_html(CASES[case]())
    page = Page(text)
    assert page.text.count("How to reproduce") == 1
    for title in SECTIONS:
        assert title in page.text
    ids = [attributes["id"] for _, attributes, _ in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids)), "ids are unique, also across drawings"
    used = re.findall(r'(?:href="|url\()#([\w-]+)', text)
    assert used
    assert set(used) <= set(ids)
    assert not re.search(r"\bnan\b|\binf\b|\bNone\b", page.text)


def test_the_same_document_gives_the_same_bytes(comparison, page, tmp_path):
    write_document(comparison, tmp_path / "x.html", COMPARISON_FORMATS)
    assert (tmp_path / "x.html").read_bytes() == page.encode()


def check_that_it_does_nothing(found: Page) -> None:
    """Nothing that is loaded, nobody who is told, no script but its own; the browser is told to allow no more."""
    allowed = {
        *("html", "head", "meta", "title", "style", "script", "body", "header", "main", "section", "nav", "article"),
        *("footer", "figure", "h1", "h2", "h3", "h4", "h5", "p", "ul", "li", "dl", "div", "dt", "dd", "a", "b"),
        *(
            "strong",
            "small",
            "span",
            "bdi",
            "figcaption",
            "table",
            "caption",
            "thead",
            "tbody",
            "tr",
            "th",
            "td",
            "pre",
        ),
        *("code", "blockquote", "svg", "defs", "g", "path", "use", "text", "clippath", "rect"),
    }
    assert {tag for tag, _, _ in found.elements} <= allowed
    for tag, attributes, _ in found.elements:
        assert not [
            name for name in attributes if name.startswith("on") or name in ("src", "srcset", "action", "data")
        ], tag
        paper = tag == "a" and re.fullmatch(r"https://arxiv\.org/abs/\d{4}\.\d{4,5}", attributes.get("href", ""))
        for name, value in attributes.items():
            if name not in ("aria-label", "title") and not paper:
                assert not re.search(r"https?:|javascript:|url\((?!#)", value), name
        assert paper or attributes.get("href", "#").startswith("#")
    *told, (attributes, own) = found.scripts
    assert not attributes
    assert own == SCRIPT
    for attributes, content in told:
        assert attributes == {"type": "application/json"}
        json.loads(content)
    policy = next(m["content"] for m in found.named("meta") if m.get("http-equiv") == "Content-Security-Policy")
    allows = f"script-src 'sha256-{b64encode(sha256(own.encode()).digest()).decode()}'"
    assert policy == f"default-src 'none'; {allows}; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def test_it_needs_nothing_else(page):
    check_that_it_does_nothing(Page(page))
    assert not re.search(r"https?:(?!//arxiv\.org/abs/)|@import|url\((?!#)", page)


def test_it_is_made_for_phones_dark_rooms_and_paper(page):
    found = Page(page)
    assert any(m.get("name") == "viewport" for m in found.named("meta"))
    assert found.named("html")[0]["lang"] == "en"
    assert "color-scheme: light dark" in page
    assert "@media print" in page
    around = [inside[-1] for tag, _, inside in found.elements if tag == "table"]
    assert len(around) > 8
    for tag, box in around:
        assert (tag, box["class"], box["role"], box["tabindex"]) == ("div", "wide", "region", "0"), (
            "it scrolls by itself"
        )
        assert box["aria-label"]


def test_what_is_drawn_is_also_said(comparison, page):
    """A drawing says what there is to see; marks and intervals that repeat the text beside them are silent."""
    drawings = [(attributes, inside) for tag, attributes, inside in Page(page).elements if tag == "svg"]
    told = [attributes["aria-label"] for attributes, _ in drawings if attributes.get("role") in ("img", "group")]
    assert len(told) == 2 + 3 + 2 + 3 + 2 + 3, "fronts, methods alone, control, KL, over-optimisation, cost"
    assert all(re.search("soup|context|sft", text) for text in told)
    volumes = [f"{row.method} {row.scores.hypervolume:.2f}" for row in comparison.benchmarks[0].rows]
    assert told[0] == f"harmless against helpful, held-out scores. Hypervolumes at 11 points: {', '.join(volumes)}."
    silent = [(attributes, inside) for attributes, inside in drawings if "role" not in attributes]
    assert len(silent) > 8
    for attributes, inside in silent:
        assert attributes["aria-hidden"] == "true"
        assert {tag for tag, _ in inside} & {"td", "th", "li", "figcaption", "h5", "dt"}


def test_tables_name_rows_and_columns(page):
    found = Page(page)
    tables = sum(tag == "table" for tag, _, _ in found.elements)
    assert sum(tag == "caption" for tag, _, _ in found.elements) == tables > 8
    scopes = {(inside[-2][0], attributes["scope"]) for tag, attributes, inside in found.elements if tag == "th"}
    assert scopes == {("thead", "col"), ("tbody", "row")}
    levels = [int(tag[1]) for tag, _, _ in found.elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels)), "no level is left out"


# What data says stays data.

HOSTILE = [
    "<script>alert(1)</script></title></style></svg><script>alert(1)</script><!-- --> ]]> <![CDATA[ &lt;b&gt; &#60;",
    """"><img src=x onerror=alert(1)> ' onmouseover='alert(1)' x='""",
    "\x1b[31m red \x00 nothing \x07 bell \r \x85 \u2028 \u2029 \u202e \u2066 \u200f \ufeff \u200b \U000e0041 \ue000",
    "[a](javascript:alert(1)) `code` | https://example.org url(https://example.org) "
    """$\\frac{1}{2}$ \\input{x} {} % #010203 'DejaVu Sans' var(--paper) xlink:href id="x\"""",
    "x" * 1_000_000,
]


def attacked(comparison: Comparison, text: str) -> Comparison:
    """Every text of the data, be it a value or the name of an entry, followed by another.

    But for words of which there are only some, such as "regressed": with others, it is no comparison.
    """
    names = {name for on in comparison.benchmarks for name in [*on.objectives, *(row.method for row in on.rows)]}
    kept = {"steering", "verdict", "kind", "schema", "split", "tuned_on"}

    def walk(part: Any, key: str = "") -> Any:
        if isinstance(part, dict):
            inner = {name + text if name in names or key in ("config", "versions") else name: name for name in part}
            return {new: walk(part[old], old) for new, old in inner.items()}
        if isinstance(part, list):
            return [walk(one, key) for one in part]
        return part + text if isinstance(part, str) and key not in kept else part

    document = json.loads(comparison.to_json())
    del document["sum"]
    return Comparison.from_json(json.dumps(walk(document)))


def skeleton(page: Page) -> list[tuple[str, list[str]]]:
    """The elements with the names of their attributes, but for drawings and for what marks a strange character or a
    cut."""
    return [
        (tag, sorted(attributes))
        for tag, attributes, inside in page.elements
        if not any(name == "svg" for name, _ in inside) and attributes.get("class") not in ("sign", "more")
    ]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text[:20]))
def test_hostile_text_is_shown_and_does_nothing(comparison, page, harmless, text):
    page_with = report_html(attacked(comparison, text))
    found = Page(page_with)
    assert skeleton(found) == skeleton(Page(harmless)), "it made or unmade an element or an attribute"
    assert {unicodedata.category(c) for c in page_with if c != "\n"} & {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"} == set()
    check_that_it_does_nothing(found)
    assert len(page_with) < 3 * len(page) + 1_000_000
    page_with.encode()


def test_half_of_a_surrogate_pair_is_no_text_of_a_comparison(comparison):
    with pytest.raises(ValueError, match="damaged"):
        attacked(comparison, "\ud800")


@pytest.mark.usefixtures("undrawn")
def test_texts_appear_as_they_are(comparison):
    shown = Page(report_html(attacked(comparison, "<script>alert(1)</script>"))).text
    for text in (
        "soup",
        "helpful",
        "toy",
        "Who are you?",
        "I am soup.",
        "moa compare -m all -o report.html",
        "beta",
        "gone",
    ):
        assert f"{text}<script>alert(1)</script>" in shown, text


def test_what_cannot_be_seen_is_named():
    assert Page(inert("a\u202eb\x00c\ud800")).text == "aU+202EbU+0000cU+D800"
    assert inert("\r\n\t é 漢字 👍") == "\n\t é 漢字 👍"
    assert Page(el("p", title="\u202e\x00")).named("p")[0]["title"] == "⟨U+202E⟩⟨U+0000⟩"


def test_a_flood_is_cut_and_counted():
    assert Page(inert("x" * 1_002_000)).text == "x" * LONG + " … 1,000,000 more characters"


# What it says first.


def test_a_gate_comes_first_and_names_who_failed(page):
    told = Page(page).text
    sentence = (
        "Gate regressed: soup regressed on toy (−0.30 [−0.40, −0.20]) and gone was lost on toy "
        "(baseline base.json, tolerance 1.0%)."
    )
    assert sentence in told
    assert told.index(sentence) < told.index("has the largest")


@pytest.mark.usefixtures("undrawn")
def test_intervals_include_seeds_only_where_there_are_several():
    one, two = (Page(report_html(CASES[case]())).text for case in ("one seed", "two objectives"))
    assert "over prompts, paired" in one
    assert "luck in training" in one
    assert "over prompts and trainings, paired" in two
    assert "luck in training" not in two


# What the drawings are made of.


def test_which_points_count():
    """Of (0, 2), (1, 1), (2, 0) and (3, 3), the last dominates all; collapsed, it neither counts nor dominates."""
    on = toy().benchmarks[0]
    points = tuple(
        on.rows[0].points[0].model_copy(update={"weights": (k / 3,), "scores": xy, "collapsed": k == 3})
        for k, xy in enumerate([(0, 2), (1, 1), (2, 0), (3, 3)])
    )
    whole = tuple(point.model_copy(update={"collapsed": False}) for point in points)

    def adds(points: tuple[RowPoint, ...], *, keeps_collapsed: bool = False) -> list[bool]:
        row = on.rows[0].model_copy(update={"points": points})
        return on.model_copy(update={"keeps_collapsed": keeps_collapsed}).adds(row, "scores").tolist()

    assert adds(points) == [True, True, True, False]
    assert adds(whole) == [False, False, False, True]
    assert adds(points, keeps_collapsed=True) == [False, False, False, True]
    assert not any(adds(points[3:]))


def test_the_staircase():
    """Steps (1, 3) and (2, 1): 3 high up to 1, then 1 up to 2, nothing beyond."""
    steps = np.array([[1.0, 3.0], [2.0, 1.0]])
    assert staircase(np.array([0.0, 1.0, 1.5, 2.0, 2.5]), steps, -9.0).tolist() == [3, 3, 1, 1, -9]


@pytest.mark.usefixtures("undrawn")
def test_collapsed_points_are_listed(comparison, page):
    point = "hypervolumes for too many collapsed answers:context at 0.7,0.3 (0%)"
    assert f"Left out of {point}" in Page(page).text

    def change(made: dict[str, Any]) -> None:
        made["benchmarks"][0]["keeps_collapsed"] = True

    assert f"Kept in {point.replace('for', 'in spite of')}" in Page(report_html(edited(comparison, change))).text


@pytest.mark.usefixtures("undrawn")
def test_nothing_is_compared_with_a_row_of_which_no_point_counts():
    text = Page(report_html(collapsed("sft"))).text
    assert "; all points of sft are left out for collapse." in text
    assert "so nothing can be compared with it" in text
    assert not re.search(r"over sft[ )]", text)


def test_a_hypervolume_is_told_as_a_share_of_the_largest(comparison, page):
    """Its unit is a power of SDs, which means nothing to anybody."""
    first, *others = (row.scores.hypervolume for row in comparison.benchmarks[0].rows)
    assert first > max(others)
    told = re.findall(r"Hypervolume ([\d.]+)( \((\d+)% of the largest\))?, (\d) of 3", Page(page).text)
    assert [share for *_, share, _ in told] == ["", *(f"{100 * other / first:.0f}" for other in others)]


def test_a_share_out_of_reach_is_bounded(page):
    assert "≤ 62%" in page
    assert "70%" in page


@pytest.mark.usefixtures("undrawn")
def test_methods_keep_their_colour_across_benchmarks():
    """One that is only in the second shifts none of the first."""
    other = make_card(benchmark="other")
    fronts = [make_front("soup", 1.0), make_front("soup", 1.0, card=other), make_front("aa", 1.0, card=other)]
    text = report_html(filled(compare(fronts)))
    marks = set(re.findall(r"<path ([^>]*)></path></svg><bdi>soup</bdi>", text))
    assert len(marks) == 1


@pytest.mark.usefixtures("undrawn")
def test_a_comparison_made_in_python_has_no_command(comparison):
    """Nor what only the command line adds, and texts may be unknown."""

    def change(made: dict[str, Any]) -> None:
        del made["command"], made["versions"], made["gate"]
        made["benchmarks"][0]["rows"][0]["points"][0]["language"] = {"ended": None, "perplexity": None}

    assert "Settings on toy" in Page(report_html(edited(comparison, change))).text


@pytest.mark.usefixtures("undrawn")
def test_a_method_whose_cost_is_unknown_joins():
    """Answers that were made elsewhere come without a ledger."""
    front = replace(make_front("elsewhere", 0.5), cost={})
    made = filled(compare([make_front("soup", 1.0), front]))
    assert "elsewhere" in Page(report_html(made)).text


@pytest.mark.usefixtures("undrawn")
def test_what_tuning_brought_is_told_of_methods_that_are_there_twice():
    """With the interval and colour of the pair, in both numbers."""
    fronts = [
        replace(make_front(name, reach, seed=seed, config={"beta": reach}), trials=trials)
        for name, reach, trials in (("soup", 1.0, 0), ("soup", 1.4, 12), ("context", 1.5, 12))
        for seed in (0, 1, 2)
    ]
    found = compare(fronts)
    pair = found.benchmarks[0].difference("soup beta=1.4", "soup beta=1.0")
    text = Page(report_html(found)).text
    told = text[text.index("Gain of tuning") : text.index("Other refs", text.index("Gain of tuning"))]
    assert "soup beta=1.0" in told
    assert "soup beta=1.4" in told
    assert "context" not in told
    assert f"+{pair.value:.2f}" in told
    assert "No method is here twice" in Page(report_html(compare(fronts[3:]))).text
