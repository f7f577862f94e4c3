"""ParetoHqD: which answers suit a preference, and that exactly these are imitated."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from benchmarks.common.errors import BadInput
from benchmarks.models.policy import Policy
from benchmarks.prepare.benchmark import Benchmark
from benchmarks.spec.answers import Answer
from benchmarks.spec.grid import Weights
from methods.contract.run import Run
from methods.engines.selection import nearest_answers, pareto_layers
from methods.paretohqd import ParetoHqD
from tests.kit.runs import spied

SMALL = {"answers": 8, "steps": 4, "batch": 4}
GRID = ((1.0, 0.0), (0.25, 0.75), (0.0, 1.0))


def clouds(M: int) -> st.SearchStrategy[np.ndarray]:
    """2 to 30 points (N, M) in a box, each objective taking at least two values."""
    rows = st.lists(st.lists(st.floats(-3, 3, width=32), min_size=M, max_size=M), min_size=2, max_size=30)
    return rows.map(np.array).filter(lambda points: bool((np.ptp(points, axis=0) > 1e-2).all()))


def simplex(M: int) -> st.SearchStrategy[Weights]:
    parts = st.lists(st.integers(0, 20), min_size=M, max_size=M).filter(any)
    return parts.map(lambda numbers: tuple(n / sum(numbers) for n in numbers))


# Which answers suit a preference


def everything(rewards: np.ndarray) -> np.ndarray:
    """To select from all that is scored."""
    return np.arange(len(rewards))


def test_distances_by_hand() -> None:
    """Extremes 0 and 1 in both, the ideal is (1, 1). For w = (1/2, 1/2) the ray is the diagonal: (.7, .7) lies on it,
    (.9, .6) .3 / sqrt(2) = .21 from it, (1, 0) and (0, 1) 1 / sqrt(2). For w = (1, 0) the ray goes straight down at r_1
    = 1: distances 0, .1, .3 and 1. For w = (3/4, 1/4) it goes through (3/4, 1/4), normal (3, -1) / sqrt(10): (1, 0) is
    1 / sqrt(10) = .316 away, (.9, .6) |-.3 + .4| / sqrt(10) = .03, (.7, .7) |-.9 + .3| / sqrt(10) = .19, (0, 1) 3 /
    sqrt(10) = .95."""
    scores = np.array([[1.0, 0.0], [0.0, 1.0], [0.7, 0.7], [0.9, 0.6]])
    assert nearest_answers(scores, everything(scores), (0.5, 0.5), 4).tolist() == [2, 3, 0, 1]
    assert nearest_answers(scores, everything(scores), (1.0, 0.0), 4).tolist() == [0, 3, 2, 1]
    assert nearest_answers(scores, everything(scores), (0.75, 0.25), 4).tolist() == [3, 2, 0, 1]
    assert nearest_answers(scores, everything(scores), (0.75, 0.25), 2).tolist() == [3, 2]


def test_units_are_those_of_all_that_is_scored() -> None:
    """The front is (1, .2), (.8, .8), (.5, 1), and (-1, -2) is scored too: r_max = (1, 1), ranges 2 and 3. In these
    units the front lies (0, .8/3), (.1, .2/3), (.25, 0) below r_max; for w = (1/2, 1/2) that is .189, .024 and .177
    from the diagonal: the last is nearer than the first. In units of the front's own ranges, .5 and .8, it would lie
    (0, 1), (.4, .25), (1, 0) below, and both would be .707 away."""
    scores = np.array([[1.0, 0.2], [0.8, 0.8], [0.5, 1.0], [-1.0, -2.0]])
    front = pareto_layers(scores, 1)
    assert sorted(front.tolist()) == [0, 1, 2]
    assert nearest_answers(scores, front, (0.5, 0.5), 3).tolist() == [1, 2, 0]
    assert nearest_answers(scores, front, (0.5, 0.5), 2).tolist() == [1, 2]


@given(w1=st.floats(0.05, 0.95), low=st.floats(-5, 0), ranges=st.tuples(st.floats(0.5, 4), st.floats(0.5, 4)))
@settings(deadline=None)
def test_the_direction_has_the_ratio_of_the_weights(w1: float, low: float, ranges: tuple[float, float]) -> None:
    """W = r_min + w (r_max - r_min), r_min of all that is scored, no part of the front: of answers on the ray from
    r_max through W and ones beside it, the former are nearest, and (r_max_1 - W_1) / (r_max_2 - W_2) = w_2 / w_1 in
    units of the range."""
    w, width = np.array([w1, 1 - w1]), np.array(ranges)
    r_min = np.array([low, low])
    r_max, W = r_min + width, r_min + w * width
    below = (r_max - W) / width
    assert below[0] / below[1] == pytest.approx(w[1] / w[0])
    on_ray = [r_max + t * (W - r_max) for t in (0.2, 0.5, 0.8)]
    beside = [r_max - width * [0.0, 0.5], r_max - width * [0.5, 0.0], r_max - width * [0.6, 0.02]]
    scores = np.array([*beside, *on_ray, r_min])
    assume(all(abs(w @ ((r_max - b) / width * [1, -1])) > 1e-6 for b in beside))
    assert sorted(nearest_answers(scores, np.arange(6), (w1, 1 - w1), 3)) == [3, 4, 5]


@given(M=st.integers(1, 4), data=st.data())
@settings(deadline=None)
def test_distances_by_brute_force(M: int, data: st.DataObject) -> None:
    """The distance to the ray is the least over many points of it, found point by point; ours are in that order."""
    scores, w = data.draw(clouds(M)), data.draw(simplex(M))
    low, high = scores.min(axis=0), scores.max(axis=0)
    target = low + np.array(w) * (high - low)
    steps = np.linspace(0, 2 * math.sqrt(M), 4001)[:, None]
    length = np.linalg.norm((target - high) / (high - low))
    ray = steps * ((target - high) / (high - low)) / (length if length > 0 else 1)
    away = [np.linalg.norm((point - high) / (high - low) - ray, axis=1).min() for point in scores]
    chosen = nearest_answers(scores, everything(scores), w, len(scores))
    assert sorted(chosen) == list(range(len(scores)))
    assert (np.diff(np.array(away)[chosen]) > -2e-3).all()


@given(scores=clouds(2), steps=st.lists(st.floats(0.05, 0.9), min_size=1, max_size=5), w=simplex(2))
@settings(deadline=None)
def test_what_lies_on_the_ray_has_the_ratio_of_the_weights(scores: np.ndarray, steps: list[float], w: Weights) -> None:
    """For two objectives (r_max_1 - r_1) / (r_max_2 - r_2) = w_2 / w_1, in units of the range: such answers come
    first."""
    assume(min(w) > 0)
    low, high = scores.min(axis=0), scores.max(axis=0)
    on_ray = np.array([high - step * np.array([w[1], w[0]]) * (high - low) for step in steps])
    below = (high - scores) / (high - low)
    assume((abs(below[:, 0] * w[0] - below[:, 1] * w[1]) > 1e-3).all())
    together = np.concatenate([scores, on_ray])
    chosen = nearest_answers(together, everything(together), w, len(steps))
    assert sorted(chosen) == list(range(len(scores), len(scores) + len(steps)))


@given(scores=clouds(2), objective=st.integers(0, 1))
@settings(deadline=None)
def test_one_objective_alone_selects_its_highest_rewards(scores: np.ndarray, objective: int) -> None:
    """w = e_i: no answer left out has a higher r_i than one selected."""
    w = (1.0, 0.0) if objective == 0 else (0.0, 1.0)
    chosen = nearest_answers(scores, everything(scores), w, 3)
    rest = np.delete(scores, chosen, axis=0)
    assert rest[:, objective].max(initial=-np.inf) <= scores[chosen, objective].min() + 1e-6


@given(M=st.integers(1, 3), data=st.data())
@settings(deadline=None)
def test_units_do_not_matter(M: int, data: st.DataObject) -> None:
    """Doubled and shifted rewards, by powers of two exactly: the same selection."""
    scores, w = data.draw(clouds(M)), data.draw(simplex(M))
    all_of, doubled = everything(scores), scores * 2.0 ** np.arange(M)
    assert nearest_answers(doubled, all_of, w, 5).tolist() == nearest_answers(scores, all_of, w, 5).tolist()


def test_an_objective_that_does_not_vary_does_not_matter() -> None:
    scores = np.array([[0.0, 5.0], [2.0, 5.0], [1.0, 5.0]])
    assert nearest_answers(scores, everything(scores), (1.0, 0.0), 3).tolist() == [1, 2, 0]


def test_rewards_are_not_rounded() -> None:
    """The public code rounds to one decimal first, and then cannot tell .74 from .65."""
    scores = np.array([[0.65, 0.74], [0.74, 0.65], [0.64, 0.64]])
    assert pareto_layers(scores, 1).tolist() == [0, 1]
    assert nearest_answers(scores, everything(scores), (1.0, 0.0), 1).tolist() == [1]


# What is imitated


def suits(benchmark: Benchmark, answers: Sequence[Answer], w: Weights, count: int, pool: int) -> list[Answer]:
    """Slowly: layers by the definition of dominance until they hold enough, then the nearest."""
    distinct = list(dict.fromkeys(answers))
    enough = min(pool * count, max(2 * count, len(distinct) // 20))
    scores = benchmark.rewards([a.prompt for a in distinct], [a.response for a in distinct])
    rest, front = list(range(len(distinct))), list[int]()
    while rest and len(front) < enough:
        layer = [
            i for i in rest if not any((scores[j] >= scores[i]).all() and (scores[j] > scores[i]).any() for j in rest)
        ]
        front += layer
        rest = [i for i in rest if i not in layer]
    return [distinct[i] for i in nearest_answers(scores, np.array(front), w, count)]


def test_two_stages_per_weight(tiny: Benchmark, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """First stages for the grid and for the representatives e_1, e_2 and (1/2, 1/2), which is not on it; second stages
    for the grid, each from its own first stage, on answers of the representatives to training prompts."""
    calls, asked, made = spied(monkeypatch), list[set[str]](), list[Answer]()
    finish = Policy.finish

    def listen(self: Policy, prompts: Sequence[str], *given: Any) -> list[Answer]:
        asked.append(set(prompts))
        made.extend(answers := finish(self, prompts, *given))
        return answers

    monkeypatch.setattr(Policy, "finish", listen)
    few, run, method = replace(tiny, trained_grid=GRID), Run(tmp_path, 0), ParetoHqD(**SMALL, pool=3, prompts=20)
    method.train(few, run)
    first = {"first-ah": GRID[0], "first-0.25-0.75": GRID[1], "first-oh": GRID[2], "first-0.5-0.5": (0.5, 0.5)}
    second = {name.replace("first", "second"): w for name, w in first.items() if w in GRID}
    assert [name for name, _, _ in calls] == [*first, *second]
    assert len(asked) == 3
    assert asked[0] == asked[1] == asked[2] < set(tiny.prompts("train"))
    assert len(asked[0]) == 20
    assert {a.prompt for a in made} <= asked[0]
    for name, answers, told in calls:
        if name in first:
            assert answers == suits(tiny, tiny.responses(), first[name], 8, 3)
            assert told["start"] is None
        else:
            assert answers == suits(tiny, made, second[name], 4, 3)
            assert told["start"].folder == run.stage(name.replace("second", "first")).folder
        assert told["epochs"] * len(answers) / told["batch"] == 4


def test_small_policies_are_treated_gently(tiny: Benchmark, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four passes over the answers, at a rate for whole models; adapters get a higher one."""
    calls = spied(monkeypatch)
    few = replace(tiny, trained_grid=GRID[:1])
    ParetoHqD(answers=12, batch=4, prompts=20).train(few, Run(tmp_path / "whole", 0))
    assert [(told["epochs"], told["learning_rate"]) for _, _, told in calls] == [(4.0, 1e-5)] * len(calls)
    calls.clear()
    ParetoHqD(answers=12, batch=4, prompts=20, lora_rank=2, steps=1).train(few, Run(tmp_path / "adapters", 0))
    assert {told["learning_rate"] for _, _, told in calls} == {1.414e-4}


