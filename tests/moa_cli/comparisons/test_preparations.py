"""Comparisons over several preparations of a benchmark: each in its own units, all rows on all of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.common.errors import BadInput
from benchmarks.measure.front import Front
from benchmarks.prepare.card import Card
from moa_cli.commands.common.contests import comparison_of
from moa_cli.comparisons.comparison import compare
from moa_cli.comparisons.gate import judge, read_baseline
from moa_cli.formats.exports import comparison_markdown
from moa_cli.report.page import report_html
from tests.kit.fronts import changed, make_card, make_front, other_card
from tests.kit.pages import show


def card_of(preparation: int, **facts: object) -> Card:
    """The card of a preparation, with a starting policy, rewards and units of its own."""
    if preparation == 0:
        return other_card(make_card(), **facts)
    own = {"policy": f"policy {preparation}", "rewards": ("a", f"b {preparation}"), "score_mean": (preparation, 1.0)}
    return other_card(make_card(), preparation=preparation, **own, **facts)


def moved(front: Front, preparation: int, by: float) -> Front:
    """A front on a preparation that moves all scores."""
    return replace(changed(front, scores=front.scores + by), card=card_of(preparation))


def over(preparations: dict[int, float], seeds: tuple[int, ...] = (0,)) -> list[Front]:
    """A soup that exceeds another by as much on every preparation, and the start, whatever it does to all."""
    made = []
    for preparation, by in preparations.items():
        for seed in seeds:
            for name, reach, steering in (("sft", 0.0, "none"), ("soup", 1.0, "merge"), ("context", 1.5, "merge")):
                front = make_front(name, reach, seed=10 * preparation + seed, steering=steering)
                made.append(moved(replace(front, seed=seed), preparation, by))
    return made


def test_what_a_preparation_does_to_all_rows_cancels() -> None:
    """Trainings of the rows lie 1 apart on one preparation or another, their difference does not."""
    found = compare(over({0: 0.0, 1: 1.0, 2: -1.0}))
    (benchmark,) = found.benchmarks
    assert benchmark.preparations == (0, 1, 2)
    assert [(row.seeds, row.trainings) for row in benchmark.rows] == [((0,), 3)] * 3
    difference = benchmark.difference("context", "soup", "utility")
    assert difference is not None
    assert difference.clear
    assert benchmark.difference("context", "soup").by_chance == 0
    assert benchmark.difference("soup", "sft").by_chance > 0.1
    assert difference.high - difference.low < 0.5
    soup = next(row for row in benchmark.rows if row.method == "soup")
    assert soup.scores.high - soup.scores.low > 2, "another preparation may have another hypervolume"
    assert benchmark.single == []
    assert "utility" in benchmark.power


def test_a_row_is_the_mean_over_its_trainings() -> None:
    alone = [compare(over({p: by})).benchmarks[0].rows for p, by in ((0, 0.3), (1, -0.2))]
    together = compare(over({0: 0.3, 1: -0.2})).benchmarks[0].rows
    for k, row in enumerate(together):
        ours, theirs = row.scores, [rows[k].scores for rows in alone]
        assert ours.hypervolume == pytest.approx(np.mean([one.hypervolume for one in theirs]))
        assert ours.utility == pytest.approx(np.mean([one.utility for one in theirs]))


def test_the_order_in_which_fronts_are_found_changes_nothing() -> None:
    fronts = over({0: 0.3, 1: -0.2}, seeds=(0, 1))
    assert compare(fronts[::-1]) == compare(fronts)


def test_several_seeds_on_each_are_one_number_per_preparation() -> None:
    """Seeds that agree tell nothing of other preparations: the interval does not shrink by repeating them."""
    once = compare(over({0: 0.0, 1: 1.0})).benchmarks[0]
    twice = [f for seed in (0, 1) for f in (replace(one, seed=seed) for one in over({0: 0.0, 1: 1.0}))]
    again = compare(twice).benchmarks[0]
    assert [row.trainings for row in again.rows] == [4] * 3
    for row, other in zip(once.rows, again.rows, strict=True):
        assert row.scores.volume == pytest.approx(other.scores.volume)
    for pair, other in zip(once.pairs, again.pairs, strict=True):
        assert pair.utility.interval == pytest.approx(other.utility.interval)


@pytest.mark.usefixtures("undrawn")
def test_the_table_says_over_what_it_is() -> None:
    several, one = compare(over({0: 0.0, 2: 0.1})), compare(over({0: 0.0}, seeds=(0, 1)))
    assert "preparations 0, 2" in show(several)
    assert "prompts and preparations" in comparison_markdown(several)
    assert "p < .05 over prompts and preparations" in " ".join(show(several).split())
    report = report_html(several)
    assert "trainings" not in report[report.index("Brackets hold") : report.index("Holm")]
    assert "over prompts and preparations, coloured" in report
    told = "one preparation: another starting policy and other rewards could order rows otherwise"
    assert told in show(one, 200)
    assert told not in show(several, 200)


def test_every_row_is_on_every_preparation() -> None:
    fronts = over({0: 0.0, 1: 0.1})
    with pytest.raises(BadInput, match="context was not measured on preparation 1") as refused:
        compare([f for f in fronts if f.method != "context" or f.card.preparation == 0])
    assert "--preparations 0,1 makes what is missing; or --preparations 0 for what all have" in refused.value.fix


def test_other_units_are_refused_on_another_preparation_too() -> None:
    fronts = over({0: 0.0, 1: 0.1})
    other = replace(fronts[-1], card=card_of(1, prompts_hash="1" * 12))
    with pytest.raises(BadInput, match="cannot be compared"):
        compare([*fronts[:-1], other])
    with pytest.raises(BadInput, match="cannot be compared"):
        compare([*fronts[:-1], replace(fronts[-1], card=card_of(1, score_std=(2.0, 2.0)))])


def test_gates_and_ceilings_are_of_one_preparation(tmp_path: Path) -> None:
    fronts = over({0: 0.0, 1: 0.1})
    compare(fronts).write(tmp_path / "saved.json")
    with pytest.raises(BadInput, match="over several preparations of toy"):
        read_baseline(tmp_path / "saved.json")
    alone = compare(over({0: 0.0}))
    with pytest.raises(BadInput, match="old.json cannot be a baseline for toy: that is compared over several") as said:
        judge(compare(fronts), alone, name="old.json", tolerance=0.01)
    assert said.value.fix.endswith("--preparations 0")
    with pytest.raises(BadInput, match="--ceiling was given with several preparations of toy"):
        comparison_of(
            [replace(f, folder=tmp_path / "run" / "front") for f in fronts], (), 1, keep_collapsed=False, ceiling=True
        )


@pytest.mark.parametrize("seeds", [1, 3])
def test_a_rows_utility_has_the_interval_of_its_pair_with_the_start(seeds: int) -> None:
    (benchmark,) = compare(over({0: 0.0}, seeds=tuple(range(seeds)))).benchmarks
    for row in benchmark.rows:
        if pair := benchmark.gain(row, "utility"):
            assert row.scores.worth == pytest.approx(pair.interval)


def test_without_a_start_a_utility_varies_with_trainings() -> None:
    fronts = [f for f in over({0: 0.0}, seeds=(0, 1, 2)) if f.method != "sft"]
    shifted = [changed(f, scores=f.scores + f.seed) for f in fronts]
    quiet, loud = compare(fronts).benchmarks[0].rows[0].scores, compare(shifted).benchmarks[0].rows[0].scores
    assert loud.utility_high - loud.utility_low > 4 > 1 > quiet.utility_high - quiet.utility_low
