"""Answers that are there already: others' get the scores of a policy's, stored ones those of another evaluator."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from benchmarks.common.errors import BadInput
from benchmarks.measure.evaluation import evaluate
from benchmarks.measure.front import Front
from benchmarks.measure.front_files import FrontRecord, point_file, read_answers, read_front
from benchmarks.measure.rescoring import Given, rescore, score_given
from benchmarks.models.policy import Policy, sequence_log_probs
from benchmarks.prepare.benchmark import Benchmark
from benchmarks.prepare.make import prepare
from benchmarks.rewards.function import FunctionReward
from benchmarks.spec.answers import Answer
from benchmarks.spec.description import Scorer
from benchmarks.spec.signal import SIGNALS, column
from tests.kit.fronts import other_card

GRID = ((1.0, 0.0), (0.0, 1.0))


def measured(benchmark: Benchmark, folder: Path) -> Front:
    """Two points of the starting policy, at different seeds of its own."""
    policy = benchmark.prepared.policy
    return evaluate(
        benchmark, lambda w: policy.steered(lambda prompt: prompt + " ah" * int(4 * w[0])), GRID, folder,
        method="m", steering="prompt", seed=0, cost={"seconds": 1.0}, config={"a": 1},
    )  # fmt: skip


def given(benchmark: Benchmark, folder: Path, *points: Given) -> tuple[Front, dict[str, int]]:
    found = score_given(benchmark, points, folder, method="theirs", steering="given", seed=3)
    return read_front(folder), found


def with_evaluator(benchmark: Benchmark, name: str, *, of: int = 0) -> Benchmark:
    """The benchmark with another function of its gold file as the evaluator of one objective."""
    objectives = list(benchmark.objectives)
    old = objectives[of].evaluator
    assert isinstance(old, FunctionReward)
    place = old.function.rpartition(":")[0]
    objectives[of] = replace(objectives[of], evaluator=FunctionReward(function=f"{place}:{name}"))
    return replace(benchmark, objectives=tuple(objectives))


# Made elsewhere


def test_the_same_answers_have_the_same_scores(tiny: Benchmark, tmp_path: Path) -> None:
    """Answers that a policy gave, handed in as if from elsewhere; unknown is only what is not in a text."""
    ours = measured(tiny, tmp_path / "ours")
    texts = [tuple(a.response for a in read_answers(tmp_path / "ours", k)) for k in range(2)]
    theirs, found = given(
        tiny, tmp_path / "theirs", *(Given(weights=w, responses=t) for w, t in zip(GRID, texts, strict=True))
    )
    for name in ("rewards", "scores", "collapsed"):
        np.testing.assert_array_equal(getattr(theirs, name), getattr(ours, name))
    assert (theirs.weights, theirs.labels, theirs.card) == (GRID, ours.labels, ours.card)
    assert (theirs.method, theirs.seed, theirs.steering) == ("theirs", 3, "given")
    assert (theirs.cost, theirs.config) == ({}, {})
    assert np.isnan(theirs.kl).all()
    assert np.isnan(theirs.ended).all()
    assert theirs.language[0] | {"ended": None, "perplexity": None} == ours.language[0] | {
        "ended": None,
        "perplexity": None,
    }
    assert found == {"cut": 0, "long": 0}


def test_answers_are_read_as_those_of_a_policy(tiny: Benchmark, tmp_path: Path) -> None:
    """Stripped and cut at the stop. 30 words are more than the 8 tokens that policies have: how likely they are is
    unknown."""
    stopping = replace(tiny, sampling=replace(tiny.sampling, stop=("oh oh",)))
    stopping.__dict__["prepared"] = tiny.prepared
    texts = ("  ah ah ", "ah oh oh ah", "ah " * 30, "", *["oh"] * 6)
    _, found = given(stopping, tmp_path, Given(weights=(0.5, 0.5), responses=texts))
    stored = [answer.response for answer in read_answers(tmp_path, 0)]
    assert stored[:4] == ["ah ah", "ah", ("ah " * 30).strip(), ""]
    assert found == {"cut": 1, "long": 1}
    policy, front = tiny.prepared.policy, read_front(tmp_path)
    asked = zip(tiny.prompts("test"), stored, strict=True)
    ids = [policy.encode(Answer(prompt, text))[1][:-1] for prompt, text in asked]
    assert front.tokens[0].tolist() == [len(i) for i in ids]
    prompt = policy.encode_prompt(tiny.prompts("test")[1])
    np.testing.assert_allclose(front.log_prob[0, 1], sequence_log_probs(policy, [(prompt, ids[1])]), rtol=1e-5)
    assert np.flatnonzero(np.isnan(front.log_prob[0])).tolist() == [2]
    assert front.language[0]["perplexity"] is None


def raw_scores(tiny: Benchmark, texts: Sequence[str]) -> dict[str, list[float]]:
    """What the benchmark's own say of answers to its test prompts."""
    return {
        column(signal, o.name): o.source(signal).scorer(tiny, o.name)(tiny.prompts("test"), texts).tolist()
        for signal in SIGNALS
        for o in tiny.objectives
    }


