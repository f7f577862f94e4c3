"""SPO: its closed form on policies that are tables, what it reduces to, and what its rounds are given."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.common.errors import BadInput
from benchmarks.common.ledger import Cost, charged_to
from benchmarks.measure.evaluation import evaluate
from benchmarks.models.policy import sequence_log_probs
from benchmarks.prepare.benchmark import Benchmark
from benchmarks.spec.answers import PreferencePair
from benchmarks.spec.grid import simplex_grid
from methods.contract.run import Run, Stage
from methods.engines import dpo
from methods.engines.dpo import log_probs as dpo_log_probs
from methods.engines.dpo import shifted as dpo_shifted
from methods.engines.dpo import train_dpo
from methods.engines.pairs import labels_sd, preferences, reward_differences
from methods.spo import SPO, Setting, implicit_rewards, implied_weights

RNG = np.random.default_rng(0)
Y = 6
"""Answers of a tabular policy to its only prompt."""
PAIRS = np.array(list(permutations(range(Y), 2)))
"""All ordered pairs (chosen, rejected)."""


def normalised(logits: np.ndarray) -> np.ndarray:
    return logits - np.log(np.exp(logits).sum())


def difference(values: np.ndarray) -> np.ndarray:
    """f(chosen) - f(rejected) on all pairs."""
    return values[PAIRS[:, 0]] - values[PAIRS[:, 1]]


def fitted(reference: np.ndarray, margin: np.ndarray, beta: float, reward: np.ndarray) -> np.ndarray:
    """Log-probabilities that minimise the engine's loss over all pairs, labelled as Bradley and Terry would under
    `reward`.

    Newton's method on the logits of a tabular policy, from the reference on.
    """
    shifted = dpo_shifted(reference[PAIRS], margin, beta)
    share = 1 / (1 + np.exp(-difference(reward)))
    incidence = np.eye(Y)[PAIRS[:, 0]] - np.eye(Y)[PAIRS[:, 1]]
    logits = reference.copy()
    for _ in range(60):
        wrong = 1 / (1 + np.exp(beta * (difference(logits) - (shifted[:, 0] - shifted[:, 1]))))
        gradient = -beta * incidence.T @ (share * wrong)
        hessian = beta**2 * (incidence.T * (share * wrong * (1 - wrong))) @ incidence
        logits -= np.linalg.lstsq(hessian, gradient, rcond=1e-12)[0]
    assert np.abs(gradient).max() < 1e-12
    return normalised(logits)


# Tables


@pytest.mark.parametrize("alpha", [0.0, 0.1, 0.5, 1.0])
@pytest.mark.parametrize("beta", [0.3, 1.0])
def test_each_round_reaches_the_closed_form(alpha: float, beta: float) -> None:
    """pi_m ~ pi_{m-1} exp((R_m + alpha sum_{i<m} R^_i) / beta) to 1e-9 for three rounds, and R^_m is R_m up to a
    constant."""
    policies, rewards = [normalised(RNG.normal(size=Y))], RNG.normal(size=(3, Y)) / 2
    for reward in rewards:
        found = implicit_rewards(policies, beta, alpha)
        kept = alpha * sum(found, np.zeros(Y))
        margin = alpha * sum(implicit_rewards([difference(p) for p in policies], beta, alpha), np.zeros(len(PAIRS)))
        policies.append(fitted(policies[-1], margin, beta, reward))
        assert policies[-1] == pytest.approx(normalised(policies[-2] + (reward + kept) / beta), abs=1e-9)
    for found_one, reward in zip(implicit_rewards(policies, beta, alpha), rewards, strict=True):
        assert difference(found_one) == pytest.approx(difference(reward), abs=1e-9)
    order = Setting((2, 0, 1), alpha)
    w = np.array(implied_weights(order, 3))
    total = 3 + 3 * alpha
    by_objective = np.stack([rewards[1], rewards[2], rewards[0]])  # objective 2 came first, then 0, then 1
    assert policies[-1] == pytest.approx(normalised(policies[0] + total * w @ by_objective / beta), abs=1e-9)


def test_two_rounds_are_dpo_against_a_virtual_reference() -> None:
    """log ref = ((beta + alpha beta) log pi_1 - alpha beta log pi_0) / beta: the same loss for any policy, the same
    optimum."""
    beta, alpha = 0.4, 0.5
    start, first, any_policy = (normalised(RNG.normal(size=Y)) for _ in range(3))
    margin = alpha * implicit_rewards([difference(start), difference(first)], beta, alpha)[0]
    virtual = ((beta + alpha * beta) * first - alpha * beta * start) / beta
    logits = beta * difference(any_policy - first) - margin
    assert logits == pytest.approx(beta * difference(any_policy - virtual), abs=1e-12)
    reward = RNG.normal(size=Y) / 2
    plain = fitted(normalised(virtual), np.zeros(len(PAIRS)), beta, reward)
    assert fitted(first, margin, beta, reward) == pytest.approx(plain, abs=1e-9)


def test_implicit_rewards_by_hand() -> None:
    """beta .5, alpha .2; D log pi_0, pi_1, pi_2 = 0, 2, 1. R^_1 = .5 x 2 = 1; R^_2 = .5 x (1 - 2) - .2 x 1 = -.7."""
    one, two = implicit_rewards([np.array([0.0]), np.array([2.0]), np.array([1.0])], 0.5, 0.2)
    assert (one.tolist(), two.tolist()) == ([1.0], pytest.approx([-0.7]))
    assert implicit_rewards([np.array([3.0])], 0.5, 0.2) == []


def test_implied_weights_by_hand() -> None:
    """alpha .5, three rounds: 1 + .5 x 2, 1 + .5 x 1, 1 = 2, 1.5, 1 of 4.5, given to the objectives in their order."""
    assert implied_weights(Setting((1, 2, 0), 0.5), 3) == pytest.approx((1 / 4.5, 2 / 4.5, 1.5 / 4.5))
    assert implied_weights(Setting((1,), 0.0), 3) == (0.0, 1.0, 0.0)
    assert implied_weights(Setting((0, 1), 0.0), 2) == (0.5, 0.5)


# Settings


def test_settings_are_points(tiny: Benchmark) -> None:
    """Both first rounds, and the second ones: (1 + alpha, 1) / (2 + alpha). Sequential DPO stands there once."""
    method = SPO(alphas=(0.0, 1.0))
    assert method.points(tiny) == ((1.0, 0.0), (2 / 3, 1 / 3), (0.5, 0.5), (1 / 3, 2 / 3), (0.0, 1.0))
    assert method.labels(tiny) == ("ah", "ah > oh, alpha 1", "ah > oh, alpha 0", "oh > ah, alpha 1", "oh")


@pytest.mark.parametrize("alphas", [(), (0.5, -0.1)])
def test_impossible_alphas_are_refused(alphas: tuple[float, ...]) -> None:
    with pytest.raises((ValueError, BadInput), match="alphas"):
        SPO(alphas=alphas)


def test_three_objectives_come_first_once_each(tiny: Benchmark) -> None:
    """Rounds of 1, 2, 3, 1, 2, 3, ...: three first, three second and three third rounds."""
    three = replace(tiny, objectives=(*tiny.objectives, replace(tiny.objectives[1], name="uh")), trained_grid=())
    method = SPO(alphas=(0.5,))
    labels = method.labels(three)
    assert len(labels) == len(set(method.points(three))) == 9
    assert {"ah", "oh", "uh"} < set(labels)
    assert {"ah > oh > uh, alpha 0.5", "oh > uh, alpha 0.5", "uh > ah > oh, alpha 0.5"} <= set(labels)
    assert np.array(method.points(three)).sum(axis=1) == pytest.approx(np.ones(9))


# Rounds


@dataclass
class Call:
    """What the engine was asked for."""

    pairs: list[PreferencePair]
    stage: Stage
    reference: np.ndarray
    margin: np.ndarray
    beta: float
    start: Stage | None


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[Call]:
    """Every training is recorded, and happens."""
    made: list[Call] = []
    train = train_dpo

    def spy(benchmark: Benchmark, pairs: list[PreferencePair], settings: Any, stage: Stage, **more: Any) -> None:
        made.append(Call(pairs, stage, more["reference"], more["margin"], more["beta"], more["start"]))
        train(benchmark, pairs, settings, stage, **more)

    monkeypatch.setattr("methods.engines.dpo.train_dpo", spy)
    return made


def weights_file(stage: Stage) -> bytes:
    return (stage.folder / "model.safetensors").read_bytes()


def test_every_round_is_trained_once_on_the_pairs_of_its_objective(
    tiny: Benchmark, tmp_path: Path, calls: list[Call], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two first rounds serve three second ones, and each policy's log-probabilities on each objective's pairs are
    computed once: the start and the round before it on both."""
    computed: list[int] = []
    log_probs = sequence_log_probs

    def counting(policy: Any, sequences: Any, batch: int) -> np.ndarray:
        computed.append(len(sequences))
        return log_probs(policy, sequences, batch)

    monkeypatch.setattr(dpo, "sequence_log_probs", counting)
    run, method = Run(tmp_path, 0), SPO(alphas=(0.0, 0.5), batch=8)
    method.train(tiny, run)
    starts = {call.stage.name: call.start.name if call.start else None for call in calls}
    assert starts == {"ah": None, "oh": None, "ah-oh-0": "ah", "ah-oh-0.5": "ah", "oh-ah-0.5": "oh"}
    assert len(calls) == 5
    assert len(computed) == 4
    for call in calls:
        last = call.stage.name.split("-")[1 if "-" in call.stage.name else 0]
        assert call.pairs == preferences(tiny, tiny.names.index(last), method.epochs, 0)
        assert call.beta == 0.1
    method.train(tiny, run)
    assert (len(calls), len(computed)) == (5, 4)


