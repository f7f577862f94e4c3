"""The types of a comparison: what they tell of themselves, through JSON and back, and what is refused."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.common.errors import BadInput
from moa_cli.comparisons.comparison import compare
from moa_cli.comparisons.document import Comparison, OnBenchmark
from moa_cli.comparisons.gate import judge
from moa_cli.comparisons.parts import Difference, OtherRef, Pair, PromptScores, Quality, Row, RowPoint
from moa_cli.comparisons.saved import read_saved
from moa_cli.formats.exports import comparison_csv, comparison_markdown
from tests.kit.fronts import COST, make_card, make_front, other_card
from tests.kit.pages import toy


@pytest.mark.parametrize("nulls", [False, True])
@pytest.mark.parametrize("objectives", [1, 2, 3])
def test_through_json_and_back(objectives: int, nulls: bool) -> None:
    """To the last digit, whatever is there or null."""
    document = toy(objectives, nulls=nulls)
    assert Comparison.from_json(document.to_json()) == document
    assert Comparison.from_json(document.to_json()).to_json() == document.to_json()


def test_a_gate_goes_through_json_and_back(fronts, document) -> None:
    found = judge(compare(fronts[:2]), document, name="main.json", tolerance=0.01)
    judged = document.with_(gate=found, command="moa compare", versions={"moa-cli": "1"})
    assert Comparison.from_json(judged.to_json()) == judged
    assert judged.with_(gate=None) != judged
    assert document.gate is None, "the other is as it was"


def test_nothing_can_be_changed(document) -> None:
    with pytest.raises(ValueError, match="frozen"):
        document.benchmarks[0].rows[0].kl = 0.0


def on_benchmark(*rows: Row, **entries: object) -> OnBenchmark:
    told = {
        "name": "toy", "version": "1", "objectives": ("helpful", "harmless"), "ref": (-2.0, -2.0), "card": make_card(),
        "prompts": 60, "keeps_collapsed": False, "policies": 3, "asked": ((1.0, 0.0),), "warnings": (), "rows": rows,
        "pairs": (), "refs": (), "samples": (),
        "agreement": None, "ceiling": None, "detectable": {},
    }  # fmt: skip
    return OnBenchmark(**told | entries)


def row(name: str, steering: str = "merge", *, collapsed: tuple[int, ...] = (0, 0, 0), seeds: int = 2) -> Row:
    """Three points, written from the last weight to the first: (1, 0) and (0, 1) dominate the one between, (-1, -1).

    Under the rewards the middle one, (1, 1), dominates both ends, (0, 0). `collapsed` says in how many seeds, in the
    order of the
    weights.
    """
    scores, rewards = ((0.0, 1.0), (-1.0, -1.0), (1.0, 0.0)), ((0.0, 0.0), (1.0, 1.0), (0.0, 0.0))
    points = [
        RowPoint(
            weights=(k / 2, 1 - k / 2), label=f"{k / 2:g},{1 - k / 2:g}", rewards=rewards[k], scores=scores[k], kl=1.0,
            collapse=0.0, collapsed=collapsed[k] == seeds, collapsed_seeds=collapsed[k], policy=k, compared=True,
            language={},
        )
        for k in range(3)
    ]  # fmt: skip
    quality = Quality(
        hypervolume=5.0, low=4.0, high=6.0, all_weights=5.0, corrected=5.0, igd_plus=0.0, expected_utility=1.0,
        utility=0.5, utility_low=0.4, utility_high=0.6,
    )  # fmt: skip
    return Row(
        method=name, steering=steering, seeds=tuple(range(seeds)), rewards=quality,
        scores=quality.model_copy(update={"hypervolume": 7.0}), kendall_tau={}, collapse=0.0, kl=None,
        points=tuple(points[::-1]), attainment=None, cost={}, charged={}, used=(), config={}, trials=0,
        runs=tuple(PromptScores(seed=seed, points=()) for seed in range(seeds)),
    )  # fmt: skip


def test_points_in_the_order_of_their_weights() -> None:
    found = row("soup")
    assert [point.label for point in found.points] == ["1,0", "0.5,0.5", "0,1"]
    assert [point.label for point in found.in_order] == ["0,1", "0.5,0.5", "1,0"]
    np.testing.assert_array_equal(found.values("scores"), [(0, 1), (-1, -1), (1, 0)])
    np.testing.assert_array_equal(found.values("rewards"), [(0, 0), (1, 1), (0, 0)])


def test_which_points_add_to_the_hypervolume() -> None:
    """(-1, -1) is dominated; what has collapsed at every seed does not count, and then nothing dominates the next."""
    whole, spoilt = row("soup"), row("soup", collapsed=(2, 0, 2))
    found, kept = on_benchmark(whole), on_benchmark(whole, keeps_collapsed=True)
    assert found.adds(whole, "scores").tolist() == [True, False, True]
    assert found.adds(whole, "rewards").tolist() == [False, True, False]
    assert found.adds(spoilt, "scores").tolist() == [False, True, False]
    assert kept.adds(spoilt, "scores").tolist() == [True, False, True]
    assert found.adds(row("soup", collapsed=(1, 0, 1)), "scores").tolist() == [True, False, True], "it counts elsewhere"
    assert not found.adds(row("soup", collapsed=(2, 2, 2)), "scores").any()


def test_a_row_is_left_out_where_all_its_points_have_collapsed_at_every_seed() -> None:
    rows = [row("soup", collapsed=counts) for counts in ((2, 2, 2), (2, 1, 2), (0, 0, 0))]
    assert [on_benchmark().left_out(one) for one in rows] == [True, False, False]
    assert not on_benchmark(keeps_collapsed=True).left_out(rows[0])


def test_indicators_under_each_signal() -> None:
    found = on_benchmark(row("soup"), row("ric"))
    assert found.volumes("scores") == {"soup": 7.0, "ric": 7.0}
    assert found.volumes("rewards") == {"soup": 5.0, "ric": 5.0}
    assert found.rows[0].quality("scores").hypervolume == 7.0
    assert found.rows[0].quality("rewards").hypervolume == 5.0


def test_differences_have_a_direction() -> None:
    """a - b = 3 [2, 5] is b - a = -3 [-5, -2]; the base is the first that nothing steers."""
    volume = Difference(value=3.0, low=2.0, high=5.0, by_chance=0.5, p=0.02, p_holm=0.04)
    worth = Difference(value=0.3, low=-0.1, high=0.7, p=0.1, p_holm=0.1)
    pair = Pair(a="soup", b="sft", hypervolume=volume, utility=worth, dominance=None)
    soup, sft, other = row("soup"), row("sft", "none"), row("other", "none")
    found = on_benchmark(soup, sft, other, pairs=(pair,))
    assert found.base == "sft"
    assert found.difference("soup", "sft") == found.gain(soup) == volume
    assert found.difference("sft", "soup") == Difference(
        value=-3.0, low=-5.0, high=-2.0, by_chance=-0.5, p=0.02, p_holm=0.04
    )
    assert found.gain(soup, "utility") == worth
    assert found.difference("sft", "soup", "utility").interval == (-0.3, -0.7, 0.1)
    assert found.gain(sft) is None
    with pytest.raises(KeyError):
        found.difference("soup", "nobody")
    lost = row("sft", "none", collapsed=(2, 2, 2))
    assert on_benchmark(soup, lost, pairs=(pair,)).gain(soup) is None, "its 0 is a rule, not measured"
    alone = on_benchmark(soup)
    assert (alone.base, alone.gain(soup)) == (None, None)


@pytest.mark.parametrize(("p", "clear"), [(0.04, True), (0.05, False), (0.5, False), (None, False)])
def test_two_rows_are_told_apart_by_the_corrected_test_alone(p: float | None, clear: bool) -> None:
    """Whatever the interval, which is not corrected, and never where nothing was tested."""
    assert Difference(value=0.2, low=0.1, high=0.3, p=0.001, p_holm=p).clear == clear


def test_facts_and_names_tell_seeds() -> None:
    """Once where they are common to all rows, else at every row."""
    same = on_benchmark(row("soup"), row("sft", "none"))
    assert same.common_seeds == (0, 1)
    assert same.facts == ["toy@1", "helpful, harmless", "60 prompts", "seeds 0, 1", "ref -2"]
    assert same.row_name(same.rows[0]) == "soup"
    differ = on_benchmark(row("soup"), row("sft", "none", seeds=1), ref=(-2.0, -1.5))
    assert differ.common_seeds is None
    assert differ.facts[3:] == ["seeds differ", "ref -2, -1.5"]
    assert [differ.row_name(one) for one in differ.rows] == ["soup (seeds 0, 1)", "sft (seed 0)"]


def test_nothing_is_held_out_beside_what_is_not() -> None:
    card = other_card(make_card(), evaluators=("gold helpful", "harmless"))
    found, whole = on_benchmark(row("soup"), card=card), on_benchmark(row("soup"))
    assert (whole.word("scores"), whole.word("rewards")) == ("held-out", "reward")
    assert (found.word("scores"), found.word("rewards")) == ("reward", "training reward")
    assert (found.word("scores", "helpful"), found.word("scores", "harmless")) == ("held-out", "reward")
    assert (whole.score_word("scores"), found.score_word("scores")) == ("held-out score", "reward")
    assert (whole.scorers_word("scores"), found.scorers_word("scores")) == ("held-out evaluators", "rewards")
    assert {one.scorers_word("rewards") for one in (whole, found)} == {"training rewards"}


def test_remarks_tell_what_is_not_held_out_and_what_has_collapsed() -> None:
    rows = row("soup", collapsed=(1, 0, 2)), row("sft", "none", collapsed=(2, 2, 2)), row("ric")
    card = other_card(make_card(), evaluators=("gold helpful", "harmless"))
    found = on_benchmark(*rows, card=card)
    assert found.card.not_held_out == ("harmless",)
    degenerate = "over a fifth of the answers degenerate at"
    assert found.remarks == [
        "harmless: no evaluator beside the reward, so nothing here is held-out",
        "one preparation: another starting policy and other rewards could order rows otherwise",
        f"soup: {degenerate} 1,0; 0,1 in 1 of 2 trainings (left out)",
        f"sft: {degenerate} all points; they are left out, so nothing can be compared with it "
        "(--keep-collapsed counts them)",
    ]
    kept = on_benchmark(*rows, keeps_collapsed=True).remarks
    assert kept[1:] == [
        f"soup: {degenerate} 1,0; 0,1 in 1 of 2 trainings (kept)",
        f"sft: {degenerate} 1,0; 0.5,0.5; 0,1 (kept)",
    ]


def test_steerings_are_of_all_benchmarks() -> None:
    one, other = on_benchmark(row("soup"), row("sft", "none")), on_benchmark(row("ric", "prompt"))
    found = Comparison(benchmarks=(one, other)).steerings
    assert found == {"soup": "merge", "sft": "none", "ric": "prompt"}


def test_no_number_is_infinite() -> None:
    with pytest.raises(ValueError, match="finite"):
        OtherRef(sds=1.0, ref=(-1.0,), hypervolume={"soup": float("nan")}, flips=())


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda d: d.update(benchmarks=None), "it is damaged, or of an earlier version: benchmarks: "),
        (lambda d: d.update(benchmarks=[{"name": "toy"}]), "damaged, .*: benchmarks.0.version: Field required"),
        (lambda d: d["benchmarks"][0]["rows"][1]["points"][2].pop("collapsed_seeds"),
         "damaged, .*: benchmarks.0.rows.1.points.2.collapsed_seeds: Field required"),
        (lambda d: d["benchmarks"][0]["rows"][0].update(kl="far"), "damaged, .*: benchmarks.0.rows.0.kl: "),
        (lambda d: d["benchmarks"][0].update(more=1), "damaged, .*: benchmarks.0.more: "),
        (lambda d: d["benchmarks"][0]["rows"][0]["scores"].update(low=float("nan")), "rows.0.scores.low: .*finite"),
        (lambda d: d.update(schema="moa.study/1"), "it says moa.study/1, not moa.compare/4"),
        (lambda d: d.update(schema="moa.compare/3"), "an earlier version of moa wrote it \\(moa.compare/3"),
        (lambda d: d.pop("schema"), "it does not say moa.compare/4"),
    ],
)  # fmt: skip
def test_what_is_damaged_or_earlier_is_refused_by_its_name(
    change: Callable[[dict], object], told: str, document: Comparison, tmp_path: Path
) -> None:
    """What, why, and what to type."""
    path, content = tmp_path / "saved.JSON", json.loads(document.to_json())
    del content["sum"]
    change(content)
    path.write_text(json.dumps(content))
    with pytest.raises(BadInput, match=f"saved.JSON is no saved comparison: .*{told}") as refusal:
        read_saved(path)
    assert "moa.compare/4" in refusal.value.why
    assert "moa compare -o" in refusal.value.fix


@pytest.mark.parametrize("content", ["", "{", "[]", "3", "[" * 100_000])
def test_what_is_no_document_is_refused(content: str, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text(content)
    with pytest.raises(BadInput, match="no saved comparison"):
        read_saved(tmp_path / "x.json")


def test_what_was_saved_is_read(document: Comparison, tmp_path: Path) -> None:
    document.write(tmp_path / "x.json")
    assert read_saved(tmp_path / "x.json") == document
    half = document.with_(command="moa compare -o \udcff.json")  # a name of another encoding
    assert "\\udcff.json" in half.to_json()


def test_a_changed_number_is_refused_unless_the_file_says_that_it_was_edited(
    document: Comparison, tmp_path: Path
) -> None:
    """By having no sum, as those that were saved before there were any."""
    path = tmp_path / "x.json"
    document.write(path)
    path.write_text(path.read_text().replace('"prompts": 60', '"prompts": 61'))
    with pytest.raises(BadInput, match='if you edited it, remove its "sum"'):
        read_saved(path)
    content = json.loads(path.read_text())
    del content["sum"]
    path.write_text(json.dumps(content))
    assert read_saved(path) != document


def test_the_schema_names_what_a_file_must_hold() -> None:
    schema = Comparison.json_schema()
    assert schema["properties"]["schema"] == {"const": "moa.compare/4"}
    assert {"schema", "benchmarks"} <= set(schema["required"])
    later = {"tuned_on"}  # files of this schema were written before there was such a word
    assert set(schema["$defs"]["Row"]["required"]) == set(Row.model_fields) - later


def test_configurations_become_json(fronts) -> None:
    """In memory a hyperparameter may be a tuple."""
    (found,) = compare([make_front("ric", 1.0, config={"layers": (1, 2)})]).benchmarks
    assert found.rows[0].config == {"layers": [1, 2]}


def test_who_trains_and_is_not_steered_is_not_what_others_are_compared_with():
    """A method of one's own for one objective has a row of its own, above the starting policy's."""
    start = replace(make_front("sft", 0, steering="none"), cost=COST | {"trained_tokens": 0})
    own = make_front("dpo", 0.5, steering="none")
    for fronts in ([own, start, make_front("soup", 1.0)], [start, own]):
        (found,) = compare(fronts).benchmarks
        assert (found.base, found.rows[-1].method) == ("sft", "sft")
        utility = found.rows[-1].scores.utility
        assert utility == pytest.approx(0)
    assert compare([own]).benchmarks[0].base == "dpo"


def test_who_was_tuned_more_is_told():
    """What trains nothing has nothing to tune, and does not count as tuned less."""

    def remarks(trials: dict[str, int]) -> list[str]:
        untrained = {"cost": COST | {"trained_tokens": 0}}
        fronts = [make_front(name, 0.5) for name in trials if name != "sft"]
        fronts = [replace(front, trials=trials[front.method]) for front in fronts]
        start = replace(make_front("sft", 0, steering="none"), **untrained)
        (benchmark,) = compare([*fronts, start]).benchmarks
        return [line for line in benchmark.remarks if "trials" in line]

    assert remarks({"ric": 0, "soup": 0}) == []
    assert remarks({"ric": 12, "soup": 12}) == ["settings chosen on dev prompts, by 12 trials for each that trains"]
    (told,) = remarks({"ric": 12, "soup": 0})
    assert told.startswith("tuned unequally")
    assert {"ric 12", "soup 0"} <= set(re.split(": |, |; ", told))


def test_who_was_tuned_on_the_evaluators_is_told():
    fronts = [replace(make_front(name, 0.5, seed=seed), trials=6) for name in ("ric", "soup") for seed in (0, 1)]
    fronts[1] = replace(fronts[1], tuned_on="scores")
    comparison = compare(fronts)
    told = "tuned on the evaluators: ric; what is called held-out has chosen these settings"
    assert told in comparison.benchmarks[0].remarks
    assert told in comparison_markdown(comparison)
    lines = list(csv.DictReader(io.StringIO(comparison_csv(comparison))))
    assert {line["method"]: line["tuned_on"] for line in lines} == {"ric": "scores", "soup": "rewards"}
