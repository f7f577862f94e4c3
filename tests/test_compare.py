"""Comparison, its renderings and figures, on fronts made of random numbers with known means."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread
from rich.console import Console

from benchmarks import BadInput, Card, Front, Sampling, hypervolume, simplex_grid
from methods import method_names
from moa_cli import console, exports, output, render, saved, steps
from moa_cli.comparison import compare
from moa_cli.figure import OWN_STYLE, Style, figure, styles

NAMES = ("helpful", "harmless", "humour", "faithful", "brief")
GOLD = tuple(f"gold {name}" for name in NAMES)
PROMPTS = 60
COST = {"seconds": 90.0, "generated_tokens": 1e4, "trained_tokens": 2e4, "reward_calls": 300.0, "flops": 1e12}


def make_card(objectives: int = 2, benchmark: str = "toy", prompts: int = PROMPTS) -> Card:
    units = (0.0,) * objectives, (1.0,) * objectives
    return Card(
        benchmark=benchmark, version="1", objectives=NAMES[:objectives], policy="scratch:1m",
        rewards=NAMES[:objectives], evaluators=GOLD[:objectives], reward_mean=units[0], reward_std=units[1],
        evaluator_mean=units[0], evaluator_std=units[1], ref=(-2.0,) * objectives, prompts=prompts,
        prompts_hash="0" * 12, sampling=Sampling(max_new_tokens=8),
    )  # fmt: skip


def make_front(
    method: str, reach: float, *, seed: int = 0, steering: str = "merge", card: Card | None = None,
    config: dict | None = None, over: float = 0.7,
) -> Front:  # fmt: skip
    """Points at reach * sqrt(w) under the rewards and `over` times that under the evaluators, plus noise."""
    card = card or make_card()
    M = len(card.objectives)
    weights = ((1 / M,) * M,) if steering == "none" else simplex_grid(M, {1: 1, 2: 10, 3: 2}.get(M, 1))
    K, random = len(weights), np.random.default_rng([seed, len(method), int(abs(reach) * 100)])
    difficulty = np.random.default_rng(9).normal(size=(1, card.prompts, M))
    noise = difficulty - difficulty.mean(axis=1, keepdims=True) + 0.2 * random.normal(size=(K, card.prompts, M))
    means = reach * np.sqrt(weights)[:, None, :]
    return Front(
        method=method, seed=seed, steering=steering, weights=weights,
        labels=tuple(",".join(f"{v:.3g}" for v in w) for w in weights), scores=means + noise,
        evaluator=over * means + noise[::-1], kl=np.full((K, card.prompts), 2 * reach),
        log_prob=np.zeros((K, card.prompts)), ended=np.ones((K, card.prompts)), tokens=np.ones((K, card.prompts), int),
        collapsed=np.zeros((K, card.prompts), bool), text_statistics=({},) * K, card=card, cost=COST, config=config or {},
    )  # fmt: skip


@pytest.fixture(scope="module")
def fronts() -> list[Front]:
    return [make_front("sft", 0, steering="none"), make_front("soup", 1.0), make_front("context", 1.5)]


@pytest.fixture(scope="module")
def document(fronts) -> dict:
    return compare(fronts)


def show(document: dict, width: int = 80) -> str:
    console = Console(file=io.StringIO(), width=width)
    console.print(render.table(document))
    return console.file.getvalue()


def test_the_document(document):
    assert document == json.loads(json.dumps(document, allow_nan=False)), "JSON types only"
    (benchmark,) = document["benchmarks"]
    assert document["schema"] == "moa.compare/2"
    assert (benchmark["name"], benchmark["version"], benchmark["prompts"]) == ("toy", "1", PROMPTS)
    assert [row["method"] for row in benchmark["rows"]] == ["context", "soup", "sft"], "best first"
    assert Card.from_json(benchmark["card"]) == make_card()


def test_the_numbers_of_a_row(fronts, document):
    front, row = fronts[2], document["benchmarks"][0]["rows"][0]
    assert row["hypervolume"] == pytest.approx(front.hypervolume())
    assert row["evaluator"]["hypervolume"] == pytest.approx(front.hypervolume(held_out=True))
    assert row["evaluator"]["hv_low"] < row["evaluator"]["hypervolume"] < row["evaluator"]["hv_high"]
    assert row["igd_plus"] == 0, "it dominates all others, so it is the reference set"
    assert row["kendall_tau"]["helpful"] > 0.8
    assert (row["kl"], row["collapse"], row["cost"]) == (3, 0, COST)
    np.testing.assert_allclose([p["reward"] for p in row["points"]], front.points)
    np.testing.assert_allclose([p["evaluator"] for p in row["points"]], front.evaluator_points)
    assert row["points"][3]["weights"] == [0.7, 0.3]
    assert document["benchmarks"][0]["rows"][2]["kendall_tau"] == {"helpful": None, "harmless": None}


def test_pairs_hold_every_pair_once(document):
    rows, pairs = document["benchmarks"][0]["rows"], document["benchmarks"][0]["pairs"]
    assert [(p["a"], p["b"]) for p in pairs] == [("context", "soup"), ("context", "sft"), ("soup", "sft")]
    volume = {row["method"]: row["evaluator"]["hypervolume"] for row in rows}
    for pair in pairs:
        assert pair["difference"] == pytest.approx(volume[pair["a"]] - volume[pair["b"]])
        assert 0 < pair["low"] < pair["high"]
        assert pair["p"] < 0.01


def test_pairs_are_tested(document):
    """Every one; a single point dominates or is dominated at all weights."""
    for pair in document["benchmarks"][0]["pairs"]:
        assert pair["p_permutation"] == pytest.approx(1 / 10_000)
        assert pair["p_holm"] == pytest.approx(3 / 10_000)
    dominance = document["benchmarks"][0]["pairs"][1]["dominance"]
    assert dominance["a"] > 0.5 > dominance["b"]


def only(front: Front, kept: list[int]) -> Front:
    """Some points of a front."""
    arrays = ("scores", "evaluator", "kl", "log_prob", "ended", "tokens", "collapsed")
    tuples = ("weights", "labels", "text_statistics")
    return replace(
        front, **{name: getattr(front, name)[kept] for name in arrays},
        **{name: tuple(getattr(front, name)[k] for k in kept) for name in tuples},
    )  # fmt: skip


def test_nobody_dominates_without_common_weights():
    soup, context = make_front("soup", 1.0), make_front("context", 1.5)
    (pair,) = compare([only(context, [0, 5, 10]), only(soup, [1, 6])])["benchmarks"][0]["pairs"]
    assert pair["dominance"] is None
    assert pair["p_permutation"] < 0.01, "the test does not need them"
    middle = only(context, [5])
    (pair,) = compare([middle, soup])["benchmarks"][0]["pairs"]
    assert pair["dominance"] is not None, "one that is for equal weights is compared with every one"
    (pair,) = compare([only(context, [3]), only(soup, [4, 5])])["benchmarks"][0]["pairs"]
    assert pair["dominance"] is None, "one that is for other weights is not"


def test_dominance_knows_that_seeds_differ():
    """A method is better by one SD on average; where its three seeds say -.2 to 2.2, that is far from sure."""
    soup = [make_front("soup", 0.5, seed=s) for s in range(3)]

    def surely(shifts: tuple[float, ...]) -> float:
        context = [replace(f, method="context", evaluator=f.evaluator + d) for f, d in zip(soup, shifts, strict=True)]
        (pair,) = compare([*context, *soup])["benchmarks"][0]["pairs"]
        assert pair["a"] == "context"
        return pair["dominance"]["a"]

    assert surely((0.9, 1.0, 1.1)) > 0.98
    assert 0.7 < surely((-0.2, 1.0, 2.2)) < 0.95


def test_more_points_alone_do_not_win():
    """The same front at eleven weights and at three: no difference, although its hypervolume is larger."""
    soup = make_front("soup", 1.0)
    few = replace(only(soup, [0, 5, 10]), method="few")
    benchmark = compare([soup, few])["benchmarks"][0]
    volume = {row["method"]: row["evaluator"]["hypervolume"] for row in benchmark["rows"]}
    assert volume["soup"] > volume["few"]
    (pair,) = benchmark["pairs"]
    assert (pair["difference"], pair["p_permutation"]) == (0, 1)


def test_fronts_of_different_size_are_also_compared_at_as_many_points():
    soup, full = make_front("soup", 1.0), make_front("context", 1.5)
    kept = [0, 5, 10]
    few = only(full, kept)
    rows = {row["method"]: row for row in compare([soup, few])["benchmarks"][0]["rows"]}
    expected = hypervolume(soup.evaluator_points[kept], soup.card.ref)
    assert rows["soup"]["evaluator"]["hv_equal"] == pytest.approx(expected)
    assert rows["context"]["evaluator"]["hv_equal"] == pytest.approx(few.hypervolume(held_out=True))
    assert rows["soup"]["evaluator"]["hypervolume"] > expected
    assert compare([soup, full])["benchmarks"][0]["rows"][0]["hv_equal"] is None


def test_a_collapsed_point_does_not_count_unless_it_is_kept():
    front = make_front("soup", 1.0)
    spoilt = front.collapsed.copy()
    spoilt[5, : PROMPTS // 4] = True
    front = replace(front, collapsed=spoilt)
    (row,) = compare([front])["benchmarks"][0]["rows"]
    assert [k for k, point in enumerate(row["points"]) if point["collapsed"]] == [5]
    others = [k for k in range(11) if k != 5]
    assert row["evaluator"]["hypervolume"] == pytest.approx(hypervolume(front.evaluator_points[others], (-2, -2)))
    np.testing.assert_allclose(row["points"][5]["evaluator"], front.evaluator_points[5], err_msg="it is still shown")
    told = "soup: over a fifth of the answers degenerate at 0.5,0.5 (left out)"
    assert told in show(compare([front]))
    both = compare([front, make_front("soup", 1.0, seed=1)])
    (point,) = [p for p in both["benchmarks"][0]["rows"][0]["points"] if p["collapsed_seeds"]]
    assert not point["collapsed"], "it counts in the other seed"
    assert "at 0.5,0.5 in 1 of 2 seeds (left out)" in show(both, 100)
    assert told in render.markdown(compare([front]))
    (kept,) = compare([front], keep_collapsed=True)["benchmarks"][0]["rows"]
    assert kept["evaluator"]["hypervolume"] == pytest.approx(front.hypervolume(held_out=True))


def test_a_method_that_collapsed_everywhere_has_no_volume():
    front = make_front("soup", 1.0)
    (row,) = compare([replace(front, collapsed=np.ones_like(front.collapsed))])["benchmarks"][0]["rows"]
    assert (row["hypervolume"], row["evaluator"]["hv_high"]) == (0, 0)


def test_nothing_is_compared_with_a_row_of_which_no_point_counts(fronts):
    """Its hypervolume of 0 is a rule, not a measurement: whoever is beside it would seem to be significantly better."""
    collapsed = [replace(fronts[0], collapsed=np.ones_like(fronts[0].collapsed)), *fronts[1:]]
    document = compare(collapsed)
    told = "sft: over a fifth of the answers degenerate at all points; they are left out, so nothing can be compared with it"
    for row in document["benchmarks"][0]["rows"]:
        cells = {name: write(row) for name, write in render.columns(document["benchmarks"][0]).items()}
        assert cells["vs sft"] == ("" if row["method"] == "sft" else "-")
        assert (cells["HV held-out"] == "-") == (cells["HV reward"] == "-") == (row["method"] == "sft")
    text = show(document)
    assert told in " ".join(text.split())
    table = text[: text.index("sft:")]
    assert "*" not in table
    assert "0.00" not in table
    for written in (render.markdown(document), exports.latex(document)):
        assert told in written
    kept = show(compare(collapsed, keep_collapsed=True))
    assert told not in " ".join(kept.split())
    assert kept.count("*") > 2, "they are compared as any others"


def test_other_corners_and_what_they_turn_around():
    """Two points far out on the axes have more volume above a far corner, one in the middle above a near one."""
    middle, ends = make_front("middle", 0.0), make_front("ends", 0.0)
    noise = ends.scores - ends.scores.mean(axis=1, keepdims=True)

    def at(points):
        means = np.array([points[k % len(points)] for k in range(11)], dtype=float)[:, None]
        return {"scores": means + noise, "evaluator": means + noise}

    document = compare([replace(middle, **at([(0, 0)])), replace(ends, **at([(3, -1.5), (-1.5, 3)]))])
    refs = {row["sds"]: row for row in document["benchmarks"][0]["refs"]}
    assert [row["method"] for row in document["benchmarks"][0]["rows"]] == ["ends", "middle"]
    assert refs[2.0]["hypervolume"] == pytest.approx({"ends": 2 * 5 * 0.5 - 0.25, "middle": 4.0})
    assert refs[1.0]["hypervolume"] == pytest.approx({"ends": 0.0, "middle": 1.0})
    assert refs[1.0]["flips"] == [["ends", "middle"]]
    assert refs[2.0]["flips"] == refs[3.0]["flips"] == []


def test_agreement_of_rewards_and_evaluators(fronts):
    assert compare(fronts)["benchmarks"][0]["agreement"] == 1
    assert compare(fronts[:2])["benchmarks"][0]["agreement"] is None
    fooled = replace(fronts[2], evaluator=-fronts[2].scores)
    assert compare([*fronts[:2], fooled])["benchmarks"][0]["agreement"] == pytest.approx(-1 / 3)


def test_surfaces_over_seeds():
    seeds = [make_front("soup", reach, seed=s) for s, reach in enumerate((1.0, 1.2, 1.4))]
    (row,) = compare(seeds)["benchmarks"][0]["rows"]
    volumes = {name: hypervolume(row["attainment"]["reward"][name], (-2, -2)) for name in ("worst", "median", "best")}
    assert volumes["worst"] < volumes["median"] < volumes["best"]
    assert compare(seeds[:1])["benchmarks"][0]["rows"][0]["attainment"] is None


def test_the_document_holds_the_scores_of_every_prompt(fronts, document):
    """So that it can be a baseline: to four digits."""
    row = document["benchmarks"][0]["rows"][0]
    (run,) = row["runs"]
    found = np.array([[[float(v) for v in point[o].split()] for o in NAMES[:2]] for point in run["points"]])
    np.testing.assert_allclose(found.transpose(0, 2, 1), fronts[2].evaluator, atol=5.1e-5)
    assert run["seed"] == 0


def test_seeds_share_a_row():
    seeds = [make_front("soup", 1.0, seed=s) for s in (2, 0)]
    (row,) = compare(seeds)["benchmarks"][0]["rows"]
    assert row["seeds"] == [0, 2]
    assert row["hypervolume"] == pytest.approx(np.mean([f.hypervolume() for f in seeds]))
    np.testing.assert_allclose([p["reward"] for p in row["points"]], np.mean([f.points for f in seeds], axis=0))


def test_configurations_of_one_method_are_told_apart():
    document = compare(
        [
            make_front("ric", 1.0, config={"rounds": 0, "lora": {"rank": 8}, "beta": 0.1}),
            make_front("ric", 1.5, config={"rounds": 2, "lora": {"rank": 8}, "beta": 0.1}),
        ]
    )
    assert [r["method"] for r in document["benchmarks"][0]["rows"]] == ["ric rounds=2", "ric rounds=0"]
    nested = compare([make_front("ric", 1.0, config={"lora": {"rank": r}}) for r in (8, 16)])
    assert {r["method"] for r in nested["benchmarks"][0]["rows"]} == {"ric lora.rank=8", "ric lora.rank=16"}


def test_benchmarks_stand_apart(fronts):
    document = compare([*fronts, make_front("soup", 1.0, card=make_card(benchmark="other"))])
    assert [(b["name"], len(b["rows"])) for b in document["benchmarks"]] == [("toy", 3), ("other", 1)]


@pytest.mark.parametrize(
    ("add", "named"),
    [
        (make_front("x", 1.0, card=replace(make_card(), prompts_hash="1" * 12)), "prompts_hash"),
        (make_front("x", 1.0, card=replace(make_card(), reward_std=(1.0, 2.0))), r"reward_std.*\[1\.0,2\.0\]"),
        (make_front("x", 1.0, card=replace(make_card(), version="2")), "version"),
        (make_front("soup", 1.0), "seed 0 of soup is there twice"),
        (replace(make_front("soup", 1.0, seed=1), weights=((0.5, 0.5),) * 11), "different weights"),
    ],
)
def test_what_cannot_be_compared_is_refused(fronts, add, named):
    with pytest.raises(BadInput, match=named):
        compare([*fronts, add])


def test_nothing_to_compare():
    with pytest.raises(BadInput):
        compare([])


@pytest.mark.parametrize("objectives", [1, 2, 3, 5])
def test_the_table_fits_eighty_columns(objectives):
    card = make_card(objectives)
    names = ["sft", "rewarded-soups", "morlhf", "a-name-that-is-much-too-long-for-any-column"]
    steering = ["none", "merge", "retrain", "prompt"]
    text = show(compare([make_front(n, k / 2, steering=steering[k], card=card) for k, n in enumerate(names)]))
    assert max(map(len, text.splitlines())) <= 80
    assert "\x1b" not in text, "no colours in a file"
    assert "…" not in text, "no number is cut"
    assert "rewarded-soups" in text


def test_the_footnote_explains_the_columns_that_are_there(fronts, document):
    def footnote(shown: dict) -> str:
        text = show(shown)
        return " ".join(text[text.index("HV: ") :].split())

    assert footnote(document) == (
        "HV: hypervolume above ref, in SFT standard deviations; held-out: under evaluators no method trains on; ± half the 95 % "
        "interval over prompts; *: it excludes 0; KL: nats per answer from sft; coll.: collapsed answers; time: of training"
    )
    seeds = [make_front("soup", 1.0, seed=seed) for seed in (0, 1)]
    assert "over prompts and seeds; KL" in footnote(compare(seeds)), "no difference, no star"


def test_the_table_marks_what_differs_from_the_base(document):
    lines = show(document).splitlines()
    context, base = (next(line for line in lines if line.startswith(name)) for name in ("context", "sft"))
    assert re.search(r"\+\d+\.\d\d ±\d\.\d\d\*", context)
    assert "+" not in base
    assert lines[0].rstrip() == "toy@1  helpful, harmless · 60 prompts · seed 0 · ref -2"


def test_a_method_below_the_base_loses_what_the_pair_says(fronts):
    document = compare([fronts[0], make_front("worse", -1.5)])
    (pair,) = document["benchmarks"][0]["pairs"]
    assert (pair["a"], pair["b"]) == ("sft", "worse")
    expected = f"-{pair['difference']:.2f} [-{pair['high']:.2f}, -{pair['low']:.2f}]*"
    assert expected in render.markdown(document)


def test_seeds_that_differ_are_shown(fronts):
    text = show(compare([*fronts, make_front("soup", 1.0, seed=1)]))
    assert "seeds differ" in text
    assert "(seeds 0, 1)" in " ".join(text.split())


def test_names_cannot_inject_markup(tmp_path):
    nasty = "[red]a|b_c$x^2$\x1b[31m\n%&"
    document = compare([make_front(nasty, 1.0), make_front("plain", 0.5)])
    assert "[red]a|b_c" in show(document)
    assert "\x1b" not in show(document)
    assert r"\[red\]a\|b\_c" in render.markdown(document)
    assert r"[red]a|b\_c\$x\textasciicircum{}2\$?[31m?\%\&" in exports.latex(document)
    output.write(document, tmp_path / "figure.svg", exports.FORMATS)


def test_markdown_has_whole_intervals(document):
    row = document["benchmarks"][0]["rows"][0]["evaluator"]
    text = render.markdown(document)
    assert f"| context | {row['hypervolume']:.2f} [{row['hv_low']:.2f}, {row['hv_high']:.2f}] | +" in text
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len({line.count("|") for line in rows}) == 1


def test_tables_name_the_base_and_tell_control_cost_and_efficiency(fronts):
    """Efficiency only where there is a ceiling; what its samples do not reach is bounded."""
    document = compare(fronts)
    (benchmark,) = document["benchmarks"]
    names = [row["method"] for row in benchmark["rows"]]
    plain = list(render.columns(benchmark))
    benchmark["ceiling"] = {
        "evaluator": {
            "efficiency": {names[0]: {"value": 0.7, "low": 0.6, "high": 0.8}, **dict.fromkeys(names[1:])},
            "unreached": {names[1]: {"label": "1,0", "kl": 9.0, "reach": 2.0, "at_most": 0.62}},
        }
    }
    benchmark["rows"][0] |= {"kendall_tau": {"helpful": 1.0, "harmless": None}, "cost": {"flops": 2.09e12}}
    cells = render.columns(benchmark)
    assert [*cells] == [*plain[:5], "efficiency", *plain[5:]]
    assert "vs sft" in cells
    told = [[cells[name](row) for name in ("tau", "efficiency", "TFLOP")] for row in benchmark["rows"]]
    assert told[0] == ["1.00, -", "70% [60%, 80%]", "2.1"]
    assert told[1][1] == "≤ 62%"
    assert told[2][1] == "-"
    for text in (render.markdown(document), exports.latex(document)):
        assert "share of the best at the same KL" in text
        assert "over prompts;" in text, "there is one seed"
    assert r"$\leq$ 62\%" in exports.latex(document)
    assert f"\nefficiency  {names[0]} 70%, {names[1]} ≤ 62%\n" in re.sub(" +\n", "\n", show(document))
    assert "efficiency: held-out HV as a share" in " ".join(show(document).split())
    assert "efficiency" not in show(compare(fronts))


def test_the_table_tells_what_an_answer_costs(fronts):
    """As a multiple of the starting policy's, where both are counted: best-of-n trains nothing, and pays for every answer."""
    spent = {"sft": {"serving_flops": 6e7}, "soup": {"serving_flops": 1.08e8}, "context": {"serving_flops": 2.9e9}}
    given = replace(make_front("given", 0.5, steering="given"), cost={})
    measured = [*(replace(front, cost=COST | spent[front.method]) for front in fronts), given]
    (benchmark,) = compare(measured)["benchmarks"]
    cells = render.columns(benchmark)
    told = {row["method"]: cells["answer"](row) for row in benchmark["rows"]}
    assert told == {"context": "48x", "soup": "1.8x", "sft": "1x", "given": "-"}
    assert [*cells][-3:] == ["TFLOP", "answer", "time"]
    assert "answer: floating-point" in render.markdown(compare(measured))
    for unknown in (fronts, measured[1:]):
        assert "answer" not in render.markdown(compare(unknown))


