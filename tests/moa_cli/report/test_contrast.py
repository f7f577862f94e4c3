"""Contrast of the report in the light and in the dark: WCAG 2.2, criteria 1.4.3 (text) and 1.4.11 (graphics)."""

from __future__ import annotations

import re

import pytest

from moa_cli.report.elements.style import COLOURS
from moa_cli.report.page import report_html
from tests.kit.pages import Page, toy


@pytest.fixture(scope="module")
def page() -> str:
    return report_html(toy())


def luminance(colour: str) -> float:
    parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Of two colours "#rrggbb", from 1 to 21."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def themes(css: str) -> list[dict[str, str]]:
    """The page's colours by name, in the light and in the dark."""
    light, dark = (
        dict(re.findall(r"--(\w+): (#\w{6});", block)) for block in re.findall(r":root \{(.*?)\}", css, re.S)[:2]
    )
    assert {"ink", "paper", "muted", "line"} <= light.keys() == dark.keys()
    return [light, dark]


def test_contrast_is_computed_as_wcag_says():
    """Black on white has 21; #767676 on white is the lightest grey that passes 4.5, #777777 does not."""
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") > 4.5 > contrast("#777777", "#ffffff")


def test_text_can_be_read_on_its_background(page):
    css = re.search(r"<style>(.*?)</style>", page, re.S)[1]
    texts = {c for c in re.findall(r"[{;\s]color: ([^;}]+)", css) if c != "inherit"}
    grounds = set(re.findall(r"background: ([^;}]+)", css))
    assert "var(--muted)" in texts
    assert "var(--paper)" in grounds
    assert all(re.fullmatch(r"var\(--\w+\)", colour) for colour in texts | grounds), "every colour has a name"
    assert not set(re.findall(r"#\w{6}", css)) - {colour for theme in themes(css) for colour in theme.values()}
    assert "opacity" not in css
    for theme in themes(css):
        for text in texts:
            assert contrast(theme[text[6:-1]], theme["paper"]) >= 4.5, text
        for ground in grounds:
            assert contrast(theme["ink"], theme[ground[6:-1]]) >= 4.5, ground


@pytest.mark.parametrize("objectives", [2, 3, 4])
def test_drawings_can_be_seen_on_both_backgrounds(objectives):
    text = report_html(toy(objectives))
    light, dark = themes(text)
    of_the_page = {"currentColor": "ink", "var(--muted)": "muted", "var(--paper)": "paper", "var(--line)": "line"}
    seen = set()
    for tag, attributes, inside in Page(text).elements:
        if tag not in ("path", "use", "text", "rect"):
            continue
        within = [element for element in [*inside, (tag, attributes)] if element[0] in ("g", "use", tag)]
        paint = {"fill": "#000000", "stroke": "none"} | ({"fill": "currentColor"} if tag == "text" else {})
        for _, one in within:
            style = dict(re.findall(r"([\w-]+): ([^;]+)", one.get("style", "")))
            paint |= {key: {**one, **style}[key] for key in paint if key in {**one, **style}}
            assert not {"opacity", "stroke-opacity"} & style.keys()
            assert "fill-opacity" not in style or tag == "use", "only a band, whose median is drawn in full"
        if any(name == "defs" for name, _ in inside):
            continue  # painted where it is used
        for key, colour in paint.items():
            seen.add(colour)
            if colour in ("none", "var(--paper)"):
                continue
            if colour == "var(--line)":
                assert (key, tag) == ("stroke", "path"), "the grid helps, but nothing depends on it"
                continue
            for theme in (light, dark):
                value = theme[of_the_page[colour]] if colour in of_the_page else colour
                assert contrast(value, theme["paper"]) >= (4.5 if tag == "text" else 3), (tag, colour)
    assert {"currentColor", "var(--muted)", "var(--line)"} <= seen
    assert {colour.lower() for colour in COLOURS} & {colour.lower() for colour in seen}


@pytest.mark.parametrize("colour", COLOURS)
def test_every_method_can_be_seen(colour, page):
    for theme in themes(page):
        assert contrast(colour, theme["paper"]) >= 3
