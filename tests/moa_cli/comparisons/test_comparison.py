"""The comparison, on fronts made of random numbers with known means: its numbers, and what cannot be compared."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.common.errors import BadInput
from benchmarks.stats.indicators import hypervolume
from benchmarks.stats.text import text_statistics
from moa_cli.comparisons.comparison import compare
from moa_cli.formats.columns import columns
from moa_cli.formats.exports import comparison_markdown, latex
from tests.kit.fronts import COST, NAMES, PROMPTS, changed, make_card, make_front, other_card
from tests.kit.pages import show


def test_the_document(document):
    (benchmark,) = document.benchmarks
    assert json.loads(document.to_json())["schema"] == "moa.compare/4"
    assert (benchmark.name, benchmark.version, benchmark.prompts) == ("toy", "1", PROMPTS)
    assert [row.method for row in benchmark.rows] == ["context", "soup", "sft"], "best first"
    assert benchmark.card == make_card()


@pytest.mark.parametrize(("answer", "told"), [("I cannot help with that.", True), ("The answer to {} is {}.", False)])
def test_one_answer_to_everything_is_told(answer: str, told: bool):
    """A policy that always refuses has answers that are sound one by one."""
    said = text_statistics([answer.format(n, n * n) for n in range(60)])
    assert said["repetition"] == said["short"] == 0
    front = make_front("soup", 1.0, card=make_card(prompts=60))
    points = [replace(p, text_statistics=said if k > 7 else {}) for k, p in enumerate(front.points)]
    (benchmark,) = compare([replace(front, points=tuple(points))]).benchmarks
    assert benchmark.warnings == told * (
        "soup gives nearly the same answer to every prompt, at 0.2,0.8 and at 0.1,0.9 and at 1 more",
    )


def test_the_numbers_of_a_row(fronts, document):
    front, row = fronts[2], document.benchmarks[0].rows[0]
    assert row.rewards.hypervolume == pytest.approx(front.hypervolume("rewards"))
    assert row.scores.hypervolume == pytest.approx(front.hypervolume("scores"))
    assert row.scores.low < row.scores.hypervolume < row.scores.high
    assert row.rewards.igd_plus == 0, "it dominates all others, so it is the reference set"
    assert row.kendall_tau["helpful"] > 0.8
    assert (row.kl, row.collapse, row.cost) == (3, 0, COST)
    np.testing.assert_allclose([p.rewards for p in row.points], front.means("rewards"))
    np.testing.assert_allclose([p.scores for p in row.points], front.means("scores"))
    assert row.points[3].weights == (0.7, 0.3)
    assert document.benchmarks[0].rows[2].kendall_tau == {"helpful": None, "harmless": None}


def test_a_collapsed_point_does_not_count_unless_it_is_kept():
    front = make_front("soup", 1.0)
    spoilt = front.collapsed.copy()
    spoilt[5, : PROMPTS // 4] = True
    front = changed(front, collapsed=spoilt)
    (row,) = compare([front]).benchmarks[0].rows
    assert [k for k, point in enumerate(row.points) if point.collapsed] == [5]
    others = [k for k in range(11) if k != 5]
    assert row.scores.hypervolume == pytest.approx(hypervolume(front.means("scores")[others], (-2, -2)))
    np.testing.assert_allclose(row.points[5].scores, front.means("scores")[5], err_msg="it is still shown")
    told = "soup: over a fifth of the answers degenerate at 0.5,0.5 (left out)"
    assert told in show(compare([front]))
    both = compare([front, make_front("soup", 1.0, seed=1)])
    (point,) = [p for p in both.benchmarks[0].rows[0].points if p.collapsed_seeds]
    assert not point.collapsed, "it counts in the other seed"
    assert "at 0.5,0.5 in 1 of 2 trainings (left out)" in show(both, 100)
    assert told in comparison_markdown(compare([front]))
    (kept,) = compare([front], keep_collapsed=True).benchmarks[0].rows
    assert kept.scores.hypervolume == pytest.approx(front.hypervolume("scores"))


def test_a_method_that_collapsed_everywhere_has_no_volume():
    front = make_front("soup", 1.0)
    (row,) = compare([changed(front, collapsed=np.ones_like(front.collapsed))]).benchmarks[0].rows
    assert (row.rewards.hypervolume, row.scores.high) == (0, 0)


def test_nothing_is_compared_with_a_row_of_which_no_point_counts(fronts):
    """Its hypervolume of 0 is a rule, not a measurement: whoever is beside it would seem to be significantly better."""
    several = [replace(front, seed=seed) for front in fronts for seed in range(3)]
    collapsed = [changed(f, collapsed=np.ones_like(f.collapsed)) if f.method == "sft" else f for f in several]
    document = compare(collapsed)
    told = (
        "sft: over a fifth of the answers degenerate at all points; "
        "they are left out, so nothing can be compared with it"
    )
    for row in document.benchmarks[0].rows:
        cells = {name: write(row) for name, write in columns(document.benchmarks[0]).items()}
        assert cells["vs sft"] == ("" if row.method == "sft" else "-")
        volumes = [cells[f"HV {word} at 11"] for word in ("held-out", "reward")]
        assert [volume == "-" for volume in volumes] == [row.method == "sft"] * 2
        assert (cells["utility"] == "-") == (row.method == "sft"), "less nobody's"
    text = show(document)
    assert told in " ".join(text.split())
    table = text[: text.index("sft:")]
    assert "*" not in table
    assert not re.search(r"sft .*0\.00", table)
    assert [(pair.a, pair.b) for pair in document.benchmarks[0].pairs] == [("context", "soup")]
    for written in (comparison_markdown(document), latex(document)):
        assert told in written
    kept = show(compare(collapsed, keep_collapsed=True), 120)
    assert told not in " ".join(kept.split())
    assert kept.count("*") > 2, "they are compared as any others"


def test_other_corners_and_what_they_turn_around():
    """Two points far out on the axes have more volume above a far corner, one in the middle above a near one."""
    middle, ends = make_front("middle", 0.0), make_front("ends", 0.0)
    noise = ends.rewards - ends.rewards.mean(axis=1, keepdims=True)

    def at(points):
        means = np.array([points[k % len(points)] for k in range(11)], dtype=float)[:, None]
        return {"rewards": means + noise, "scores": means + noise}

    document = compare([changed(middle, **at([(0, 0)])), changed(ends, **at([(3, -1.5), (-1.5, 3)]))])
    refs = {other.sds: other for other in document.benchmarks[0].refs}
    assert [row.method for row in document.benchmarks[0].rows] == ["ends", "middle"]
    assert refs[2.0].hypervolume == pytest.approx({"ends": 2 * 5 * 0.5 - 0.25, "middle": 4.0})
    assert refs[1.0].hypervolume == pytest.approx({"ends": 0.0, "middle": 1.0})
    assert refs[1.0].flips == (("ends", "middle"),)
    assert refs[2.0].flips == refs[3.0].flips == ()


def test_agreement_of_rewards_and_evaluators(fronts):
    assert compare(fronts).benchmarks[0].agreement == 1
    assert compare(fronts[:2]).benchmarks[0].agreement is None
    fooled = changed(fronts[2], scores=-fronts[2].rewards)
    assert compare([*fronts[:2], fooled]).benchmarks[0].agreement == pytest.approx(-1 / 3)


def test_surfaces_over_seeds():
    seeds = [make_front("soup", reach, seed=s) for s, reach in enumerate((1.0, 1.2, 1.4))]
    (row,) = compare(seeds).benchmarks[0].rows
    surfaces = row.attainment.rewards
    volumes = [hypervolume(corners, (-2, -2)) for corners in (surfaces.worst, surfaces.median, surfaces.best)]
    assert volumes[0] < volumes[1] < volumes[2]
    assert compare(seeds[:1]).benchmarks[0].rows[0].attainment is None


def test_the_document_holds_the_scores_of_every_prompt(fronts, document):
    """So that it can be a baseline: to four digits."""
    (run,) = document.benchmarks[0].rows[0].runs
    found = np.array([[[float(v) for v in point[o].split()] for o in NAMES[:2]] for point in run.points])
    np.testing.assert_allclose(found.transpose(0, 2, 1), fronts[2].scores, atol=5.1e-5)
    assert run.seed == 0


def test_seeds_share_a_row():
    seeds = [make_front("soup", 1.0, seed=s) for s in (2, 0)]
    (row,) = compare(seeds).benchmarks[0].rows
    assert row.seeds == (0, 2)
    assert row.rewards.hypervolume == pytest.approx(np.mean([f.hypervolume("rewards") for f in seeds]))
    np.testing.assert_allclose([p.rewards for p in row.points], np.mean([f.means("rewards") for f in seeds], axis=0))


def test_configurations_of_one_method_are_told_apart():
    document = compare(
        [
            make_front("ric", 1.0, config={"rounds": 0, "lora": {"rank": 8}, "beta": 0.1}),
            make_front("ric", 1.5, config={"rounds": 2, "lora": {"rank": 8}, "beta": 0.1}),
        ]
    )
    assert [r.method for r in document.benchmarks[0].rows] == ["ric rounds=2", "ric rounds=0"]
    nested = compare([make_front("ric", 1.0, config={"lora": {"rank": r}}) for r in (8, 16)])
    assert {r.method for r in nested.benchmarks[0].rows} == {"ric lora.rank=8", "ric lora.rank=16"}


def test_numbers_that_a_search_has_found_are_told_in_three_digits_where_these_tell_them_apart():
    rates = (2.0187620982365364e-05, 0.0001414), (0.10001, 0.10002)
    documents = [compare([make_front("ric", v, config={"rate": v}) for v in pair]) for pair in rates]
    first, second = ({row.method for row in document.benchmarks[0].rows} for document in documents)
    assert first == {"ric rate=2.02e-05", "ric rate=0.000141"}
    assert second == {"ric rate=0.10001", "ric rate=0.10002"}


def test_benchmarks_stand_apart(fronts):
    document = compare([*fronts, make_front("soup", 1.0, card=make_card(benchmark="other"))])
    assert [(b.name, len(b.rows)) for b in document.benchmarks] == [("toy", 3), ("other", 1)]


@pytest.mark.parametrize(
    ("add", "named"),
    [
        (make_front("x", 1.0, card=other_card(make_card(), prompts_hash="1" * 12)), "prompts_hash"),
        (make_front("x", 1.0, card=other_card(make_card(), reward_std=(1.0, 2.0))), r"reward_std.*\[1\.0,2\.0\]"),
        (make_front("x", 1.0, card=other_card(make_card(), version="2")), "version"),
        (make_front("soup", 1.0), "seed 0 of soup is there twice"),
        (changed(make_front("soup", 1.0, seed=1), weights=((0.5, 0.5),) * 11), "different weights"),
    ],
)
def test_what_cannot_be_compared_is_refused(fronts, add, named):
    with pytest.raises(BadInput, match=named):
        compare([*fronts, add])


def test_nothing_to_compare():
    with pytest.raises(BadInput):
        compare([])


def test_comparing_imports_neither_torch_nor_pandas_nor_matplotlib():
    code = (
        "import sys; from moa_cli.comparisons.comparison import compare; import moa_cli.formats.terminal;"
        "print({'torch', 'transformers', 'pandas', 'scipy', 'matplotlib'} & set(sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "set()"