def test_what_is_not_held_out_is_not_called_so(document):
    """A benchmark file may have no evaluator beside a reward."""
    told = ": no held-out evaluator, so 'held-out' is the training reward"
    card = replace(make_card(3), evaluators=(GOLD[0], *NAMES[1:3]))
    open_book = compare([make_front("soup", 1.0, card=card)])
    for text in (show(open_book), render.markdown(open_book), exports.latex(open_book)):
        assert f"harmless, humour{told}" in text
    assert told not in show(document)
    closed_to_nobody = compare([make_front("soup", 1.0, card=replace(make_card(), evaluators=NAMES[:2]))])
    assert "no method trains on" in show(open_book)
    assert "no method trains on" not in show(closed_to_nobody)


def test_csv_has_a_line_per_point(fronts):
    document = compare([*fronts, make_front("wide", 1.0, card=make_card(3, "other"))])
    lines = list(csv.DictReader(io.StringIO(exports.csv(document))))
    assert len(lines) == 1 + 11 + 11 + 6
    assert float(lines[0]["reward:helpful"]) == document["benchmarks"][0]["rows"][0]["points"][0]["reward"][0]
    assert (lines[0]["collapsed"], lines[0]["collapsed_seeds"]) == ("False", "0")
    assert (lines[0]["weight:humour"], lines[-1]["weight:humour"]) == ("", "1.0")


