"""MODPO: its closed form on policies that are tables, what it reduces to, and what each weight's training is given."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.common.errors import BadInput
from benchmarks.common.ledger import Cost, charged_to
from benchmarks.models.policy import sequence_log_probs
from benchmarks.prepare.benchmark import Benchmark
from benchmarks.spec.grid import Weights
from benchmarks.spec.places import root
from methods.contract.run import Run
from methods.engines import dpo
from methods.engines.dpo import log_probs as dpo_log_probs
from methods.engines.dpo import shifted as dpo_shifted
from methods.engines.dpo import train_dpo
from methods.engines.pairs import STEEPEST, logits_per_sd, preferences, reward_differences, steepness
from methods.modpo import MODPO, divided

Y = 5
PAIRS = np.array(list(permutations(range(Y), 2)))
"""All ordered pairs (chosen, rejected) of the answers of a tabular policy."""
FEW = MODPO(epochs=0.5, batch=8)
"""Half of the pairs of each objective, 8 at a time: 3 steps."""


def normalised(logits: np.ndarray) -> np.ndarray:
    return logits - np.log(np.exp(logits).sum())


def difference(values: np.ndarray) -> np.ndarray:
    """f(chosen) - f(rejected) on all pairs."""
    return values[PAIRS[:, 0]] - values[PAIRS[:, 1]]


def fitted(reference: np.ndarray, margin: np.ndarray, beta: float, reward: np.ndarray) -> np.ndarray:
    """Log-probabilities that minimise the engine's loss over all pairs, labelled as Bradley and Terry would under
    differences `reward`. Newton's method on the logits of a tabular policy, each step short enough not to overshoot."""
    shifted = dpo_shifted(reference[PAIRS], margin, beta)
    share = 1 / (1 + np.exp(-reward))
    incidence = np.eye(Y)[PAIRS[:, 0]] - np.eye(Y)[PAIRS[:, 1]]

    def ratio(logits: np.ndarray) -> np.ndarray:
        return beta * (difference(logits) - (shifted[:, 0] - shifted[:, 1]))

    def loss(logits: np.ndarray) -> float:
        return float(share @ np.logaddexp(0, -ratio(logits)))

    logits = reference.copy()
    for _ in range(100):
        wrong = 1 / (1 + np.exp(ratio(logits)))
        gradient = -beta * incidence.T @ (share * wrong)
        hessian = beta**2 * (incidence.T * (share * wrong * (1 - wrong))) @ incidence
        step = np.linalg.lstsq(hessian, gradient, rcond=1e-12)[0]
        sizes = (2.0**-n for n in range(60))
        logits -= step * next(size for size in sizes if loss(logits - size * step) <= loss(logits) + 1e-12)
    assert np.abs(gradient).max() < 1e-10
    return normalised(logits)


def weights_file(run: Run, name: str) -> bytes:
    return (run.stage(name).folder / "model.safetensors").read_bytes()


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> dict[str, dict[str, Any]]:
    """What the engine is asked for, by stage; it happens too."""
    made: dict[str, dict[str, Any]] = {}
    train = train_dpo

    def spy(benchmark: Benchmark, pairs: Any, settings: Any, stage: Any, **more: Any) -> None:
        assert stage.name not in made
        made[stage.name] = {"pairs": pairs, **more}
        train(benchmark, pairs, settings, stage, **more)

    monkeypatch.setattr("methods.engines.dpo.train_dpo", spy)
    return made


# Tables


def test_the_loss_by_hand() -> None:
    """beta .1, w = (.25, .75), k = 0, D r = (9, 2): beta / w_k = .4; the margin is .75 x 2 / .25 = 6, whatever D r_0.
    With D log pi - D log pi_0 = 5 the logit is (.1 x 5 - .75 x 2) / .25 = .4 x 5 - 6 = -4."""
    beta, margin = divided(0.1, np.array([[9.0, 2.0]]), (0.25, 0.75), 0)
    assert (beta, margin.tolist()) == (pytest.approx(0.4), [6.0])
    assert beta * 5 - margin[0] == pytest.approx((0.1 * 5 - 0.75 * 2) / 0.25) == pytest.approx(-4.0)


