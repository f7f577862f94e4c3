"""Nested t tests: hand-derived numbers, what they reduce to, and how often ten identical methods are told apart."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from benchmarks.stats import compare_rows, nested_test

R, N = 10, 400


def world(random: np.random.Generator, S: int, trainings: np.ndarray, prompts: float, noise: float) -> np.ndarray:
    """Rows (R, S, N) of methods with one mean: each training moves by N(0, its row's variance), prompts vary by
    `prompts` of which half of the variance is common to all methods, answers by `noise`."""
    shared, own = random.normal(size=N), random.normal(size=(len(trainings), 1, N))
    moved = trainings[:, None, None] * random.normal(size=(len(trainings), S, 1))
    return moved + prompts * np.sqrt(0.5) * (shared + own) + noise * random.normal(size=(len(trainings), S, N))


def errors(S: int, trainings: np.ndarray, prompts: float, noise: float, worlds: int) -> float:
    """In how many worlds of equal methods any is taken for better than any other."""
    random = np.random.default_rng([S, len(trainings)])
    false = [
        min(test.p_holm for test in compare_rows(world(random, S, trainings, prompts, noise))) <= 0.05
        for _ in range(worlds)
    ]
    return float(np.mean(false))


WILD = np.array([5.0] + [1.0] * (R - 1))
HALF = np.repeat([3.0, 1.0], R // 2)


@pytest.mark.parametrize("S", [3, 5])
@pytest.mark.parametrize("between", [0.1, 0.2])
def test_ten_identical_methods_are_told_apart_in_few_worlds(S, between):
    """All trainings vary alike, by .1 or .2 points of hypervolume; prompts by 3. Five in a hundred is what is asked,
    and two binomial SDs of 500 worlds are .02."""
    assert errors(S, np.full(R, between), 3.0, 1.0, 500) <= 0.07


@pytest.mark.parametrize(
    ("trainings", "prompts"),
    [(0.2 * WILD, 3.0), (0.2 * WILD, 0.6), (0.1 * HALF, 0.6), (np.full(R, 0.2), 0.6), (0.2 * WILD[:2], 0.6)],
    ids=["one varies more", "one varies more, prompts little", "half vary more", "prompts vary little", "two rows"],
)
def test_nor_where_trainings_vary_unlike_or_count_for_more_than_prompts(trainings, prompts):
    """With three trainings; with five all of it is rarer."""
    assert errors(3, trainings, prompts, 0.5, 500) <= 0.07


def test_p_values_of_a_single_pair_are_uniform():
    """Of all 45 pairs of 200 worlds, each share of p below a level is at most that level and half of it at least."""
    random = np.random.default_rng(0)
    p = [t.p for _ in range(200) for t in compare_rows(world(random, 3, np.full(R, 0.2), 3.0, 1.0))]
    for level in (0.05, 0.2, 0.5):
        assert 0.6 * level < np.mean(np.array(p) <= level) < 1.2 * level


def test_a_difference_that_is_there_is_found():
    """1.2 points, trainings .2, prompts 3, S = 5: a standard error of about .2, so t is 6."""
    random, found = np.random.default_rng(1), []
    for _ in range(50):
        rows = world(random, 5, np.full(R, 0.2), 3.0, 1.0)
        rows[0] += 1.2
        found += [test.p_holm <= 0.05 for test in compare_rows(rows)[: R - 1]]
    assert np.mean(found) > 0.9


@pytest.mark.parametrize("S", [1, 3])
def test_intervals_cover_the_truth(S):
    """With one training that of these trained policies (without noise of answers), with several that of the methods."""
    random, held = np.random.default_rng(2), []
    for _ in range(400):
        a, b = world(random, S, np.full(2, 0.2 if S > 1 else 0.0), 1.0, 0.5 if S > 1 else 0.0)
        test = nested_test(a + 1.0, b)
        held.append(test.low <= 1.0 <= test.high)
    assert 0.95 - 0.022 < np.mean(held) < 0.95 + 0.035


def test_welch_by_hand():
    """Two prompts, on which a is 0, 2, 4 and b is 1, 1, 1 throughout: prompts and answers add nothing.

    Means 2 and 1; variances of the trainings 4 and 0 over 3, so the squared error is 4/3 with 2 degrees of freedom (all
    of it is a's), t = 1 / sqrt(4/3) = .866. With 2 degrees p = 1 - t / sqrt(2 + t^2) = 1 - .866 / sqrt(2.75) = .47777;
    the interval reaches 4.30265 x 1.1547 = 4.96827.
    """
    a, b = np.array([[0.0] * 2, [2.0] * 2, [4.0] * 2]), np.ones((3, 2))
    test = nested_test(a, b)
    assert test.p == pytest.approx(0.47777, abs=1e-5)
    assert (test.difference, test.low, test.high) == pytest.approx((1.0, 1 - 4.96827, 1 + 4.96827), abs=1e-4)
    assert test.trainings


def test_trainings_prompts_and_answers_by_hand():
    """a on three prompts in two trainings: (0 1 5), (2 5 5); b is 0 in both.

    Trainings: means 2 and 4, variance 2, over S = 2: 1. Prompts: mean differences 1, 3, 5, variance 4, over N = 3: 4/3.
    Answers: what neither explains, of a mean of 3, trainings -1 and +1, prompts -2, 0, +2: (0 -1 1), (0 1 -1); squares
    4, over (S - 1)(N - 1) = 2 degrees: 2, over S N = 6: 1/3, which is in both of the others. So 1 + 4/3 - 1/3 = 2.

    b does not vary. Moderation: a's variance is (2 x the mean of 2 and 0 + 1 x 2) / 3 = 4/3, b's (2 x 1 + 0) / 3 = 2/3,
    over 2 each: together 1, as before, all of it from a's own. Degrees of freedom: 2^2 / (1^2 / 1 + (4/3)^2 / 2) =
    36/17. t = 3 / sqrt(2).
    """
    from scipy.stats import t

    a, b = np.array([[0.0, 1.0, 5.0], [2.0, 5.0, 5.0]]), np.zeros((2, 3))
    test = nested_test(a, b)
    assert test.difference == 3
    assert test.p == pytest.approx(2 * t.sf(3 / np.sqrt(2), 36 / 17))
    assert test.high - 3 == pytest.approx(t.ppf(0.975, 36 / 17) * np.sqrt(2))


def test_other_rows_say_how_much_trainings_vary():
    """Trainings of a and b happen to agree, those of two further rows differ by 2 (variance 2), so that the mean over
    rows is 1: each of a and b has (2 x 1 + 1 x 0) / 3 = 2/3, over 2, together 2/3. Half of that comes from either
    further row, which has 1 degree of freedom: (2/3)^2 / (2 x (1/3)^2) = 2 degrees. t = 1 / sqrt(2/3), and with 2
    degrees p = 1 - t / sqrt(2 + t^2).
    """
    level, apart = np.ones((2, 4)), np.array([[0.0] * 4, [2.0] * 4])
    alone = nested_test(level + 1, level)
    assert (alone.p, alone.low, alone.high) == (0, 1, 1)
    test = compare_rows([level + 1, level, apart, apart])[0]
    t = 1 / np.sqrt(2 / 3)
    assert test.p == pytest.approx(1 - t / np.sqrt(2 + t**2))
    assert test.p_holm == pytest.approx(min(1.0, 6 * test.p))


def test_a_single_training_tells_of_prompts_only():
    """Differences 0 and 2: mean 1, variance 2 over 2, t = 1 with 1 degree of freedom, whose p is a half."""
    several = np.array([[0.0, 2.0], [-3.0, -1.0], [3.0, 5.0]])
    for a, b in ((np.array([[0.0, 2.0]]), np.zeros((1, 2))), (several, np.zeros((1, 2)))):
        test = nested_test(a, b)
        assert (test.difference, test.p) == (1, pytest.approx(0.5))
        assert not test.trainings
        assert test.p_holm is None


def test_what_tells_of_prompts_only_is_none_of_the_tests():
    """Of three pairs two have a side with one training: the third is corrected for itself alone."""
    random = np.random.default_rng(5)
    rows = [random.normal(size=(S, 40)) for S in (3, 3, 1)]
    tests = compare_rows(rows)
    assert [test.trainings for test in tests] == [True, False, False]
    assert tests[0].p_holm == tests[0].p
    assert tests[0].p == nested_test(*rows[:2]).p


def test_chosen_pairs_are_those_among_all_rows():
    """Other rows still say how much trainings vary; only the number of tests is another."""
    rows = list(world(np.random.default_rng(6), 3, np.full(4, 0.2), 1.0, 0.5))
    every = dict(zip(combinations(range(4), 2), compare_rows(rows), strict=True))
    chosen = compare_rows(rows, [(0, 1), (3, 2)])
    assert chosen[0][:4] == every[0, 1][:4]
    assert (-chosen[1].difference, chosen[1].p) == (every[2, 3].difference, every[2, 3].p)
    assert min(test.p_holm for test in chosen) == min(1, 2 * min(test.p for test in chosen))
    assert compare_rows(rows, []) == compare_rows(rows[:1]) == []


def test_a_single_prompt_tells_nothing():
    for S in (1, 3):
        test = nested_test(np.arange(S)[:, None] + 5.0, np.zeros((S, 1)))
        assert (test.p, test.p_holm) == (1, 1 if S > 1 else None)
        assert (test.low, test.high) == (-np.inf, np.inf)


def test_rows_without_variance_are_equal_or_differ_for_certain():
    level = np.full((3, 5), 2.0)
    assert nested_test(level, level) == (0, 0, 0, 1, 1, True)
    assert nested_test(level + 0.5, level) == (0.5, 0.5, 0.5, 0, 0, True)
    random = np.random.default_rng(3)
    same = random.normal(size=(3, 50))
    assert nested_test(same, same.copy()).p == 1


def test_the_order_of_rows_turns_the_sign_and_nothing_else():
    rows = list(world(np.random.default_rng(4), 3, np.full(4, 0.2), 1.0, 0.5))
    tests, back = compare_rows(rows), compare_rows(rows[::-1])
    by_pair = dict(zip(combinations(range(4), 2), tests, strict=True))
    for (i, j), other in zip(combinations(range(4), 2), back, strict=True):
        test = by_pair[3 - j, 3 - i]
        assert (-test.difference, -test.high, -test.low, *test[3:]) == pytest.approx(tuple(other))


def test_rows_on_other_prompts_are_refused():
    for rows in ([np.zeros((2, 3)), np.zeros((2, 4))], [np.zeros(3)] * 2, [np.zeros((0, 3))] * 2):
        with pytest.raises(ValueError, match="same prompts"):
            compare_rows(rows)
    with pytest.raises(ValueError, match="finite"):
        nested_test(np.full((2, 3), np.nan), np.zeros((2, 3)))