def test_latex_is_balanced(document):
    text = exports.latex(document)
    assert text.count(r"\begin{tabular}") == text.count(r"\end{tabular}") == 1
    assert text.count(r" \\") == 1 + 3
    cells = [line.count(" & ") for line in text.splitlines() if line.endswith(r" \\")]
    assert cells == [8] * 4


@pytest.mark.parametrize("suffix", [".md", ".json", ".csv", ".tex", ".png", ".pdf", ".svg", ".JSON"])
def test_a_suffix_decides_the_format_and_the_document_the_bytes(document, tmp_path, suffix):
    starts = {
        ".png": b"\x89PNG",
        ".pdf": b"%PDF",
        ".svg": b"<?xml",
        ".json": b"{",
        ".JSON": b"{",
        ".md": b"<!-- moa compare -->",
    }
    for name in ("one", "two"):
        output.write(document, tmp_path / "deep" / f"{name}{suffix}", exports.FORMATS)
    one, two = (tmp_path / "deep" / f"{name}{suffix}" for name in ("one", "two"))
    assert one.read_bytes().startswith(starts.get(suffix, b""))
    assert one.read_bytes() == two.read_bytes()
    assert len(list((tmp_path / "deep").iterdir())) == 2, "nothing temporary is left"


def test_json_is_the_document(document, tmp_path):
    output.write(document, tmp_path / "x.json", exports.FORMATS)
    assert json.loads((tmp_path / "x.json").read_text()) == document