def test_with_all_the_weight_it_is_dpo() -> None:
    beta, margin = divided(0.1, np.array([[9.0, 2.0], [1.0, -1.0]]), (0.0, 1.0), 1)
    assert (beta, margin.tolist()) == (0.1, [0.0, 0.0])


@pytest.mark.parametrize("w", [(1.0, 0.0, 0.0), (0.5, 0.3, 0.2), (0.1, 0.6, 0.3), (0.25, 0.0, 0.75)])
@pytest.mark.parametrize("beta", [0.3, 1.0])
def test_the_optimum_is_that_of_morlhf(w: Weights, beta: float) -> None:
    """pi ~ pi_0 exp(w . r / beta) to 1e-9, whichever objective with a weight is the base: labels as Bradley and Terry
    would give them under r_k, minimised with Newton's method over the logits of a tabular policy."""
    rng = np.random.default_rng(1)
    start, rewards = normalised(rng.normal(size=Y)), rng.normal(size=(3, Y)) / 2
    differences = np.stack([difference(r) for r in rewards], axis=1)
    for k in np.flatnonzero(w):
        sharper, margin = divided(beta, differences, w, int(k))
        found = fitted(start, margin, sharper, differences[:, k])
        assert found == pytest.approx(normalised(start + np.array(w) @ rewards / beta), abs=1e-9)


SDS = (3.0, 3.6)
"""Logits per SD of two rewards, by which the pairs of each are labelled."""


@pytest.mark.parametrize("k", [0, 1])
def test_equal_weights_mean_equal_shares_whatever_the_labels_scale(k: int) -> None:
    """Labels of 3.0 and 3.6 logits per SD, rewards known in SDs: the scales are fitted to 1,000 labels of each pair,
    and w = (.5, .5) is pi_0 exp((.5 x 3.0 z_0 + .5 x 3.6 z_1) / beta), whichever objective is the base: shares of .455
    and .545 in SDs. A margin in SDs would give (1.5, .5), shares (.75, .25), with base 0, and (.5, 1.8), shares (.22,
    .78), with base 1."""
    rng = np.random.default_rng(1)
    start, z = normalised(rng.normal(size=Y)), rng.normal(size=(2, Y))
    z = (z - z.mean(axis=1, keepdims=True)) / z.std(axis=1, keepdims=True)
    differences = np.stack([difference(r) for r in z], axis=1)
    chosen = [np.round(1000 / (1 + np.exp(-s * d))).astype(int) for s, d in zip(SDS, differences.T, strict=True)]
    units = [steepness(np.repeat(d, times)) for d, times in zip(differences.T, chosen, strict=True)]
    assert units == pytest.approx(SDS, abs=0.01)
    sharper, margin = divided(1.0, differences * units, (0.5, 0.5), k)
    found = fitted(start, margin, sharper, SDS[k] * differences[:, k])
    assert found == pytest.approx(normalised(start + 1.5 * z[0] + 1.8 * z[1]), abs=0.02)
    gained = found - start
    shares = np.linalg.lstsq(z.T, gained - gained.mean(), rcond=None)[0]
    assert shares / shares.sum() == pytest.approx([0.4545, 0.5455], abs=2e-3)


def test_the_end_without_base_is_where_the_loss_tends_to() -> None:
    """w_0 = 0 is DPO on the pairs of objective 1: as w_0 falls, the policy trained on objective 0's pairs comes to it,
    log pi by w_0 (r_0 - r_1). With a margin in SDs it would come to pi_0 exp(z_1 / beta), 3.6 times less far."""
    rng = np.random.default_rng(2)
    start, logits = normalised(rng.normal(size=Y)), rng.normal(size=(2, Y)) * [[3.0], [3.6]] / 4
    differences = np.stack([difference(r) for r in logits], axis=1)
    beta, margin = divided(1.0, differences, (0.0, 1.0), 1)
    end = fitted(start, margin, beta, differences[:, 1])
    for w in (0.4, 0.2):
        sharper, margin = divided(1.0, differences, (w, 1 - w), 0)
        near = fitted(start, margin, sharper, differences[:, 0])
        assert near == pytest.approx(normalised(end + w * (logits[0] - logits[1])), abs=1e-8)


