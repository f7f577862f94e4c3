"""The difference that a design can see: by hand, and by simulation of what the tests find."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.stats import Spread, compare_rows, detectable_difference, spread


def test_many_trainings_of_two_rows_by_hand():
    """Where nothing is estimated it is (1.95996 + .84162) standard errors; two rows, trainings 2 over S = 10,000 each,
    prompts 3 over 10,000: sqrt((4 + 4 + 9) / 10,000) = .041231, times 2.80159 = .115513."""
    found = detectable_difference(Spread(2.0, 3.0), seeds=10_000, prompts=10_000, rows=2)
    assert found == pytest.approx(0.115513, rel=1e-3)


def test_few_trainings_of_two_rows_by_hand():
    """Prompts do not vary: Welch's test with 2 (S - 1) = 4 degrees of freedom, critical 2.77645, so that a difference
    of zero is found in .05; one that is found in .8 of all cases lies 3.7644 standard errors off (tables of the t
    distribution off its centre: power .8 at delta = 3.764 for 4 degrees, two-sided .05)."""
    found = detectable_difference(Spread(1.0, 0.0), seeds=3, prompts=50, rows=2)
    assert found == pytest.approx(3.764 * np.sqrt(2 / 3), rel=2e-3)


@pytest.mark.parametrize(("S", "trainings"), [(3, 0.2), (5, 0.2), (3, 0.1)])
def test_four_in_five_differences_of_that_size_are_found(S, trainings):
    """Ten rows, one of them better by the detectable difference: .8 of its nine differences are found, give or take
    what the estimated spread, Holm's later steps and the noise of 300 worlds add."""
    random, R, N = np.random.default_rng(S), 10, 400
    size = detectable_difference(Spread(trainings, 3.0), seeds=S, prompts=N, rows=R)
    found = []
    for _ in range(300):
        rows = trainings * random.normal(size=(R, S, 1)) + np.sqrt(4.5) * random.normal(size=(R, 1, N))
        rows = rows + 0.3 * random.normal(size=(R, S, N))
        rows[0] += size
        found += [test.p_holm <= 0.05 for test in compare_rows(rows)[: R - 1]]
    assert 0.70 < np.mean(found) < 0.86


def test_the_spread_is_that_of_trainings_and_prompts():
    """Trainings vary by .5, prompts' differences by sqrt(2) x 2, answers by 1, which belongs to neither."""
    random = np.random.default_rng(0)
    rows = 0.5 * random.normal(size=(40, 5, 1)) + 2 * random.normal(size=(40, 1, 200))
    found = spread(rows + random.normal(size=(40, 5, 200)))
    assert found.trainings == pytest.approx(np.sqrt(0.25 + 1 / 200), rel=0.1)
    assert found.prompts == pytest.approx(np.sqrt(8), rel=0.03)


def test_more_of_anything_but_rows_sees_smaller_differences():
    usual = {"seeds": 3, "prompts": 200, "rows": 5}
    base = detectable_difference(Spread(0.2, 3.0), **usual)
    for more in ({"seeds": 5}, {"prompts": 400}, {"rows": 3}):
        assert detectable_difference(Spread(0.2, 3.0), **usual | more) < base
    assert detectable_difference(Spread(0.2, 3.0), **usual, power=0.9) > base
    assert detectable_difference(Spread(0.0, 0.0), **usual) == 0


def test_where_nothing_can_be_found_it_says_so():
    for few in ({"seeds": 1}, {"rows": 1}, {"prompts": 1}):
        with pytest.raises(ValueError, match="2 rows"):
            detectable_difference(Spread(0.2, 3.0), **{"seeds": 3, "prompts": 200, "rows": 5} | few)
    for shape in ((1, 3, 5), (2, 1, 5), (2, 3, 1)):
        with pytest.raises(ValueError, match="2 rows"):
            spread(np.zeros(shape))