@pytest.mark.parametrize("name", ["x.docx", "x", "."])
def test_an_unknown_suffix_lists_the_known(document, tmp_path, name):
    with pytest.raises(BadInput, match=r"\.md \.json \.csv \.tex \.xml \.png \.pdf \.svg"):
        output.write(document, tmp_path / name, exports.FORMATS)


def test_a_place_that_cannot_be_written(document, tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "x.json").mkdir()
    for path in (tmp_path / "file" / "x.json", tmp_path / "x.json"):
        with pytest.raises(BadInput, match="cannot write"):
            output.write(document, path, exports.FORMATS)
    assert {p.name for p in tmp_path.iterdir()} == {"file", "x.json"}


@pytest.mark.parametrize(("objectives", "panels"), [(1, 2), (2, 2), (3, 6), (5, 2)])
def test_the_figure_has_its_panels(objectives, panels):
    card = make_card(objectives)
    made = figure(compare([make_front("sft", 0, steering="none", card=card), make_front("soup", 1.0, card=card)]))
    assert len(made.axes) == panels
    told = {t.get_text() for t in made.legends[0].get_texts()}
    assert told - {"adds nothing to HV"} == {"sft", "soup"}


def test_methods_look_the_same_in_every_comparison():
    """Whoever else is there; others take colours that are free, and no two rows share colour and mark."""
    assert {*OWN_STYLE} == {name for name in method_names() if name != "sft"}

    def drawn(*names: str) -> dict[str, Style]:
        rows = [{"method": name, "steering": "none" if name == "sft" else "merge"} for name in names]
        return styles({"benchmarks": [{"rows": rows}]})

    many = drawn("sft", *OWN_STYLE, *(f"mine {k}" for k in range(60)))
    assert len(set(many.values())) == len(many)
    for name in OWN_STYLE:
        few = drawn("a", name, "sft", "z")
        assert few[name] == many[name]
        assert len({style.colour for style in few.values()}) == 4


