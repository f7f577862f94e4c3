"""MOSLIM: goals in the prompt, what they pay, what is asked for at evaluation."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.common.errors import BadInput
from benchmarks.models.policy import Policy
from benchmarks.models.tags import tagged
from benchmarks.prepare.benchmark import Benchmark
from benchmarks.spec.answers import Answer
from methods.contract.run import Run
from methods.engines import rl
from methods.engines.goals import Moments, goals_for, random_goals, unwrap
from methods.engines.grader import Grader
from methods.engines.prompts import shown, steered
from methods.moslim import MOSLIM, achieved, asked_for, goal_rewards, pooled
from tests.kit.worlds import WithGrades

NAMES = ("helpful", "harmless", "be (very) funny")
GOALS = st.tuples(*[st.integers(0, 9)] * 3)
SMALL = MOSLIM(
    epochs=0.5, prompts_per_step=4, reward_steps=10, reward_batch=8, calibration_answers=20, learning_rate=5e-5
)


# Goals in the prompt


def test_wrapping_by_hand() -> None:
    """As in the paper, at the very front; a goal that is left out leaves no trace."""
    assert (
        tagged("\n\nHuman: Hi.\n\nAssistant:", (5, 3, 0), NAMES)
        == "<helpful 5> <harmless 3> \n\nHuman: Hi.\n\nAssistant:"
    )
    assert tagged("How?", (0, 1, 2), NAMES) == "<harmless 1> <be (very) funny 2> How?"
    assert tagged("How?", (0, 0, 0), NAMES) == "How?"


@given(prompt=st.text().filter(lambda text: not text.startswith("<")), goals=GOALS)
@settings(deadline=None)
def test_what_is_written_is_read_back(prompt: str, goals: tuple[int, ...]) -> None:
    assert unwrap(tagged(prompt, goals, NAMES), NAMES) == (prompt, goals)


@given(prompt=st.sampled_from(["<", "<helpful", "<helpful x> so", "<harm 3> a", " <helpful 5> b"]), goals=GOALS)
@settings(deadline=None)
def test_a_prompt_that_almost_begins_with_a_goal(prompt: str, goals: tuple[int, ...]) -> None:
    assert unwrap(tagged(prompt, goals, NAMES), NAMES) == (prompt, goals)


@pytest.mark.parametrize("count", [1, 5, 40])
def test_goals_survive_a_long_prompt(random_policy: Callable[..., Policy], count: int) -> None:
    """Policies cut prompts from the left, where the goals are: what a long prompt loses is its own beginning."""
    policy = random_policy(max_prompt_tokens=100)
    prompt = "Hello there, how are you? Ünïcödé… " * count + "\n\nAssistant:"
    text = shown(policy, prompt, lambda asked: tagged(asked, (5, 0, 2), NAMES))
    ids = steered(policy, lambda asked: tagged(asked, (5, 0, 2), NAMES)).encode_prompt(prompt)
    assert ids == policy.tokenizer(text)["input_ids"]
    assert len(ids) <= 100
    rest, goals = unwrap(policy.tokenizer.decode(ids), NAMES)
    assert goals == (5, 0, 2)
    assert rest.endswith("\n\nAssistant:")
    assert (rest == prompt) == (count == 1)
    if count > 1:
        assert len(ids) > 90


def test_goals_that_leave_no_room(random_policy: Callable[..., Policy]) -> None:
    with pytest.raises(BadInput, match="is alone longer than 8 tokens"):
        shown(random_policy(max_prompt_tokens=8), "How?", lambda asked: tagged(asked, (5, 3, 1), NAMES))


# What goals pay


def test_rewards_by_hand() -> None:
    """Heads of 2 and 3 classes. Goal (2, 1): p .7 against mean .5 and SD .1, z = 2; p .5 against .1 and .2, z = 2; mean
    2.

    Goal (1, none): (.3 - .5) / .2 = -1, over two heads -.5, over one goal -1. Goal (none, 3): SD 0 counts as .01,
    (.4 - .38) / .01 = 2, over two heads 1, over one goal 2. Goal (none, 2): (.1 - .9) / .01 = -80 is clipped.
    """
    p = np.array([[0.3, 0.7, 0.5, 0.1, 0.4]] * 4)
    mean, std = np.array([0.5, 0.5, 0.1, 0.9, 0.38]), np.array([0.2, 0.1, 0.2, 0.01, 0.0])
    goals = np.array([[2, 1], [1, 0], [0, 3], [0, 2]])
    assert goal_rewards(p, goals, mean, std, (2, 3), "heads").tolist() == pytest.approx([2.0, -0.5, 1.0, -5.0])
    assert goal_rewards(p, goals, mean, std, (2, 3), "goals").tolist() == pytest.approx([2.0, -1.0, 2.0, -5.0])


def test_what_is_logged_by_hand() -> None:
    """Of the head's own goals only: .7 and .3 of the first head, .4 of the second; a head that nobody asked is left
    out."""
    p = np.array([[0.3, 0.7, 0.5, 0.1, 0.4]] * 3)
    met = achieved(p, np.array([[2, 0], [1, 3], [0, 0]]), (2, 3), ("a", "b"))
    assert met == pytest.approx({"met/a": 0.5, "met/b": 0.4})
    assert achieved(p, np.zeros((3, 2), int), (2, 3), ("a", "b")) == {}


@given(sizes=st.lists(st.integers(1, 30), min_size=1, max_size=6), seed=st.integers(0, 2**31))
@settings(deadline=None)
def test_running_moments_are_those_of_all_rows(sizes: list[int], seed: int) -> None:
    """However the rows came in, and through JSON; each column over its own rows, and infinitely wide without any."""
    rng = np.random.default_rng(seed)
    rows = [rng.random((size, 4)) for size in sizes]
    counted = [rng.random((size, 4)) < (1.0, 0.5, 0.1, 0.0) for size in sizes]
    moments = Moments.none(4)
    for part, here in zip(rows, counted, strict=True):
        moments.add(part, here)
    again = Moments.none(4)
    again.restore(json.loads(json.dumps(moments.state())))
    columns = [c[h] for c, h in zip(np.concatenate(rows).T, np.concatenate(counted).T, strict=True)]
    for found in (moments, again):
        assert found.count.tolist() == [len(c) for c in columns]
        assert np.allclose(found.mean, [c.mean() if len(c) else 0.0 for c in columns])
        assert np.allclose(found.std, [c.std() if len(c) else np.inf for c in columns])


def test_pooled_over_the_classes_of_a_head() -> None:
    """Against all probabilities of the head in one heap."""
    p = np.random.default_rng(0).random((50, 5))
    mean, std = pooled(p.mean(axis=0), p.std(axis=0), (2, 3))
    assert mean == pytest.approx([p[:, :2].mean()] * 2 + [p[:, 2:].mean()] * 3)
    assert std == pytest.approx([p[:, :2].std()] * 2 + [p[:, 2:].std()] * 3)


P = np.array([[0.9, 0.1], [0.7, 0.3], [0.2, 0.8], [0.4, 0.6]])
"""Probabilities of the two grades of one head; the first two answers were asked for grade 1, the others for 2."""
ASKED = np.array([[1], [1], [2], [2]])


@pytest.mark.parametrize(
    ("statistics", "expected"),
    [
        # Asked for 1: .9 and .7, mean .8, SD .1. Asked for 2: .8 and .6, mean .7, SD .1. .9 is one SD above.
        ("calibration", [1.0, -1.0, 1.0, -1.0]),
        ("running", [1.0, -1.0, 1.0, -1.0]),
        # Over all eight: mean .5, SD sqrt((.16 + .16 + .04 + .04 + .09 + .09 + .01 + .01) / 8) = .273861.
        ("head", [0.4 / 0.273861, 0.2 / 0.273861, 0.3 / 0.273861, 0.1 / 0.273861]),
        ("batch", [1.0, -1.0, 1.0, -1.0]),
    ],
)
def test_mean_and_spread_by_hand(statistics: Any, expected: list[float]) -> None:
    """Over the answers that were asked for a grade, not over all: .9, .7, .2, .4 have mean .55 and SD .269258, by which
    the first would earn 1.2999."""
    method, moments = MOSLIM(statistics=statistics), Moments.none(2)
    moments.add(P, method._counted(ASKED, (2,)))
    assert method._rewards(P, ASKED, moments, (2,)) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(("statistics", "count"), [("running", 3), ("head", 8), ("batch", 2), ("calibration", 2)])
def test_which_statistics_move_on(statistics: Any, count: int) -> None:
    """A batch is judged by what was before it (but for "batch"), then counted in where statistics run: of four answers
    one was asked for grade 1, whose statistics have two so far; pooled, each of four answers counts."""
    method, moments = MOSLIM(statistics=statistics), Moments.none(2)
    moments.add(P, method._counted(ASKED, (2,)))
    mean, before = moments.mean, moments.std
    goals = np.array([[1], [2], [2], [2]])
    values = method._rewards(P, goals, moments, (2,))
    assert moments.count[0] == count
    if statistics in ("running", "calibration"):
        assert values[1] == pytest.approx((0.3 - mean[1]) / before[1])
    if statistics == "batch":
        assert values[0] == 0.0  # alone in its grade


def test_a_grade_that_nobody_was_asked_for_yet_pays_nothing() -> None:
    method, moments = MOSLIM(), Moments.none(2)
    moments.add(P[:2], method._counted(ASKED[:2], (2,)))
    assert method._rewards(P, ASKED, moments, (2,)) == pytest.approx([1.0, -1.0, 0.0, 0.0])
    assert method._rewards(P, ASKED, moments, (2,)) == pytest.approx([1.0, -1.0, 1.0, -1.0])


@pytest.mark.parametrize("statistics", ["running", "head", "batch", "calibration"])
def test_where_mean_and_spread_come_from(statistics: Any) -> None:
    """Two heads, against the same numbers found answer by answer."""
    first, then = (np.random.default_rng(s).random((60, 5)) for s in (0, 1))
    goals = np.array([goals for s in range(20) for goals in random_goals((2, 3), np.random.default_rng(s))])
    method, moments = MOSLIM(statistics=statistics), Moments.none(5)
    moments.add(first, method._counted(goals, (2, 3)))
    got = method._rewards(then, goals, moments, (2, 3))
    rows = then if statistics == "batch" else first
    asked_of = [(head, grade) for head, K in enumerate((2, 3)) for grade in range(1, K + 1)]
    own = [[rows[n, c] for n in range(60) if goals[n, head] == g] for c, (head, g) in enumerate(asked_of)]
    mean, std = np.array([np.mean(p) for p in own]), np.array([np.std(p) for p in own])
    if statistics == "head":
        mean, std = pooled(rows.mean(axis=0), rows.std(axis=0), (2, 3))
    assert got == pytest.approx(goal_rewards(then, goals, mean, std, (2, 3), "heads"))


# Which goals


def test_training_goals_are_uniform() -> None:
    """Of 1400 draws of five tasks each of the 7 non-empty subsets of three objectives about 200 times, and each
    intensity as often; all tasks of a draw have the same subset, and each of the most intensities once."""
    rng = np.random.default_rng(0)
    drawn = [random_goals((5, 2, 3), rng) for _ in range(1400)]
    assert all(len(goals) == 5 for goals in drawn)
    for goals in drawn:
        assert len({tuple(n > 0 for n in task) for task in goals}) == 1
        assert sorted(task[0] for task in goals) in ([0] * 5, [1, 2, 3, 4, 5])
        assert {task[1] for task in goals} in ({0}, {1, 2})
    subsets = Counter(tuple(n > 0 for n in goals[0]) for goals in drawn)
    assert set(subsets) == set(product((False, True), repeat=3)) - {(False,) * 3}
    assert all(150 < count < 250 for count in subsets.values())
    for head, K in enumerate((5, 2, 3)):
        counts = Counter(task[head] for goals in drawn for task in goals if task[head])
        assert set(counts) == set(range(1, K + 1))
        assert all(abs(count - 4000 / K) < 250 for count in counts.values())


def test_on_balance_an_answer_that_ignores_its_goal_gains_nothing() -> None:
    """Pooled statistics have mean 1/K, so over the K intensities the rewards of one answer sum to 0 whatever it says.
    Per class, where grade 1 is rare (mean .02, SD .05), to say nothing else pays (.98 / .05 - .98 / .3) / 2 a head on
    average."""
    p = np.array([[1.0, 0.0, 0.9, 0.1]] * 2)
    mean, std = np.array([0.02, 0.98, 0.5, 0.5]), np.array([0.05, 0.3, 0.4, 0.4])
    goals = np.array([[1, 0], [2, 0]])
    per_class = goal_rewards(p, goals, mean, std, (2, 2), "heads")
    assert per_class.sum() == pytest.approx(min(0.98 / 0.05 / 2, 5.0) - 0.98 / 0.3 / 2)
    assert goal_rewards(p, goals, *pooled(mean, std, (2, 2)), (2, 2), "heads").sum() == pytest.approx(0)


def test_goals_asked_for_by_hand() -> None:
    """K = 5, w = (.3, .7): linf s = (.428571, 1), 1 + round(1.714) = 3 and 5; l2 s = (.393919, .919145), 1 +
    round(1.576) = 3 and 1 + round(3.677) = 5; linear 1 + round(1.2) = 2 and 1 + round(2.8) = 4. Halves are rounded up:
    (1/8, 7/8) linear asks for 1 + .5 -> 2."""
    assert goals_for((0.3, 0.7), (5, 5), "linf") == (3, 5)
    assert goals_for((0.3, 0.7), (5, 5), "l2") == (3, 5)
    assert goals_for((0.3, 0.7), (5, 5), "linear") == (2, 4)
    assert goals_for((0.125, 0.875), (5, 5), "linear") == (2, 5)
    assert goals_for((1.0, 0.0), (5, 7), "linf") == (5, 0)
    assert goals_for((0.5, 0.5), (5, 7), "linf") == (5, 7)
    assert goals_for((1 / 3, 1 / 3, 1 / 3), (5, 5, 7), "middle") == (3, 3, 4)
    assert goals_for((0.0, 0.3, 0.7), (5, 5, 5), "middle") == (0, 3, 4)
    for mapping in ("linf", "l2", "linear", "middle"):
        assert goals_for((1.0,), (5,), mapping) == (5,)  # type: ignore[arg-type]


# The run


@pytest.fixture
def caught(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the RL engine is asked to do, undone."""
    calls: list[dict[str, Any]] = []

    def train_rl(benchmark: Benchmark, weights: None, settings: Any, stage: Any, **kwargs: Any) -> None:
        calls.append({"stage": stage.name, **kwargs})

    monkeypatch.setattr(rl, "train_rl", train_rl)
    return calls


