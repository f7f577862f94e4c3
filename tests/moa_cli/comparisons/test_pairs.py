"""Pairs of methods: every one is tested, and dominance is told at weights that both have."""

from __future__ import annotations

import io
import math
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from benchmarks.measure.front import Front
from benchmarks.stats.significance import holm
from moa_cli.comparisons.comparison import compare
from moa_cli.comparisons.contributions import Sides, differences
from moa_cli.comparisons.document import Comparison, OnBenchmark
from moa_cli.formats.terminal import comparison_table
from tests.kit.fronts import changed, make_card, make_front, only


def trained(method: str, reach: float, seeds: int = 3, **options) -> list[Front]:
    return [make_front(method, reach, seed=seed, **options) for seed in range(seeds)]


def test_pairs_hold_every_pair_once(document):
    pairs, volume = document.benchmarks[0].pairs, document.benchmarks[0].volumes("scores")
    assert [(p.a, p.b) for p in pairs] == [("context", "soup"), ("context", "sft"), ("soup", "sft")]
    for pair in pairs:
        assert pair.hypervolume.value == pytest.approx(volume[pair.a] - volume[pair.b])
        assert 0 < pair.hypervolume.low < pair.hypervolume.high
        assert pair.hypervolume.p < 0.01
        assert pair.utility.value > 0
    assert pairs[1].dominance.a > 0.5 > pairs[1].dominance.b, "a single point dominates or is dominated at all weights"


def test_p_is_corrected_for_all_pairs_of_each_number():
    pairs = compare([*trained("soup", 1.0), *trained("context", 1.02), *trained("sft", 0, steering="none")])
    for headline in ("hypervolume", "utility"):
        told = [pair.of(headline) for pair in pairs.benchmarks[0].pairs]
        np.testing.assert_allclose([one.p_holm for one in told], holm([one.p for one in told]))
        assert max(one.p_holm for one in told) < 1


@pytest.mark.parametrize("correlation", [-1.0, 0.9])
def test_equal_points_of_the_same_trainings_are_told_apart_in_few_worlds(correlation):
    """Whether a training moves two points alike or oppositely: in four of a starting policy, which training does not
    move, and four of a trained one."""
    random = np.random.default_rng(0)

    def sides(varying: float) -> Sides:
        one = random.normal(0, varying, (3, 1))
        other = correlation * one + math.sqrt(1 - correlation**2) * random.normal(0, varying, (3, 1))
        a, b = (moved + random.normal(0, 0.5, 100) + random.normal(0, 0.8, (3, 100)) for moved in (one, other))
        return Sides([a], [b], float(a.mean() - b.mean()), together=True)

    worlds = [differences([sides(varying) for varying in (0, 0, 0, 0, 0.2, 0.2, 0.2, 0.2)]) for _ in range(400)]
    assert np.mean([any(one.clear for one in world) for world in worlds]) < 0.09


@pytest.mark.parametrize(("reach", "clear"), [(0.0, False), (2.0, True)])
def test_many_points_are_not_better_than_one_by_being_many(reach, clear):
    """The best of eleven points, each noisy by itself, look .9 better than a twelfth where all are one in truth. Worlds
    in which a test that does not know that is taken in."""
    for number in (6, 11):
        random = np.random.default_rng(number)
        eleven = [changed(f, scores=random.normal(reach, 1, (11, 60, 2))) for f in trained("equal", 0.0)]
        start = trained("sft", 0.0, steering="none")
        start = [changed(f, scores=random.normal(0, 1, (1, 60, 2))) for f in start]
        (pair,) = compare([*eleven, *start]).benchmarks[0].pairs
        assert pair.hypervolume.value > 0.9
        assert pair.hypervolume.low > 0
        assert (pair.hypervolume.clear, pair.hypervolume.p < 0.05) == (clear, clear)


@pytest.mark.parametrize(("seeds", "prompts"), [((1, 3), 60), ((3, 1), 60), ((3, 3), 49)])
def test_one_training_or_few_prompts_conclude_nothing(seeds, prompts):
    """However large the difference; three of each on 50 prompts do."""
    card = make_card(prompts=prompts)
    found = compare([*trained("soup", 0.5, seeds[0], card=card), *trained("context", 1.5, seeds[1], card=card)])
    for headline in ("hypervolume", "utility"):
        difference = found.benchmarks[0].pairs[0].of(headline)
        assert difference.p < 0.01
        assert (difference.p_holm, difference.clear) == (None, False)
    enough = make_card(prompts=50)
    pairs = compare([*trained("soup", 0.5, card=enough), *trained("context", 1.5, card=enough)]).benchmarks[0].pairs
    assert pairs[0].hypervolume.clear
    assert pairs[0].utility.clear


def test_what_is_not_tested_is_none_of_the_tests():
    """A row of one training does not make the others' p larger."""
    rows = [*trained("soup", 1.0), *trained("context", 1.02)]
    alone = compare(rows).benchmarks[0].difference("soup", "context")
    beside = compare([*rows, make_front("once", 0.5)]).benchmarks[0]
    assert beside.difference("soup", "context").p_holm == alone.p_holm == alone.p
    assert beside.difference("soup", "once").p_holm is None