def test_dominated_points_are_hollow():
    """Of two points, drawn from the lower first weight to the higher, the first dominates: only the second is white."""
    front = make_front("soup", 1.0)
    scores = np.stack([np.full((PROMPTS, 2), v) for v in (0.0, 1.0)])
    two = replace(
        front, weights=front.weights[:2], labels=front.labels[:2], scores=scores, evaluator=scores, kl=front.kl[:2],
        log_prob=front.log_prob[:2], ended=front.ended[:2], tokens=front.tokens[:2], collapsed=front.collapsed[:2],
        text_statistics=front.text_statistics[:2],
    )  # fmt: skip
    (dots,) = figure(compare([two])).axes[0].collections
    faces = [tuple(f) for f in dots.get_facecolors()]
    assert faces[0] != (1, 1, 1, 1)
    assert faces[1] == (1, 1, 1, 1)


def test_collapsed_points_are_hollow_and_crossed_out():
    """The point that would be best is left out, and the next one counts; if collapsed points are kept, it is filled."""
    front = make_front("soup", 1.0)
    spoilt = np.zeros_like(front.collapsed)
    spoilt[5] = True
    front = replace(front, collapsed=spoilt)
    dots, cross = figure(compare([front])).axes[0].collections
    white = [k for k, face in enumerate(dots.get_facecolors()) if tuple(face) == (1, 1, 1, 1)]
    assert 10 - 5 in white, "drawn from the lowest first weight"
    np.testing.assert_allclose(cross.get_offsets(), front.points[5:6])
    told = {text.get_text() for text in figure(compare([front])).legends[0].get_texts()}
    assert told == {"soup", "adds nothing to HV", "too many collapsed"}
    kept = figure(compare([front], keep_collapsed=True)).axes[0].collections[0]
    assert tuple(kept.get_facecolors()[5]) != (1, 1, 1, 1)