# In which units


def test_how_steep_labels_are_by_hand() -> None:
    """Of four pairs a difference of .5 apart three are labelled as the reward says: sigmoid(.5 s) = 3/4, s = 2 log 3 =
    2.197. Of 200 pairs 1 apart 199 would be 5.3 logits, more than labels are taken to have; all, infinitely many. One
    of four right is a reward that contradicts its labels, and two of four say nothing."""
    assert steepness(np.array([0.5, 0.5, 0.5, -0.5])) == pytest.approx(2 * np.log(3))
    assert steepness(np.array([1.0] * 199 + [-1.0])) == STEEPEST == 4.0
    assert steepness(np.array([1.0, 500.0])) == STEEPEST
    assert steepness(np.array([0.5, -0.5, -0.5, -0.5])) == 0.0
    assert steepness(np.array([0.5, -0.5])) == pytest.approx(0.0)


@given(seed=st.integers(0, 2**31), s=st.floats(0.3, 3.0))
@settings(deadline=None, max_examples=20)
def test_how_steep_labels_are_is_found_in_them(seed: int, s: float) -> None:
    """Where 20,000 labels are drawn with s, and the likelihood is nowhere greater than at what is found."""
    rng = np.random.default_rng(seed)
    d = rng.normal(size=20_000)
    d = np.where(rng.random(20_000) < 1 / (1 + np.exp(-s * d)), d, -d)
    found = steepness(d)
    assert found == pytest.approx(s, abs=0.15)
    losses = [np.logaddexp(0, -x * d).mean() for x in (found - 0.01, found, found + 0.01)]
    assert losses[1] == min(losses)


def test_a_rewards_own_logits(tiny: Benchmark, gold_tiny: Benchmark) -> None:
    """ "ah" was trained from pairs: the card's raw SD, and no pair is looked at. As a gold reward it is fitted to its
    pairs. There are none for "oh", labelled by the sign."""

    def unasked(k: int) -> np.ndarray:
        raise AssertionError

    assert logits_per_sd(tiny, 0, unasked) == tiny.card.reward_std[0]
    assert logits_per_sd(tiny, 1, unasked) == STEEPEST
    some = np.array([[0.5, 9.0], [0.5, 9.0], [0.5, 9.0], [-0.5, 9.0]])
    assert logits_per_sd(gold_tiny, 0, lambda k: some) == pytest.approx(2 * np.log(3))


# What each weight's training is given


def test_every_weight_has_its_loss(tiny: Benchmark, tmp_path: Path, calls: dict[str, dict[str, Any]]) -> None:
    """Five policies, all from pi_0. The base is the heavier objective, at seed 0 the second of equals; beta and margin
    by the formula, from the benchmark's rewards in logits: those of oh, which has no pairs, 4 per SD, those of ah by
    the SD of the trained reward. The log repeats that number."""
    run = Run(tmp_path, 0)
    FEW.train(tiny, run)
    base = {"ah": 0, "0.75-0.25": 0, "0.5-0.5": 1, "0.25-0.75": 1, "oh": 1}
    units = (tiny.card.reward_std[0], 4.0)
    assert abs(units[0] - 1) > 0.1
    rows = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert list(calls) == list(base)
    for (name, call), w in zip(calls.items(), tiny.trained_grid, strict=True):
        k = base[name]
        pairs = preferences(tiny, k, 0.5, 0)
        assert call["pairs"] == pairs
        assert np.array_equal(call["reference"], dpo_log_probs(tiny, pairs, "any", Run(tmp_path / f"new {k}", 0)))
        assert call["beta"] == pytest.approx(0.1 / w[k])
        other = reward_differences(tiny, pairs)[:, 1 - k]
        assert call["margin"] == pytest.approx(w[1 - k] / w[k] * units[1 - k] * other)
        told = [{n: x for n, x in row.items() if "logits" in n} for row in rows if row["stage"] == name]
        expected = {} if w[k] == 1 else {f"logits_per_sd_{tiny.names[1 - k]}": units[1 - k]}
        assert told == [expected] * max(2, len(told))
        assert "start" not in call
        assert np.abs(call["margin"]).max() > 0.1 or w[k] == 1