def test_large_variation_between_trainings_is_no_difference():
    """.4 on average on 60 prompts, which each training shows for certain; but trainings differ by more."""

    def shifted(method: str, shifts: tuple[float, ...]) -> list[Front]:
        base = make_front("soup", 1.0)
        return [replace(changed(base, scores=base.scores + d), method=method, seed=s) for s, d in enumerate(shifts)]

    wide = compare([*shifted("a", (0.0, 0.4, 0.8)), *shifted("b", (-0.4, 0.0, 0.4))]).benchmarks[0].pairs[0]
    narrow = compare([*shifted("a", (0.39, 0.4, 0.41)), *shifted("b", (-0.01, 0.0, 0.01))]).benchmarks[0].pairs[0]
    for headline in ("hypervolume", "utility"):
        assert (wide.of(headline).clear, narrow.of(headline).clear) == (False, True)
    assert wide.utility.value == narrow.utility.value == pytest.approx(0.4)


def test_nobody_dominates_without_common_weights():
    soup, context = make_front("soup", 1.0), make_front("context", 1.5)
    (pair,) = compare([only(context, [0, 5, 10]), only(soup, [1, 6])]).benchmarks[0].pairs
    assert pair.dominance is None
    assert pair.hypervolume.p < 0.01, "the test does not need them"
    middle = only(context, [5])
    (pair,) = compare([middle, soup]).benchmarks[0].pairs
    assert pair.dominance is not None, "one that is for equal weights is compared with every one"
    (pair,) = compare([only(context, [3]), only(soup, [4, 5])]).benchmarks[0].pairs
    assert pair.dominance is None, "one that is for other weights is not"


def test_dominance_knows_that_seeds_differ():
    """A method is better by one SD on average; where its three seeds say -.2 to 2.2, that is far from sure."""
    soup = [make_front("soup", 0.5, seed=s) for s in range(3)]

    def surely(shifts: tuple[float, ...]) -> float:
        context = [
            replace(changed(f, scores=f.scores + d), method="context") for f, d in zip(soup, shifts, strict=True)
        ]
        (pair,) = compare([*context, *soup]).benchmarks[0].pairs
        assert pair.a == "context"
        return pair.dominance.a

    assert surely((0.9, 1.0, 1.1)) > 0.98
    assert 0.7 < surely((-0.2, 1.0, 2.2)) < 0.95


def test_more_points_alone_do_not_win():
    """The same front at eleven weights and at three: no difference, although all its points have a larger volume."""
    soup = make_front("soup", 1.0)
    few = replace(only(soup, [0, 5, 10]), method="few")
    benchmark = compare([soup, few]).benchmarks[0]
    rows = {row.method: row.scores for row in benchmark.rows}
    assert rows["soup"].all_weights > rows["few"].all_weights == rows["few"].hypervolume == rows["soup"].hypervolume
    (pair,) = benchmark.pairs
    assert (pair.hypervolume.value, pair.hypervolume.p) == (0, 1)


def test_of_one_prompt_the_differences_are_told_and_nothing_else():
    card = make_card(prompts=1)
    (pair,) = compare([*trained("soup", 0.5, card=card), *trained("context", 1.5, card=card)]).benchmarks[0].pairs
    for headline in ("hypervolume", "utility"):
        difference = pair.of(headline)
        assert (difference.low, difference.high, difference.p) == (difference.value, difference.value, 1)
        assert difference.p_holm is None


def test_how_small_a_difference_can_be_seen_is_told_where_any_can() -> None:
    """Trainings that vary more hide more; of one training each, or on few prompts, nothing is told apart."""

    def told(spread: float, seeds: int = 3, prompts: int = 60) -> OnBenchmark:
        fronts = []
        for name in ("soup", "ric"):
            for seed in range(seeds):
                front = make_front(name, 1.0, card=make_card(prompts=prompts))
                moved = replace(changed(front, scores=front.scores + spread * (seed - 1)), method=name, seed=seed)
                fronts.append(moved)
        return compare(fronts).benchmarks[0]

    quiet, loud = told(0.05), told(0.5)
    for headline in ("hypervolume", "utility"):
        assert 0 < quiet.detectable[headline] < loud.detectable[headline]
    assert loud.power == (
        f"a true difference of {loud.detectable['hypervolume']:.2g} in hypervolume and "
        f"{loud.detectable['utility']:.2g} in utility is found here with a chance of 80 %"
    )
    for none in (told(0.5, seeds=1), told(0.5, prompts=40)):
        assert (none.detectable, none.power) == ({}, "")
        shown = io.StringIO()
        Console(file=shown, width=200).print(comparison_table(Comparison(benchmarks=(none,)), power=True))
        assert "power: nothing is told apart" in shown.getvalue()