TEXTS = tuple(f"ah {'oh ' * i}".strip() for i in range(10))


def test_scores_that_came_along_are_put_in_units(tiny: Benchmark, tmp_path: Path) -> None:
    """By hand: (raw - mean) / SD; what did not come along, a column or one answer's, the benchmark scores."""
    own, card = raw_scores(tiny, TEXTS), tiny.card
    known = [value + 0.01 * card.reward_std[0] for value in own["reward:ah"]]
    raw = {"reward:ah": (*known[:9], None), "score:oh": tuple(own["score:oh"])}
    front, _ = given(tiny, tmp_path / "some", Given(weights=(0.5, 0.5), responses=TEXTS, raw=raw))
    none, _ = given(tiny, tmp_path / "none", Given(weights=(0.5, 0.5), responses=TEXTS))
    wanted = (np.array(known[:9]) - card.reward_mean[0]) / card.reward_std[0]
    np.testing.assert_allclose(front.rewards[0, :9, 0], wanted)
    np.testing.assert_allclose(front.scores[0, :, 1], (np.arange(10) - card.score_mean[1]) / card.score_std[1])
    assert front.rewards[0, 9, 0] == none.rewards[0, 9, 0]
    np.testing.assert_allclose(front.rewards[0, :9, 0], none.rewards[0, :9, 0] + 0.01)
    np.testing.assert_array_equal(front.rewards[..., 1], none.rewards[..., 1])
    np.testing.assert_array_equal(front.scores[..., 0], none.scores[..., 0])


@pytest.mark.parametrize("role", ["reward:ah", "score:oh"])
@pytest.mark.parametrize(
    ("changed", "off"),
    [(lambda raw, mean, std: (raw - mean) / std, True), (lambda raw, mean, std: raw + 0.05 * std, False),
     (lambda raw, mean, std: -raw, True), (lambda raw, mean, std: raw + 0.2 * std, True)],
)  # fmt: skip
def test_scores_on_another_scale_are_refused(
    role: str, changed: Callable[..., np.ndarray], off: bool, tiny: Benchmark, tmp_path: Path
) -> None:
    """z-scores and costs are; what another precision does to a score is not. Nothing is written."""
    signal, m = ("rewards", 0) if role == "reward:ah" else ("scores", 1)
    numbers = changed(np.array(raw_scores(tiny, TEXTS)[role]), *tiny.card.units(signal)[m])
    point = Given(weights=(0.5, 0.5), responses=TEXTS, raw={role: tuple(numbers.tolist())})
    if not off:
        given(tiny, tmp_path / "front", point)
        return
    with pytest.raises(BadInput, match=f"{role}: the numbers that came along are not those of") as caught:
        given(tiny, tmp_path / "front", point)
    assert "10 answers were scored again" in caught.value.why
    assert not (tmp_path / "front").exists()


