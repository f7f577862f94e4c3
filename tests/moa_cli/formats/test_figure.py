"""The figure: its panels, and what every method and point looks like."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from methods.contract.find import method_names
from moa_cli.comparisons.comparison import compare
from moa_cli.formats.exports import COMPARISON_FORMATS
from moa_cli.formats.figure import comparison_figure
from moa_cli.formats.output import write_document
from moa_cli.report.elements.style import OWN_STYLE, Style, styles_of
from tests.kit.fronts import PROMPTS, changed, make_card, make_front, only


@pytest.mark.parametrize(("objectives", "panels"), [(1, 2), (2, 2), (3, 6), (5, 2)])
def test_the_figure_has_its_panels(objectives, panels):
    card = make_card(objectives)
    made = comparison_figure(
        compare([make_front("sft", 0, steering="none", card=card), make_front("soup", 1.0, card=card)])
    )
    assert len(made.axes) == panels
    told = {t.get_text() for t in made.legends[0].get_texts()}
    assert told - {"adds nothing to the front"} == {"sft", "soup"}


def test_methods_look_the_same_in_every_comparison():
    """Whoever else is there, in whichever order, those that come with moa and others; no two methods look the same."""
    assert {*OWN_STYLE} == {name for name in method_names() if name != "sft"}

    def drawn(*names: str) -> dict[str, Style]:
        return styles_of({name: "none" if name == "sft" else "merge" for name in names})

    mine = [f"mine-{k}" for k in range(40)]
    many = drawn("sft", *OWN_STYLE, *mine)
    assert len({style[:2] for style in many.values()}) == len(many)
    assert many == drawn(*reversed(mine), *OWN_STYLE, "sft")
    for name in OWN_STYLE:
        assert drawn("a", name, "sft", "z")[name] == many[name]
    assert drawn("mine-7")["mine-7"] == drawn("a", "mine-7", "sft", "z", "ric")["mine-7"]
    assert many["ric"][:2] == ("#C7831B", "s"), "as in every figure that was ever drawn"


def test_rows_of_one_method_share_colour_and_mark_and_differ_in_what_is_around_and_within():
    """A name with spaces that came with answers made elsewhere is a method of its own."""
    looks = styles_of(dict.fromkeys(["ric", *(f"ric rounds={k}" for k in range(3))], "prompt") | {"GPT 4": "given"})
    rows = [looks[name] for name in looks if name.startswith("ric")]
    assert len({row[:2] for row in rows}) == 1
    assert len({(row.outline, row.hole) for row in rows}) == len({row.line for row in rows}) == len(rows)
    assert len({row.key for row in looks.values()}) == len(looks)
    assert looks["GPT 4"].variant == 0


def test_dominated_points_are_hollow():
    """Of two points, drawn from the lower first weight to the higher, the first dominates: only the second is white."""
    front = make_front("soup", 1.0)
    scores = np.stack([np.full((PROMPTS, 2), v) for v in (0.0, 1.0)])
    two = changed(only(front, [0, 1]), rewards=scores, scores=scores)
    (dots,) = comparison_figure(compare([two])).axes[0].collections
    faces = [tuple(f) for f in dots.get_facecolors()]
    assert faces[0] != (1, 1, 1, 1)
    assert faces[1] == (1, 1, 1, 1)


def test_collapsed_points_are_hollow_and_crossed_out():
    """The point that would be best is left out, and the next one counts; if collapsed points are kept, it is filled."""
    front = make_front("soup", 1.0)
    spoilt = np.zeros_like(front.collapsed)
    spoilt[5] = True
    front = changed(front, collapsed=spoilt)
    dots, cross = comparison_figure(compare([front])).axes[0].collections
    white = [k for k, face in enumerate(dots.get_facecolors()) if tuple(face) == (1, 1, 1, 1)]
    assert 10 - 5 in white, "drawn from the lowest first weight"
    np.testing.assert_allclose(cross.get_offsets(), front.means("rewards")[5:6])
    told = {text.get_text() for text in comparison_figure(compare([front])).legends[0].get_texts()}
    assert told == {"soup", "adds nothing to the front", "too many collapsed"}
    kept = comparison_figure(compare([front], keep_collapsed=True)).axes[0].collections[0]
    assert tuple(kept.get_facecolors()[5]) != (1, 1, 1, 1)


def test_svg_keeps_text_as_text_and_png_is_a_picture(document, tmp_path: Path):
    write_document(document, tmp_path / "x.svg", COMPARISON_FORMATS)
    assert "helpful (SFT SDs)" in (tmp_path / "x.svg").read_text()
    write_document(document, tmp_path / "x.png", COMPARISON_FORMATS)
    assert imread(tmp_path / "x.png").shape[1] == pytest.approx(2 * 3.3 * 300, abs=2)
