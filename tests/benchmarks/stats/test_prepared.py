"""Tests over preparations: hand-derived numbers, and how often ten identical methods are told apart."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.stats import compare_preparations

R, N = 10, 400


def world(random: np.random.Generator, P: int, own: np.ndarray) -> list[list[np.ndarray]]:
    """Rows of methods with one mean: every preparation moves all rows by 1 and each by `own`, each of two trainings by
    .2; prompts vary by 3, half of the variance common to all methods; answers by 1."""
    rows = len(own)
    common, apart = random.normal(size=(P, 1, 1)), own[:, None, None, None] * random.normal(size=(rows, P, 1, 1))
    prompts = 3 * np.sqrt(0.5) * (random.normal(size=N) + random.normal(size=(rows, 1, 1, N)))
    trainings = 0.2 * random.normal(size=(rows, P, 2, 1))
    return [list(row) for row in common + apart + prompts + trainings + random.normal(size=(rows, P, 2, N))]


@pytest.mark.parametrize("P", [2, 3, 5])
@pytest.mark.parametrize("own", [0.1, 0.3])
def test_ten_identical_methods_are_told_apart_in_few_worlds(P, own):
    random = np.random.default_rng([P, int(10 * own)])
    false = [
        min(test.p_holm for test in compare_preparations(world(random, P, np.full(R, own)))) <= 0.05 for _ in range(300)
    ]
    assert np.mean(false) <= 0.07


@pytest.mark.parametrize("own", [0.0, 0.1, 0.3])
def test_two_identical_methods_on_two_preparations_are_told_apart_in_few_worlds(own):
    random = np.random.default_rng(int(10 * own))
    worlds = (world(random, 2, np.full(2, own)) for _ in range(1_000))
    assert np.mean([compare_preparations(rows)[0].p_holm <= 0.05 for rows in worlds]) <= 0.07


def test_two_rows_by_hand():
    """On every prompt the rows differ by 1, 2 and 3 in three preparations: mean 2, variance 1 over 3, 2 degrees of
    freedom. t = 2 sqrt(3), p = 1 - t / sqrt(2 + t^2) = 1 - sqrt(12/14) = .07418; reach 4.30265 / sqrt(3) = 2.48414."""
    prompts = np.array([[0.0, 5.0, -3.0]])
    a, b = [prompts + 10 + p for p in (1, 2, 3)], [prompts + 10] * 3
    (test,) = compare_preparations([a, b])
    assert test.p == test.p_holm == pytest.approx(0.07418, abs=1e-5)
    assert (test.difference, test.low, test.high) == pytest.approx((2, 2 - 2.48414, 2 + 2.48414), abs=1e-4)
    t = (2 - 0.5) * np.sqrt(3)  # equals differ by .5
    (beyond,) = compare_preparations([a, b], by_chance=[0.5])
    assert beyond.p == pytest.approx(1 - t / np.sqrt(2 + t**2))
    assert beyond[:3] == test[:3]


def test_what_a_preparation_does_to_all_rows_cancels():
    random = np.random.default_rng(0)
    row = [random.normal(size=(3, 20)) + 100 * p for p in range(3)]
    better = [one + 0.5 for one in row]
    (test,) = compare_preparations([better, row])
    assert (test.difference, test.low, test.high) == pytest.approx((0.5, 0.5, 0.5))
    assert test.p < 1e-6


def test_prompts_vary_beside_preparations():
    """Both preparations alike, differences 0 and 2 on two prompts: variance 2 over 2, t = 1 with 1 degree."""
    a, b = [np.array([[0.0, 2.0]])] * 2, [np.zeros((1, 2))] * 2
    (test,) = compare_preparations([a, b])
    assert (test.difference, test.p) == (1, pytest.approx(0.5))


def test_one_prompt_tells_nothing_and_one_preparation_is_refused():
    (test,) = compare_preparations([[np.ones((2, 1))] * 2, [np.zeros((2, 1))] * 2])
    assert (test.p, test.low, test.high) == (1, -np.inf, np.inf)
    many = [np.zeros((2, 5))] * 2
    for rows in (
        [many[:1]] * 2,
        [many, many + many],
        [many, [np.zeros((2, 6))] * 2],
        [[np.zeros((2, 5)), np.zeros((2, 6))]] * 2,
    ):
        with pytest.raises(ValueError, match="preparations"):
            compare_preparations(rows)