def test_rounds_are_given_what_the_formula_says(tiny: Benchmark, tmp_path: Path, calls: list[Call]) -> None:
    """Round 2: reference log pi_1 and margin alpha beta (D log pi_1 - D log pi_0), from the policies themselves."""
    method, run = SPO(alphas=(0.5,), batch=8, epochs=0.5), Run(tmp_path, 0)
    method.train(tiny, run)
    assert [call.start is None for call in calls] == [True, False, True, False]
    for call in calls:
        fresh = Run(tmp_path / "again", 0)
        before = dpo_log_probs(tiny, call.pairs, call.stage.name, fresh)
        if call.start is None:
            assert np.array_equal(call.reference, before)
            assert not call.margin.any()
        else:
            after = dpo_log_probs(tiny, call.pairs, call.stage.name, fresh, call.start)
            assert np.array_equal(call.reference, after)
            assert call.margin == pytest.approx(0.5 * 0.1 * (after - before) @ [1, -1])
            assert np.abs(call.margin).max() > 1e-3


def test_later_rounds_say_how_much_alpha_acts(tiny: Benchmark, tmp_path: Path) -> None:
    """SD of alpha D R^ beside that of the labels, over the pairs of the round: of oh, without pairs of its own, 4
    logits per SD; of ah, a trained reward, its raw differences. First rounds keep nothing, and nobody is charged."""
    method, run, cost = SPO(alphas=(0.5,), batch=8, epochs=0.5), Run(tmp_path, 0), Cost()
    method.train(tiny, run)
    rows = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    for k, (first, second) in enumerate((("oh", "ah"), ("ah", "oh"))):
        pairs = preferences(tiny, k, 0.5, 0)
        log_pi, log_pi_0 = (dpo_log_probs(tiny, pairs, second, run, of) for of in (run.stage(first), None))
        kept = 0.5 * 0.1 * (log_pi - log_pi_0) @ [1, -1]
        labels = reward_differences(tiny, pairs)[:, k] * (tiny.card.reward_std[0], 4.0)[k]
        told = [row for row in rows if row["stage"] == f"{first}-{second}-0.5"]
        assert [row["kept_sd"] for row in told] == pytest.approx([kept.std()] * len(told))
        assert [row["labels_sd"] for row in told] == pytest.approx([labels.std()] * len(told))
        assert told
        assert kept.std() > 1e-3
    assert not any("kept_sd" in row for row in rows if row["stage"] in ("ah", "oh"))
    with charged_to(cost):
        labels_sd(tiny, 1, [PreferencePair("Call 99: ", "ah oh", "oh")])
    assert cost == Cost()