def test_the_policy_reads_the_goals_and_the_reward_model_does_not(
    tiny: Benchmark, tmp_path: Path, caught: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One RL run and one reward model for all weights; the statistics begin with as many answers as asked for."""
    graded: list[Sequence[str]] = []
    original = Grader.probabilities

    def probabilities(self: Grader, prompts: Sequence[str], responses: Sequence[str]) -> np.ndarray:
        graded.append(prompts)
        return original(self, prompts, responses)

    monkeypatch.setattr(Grader, "probabilities", probabilities)
    SMALL.train(tiny, Run(tmp_path, 0))
    [call] = caught
    assert call["stage"] == "policy"
    drawn = np.random.default_rng(0)
    asked_goals = [random_goals((5, 5), drawn) for _ in range(4)]
    assert len(graded[-1]) == 20
    assert [graded[-1][k] for k in (0, 4, 5)] == [tiny.prompts("train")[k] for k in (0, 0, 1)]
    entries = asked_for(np.concatenate(asked_goals), (5, 5))
    assert call["memory"].count.tolist() == entries.sum(axis=0).tolist()
    tasks = call["pose"]("Call 3: what do you say?", np.random.default_rng(0))
    assert len(tasks) == call["contrast"] == 5
    assert [t.shown for t in tasks] == [tagged("Call 3: what do you say?", t.goals, ("ah", "oh")) for t in tasks]
    [task, *_] = tasks
    values, _ = call["reward"](["Call 3: what do you say?"] * 2, ["ah ah", "oh"], [task.goals] * 2)
    assert graded[-1] == ["Call 3: what do you say?"] * 2
    assert values.shape == (2,)
    assert [p.name for p in (tmp_path / "policy").iterdir()] == ["reward-model"]


def test_what_the_reward_model_learns(tiny: Benchmark) -> None:
    """From every training answer and compared answer, each once; no more of them than it will see."""
    plenty = replace(SMALL, reward_steps=100)
    answers, labels, classes = plenty._labelled(tiny, 0)
    assert classes == [5, 5]
    known = [*tiny.responses(), *((p.prompt, r) for p in tiny.preference_pairs("ah") for r in (p.chosen, p.rejected))]
    assert sorted(answers) == sorted(set(map(tuple, known)))
    assert labels.shape == (len(answers), 2)
    assert set(labels[:, 0]) == {0, 1, 2, 3, 4}
    assert len(SMALL._labelled(tiny, 0)[0]) == round(10 * 8 / 0.9)
    with pytest.raises(BadInput, match="no graded annotations"):
        replace(SMALL, supervision="grades")._labelled(tiny, 0)


def test_grades_are_learned_where_all_objectives_have_them(tiny: Benchmark) -> None:
    grades = {"ah": [(Answer("p", "a"), 7), (Answer("p", "b"), 1)], "oh": [(Answer("p", "b"), 3)]}
    answers, labels, classes = SMALL._labelled(replace(tiny, data=WithGrades(tiny.data, grades)), 0)
    assert answers == [Answer("p", "a"), Answer("p", "b")]
    assert (labels.tolist(), classes) == ([[6, -100], [0, 2]], [7, 3])
    hidden = patch.object(
        Benchmark, "grades_to_learn", lambda self, name: [g for g in self.graded_labels(name) if g[1] < 7]
    )
    with hidden:  # a grade may be one that an evaluator alone has seen
        assert SMALL._labelled(replace(tiny, data=WithGrades(tiny.data, grades)), 0)[2] == classes
    some = replace(tiny, data=WithGrades(tiny.data, {**grades, "oh": []}))
    assert SMALL._labelled(some, 0)[2] == [5, 5]
    assert SMALL._labelled(some, 0)[0] == SMALL._labelled(tiny, 0)[0]
    rewards = replace(SMALL, supervision="rewards")
    assert rewards._labelled(replace(tiny, data=WithGrades(tiny.data, grades)), 0)[2] == [5, 5]


def test_weights_ask_for_goals(tiny: Benchmark, tmp_path: Path) -> None:
    """The trained policy, told the goals of the weights; an interrupted run would end in the same bits (test_rl)."""
    run = Run(tmp_path, 0)
    SMALL.train(tiny, run)
    rows = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert {"reward", "met/ah", "met/oh", "kl"} <= {name for row in rows for name in row}
    for w, goals in (((1.0, 0.0), "<ah 5> "), ((0.5, 0.5), "<ah 3> <oh 3> "), ((0.25, 0.75), "<ah 2> <oh 4> ")):
        policy = SMALL.policy(tiny, run, w)
        assert policy.encode_prompt("Call 1: ") == policy.tokenizer(goals + "Call 1: ")["input_ids"]


def test_goals_are_learned(gold_tiny: Benchmark, tmp_path: Path) -> None:
    """Some 40 batches after which the grade that is asked for is met clearly more often than by chance, one in three,
    and than at first, by what the starting policy has read of tags."""
    method = MOSLIM(
        epochs=10.0, prompts_per_step=12, samples_per_prompt=8, learning_rate=5e-5, kl_coef=0.05, reward_steps=150,
        reward_batch=16, reward_learning_rate=4e-5, calibration_answers=48, classes=3,
    )  # fmt: skip
    method.train(gold_tiny, Run(tmp_path, 0))
    rows = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    met = [row["met/ah"] for row in rows if "met/ah" in row]
    assert np.mean(met[-4:]) > max(0.4, met[0] + 0.07)