def test_of_many_scores_that_came_along_ten_are_made_again(
    tiny: Benchmark, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The gold evaluator of one objective is asked for ten of twenty; all its points have the given numbers."""
    asked: list[int] = []
    evaluator = FunctionReward.scorer

    def counting(reward: FunctionReward, benchmark: Any, name: str) -> Scorer:
        scorer = evaluator(reward, benchmark, name)
        return lambda p, a: asked.append(len(p)) or scorer(p, a)  # type: ignore[func-returns-value]

    raw = raw_scores(tiny, TEXTS)
    del raw["reward:ah"], raw["reward:oh"], raw["score:ah"]
    monkeypatch.setattr(FunctionReward, "scorer", counting)
    monkeypatch.setattr("benchmarks.measure.rescoring._filler", lambda benchmark, own: lambda *told: np.zeros((10, 2)))
    given(tiny, tmp_path / "front", *[Given(weights=w, responses=TEXTS, raw=raw) for w in GRID])
    assert asked == [10]


@pytest.mark.parametrize("answer", ["ah " * 350_000, "<script>\x1b[31m\u202e\x00 ah"], ids=["a megabyte", "hostile"])
def test_any_text_is_scored(answer: str, tiny: Benchmark, tmp_path: Path) -> None:
    given(tiny, tmp_path, Given(weights=(0.5, 0.5), responses=(answer, *["oh"] * 9)))
    assert read_answers(tmp_path, 0)[0].response == answer.strip()


# Scored again


def test_only_what_changed_is_scored_again(own_tiny: Benchmark, tmp_path: Path, tiny_size: None) -> None:
    """The evaluator of the first objective now counts characters; all other numbers, and the old front, stay to the
    bit."""
    old = measured(own_tiny, tmp_path / "old")
    before = {path.name: path.read_bytes() for path in (tmp_path / "old").iterdir()}
    changed = prepare(with_evaluator(own_tiny, "long")).benchmark
    rescore(changed, tmp_path / "old", tmp_path / "new")
    new = read_front(tmp_path / "new")
    assert new.card == changed.card != old.card
    for name in ("rewards", "kl", "tokens", "collapsed"):
        np.testing.assert_array_equal(getattr(new, name), getattr(old, name))
    np.testing.assert_array_equal(new.scores[..., 1], old.scores[..., 1])
    for k in range(2):
        answers = read_answers(tmp_path / "new", k)
        assert answers == read_answers(tmp_path / "old", k)
        lengths = np.array([len(answer.response) for answer in answers])
        expected = (lengths - changed.card.score_mean[0]) / changed.card.score_std[0]
        np.testing.assert_allclose(new.scores[k, :, 0], expected)
    facts = ("method", "seed", "steering", "weights", "labels", "cost", "config")
    assert [getattr(new, fact) for fact in facts] == [getattr(old, fact) for fact in facts]
    assert {path.name: path.read_bytes() for path in (tmp_path / "old").iterdir()} == before


def test_a_front_scored_again_is_one_measured_anew(own_tiny: Benchmark, tmp_path: Path, tiny_size: None) -> None:
    """The same policy under the new evaluator, once from stored answers and once from scratch."""
    measured(own_tiny, tmp_path / "old")
    changed = prepare(with_evaluator(own_tiny, "long", of=1)).benchmark
    rescore(changed, tmp_path / "old", tmp_path / "new")
    anew = measured(changed, tmp_path / "anew")
    for k in range(2):
        one, other = (pq.read_table(point_file(tmp_path / name, k)) for name in ("new", "anew"))
        assert one.equals(other, check_metadata=True)
    assert (tmp_path / "new" / "front.json").read_bytes() == (tmp_path / "anew" / "front.json").read_bytes()
    assert read_front(tmp_path / "new").card == anew.card


def test_nothing_is_generated(
    own_tiny: Benchmark, tmp_path: Path, tiny_size: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even for the new scale card: what the starting policy answered is kept with the old one."""
    measured(own_tiny, tmp_path / "old")
    for name in ("sample", "generate"):
        monkeypatch.setattr(Policy, name, lambda *_, **__: pytest.fail("something was generated"))
    changed = prepare(with_evaluator(own_tiny, "long")).benchmark
    rescore(changed, tmp_path / "old", tmp_path / "new")
    assert changed.card.reward_mean == own_tiny.card.reward_mean


def test_scores_that_stay_follow_the_units(tiny: Benchmark, tmp_path: Path) -> None:
    """A card under which the same reward has mean 1 and SD 2 where it had 0 and 1: a score of 3 becomes 1."""
    measured(tiny, tmp_path / "old")
    moved = other_card(tiny.card, reward_mean=(0.0, 0.0), reward_std=(1.0, 1.0), version="0")
    for k, point in enumerate(read_front(tmp_path / "old", texts=True).points):
        replace(point, rewards=np.full((10, 2), 3.0)).write(point_file(tmp_path / "old", k), moved)
    facts = {"method": "m", "seed": 0, "steering": "prompt", "cost": {}, "config": {}}
    FrontRecord(weights=GRID, card=moved, **facts).complete(tmp_path / "old")
    units = other_card(tiny.card, reward_mean=(1.0, 1.0), reward_std=(2.0, 2.0))
    benchmark = replace(tiny)
    benchmark.__dict__["prepared"] = replace(tiny.prepared, card=units)
    rescore(benchmark, tmp_path / "old", tmp_path / "new")
    assert set(read_front(tmp_path / "new").rewards.ravel()) == {1.0}


def test_a_damaged_front_is_not_scored_again(tiny: Benchmark, tmp_path: Path) -> None:
    measured(tiny, tmp_path / "old")
    path = tmp_path / "old" / "w-001.parquet"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(BadInput, match=r"w-001\.parquet"):
        rescore(tiny, tmp_path / "old", tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_training_does_not_depend_on_evaluators(tiny: Benchmark) -> None:
    """Nor on the version, nor on how many prompts it is measured on; on all else in the identity it does."""
    same = [with_evaluator(tiny, "long"), replace(tiny, version="2")]
    fewer = replace(tiny, eval_prompts=9)
    assert {b.training_identity for b in same} == {tiny.training_identity}
    assert len({tiny.identity, *(b.identity for b in same)}) == 3
    gold = replace(tiny.objectives[0], reward=tiny.objectives[0].evaluator)
    others = [
        replace(tiny, seed=1),
        replace(tiny, policy="scratch:1m"),
        replace(tiny, sampling=replace(tiny.sampling, temperature=0.5)),
        replace(tiny, objectives=(gold, tiny.objectives[1])),
        replace(tiny, objectives=(replace(tiny.objectives[0], name="eh"), tiny.objectives[1])),
        replace(tiny, name="whispers"),
    ]
    assert len({tiny.training_identity, *(b.training_identity for b in others)}) == 7
    assert fewer.training_identity == tiny.training_identity
    assert fewer.measuring_identity != tiny.measuring_identity