def test_default_settings_have_the_weights_of_the_trained_grid(tiny: Benchmark) -> None:
    """alpha = 2 implies (1 + 2, 1) / 4, and with alpha = 0 and both ends all five weights are there."""
    assert SPO().points(tiny) == tuple(sorted(simplex_grid(2, 4), reverse=True))


def test_alpha_zero_is_sequential_dpo_and_one_round_is_dpo(tiny: Benchmark, tmp_path: Path) -> None:
    """Bit for bit: DPO on ah, then DPO on oh from there against it."""
    method, run, other = SPO(alphas=(0.0,), batch=8, epochs=0.5), Run(tmp_path / "spo", 0), Run(tmp_path / "dpo", 0)
    method.train(tiny, run)
    previous = None
    for k, stage in enumerate((other.stage("one"), other.stage("two"))):
        pairs = preferences(tiny, k, 0.5, 0)
        reference = dpo_log_probs(tiny, pairs, tiny.names[k], other, previous)
        train_dpo(
            tiny, pairs, method, stage,
            reference=reference, margin=np.zeros(len(pairs)), beta=0.1, start=previous,
        )  # fmt: skip
        previous = stage
    assert weights_file(run.stage("ah")) == weights_file(other.stage("one"))
    assert weights_file(run.stage("ah-oh-0")) == weights_file(other.stage("two"))
    assert weights_file(run.stage("ah")) != weights_file(run.stage("ah-oh-0"))