def test_svg_keeps_text_as_text_and_png_is_a_picture(document, tmp_path: Path):
    output.write(document, tmp_path / "x.svg", exports.FORMATS)
    assert "helpful (SFT SDs)" in (tmp_path / "x.svg").read_text()
    output.write(document, tmp_path / "x.png", exports.FORMATS)
    assert imread(tmp_path / "x.png").shape[1] == pytest.approx(2 * 3.3 * 300, abs=2)


def test_comparing_imports_neither_torch_nor_pandas_nor_matplotlib():
    code = (
        "import sys; from moa_cli.comparison import compare; import moa_cli.render;"
        "print({'torch', 'transformers', 'pandas', 'scipy', 'matplotlib'} & set(sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "set()"


@pytest.mark.parametrize("damage", [{"benchmarks": None}, {"benchmarks": [{"name": "toy"}]}, {"schema": "moa.study/1"}])
def test_a_damaged_saved_comparison_is_refused(damage: dict, document: dict, tmp_path: Path) -> None:
    path = tmp_path / "saved.JSON"
    path.write_text(json.dumps(document | damage))
    with pytest.raises(BadInput, match="no saved comparison"):
        saved.read_shown(path)


def test_a_saved_comparison_without_what_tables_show_is_refused(document: dict, tmp_path: Path) -> None:
    path, older = tmp_path / "saved.json", json.loads(json.dumps(document))
    path.write_text(json.dumps(document))
    assert saved.read_shown(path) == document
    del older["benchmarks"][0]["rows"][1]["points"][2]["collapsed_seeds"]
    path.write_text(json.dumps(older))
    assert saved.read(path) == older, "it can still be a baseline"
    with pytest.raises(BadInput, match=r"rows\[1\]\.points\[2\]\.collapsed_seeds is missing"):
        saved.read_shown(path)


def test_a_place_that_cannot_be_written_is_refused_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "folder.md").mkdir()
    steps.check_outputs([tmp_path / "new" / "a.md"], exports.FORMATS)
    for path, reason in (("folder.md", "it is a folder"), ("file/new/a.md", "file is a file")):
        with pytest.raises(BadInput, match=reason):
            steps.check_outputs([tmp_path / path], exports.FORMATS)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder.md"]


