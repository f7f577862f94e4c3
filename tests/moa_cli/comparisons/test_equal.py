"""Equal points: what is one policy, which points rows are compared by, and what answers an asked weight."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.measure.front import Front
from benchmarks.spec.grid import simplex_grid
from benchmarks.stats.indicators import hypervolume, utility
from moa_cli.comparisons.comparison import compare
from moa_cli.comparisons.document import OnBenchmark
from moa_cli.comparisons.equal import Asked, answering, equal_points, nearest_points, policies
from moa_cli.comparisons.parts import Row
from tests.kit.fronts import PROMPTS, changed, make_card, make_front, only

ELEVEN, FIVE = simplex_grid(2, 10), simplex_grid(2, 4)
GOALS = (0, 0, 1, 1, 2, 2, 2, 3, 3, 4, 4)
"""Eleven weights that ask for five distinct goals."""


def of_goals(front: Front, goals: tuple[int, ...] = GOALS) -> Front:
    """The front of a policy that answers alike wherever it is asked for the same goals."""
    first = [goals.index(goal) for goal in goals]
    return changed(front, rewards=front.rewards[first], scores=front.scores[first])


def rows_of(benchmark: OnBenchmark) -> dict[str, Row]:
    return {row.method: row for row in benchmark.rows}


def compared(row: Row) -> list[float]:
    """The first weights of the points by which a row is compared."""
    return [point.weights[0] for point in row.points if point.compared]


def test_the_same_answers_at_every_seed_are_one_policy():
    """Points that coincide at one seed alone are two policies: it is the goals that are distinct, not the luck."""
    front = of_goals(make_front("goals", 1.0))
    assert policies([front]) == GOALS
    fewer = of_goals(make_front("goals", 1.0, seed=1), (0,) * 11)
    assert policies([fewer]) == (0,) * 11
    assert policies([front, fewer]) == policies([fewer, front]) == GOALS
    moved = front.scores.copy()
    moved[1, 7, 0] += 0.001
    assert policies([changed(front, scores=moved)])[:3] == (0, 1, 2), "a single answer differs"


def test_one_number_of_points_for_every_row():
    """By the row of five distinct goals; of two rows of five, that which was asked for five weights says which."""
    goals, soup = of_goals(make_front("goals", 1.0)), make_front("soup", 1.2)
    benchmark = compare([goals, soup, make_front("sft", 0, steering="none")]).benchmarks[0]
    rows = rows_of(benchmark)
    assert benchmark.policies == 5
    assert [rows[name].policies for name in ("goals", "soup", "sft")] == [5, 11, 1]
    assert compared(rows["goals"]) == compared(rows["soup"]) == [1, 0.8, 0.5, 0.2, 0], "corners, and middles between"
    kept = [0, 2, 5, 8, 10]
    assert rows["soup"].scores.hypervolume == pytest.approx(hypervolume(soup.means("scores")[kept], (-2, -2)))
    assert rows["soup"].rewards.hypervolume == pytest.approx(hypervolume(soup.means("rewards")[kept], (-2, -2)))
    assert rows["soup"].scores.all_weights == pytest.approx(soup.hypervolume("scores"))
    assert rows["soup"].scores.all_weights > rows["soup"].scores.hypervolume
    for name in ("goals", "sft"):
        assert rows[name].scores.all_weights == rows[name].scores.hypervolume, "more weights ask for nothing new"
    retrained = changed(only(make_front("retrain", 1.1), [0, 2, 5, 8, 10]), weights=FIVE)
    rows = rows_of(compare([goals, soup, retrained]).benchmarks[0])
    assert compared(rows["retrain"]) == list(dict(FIVE))
    assert compared(rows["soup"]) == [1, 0.8, 0.5, 0.2, 0], "of two as near, those farther out"


def test_the_order_of_rows_does_not_depend_on_what_more_weights_add():
    """At all its weights the first is ahead of the second, at as many points behind."""
    soup, few = make_front("soup", 1.0), only(make_front("soup", 1.0), [0, 5, 10])
    few = replace(changed(few, scores=few.scores + 0.01), method="few")
    benchmark = compare([soup, few]).benchmarks[0]
    assert soup.hypervolume("scores") > few.hypervolume("scores")
    assert [row.method for row in benchmark.rows] == ["few", "soup"]
    assert benchmark.rows[1].scores.all_weights > benchmark.rows[0].scores.all_weights


def test_a_row_of_one_policy_makes_no_other_smaller():
    """Be it not steered, or asked for much and answering one thing."""
    same = of_goals(make_front("deaf", 1.0), (0,) * 11)
    benchmark = compare([make_front("soup", 1.0), same, make_front("sft", 0, steering="none")]).benchmarks[0]
    assert benchmark.policies == 11
    assert [sum(p.compared for p in row.points) for row in benchmark.rows] == [11, 1, 1]
    alone = compare([make_front("sft", 0, steering="none")]).benchmarks[0]
    assert (alone.policies, len(alone.asked)) == (1, 1)


def test_every_row_has_as_many_as_it_can():
    asked = {"a": Asked(ELEVEN, tuple(range(11))), "b": Asked(ELEVEN, GOALS), "c": Asked(FIVE[:4], (0, 1, 1, 2))}
    assert {name: len(points) for name, points in equal_points(asked).items()} == {"a": 3, "b": 3, "c": 3}
    assert nearest_points(Asked(ELEVEN, GOALS), FIVE) == [0, 2, 5, 8, 10]
    assert [ELEVEN[k] for k in nearest_points(Asked(ELEVEN, GOALS), ELEVEN)] == [ELEVEN[k] for k in (0, 2, 4, 7, 9)]


def test_every_row_is_asked_for_the_weights_of_the_largest():
    """w = 1, .9, ..., 0 are answered by 1, 1, .75, .75, .5, .5, .5, .25, .25, 0, 0."""
    assert [FIVE[k][0] for k in answering(FIVE, ELEVEN)] == [1, 1, 0.75, 0.75, 0.5, 0.5, 0.5, 0.25, 0.25, 0, 0]


def at(front: Front, means: list[tuple[float, float]]) -> Front:
    """The front with exactly these points under the scores, with noise on the prompts."""
    noise = np.random.default_rng(0).normal(size=(1, PROMPTS, 2))
    noise -= noise.mean(axis=1, keepdims=True)
    return changed(front, scores=np.array(means)[:, None, :] + noise)


THREE = only(make_front("soup", 1.0), [0, 5, 10])
"""At w = (1, 0), (1/2, 1/2), (0, 1)."""


def test_utility_by_hand():
    """(1, .5), (.5, .5), (.5, 1) are worth 1, .5, 1 at their weights: 5/6. sft at (.2, .1) is worth .2, .15, .1: .15.
    What answers with its ends alone takes (1, .5) at (1, 0) and (1/2, 1/2): worth 1, .75, 1."""
    soup = at(THREE, [(1, 0.5), (0.5, 0.5), (0.5, 1)])
    ends = replace(at(only(THREE, [0, 2]), [(1, 0.5), (0.5, 1)]), method="ends")
    sft = at(make_front("sft", 0, steering="none"), [(0.2, 0.1)])
    benchmark = compare([soup, ends, sft]).benchmarks[0]
    rows = rows_of(benchmark)
    assert benchmark.asked == THREE.weights
    assert rows["soup"].scores.utility == pytest.approx(5 / 6 - 0.15)
    assert rows["ends"].scores.utility == pytest.approx(2.75 / 3 - 0.15)
    assert (rows["sft"].scores.worth, benchmark.start) == ((0, 0, 0), "sft")
    assert benchmark.difference("ends", "soup", "utility").value == pytest.approx(0.25 / 3)
    assert benchmark.gain(rows["soup"], "utility").value == rows["soup"].scores.utility
    alone = compare([soup]).benchmarks[0]
    assert (alone.rows[0].scores.utility, alone.start) == (pytest.approx(5 / 6), None), "the scale card's mean is 0"
    assert alone.rows[0].scores.utility_low < 5 / 6 < alone.rows[0].scores.utility_high


def test_more_points_add_nothing_to_utility_but_obedience():
    """The ends of a straight line that obeys the weights are worth less in the middle than the middle."""
    soup = at(THREE, [(1, 0), (0.6, 0.6), (0, 1)])
    swapped = replace(at(THREE, [(0, 1), (0.6, 0.6), (1, 0)]), method="swapped")
    rows = rows_of(compare([soup, swapped]).benchmarks[0])
    assert rows["soup"].scores.hypervolume == pytest.approx(rows["swapped"].scores.hypervolume)
    assert rows["soup"].scores.utility == pytest.approx(2.6 / 3)
    assert rows["swapped"].scores.utility == pytest.approx(0.6 / 3), "it does not obey"


def test_a_collapsed_point_is_worth_the_ref():
    """(1, 0), collapsed, counts as (-2, -2): -2, .6 and 1 are -.4 / 3; kept, 2.6 / 3. What is worse stays worse."""
    soup = at(THREE, [(1, 0), (0.6, 0.6), (0, 1)])
    lost = np.zeros_like(soup.collapsed)
    lost[0] = True
    spoilt = changed(soup, collapsed=lost)
    assert compare([spoilt]).benchmarks[0].rows[0].scores.utility == pytest.approx(-0.4 / 3)
    assert compare([spoilt], keep_collapsed=True).benchmarks[0].rows[0].scores.utility == pytest.approx(2.6 / 3)
    worse = changed(at(THREE, [(-4, 0), (0.6, 0.6), (0, 1)]), collapsed=lost)
    assert compare([worse]).benchmarks[0].rows[0].scores.utility == pytest.approx(-2.4 / 3)


def test_seeds_are_averaged():
    means = [[(1, 0), (0.6, 0.6), (0, 1)], [(2, 0), (1, 1), (0, 2)]]
    fronts = [replace(at(THREE, points), seed=seed) for seed, points in enumerate(means)]
    (row,) = compare(fronts).benchmarks[0].rows
    expected = np.mean([utility(points, THREE.weights) for points in means])
    assert row.scores.utility == pytest.approx(expected) == pytest.approx((2.6 + 5) / 6)


def test_of_one_and_of_three_objectives():
    for objectives in (1, 3):
        card = make_card(objectives)
        fronts = [make_front("soup", 1.0, card=card), make_front("sft", 0, steering="none", card=card)]
        benchmark = compare(fronts).benchmarks[0]
        assert benchmark.policies == {1: 1, 3: 6}[objectives]
        assert benchmark.rows[0].scores.utility > 0