def test_an_interrupted_run_ends_like_a_whole_one(tiny: Benchmark, tmp_path: Path) -> None:
    """Stopped in the last second stage and gone on with: the same parameters; what was done is not done again."""
    few, method = replace(tiny, trained_grid=GRID[1:]), ParetoHqD(**SMALL, prompts=20)
    method.train(few, Run(tmp_path / "whole", 3))

    def stop(stage: str, *_: object) -> None:
        if stage == "second-oh":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        method.train(few, Run(tmp_path / "broken", 3, stop))
    resumed: list[str] = []
    method.train(few, Run(tmp_path / "broken", 3, lambda stage, *_: resumed.append(stage)))
    assert set(resumed) == {"second-oh"}
    last = Path("policy/second-oh/model.safetensors")
    assert (tmp_path / "whole" / last).read_bytes() == (tmp_path / "broken" / last).read_bytes()


def test_answers_that_do_not_end(tiny: Benchmark, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where those of one first stage do not, the others' are imitated; where none does, ParetoHqD says what it
    needs."""
    few, method = replace(tiny, trained_grid=GRID[:1]), ParetoHqD(**SMALL, prompts=20)
    calls, finish, asked = spied(monkeypatch), Policy.finish, list[int]()

    def one_is_mute(self: Policy, *given: Any) -> list[Answer]:
        asked.append(len(asked))
        return finish(self, *given) if len(asked) > 1 else []

    monkeypatch.setattr(Policy, "finish", one_is_mute)
    method.train(few, Run(tmp_path / "one", 0))
    assert len(asked) == 3
    assert calls[-1][0] == "second-ah"
    assert calls[-1][1]
    monkeypatch.setattr(Policy, "finish", finish)
    monkeypatch.setattr(Policy, "ended", lambda *_: False)
    with pytest.raises(
        BadInput, match="second stages of ParetoHqD have nothing to imitate: none of 60 answers"
    ) as told:
        method.train(few, Run(tmp_path / "none", 0))
    assert told.value.fix.startswith("-c sampling.max_new_tokens=16; ")
