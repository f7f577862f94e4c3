"""Pairs of methods: every one is tested, and dominance is told at weights that both have."""

from __future__ import annotations

from dataclasses import replace

import pytest

from moa_cli.comparisons.comparison import compare
from tests.kit.fronts import changed, make_front, only


def test_pairs_hold_every_pair_once(document):
    pairs, volume = document.benchmarks[0].pairs, document.benchmarks[0].volumes("scores")
    assert [(p.a, p.b) for p in pairs] == [("context", "soup"), ("context", "sft"), ("soup", "sft")]
    for pair in pairs:
        assert pair.difference == pytest.approx(volume[pair.a] - volume[pair.b])
        assert 0 < pair.low < pair.high
        assert pair.p < 0.01


def test_pairs_are_tested(document):
    """Every one; a single point dominates or is dominated at all weights."""
    for pair in document.benchmarks[0].pairs:
        assert pair.p_permutation == pytest.approx(1 / 10_000)
        assert pair.p_holm == pytest.approx(3 / 10_000)
    dominance = document.benchmarks[0].pairs[1].dominance
    assert dominance.a > 0.5 > dominance.b


def test_nobody_dominates_without_common_weights():
    soup, context = make_front("soup", 1.0), make_front("context", 1.5)
    (pair,) = compare([only(context, [0, 5, 10]), only(soup, [1, 6])]).benchmarks[0].pairs
    assert pair.dominance is None
    assert pair.p_permutation < 0.01, "the test does not need them"
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
    """The same front at eleven weights and at three: no difference, although its hypervolume is larger."""
    soup = make_front("soup", 1.0)
    few = replace(only(soup, [0, 5, 10]), method="few")
    benchmark = compare([soup, few]).benchmarks[0]
    volume = benchmark.volumes("scores")
    assert volume["soup"] > volume["few"]
    (pair,) = benchmark.pairs
    assert (pair.difference, pair.p_permutation) == (0, 1)