def test_at_a_corner_it_is_dpo(tiny: Benchmark, tmp_path: Path) -> None:
    """w_k = 1, and with it the w_k = 0 end point: bit for bit DPO on the one objective that counts."""
    run, other = Run(tmp_path / "modpo", 0), Run(tmp_path / "dpo", 0)
    FEW.train(replace(tiny, trained_grid=tiny.corners), run)
    for k, name in enumerate(tiny.names):
        pairs = preferences(tiny, k, 0.5, 0)
        reference = dpo_log_probs(tiny, pairs, name, other)
        zero = np.zeros(len(pairs))
        train_dpo(tiny, pairs, FEW, other.stage(name), reference=reference, margin=zero, beta=0.1)
        assert weights_file(run, name) == weights_file(other, name)
    assert weights_file(run, "ah") != weights_file(run, "oh")


def test_one_base_for_all_weights(tiny: Benchmark) -> None:
    """As in the paper; where it has no weight, the heaviest objective takes its place."""
    three = replace(tiny, objectives=(*tiny.objectives, replace(tiny.objectives[1], name="uh")), trained_grid=())
    fixed, free = MODPO(base="ah"), MODPO()
    for w, ks in {
        (0.1, 0.6, 0.3): (0, 1), (0.0, 0.3, 0.7): (2, 2), (0.0, 0.6, 0.4): (1, 1), (0.0, 0.0, 1.0): (2, 2),
        (0.3, 0.1, 0.6): (0, 2),
    }.items():  # fmt: skip
        assert (fixed._base(three, w, 0), free._base(three, w, 0)) == ks


def test_equals_take_turns(tiny: Benchmark) -> None:
    """(i + j + seed) mod 2 of objectives i and j: each of three once at one seed, and the other one at the next seed.
    Of three equals each at one seed of three; thirds and sums of tenths are equal to the last bit or nearly."""
    three = replace(tiny, objectives=(*tiny.objectives, replace(tiny.objectives[1], name="uh")), trained_grid=())
    pairs = [(0.5, 0.5, 0.0), (0.0, 0.5, 0.5), (0.5, 0.0, 0.5)]
    bases = [[MODPO()._base(three, w, seed) for w in pairs] for seed in (0, 1)]
    assert bases == [[1, 2, 0], [0, 1, 2]]
    assert [MODPO()._base(three, (1 / 3, 1 / 3, 1 / 3), seed) for seed in range(3)] == [0, 1, 2]
    assert MODPO()._base(tiny, (0.1 + 0.2, 0.3), 0) == MODPO()._base(tiny, (0.3, 0.1 + 0.2), 0) == 1
    assert [MODPO()._base(tiny, (0.5, 0.5), seed) for seed in range(4)] == [1, 0, 1, 0]
    assert MODPO(base="ah")._base(tiny, (0.5, 0.5), 0) == 0


