"""The report in a real browser: what its script adds, by mouse and by keyboard, on all screens and on paper."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from moa_cli.report.page import report_html
from tests.kit.browser import CHROMIUM, Tab, browser
from tests.kit.documents import edited
from tests.kit.pages import toy

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium to look with")

HOSTILE = "</script><img src=x onerror=document.title='broken'>\u202e"


def _with_answers(document: dict[str, Any]) -> None:
    """Answers to four prompts, on which soup exceeds context by 0, 1, 2 and 3; and three marks that coincide."""
    [on] = document["benchmarks"]
    points = {row["method"]: row["points"] for row in on["rows"]}
    for k in (4, 5):
        points["soup"][k] |= {key: points["soup"][3][key] for key in ("scores", "rewards", "policy")}
    several = [[1.0, 0.0], [0.5, 0.5], [0.0, 1.0], [0.7, 0.3]]
    asked = {"sft": several[1:2], "soup": several, "context": several}
    on["answers"] = {
        "numbers": [1, 5, 9, 60],
        "prompts": [f"Prompt {n} {HOSTILE}" for n in range(4)],
        "given": [
            {
                "method": name, "weights": w, "label": "", "collapsed": [False, False, name == "soup", False],
                "responses": [f"{name} {n} at {w} {HOSTILE}" for n in range(4)],
                "scores": [[float(n) if name == "soup" else 0.0] * 2 for n in range(4)],
            }
            for name, weights in asked.items() for w in weights
        ],
    }  # fmt: skip


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    place = tmp_path_factory.mktemp("report") / "report.html"
    place.write_text(report_html(edited(toy(), _with_answers)), encoding="utf-8")
    return place.as_uri()


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    with browser(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.fixture
def page(tab: Tab, address: str) -> Tab:
    tab.open(address)
    return tab


def texts(page: Tab, selector: str) -> list[str]:
    found: list[str] = page.run(f"all({json.dumps(selector)}).map((one) => one.textContent.trim())")
    return found


def click(page: Tab, selector: str, text: str = "") -> None:
    page.run(f"all({json.dumps(selector)}).find((one) => one.textContent.includes({json.dumps(text)})).click()")


SHOWN = "told.hidden ? '' : told.textContent"


def test_nothing_is_refused_and_nothing_of_the_data_runs(page: Tab) -> None:
    assert page.complaints == []
    assert page.run("document.title") == "Comparison on toy"
    assert page.run("document.images.length") == 0
    assert page.run("performance.getEntriesByType('resource').length") == 0
    assert HOSTILE.replace("\u202e", "⟨U+202E⟩") in texts(page, ".said td p")[0]


def test_a_mark_says_what_it_is_under_the_mouse(page: Tab) -> None:
    place = "all('.fronts .point')[0].getBoundingClientRect()"
    page.run("all('.fronts svg[role=group]')[0].scrollIntoView()")
    x, y = page.run(f"[{place}.x + {place}.width / 2, {place}.y + {place}.height / 2]")
    page.point_at(x, y)
    first, *lines = page.run(SHOWN).split("\n")
    assert first == "context at weights 0.00, 1.00"
    assert [line.partition(" ")[0] for line in lines] == ["helpful:", "harmless:", "KL"]
    assert all(line.count("[") == 2 for line in lines[:2]), "both scores with their intervals"
    page.point_at(1, 1)
    assert page.run(SHOWN) == ""


def test_marks_that_coincide_are_one_and_are_counted(page: Tab) -> None:
    assert "×3" in texts(page, ".fronts svg text")
    [told] = page.run(
        "all('.point').map((one) => one.getAttribute('aria-label')).filter((t) => t.includes('share')).slice(0, 1)"
    )
    assert told.startswith("soup at weights 0.50, 0.50; 0.60, 0.40; 0.70, 0.30")
    assert told.endswith("3 weights share this point")


def test_the_keyboard_reaches_a_mark_of_each_drawing_and_arrows_the_others(page: Tab) -> None:
    assert page.run("all('.fronts svg[role=group]').map((one) => all('.point[tabindex=\"0\"]', one).length)") == [1, 1]
    page.run("all('.fronts .legend button').at(-1).focus()")
    page.press("Tab")
    before = page.run(SHOWN)
    page.press("ArrowRight")
    after = page.run(SHOWN)
    assert before.startswith("context at weights 0.00, 1.00")
    assert after.startswith("context at weights 0.10, 0.90")
    page.press("ArrowLeft")
    assert page.run(SHOWN) == before
    page.press("Escape")
    assert page.run(SHOWN) == ""


def test_a_legend_hides_a_method_everywhere(page: Tab) -> None:
    seen = "all('svg .point').filter((one) => one.getClientRects().length).map((one) => one.getAttribute('aria-label'))"
    assert any(told.startswith("soup") for told in page.run(seen))
    click(page, ".legend button", "soup")
    assert not any(told.startswith("soup") for told in page.run(seen))
    assert set(page.run("all('.legend button').filter((b) => b.textContent == 'soup').map((b) => b.ariaPressed)")) == {
        "false"
    }
    assert "soup" not in page.run("document.querySelector('.said').innerText")
    click(page, ".legend button", "soup")
    assert any(told.startswith("soup") for told in page.run(seen))


def test_intervals_of_all_points_can_be_shown(page: Tab) -> None:
    visible = "getComputedStyle(document.querySelector('.between')).visibility"
    assert page.run(visible) == "hidden"
    click(page, ".legend button", "all intervals")
    assert page.run(visible) == "visible"


def test_tables_sort_both_ways_and_say_so(page: Tab) -> None:
    """Hypervolume, of which the sft has least; then names."""
    box = "all('.wide').find((one) => one.ariaLabel.startsWith('Hypervolume at'))"
    names = f"all('tbody th', {box}).map((one) => one.textContent)"
    heads = f"all('thead th', {box})"
    assert page.run(names) == ["context", "soup", "sft"]
    page.run(f"{heads}[1].querySelector('button').focus()")
    page.press("Enter")
    assert page.run(f"{heads}[1].ariaSort") == "descending"
    page.press("Enter")
    assert page.run(names) == ["sft", "soup", "context"]
    assert page.run(f"{heads}[1].ariaSort") == "ascending"
    page.run(f"{heads}[0].querySelector('button').click()")
    assert page.run(names) == ["context", "sft", "soup"]
    assert page.run(f"{heads}.map((one) => one.ariaSort).filter(Boolean)") == ["descending"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("33.01 [28, 34]", 33.01),
        ("−0.5", -0.5),
        ("+1.5k", 1500),
        ("12.5%", 12.5),
        ("2.0 min", 120),
        ("≤ 62%", 62),
        ("–", None),
    ],
)
def test_cells_are_sorted_by_what_they_mean(page: Tab, text: str, value: float | None) -> None:
    assert page.run(f"valueOf({{ textContent: {json.dumps(text)} }})") == value


PROMPTS = ".browser .prompt"


def test_answers_stand_side_by_side_at_the_weights_that_one_looks_at_first(page: Tab) -> None:
    assert page.run("document.querySelector('.printed').hidden")
    assert page.run("all('thead th', document.querySelector('.said')).map((t) => t.textContent)") == [
        "Method", "1 · 0", "0.5 · 0.5", "0 · 1"
    ]  # fmt: skip
    cells = page.run("all('tr', document.querySelector('.said')).at(-1).innerText")
    assert cells.count("sft 0 at [0.5, 0.5]") == 3, "what is not steered says the same at all weights"
    click(page, ".controls fieldset input", "")
    assert page.run("all('thead th', document.querySelector('.said')).length") == 3
    assert "a sample of 60" in texts(page, ".browser .note")[0]


def test_answers_are_searched_and_put_where_two_methods_differ_most(page: Tab) -> None:
    """soup's scores exceed context's by 0, 1, 2, 3, so do weighted ones."""

    def put(label: str, value: str) -> list[str]:
        page.run(
            f"{{ const label = all('.controls label').find((one) => one.textContent.startsWith('{label}'));"
            f"const input = label.querySelector('input, select'); input.value = '{value}';"
            f"for (const event of ['input', 'change']) input.dispatchEvent(new Event(event)) }}"
        )
        return [text.split()[1] for text in texts(page, f"{PROMPTS}")[3:]]

    assert put("order", "yes") == ["3", "2", "1", "0"]
    assert put("differ", "1.5") == ["3", "2"]
    assert put("search", "PROMPT 2") == ["2"]
    assert put("search", "nowhere") == []
    assert texts(page, ".browser .note")[0].startswith("0 of 4")
    assert put("search", "") == ["3", "2"]
    page.run("all('.controls label').find((l) => l.textContent.includes('degenerate')).querySelector('input').click()")
    assert texts(page, f"{PROMPTS}")[-1].startswith("Prompt 2")
    assert {text.split()[0] for text in texts(page, ".said td.broken p")} == {"soup"}


def test_without_scripts_all_is_there_to_read(tab: Tab, address: str) -> None:
    tab.open(address, scripts=False)
    found = tab.call("DOM.getDocument", depth=0)["root"]["nodeId"]

    def count(selector: str) -> int:
        return len(tab.call("DOM.querySelectorAll", nodeId=found, selector=selector)["nodeIds"])

    assert count("button, .controls") == 0
    assert count(".fronts svg .point title") > 20
    assert count(".printed article") == 9


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (390, True)])
def test_every_screen_holds_the_page(tab: Tab, address: str, width: int, dark: bool) -> None:
    tab.open(address, width=width, dark=dark)
    assert tab.run("document.documentElement.scrollWidth") == width
    paper, ink = tab.run("[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]")
    assert (sum(map(int, paper[4:-1].split(","))) < 200) == dark
    for selector in ("button", "input", "select", "#told"):
        assert tab.run(f"getComputedStyle(document.querySelector('{selector}')).backgroundColor") in (
            paper,
            "rgba(0, 0, 0, 0)",
        )
    assert ink == tab.run("getComputedStyle(told).color")


def test_paper_has_no_controls(tab: Tab, address: str) -> None:
    tab.open(address, paper=True)
    assert tab.run("all('.controls, .browser > button').every((one) => !one.getClientRects().length)")


def test_everything_that_can_be_used_has_a_name(page: Tab) -> None:
    page.call("Accessibility.enable")
    nodes = page.call("Accessibility.getFullAXTree")["nodes"]
    used = [
        n
        for n in nodes
        if not n["ignored"]
        and n["role"]["value"]
        in ("button", "combobox", "textbox", "searchbox", "spinbutton", "checkbox", "image", "region")
    ]
    assert {n["role"]["value"] for n in used} >= {"button", "combobox", "searchbox", "spinbutton", "checkbox", "image"}
    assert [n for n in used if not n.get("name", {}).get("value")] == []
