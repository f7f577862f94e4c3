"""The ceiling where the truth is known: Gaussian scores, a tabular policy, subsets that can be counted."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from benchmarks.ceiling.tilt import FLOOR, Ceiling, Gains, Measured, balanced, best_of, best_of_kl, gains
from benchmarks.spec.grid import simplex_grid
from benchmarks.stats.indicators import hypervolume

N, V, M = 300, 1000, 2
"""Prompts, answers there are to each, objectives."""
REF = (-2.0, -2.0)
GRID = simplex_grid(2, 4)
COUNTS = (32, 27, 27, 26)


@pytest.fixture(scope="module")
def world() -> tuple[np.ndarray, np.ndarray]:
    """A tabular policy q0 (N, V), unequal as language is, and scores (N, V, M)."""
    random = np.random.default_rng(0)
    return random.dirichlet(np.full(V, 0.3), size=N), random.normal(size=(N, V, M))


@pytest.fixture(scope="module")
def ceiling(world: tuple[np.ndarray, np.ndarray]) -> Ceiling:
    """112 samples per prompt: of q0, and of three policies that went roughly where rewards are higher."""
    q0, scores = world
    random = np.random.default_rng(1)
    trained = [
        _tilted(q0, scores @ np.asarray(w) + 0.5 * random.normal(size=(N, V)), 1.5)
        for w in ((1, 0), (0.5, 0.5), (0, 1))
    ]
    return _sampled([q0, *trained], scores, COUNTS, random)


def _tilted(q0: np.ndarray, value: np.ndarray, strength: float) -> np.ndarray:
    weights = q0 * np.exp(strength * value)
    return weights / weights.sum(axis=1, keepdims=True)


def _sampled(
    densities: list[np.ndarray], scores: np.ndarray, counts: tuple[int, ...], random: np.random.Generator
) -> Ceiling:
    drawn = np.concatenate([_draw(q, n, random) for q, n in zip(densities, counts, strict=True)], axis=1)
    log_probs = np.stack([np.log(np.take_along_axis(q, drawn, axis=1)) for q in densities], axis=-1)
    return Ceiling(np.take_along_axis(scores, drawn[..., None], axis=1), balanced(log_probs, counts))


def _draw(density: np.ndarray, count: int, random: np.random.Generator) -> np.ndarray:
    """Indices (N, count) of answers."""
    return np.stack([random.choice(density.shape[1], size=count, p=p) for p in density])


def exact(world: tuple[np.ndarray, np.ndarray], w: tuple[float, ...], strength: float) -> tuple[np.ndarray, float]:
    """Mean scores (M,) and KL of the tilted policy by enumeration: sum pi log(pi / q0), not the formula under test."""
    q0, scores = world
    pi = _tilted(q0, scores @ np.asarray(w), strength)
    return np.einsum("nv,nvm->m", pi, scores) / N, float((pi * np.log(pi / q0)).sum(axis=1).mean())


def exact_at(world: tuple[np.ndarray, np.ndarray], w: tuple[float, ...], kl: float) -> np.ndarray:
    """Mean scores (M,) of the tilted policy at a mean KL, by bisection."""
    low, high = 0.0, 8.0
    for _ in range(14):
        middle = (low + high) / 2
        low, high = (middle, high) if exact(world, w, middle)[1] < kl else (low, middle)
    return exact(world, w, low)[0]


@pytest.mark.parametrize("S", [32, 112])
def test_gaussian_scores(S: int) -> None:
    """r ~ N(0, 1) tilted by exp(t r) is N(t, 1): its mean is t and its KL t^2 / 2, so the ceiling at a KL is sqrt(2
    KL).

    No bounded reward has such tails. From the starting policy's samples alone, in sight of the floor, the area above -2
    is within 2 % of what it should be; without the jackknife it is 3 % and more short of it.
    """
    scores = np.random.default_rng(S).normal(size=(4000, S, 1))
    found = Ceiling(scores, np.zeros((4000, S)))
    reach = found.reach((1.0,))
    tilt = found.at((1.0,), reach)
    assert FLOOR <= tilt.effective < FLOOR * 1.2
    assert tilt.kl == pytest.approx(reach, rel=1e-6)
    assert reach > (1.0 if S == 32 else 2.0)
    assert ((2 + tilt.scores.mean()) / (2 + np.sqrt(2 * reach))) ** 2 == pytest.approx(1, abs=0.02)


def test_the_ceiling_of_a_tabular_policy(world: tuple[np.ndarray, np.ndarray], ceiling: Ceiling) -> None:
    """At KL 0.5, 1, 2 and as far as the floor allows, the KL-optimal hypervolume is that of enumeration within 2 %."""
    reach = min(ceiling.reach(w) for w in GRID)
    assert reach > 2.5
    for kl in (0.5, 1.0, 2.0, reach):
        tilts = [ceiling.at(w, kl) for w in GRID]
        assert [t.kl for t in tilts] == pytest.approx([kl] * len(GRID), rel=0.01)
        estimated = hypervolume([t.scores.mean(axis=0) for t in tilts], REF)
        assert estimated == pytest.approx(hypervolume([exact_at(world, w, kl) for w in GRID], REF), rel=0.02)


def test_samples_of_others_carry_further(world: tuple[np.ndarray, np.ndarray], ceiling: Ceiling) -> None:
    """As many samples of q0 alone reach less, and tell the same where they do."""
    alone = _sampled([world[0]], world[1], (sum(COUNTS),), np.random.default_rng(2))
    for w in GRID:
        assert ceiling.reach(w) > alone.reach(w) + 0.3
        np.testing.assert_allclose(alone.at(w, 0.5).scores.mean(0), ceiling.at(w, 0.5).scores.mean(0), atol=0.05)


def test_without_tilt_it_is_the_starting_policy(world: tuple[np.ndarray, np.ndarray], ceiling: Ceiling) -> None:
    """beta = infinity: KL exactly 0, the mean of q0 within four standard errors, whatever the weights."""
    base = ceiling.tilt((0.3, 0.7), 0.0)
    assert base.kl == 0
    expected = np.einsum("nv,nvm->nm", *world)
    error = (base.scores - expected).std(axis=0) / np.sqrt(N)
    assert (np.abs((base.scores - expected).mean(axis=0)) < 4 * error).all()
    assert np.array_equal(base.scores, ceiling.at((1.0, 0.0), 0.0).scores)


def test_only_strength_times_weights_counts(ceiling: Ceiling) -> None:
    one, other = ceiling.tilt((0.25, 0.75), 2.0), ceiling.tilt((0.5, 1.5), 1.0)
    np.testing.assert_allclose(one.scores, other.scores)
    assert (one.kl, one.effective) == pytest.approx((other.kl, other.effective))


def test_stronger_is_further_and_better_and_known_less_well(ceiling: Ceiling) -> None:
    tilts = [ceiling.tilt((0.5, 0.5), strength) for strength in (0.0, 0.5, 1.0, 2.0, 3.0)]
    assert (np.diff([t.kl for t in tilts]) > 0).all()
    assert (np.diff([t.scores.mean() for t in tilts]) > 0).all()
    assert tilts[-1].effective < tilts[1].effective <= 112


def test_what_all_answers_share_cannot_be_raised() -> None:
    """A score that depends on the prompt alone: no tilt moves anything, and rounding does not take KL 0 out of
    reach."""
    random = np.random.default_rng(6)
    scores = np.stack([np.repeat(random.normal(size=(50, 1)), 20, axis=1), random.normal(size=(50, 20))], axis=2)
    flat = Ceiling(scores, np.zeros((50, 20)))
    assert 0 <= flat.reach((1.0, 0.0)) < 1e-9
    np.testing.assert_allclose(flat.at((1.0, 0.0), 0.0).scores, scores.mean(axis=1))


def test_balance_by_hand() -> None:
    """Two densities that gave 1 and 3 samples: where they are (.4, .2), m = .25 x .4 + .75 x .2 = .25 and q0 / m = 1.6;
    where only the second goes q0 / m = 0; where only the first does, 1 / .25 = 4."""
    with np.errstate(divide="ignore"):
        log_probs = np.log([[[0.4, 0.2], [0.0, 0.3], [0.5, 0.0]]])
    np.testing.assert_allclose(np.exp(balanced(log_probs, (1, 3))), [[1.6, 0.0, 4.0]])


def test_balanced_weights_average_one(ceiling: Ceiling) -> None:
    """E_m[q0 / m] = 1 for every prompt, so the mean of all weights is 1 within four standard errors."""
    means = np.exp(ceiling.log_weights).mean(axis=1)
    assert abs(means.mean() - 1) < 4 * means.std() / np.sqrt(N)


@pytest.mark.parametrize("n", [1, 3, 6])
def test_the_best_of_n_is_the_mean_over_all_subsets(n: int) -> None:
    scores, w = np.random.default_rng(n).normal(size=(5, 6, 3)), np.array([0.5, 0.2, 0.3])
    for row, found in zip(scores, best_of(scores, tuple(w), n), strict=True):
        best = [max(row[list(subset)], key=lambda r: float(r @ w)) for subset in combinations(range(6), n)]
        np.testing.assert_allclose(found, np.mean(best, axis=0))


def test_the_best_by_rewards_is_measured_by_others() -> None:
    """Of (reward, score) = (1, 5), (2, 3), (3, 4), the best of two by reward is the second, the third, the third: a
    score of (3 + 4 + 4) / 3."""
    rewards, scores = np.array([[[1.0], [2.0], [3.0]]]), np.array([[[5.0], [3.0], [4.0]]])
    np.testing.assert_allclose(best_of(rewards, (1.0,), 2, scores), [[11 / 3]])
    np.testing.assert_allclose(best_of(rewards, (1.0,), 2), [[8 / 3]])


def test_the_kl_of_the_best_of_n() -> None:
    """The best of n among V equally likely, differently good answers: the k-th lowest is best with probability
    (k^n - (k - 1)^n) / V^n. By enumeration for n = 4 and V = 2,000."""
    k, V = np.arange(1, 2001), 2000
    p = (k / V) ** 4 - ((k - 1) / V) ** 4
    assert best_of_kl(4) == pytest.approx(float((p * np.log(p * V)).sum()), abs=1e-3)
    assert best_of_kl(1) == 0


# What is gained

TWO = np.repeat([[[1.0], [0.0]]], 40, axis=0)
"""Two answers to each of 40 prompts, of which the first is better by 1."""
KL = 0.75 * np.log(1.5) + 0.25 * np.log(0.5)
"""That of a policy which says the first of two equally likely answers in three of four cases: .13 nats."""


def two(measured: np.ndarray | None = None) -> Ceiling:
    """A thousand samples of each of the two answers, which are equally likely."""
    many = [None if values is None else np.repeat(values, 1000, axis=1) for values in (TWO, measured)]
    return Ceiling(many[0], np.zeros((40, 2000)), many[1])


def saying(first: float, kl: float, scores: np.ndarray = TWO) -> Measured:
    """What is measured of a policy that says the first answer with this probability: its expected scores."""
    values = first * scores[:, 0] + (1 - first) * scores[:, 1]
    return Measured(((1.0,),), values[None], np.array([kl]), np.array([True]))


def test_efficiency_is_the_share_of_the_gain() -> None:
    """Tilted by exp(t r) with t = log 3 the policy says the first answer in 3 of 4 cases, at KL 3/4 log 3/2 + 1/4 log
    1/2: it gains 1/4. Who is there gains all; who says it in 5 of 8 cases has gone as far for half of it; who says it
    in half of the cases, as the starting policy does, has gained nothing."""
    found = gains(two(), {0: saying(0.75, KL)})
    assert found.best.value == pytest.approx(0.25, abs=2e-3)
    assert found.own.value == pytest.approx(0.25, abs=1e-9)
    assert found.share.value == pytest.approx(1, abs=0.01)
    assert gains(two(), {0: saying(0.625, KL)}).share.value == pytest.approx(0.5, abs=0.01)
    assert gains(two(), {0: saying(0.5, KL)}).share.value == pytest.approx(0, abs=1e-9)
    seeds = gains(two(), {0: saying(0.75, KL), 3: saying(0.625, KL)}).share
    assert seeds.seeds == (0, 3)
    assert seeds.values == pytest.approx([1, 0.5], abs=0.01)


def test_a_point_that_does_not_count_gains_nothing_for_its_kl() -> None:
    """Two weights alike, one of them collapsed: half of what is possible."""
    good = saying(0.75, KL)
    both = Measured(good.weights * 2, np.repeat(good.scores, 2, axis=0), np.array([KL, KL]), np.array([True, False]))
    assert gains(two(), {0: both}).share.value == pytest.approx(0.5, abs=0.01)


def test_what_optimising_rewards_reaches_in_truth() -> None:
    """The evaluator agrees on half of the prompts (1 and 0) and disagrees on the others (0 and 1/2): at log 3 the
    policy that is optimal for the rewards gains 1/4 of 1 and loses 1/4 of 1/2, (.25 - .125) / 2 = .0625 on average.
    Below it, what tilting by the evaluator itself reaches at the same KL: more; and the tilted policy has all of it."""
    truth = np.concatenate([TWO[:20], 0.5 * TWO[20:, ::-1]])
    crossed = two(measured=truth)
    found = gains(crossed, {0: saying(0.75, KL, truth)})
    assert found.best.value == pytest.approx(0.0625, abs=1e-3)
    assert found.share.value == pytest.approx(1, abs=0.01)
    own = Ceiling(np.repeat(truth, 1000, axis=1), np.zeros((40, 2000)))
    at_most = gains(own, {0: saying(0.75, KL, truth)})
    assert at_most.best.value > 2 * found.best.value
    assert at_most.share.value < 0.5
    assert crossed.reach((1.0,)) == two().reach((1.0,))
    assert crossed.at((1.0,), KL).kl == two().at((1.0,), KL).kl


def test_a_policy_that_is_the_ceiling_has_all_of_it(world: tuple[np.ndarray, np.ndarray], ceiling: Ceiling) -> None:
    """40 answers per prompt of the exact KL-optimal policies, at another KL for each weight and seed: efficiency 1
    within 3 %. The starting policy in their place has gained nothing."""
    random = np.random.default_rng(3)
    q0, scores = world

    def measured(strengths: tuple[float, ...], kls: np.ndarray | None = None) -> Measured:
        policies = [_tilted(q0, scores @ np.asarray(w), t) for w, t in zip(GRID, strengths, strict=True)]
        drawn = [np.take_along_axis(scores, _draw(pi, 40, random)[..., None], axis=1).mean(axis=1) for pi in policies]
        found = [exact(world, w, t)[1] for w, t in zip(GRID, strengths, strict=True)]
        return Measured(GRID, np.stack(drawn), np.array(found) if kls is None else kls, np.ones(5, bool))

    optimal = {0: measured((1.5, 1.6, 1.0, 1.2, 1.8)), 1: measured((1.8, 1.2, 1.4, 1.6, 1.5))}
    lazy = {seed: measured((0.0,) * 5, one.kl) for seed, one in optimal.items()}
    best, worst = (gains(ceiling, one).share.interval() for one in (optimal, lazy))
    assert best.value == pytest.approx(1, abs=0.03)
    assert best.low < 1 < best.high < best.low + 0.1
    assert worst.value == pytest.approx(0, abs=0.03)
    assert worst.low < 0 < worst.high


def test_too_few_samples_hide_a_point(world: tuple[np.ndarray, np.ndarray]) -> None:
    """Eight samples leave six effective ones up to a small KL only; beyond it nothing is told, and shares are upper
    bounds."""
    few = _sampled([world[0]], world[1], (8,), np.random.default_rng(4))
    w = (0.5, 0.5)
    assert 0 < few.reach(w) < 0.3
    with pytest.raises(ValueError, match="out of reach"):
        few.at(w, 1.0)
    scores = np.repeat(exact_at(world, w, 1.0)[None, None], N, axis=1)
    found = gains(few, {0: Measured((w,), scores, np.array([1.0]), np.array([True]))})
    assert isinstance(found, Gains)
    assert found.share.value > 1.5