def test_an_unknown_base_is_refused(tiny: Benchmark, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no objective 'uh'"):
        MODPO(base="uh").train(tiny, Run(tmp_path, 0))
    assert not list(tmp_path.iterdir())


def test_implicit_margins_come_from_dpo_models(
    tiny: Benchmark, tmp_path: Path, calls: dict[str, dict[str, Any]]
) -> None:
    """The corners are trained first, once, and beta (log pi_j - log pi_0) takes the place of r_j."""
    run, method = Run(tmp_path, 0), replace(FEW, margins="implicit")
    pairs = {k: preferences(tiny, k, 0.5, 0) for k in (0, 1)}
    cost = Cost()
    with charged_to(cost):
        method.train(replace(tiny, trained_grid=((0.75, 0.25), (0.0, 1.0))), run)
    assert list(calls) == ["ah", "oh", "0.75-0.25"]
    for name in ("ah", "oh"):
        assert not calls[name]["margin"].any()
    start = dpo_log_probs(tiny, pairs[0], "any", Run(tmp_path / "new", 0))
    teacher = dpo_log_probs(tiny, pairs[0], "any", Run(tmp_path / "new", 0), run.stage("oh"))
    margin = 0.25 / 0.75 * 0.1 * (teacher - start) @ [1, -1]
    assert calls["0.75-0.25"]["margin"] == pytest.approx(margin)
    assert np.abs(margin).max() > 1e-4
    assert cost.reward_calls == 24 * 2 * 2  # to label half of the 48 pairs for oh: two answers each, under both rewards
    assert method.policy(tiny, run, (1.0, 0.0)) is not None


# What it costs


def test_constants_are_computed_once_for_all_weights(
    tiny: Benchmark, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two bases: the starting policy reads the pairs of each once, and so do the rewards, for five weights. A run that
    is trained for more weights later reads what is there."""
    read: list[int] = []
    log_probs = sequence_log_probs

    def counting(policy: Any, sequences: Any, batch: int) -> np.ndarray:
        read.append(len(sequences))
        return log_probs(policy, sequences, batch)

    monkeypatch.setattr(dpo, "sequence_log_probs", counting)
    run = Run(tmp_path, 0)
    FEW.train(tiny, run)
    assert len(read) == 2
    kept = sorted(re.sub(" [0-9a-f]{12}", "", p.stem) for p in (tmp_path / "constants").iterdir())
    assert kept == ["pairs on oh", "rewards on ah", "rewards on oh", "start on ah", "start on oh"]
    more, cost = replace(tiny, trained_grid=(*tiny.trained_grid, (0.6, 0.4))), Cost()
    with charged_to(cost):
        FEW.train(more, run)
    assert run.stage("0.6-0.4").done
    assert len(read) == 2
    assert cost.reward_calls == 0


def test_the_second_weight_costs_less_than_the_first(own_tiny: Benchmark, tmp_path: Path) -> None:
    """Per token of a pair, the first pays 2 operations for the reference, 2 for the trained reward and 6 for training;
    the second, on the same pairs, pays the 6: at most 60 %."""
    shutil.rmtree(root(own_tiny) / "scores")  # answers that were scored before would be free for the first
    run, flops = Run(tmp_path, 0), []
    for grid in (((0.75, 0.25),), ((0.75, 0.25), (0.5, 0.5))):
        cost = Cost()
        with charged_to(cost):
            replace(FEW, base="ah").train(replace(own_tiny, trained_grid=grid), run)
        flops.append(cost.flops)
    assert 0 < flops[1] <= 0.61 * flops[0]


def test_an_interrupted_run_ends_like_a_whole_one(tiny: Benchmark, tmp_path: Path) -> None:
    """Stopped at the second weight and gone on with: the same bits, the first not trained again."""
    grid = replace(tiny, trained_grid=((0.75, 0.25), (0.25, 0.75)))
    whole = Run(tmp_path / "whole", 3)
    FEW.train(grid, whole)

    def stop(stage: str, *_: object) -> None:
        if stage == "0.25-0.75":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        FEW.train(grid, Run(tmp_path / "broken", 3, stop))
    resumed: list[str] = []
    broken = Run(tmp_path / "broken", 3, lambda stage, *_: resumed.append(stage))
    FEW.train(grid, broken)
    assert set(resumed) == {"0.25-0.75"}
    for name in ("0.75-0.25", "0.25-0.75"):
        assert weights_file(whole, name) == weights_file(broken, name)


def test_the_margin_steers(tiny: Benchmark, tmp_path: Path) -> None:
    """On the pairs of ah, the less ah weighs against oh, the less is it preferred."""
    run, method = Run(tmp_path, 0), replace(FEW, epochs=1.0, base="ah")
    method.train(replace(tiny, trained_grid=((1.0, 0.0), (0.5, 0.5))), run)
    pairs = preferences(tiny, 0, 1.0, 0)
    start, alone, torn = (
        (dpo_log_probs(tiny, pairs, "ah", run, run.stage(name) if name else None) @ [1, -1]).mean()
        for name in (None, "ah", "0.5-0.5")
    )
    assert start < alone
    assert torn < alone