def test_a_file_that_cannot_be_written_costs_no_other(
    document: dict, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "folder.md").mkdir()
    files = [tmp_path / "folder.md", tmp_path / "a.csv"]
    assert not steps.write_outputs(document, files, exports.FORMATS)
    assert (tmp_path / "a.csv").read_text().startswith("benchmark,")
    assert "cannot write" in capsys.readouterr().err
    assert steps.write_outputs(document, files[1:], exports.FORMATS)


@pytest.mark.parametrize(("encoding", "shown"), [("utf-8", '"\u00b1"'), ("ascii", r'"\u00b1"')])
def test_json_is_exact_in_every_encoding(encoding: str, shown: str, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr(sys, "stdout", stream)
    console.out(["\u00b1"])
    written = stream.buffer.getvalue().decode(encoding)  # type: ignore[attr-defined]
    assert json.loads(written) == ["\u00b1"]
    assert shown in written


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has such a device")
def test_a_full_disk_is_told() -> None:
    """Once: Python must not try again when it ends."""
    code = "from moa_cli.console import out; out('a result')"
    with open("/dev/full", "w") as full:
        done = subprocess.run([sys.executable, "-c", code], stdout=full, stderr=subprocess.PIPE, text=True)
    assert "cannot write the result" in done.stderr
    assert "Exception ignored" not in done.stderr