def test_the_first_objective_is_kept_the_better_the_greater_alpha(tiny: Benchmark, tmp_path: Path) -> None:
    """ah and oh compete. After the round on oh, the implicit reward of ah is lower than before, less so under alpha.
    Three passes: after one, how the pairs happen to be ordered matters as much."""
    method, run = SPO(alphas=(0.0, 2.0), batch=8, epochs=3.0), Run(tmp_path, 0)
    method.train(tiny, run)
    pairs = preferences(tiny, 0, 1.0, 0)
    start, first, forgot, kept = (
        (dpo_log_probs(tiny, pairs, "ah", run, run.stage(name) if name else None) @ [1, -1]).mean()
        for name in (None, "ah", "ah-oh-0", "ah-oh-2")
    )
    assert start < first
    assert forgot < kept
    assert forgot < first


def test_lora_rounds_go_on_with_the_adapter(tiny: Benchmark, tmp_path: Path) -> None:
    """The second round's adapter alone, on the starting policy, is its policy: the first round is in it."""
    method, run = SPO(alphas=(0.5,), batch=8, epochs=0.5, lora_rank=2), Run(tmp_path, 0)
    method.train(tiny, run)
    folder = run.stage("ah-oh-0.5").folder
    assert sorted(p.name for p in folder.rglob("*.safetensors")) == ["adapter_model.safetensors"]
    one, two = (method.policy(tiny, run, w).model.state_dict() for w in ((1.0, 0.0), (0.6, 0.4)))
    start = tiny.prepared.policy.model.state_dict()
    name = "model.layers.0.mlp.up_proj.weight"
    assert len({str(state[name].sum()) for state in (one, two, start)}) == 3


def test_an_interrupted_run_ends_like_a_whole_one(tiny: Benchmark, tmp_path: Path) -> None:
    """Stopped in a second round and gone on with: the same bits, no round trained again."""
    method = SPO(alphas=(0.5,), batch=8, epochs=0.5)
    whole = Run(tmp_path / "whole", 3)
    method.train(tiny, whole)

    def stop(stage: str, *_: object) -> None:
        if stage == "ah-oh-0.5":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        method.train(tiny, Run(tmp_path / "broken", 3, stop))
    resumed: list[str] = []
    broken, cost = Run(tmp_path / "broken", 3, lambda stage, *_: resumed.append(stage)), Cost()
    with charged_to(cost):
        method.train(tiny, broken)
    assert "ah" not in resumed
    for name in ("ah", "oh", "ah-oh-0.5", "oh-ah-0.5"):
        assert weights_file(whole.stage(name)) == weights_file(broken.stage(name))


def test_a_front_is_labelled_by_settings(tiny: Benchmark, tmp_path: Path) -> None:
    """The points bear their order and alpha, and each is measured on its own policy, a second round against pi_0 as
    well: its KL is not the one to the round before."""
    method, run = SPO(alphas=(0.0,), batch=8, epochs=1.0), Run(tmp_path, 0)
    method.train(tiny, run)
    front = evaluate(
        tiny, lambda w: method.policy(tiny, run, w), method.points(tiny), tmp_path / "front",
        method="m", steering=method.steering, seed=0, cost={}, config={}, labels=method.labels(tiny),
    )  # fmt: skip
    assert front.labels == ("ah", "ah > oh, alpha 0", "oh")
    assert len({tuple(kl) for kl in front.kl.tolist()}) == 3
    second, prompts = method.policy(tiny, run, (0.5, 0.5)), tiny.prompts("test")
    ids = second.sample(prompts, tiny.sampling, 0)
    assert front.kl[1] == pytest.approx(second.divergence(tiny.prepared.policy, prompts, ids).kl)
    after_one = method.policy(tiny, run, (1.0, 0.0))
    assert abs(front.kl[1].mean() - second.divergence(after_one, prompts, ids).kl.mean()) > 0.01
