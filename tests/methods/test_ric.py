"""RiC: rewards in the prompt, what is asked for, which answers are kept."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.common.errors import BadInput
from benchmarks.models.policy import Policy
from benchmarks.prepare.benchmark import Benchmark
from benchmarks.spec.answers import Answer
from methods.contract.run import Run
from methods.engines.selection import pareto_layers
from methods.ric import RiC, bounds_of, demanding, desired, score_bounds, unwrap, wrap
from tests.kit.runs import spied

SCORES = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=4)
POINTS = st.integers(1, 3).flatmap(
    lambda M: st.lists(st.lists(st.integers(0, 3), min_size=M, max_size=M), min_size=1, max_size=14)
)


# Rewards in the prompt


@given(prompt=st.text(), scores=SCORES)
@settings(deadline=None)
def test_what_is_written_is_read_back(prompt: str, scores: list[float]) -> None:
    """One decimal is written, and exactly that is read."""
    assert unwrap(wrap(prompt, scores)) == (prompt, tuple(round(s, 1) for s in scores))


@given(prompt=st.text(), before=SCORES, scores=SCORES)
@settings(deadline=None)
def test_a_prompt_that_ends_in_rewards_keeps_them(prompt: str, before: list[float], scores: list[float]) -> None:
    """Wrapped twice, unwrapped twice."""
    once = wrap(prompt, before)
    assert unwrap(wrap(once, scores)) == (once, tuple(round(s, 1) for s in scores))


def test_a_prompt_that_talks_of_rewards_keeps_them() -> None:
    for prompt in ("<R1> 0.3", " <R1> 0.3 then", "What is <R1> 0.3 <R2> 1.0?", "<R1>", " <R1> 3", "a\n", ""):
        assert unwrap(wrap(prompt, (0.5, -1.5))) == (prompt, (0.5, -1.5))


def test_wrapping_by_hand() -> None:
    """Rounded to one decimal, never "-0.0": -0.04 and 0.04 are the same wish and must be the same tokens."""
    assert wrap("How?", (1.25001, -3.0, 12.34)) == "How? <R1> 1.3 <R2> -3.0 <R3> 12.3"
    assert wrap("", (-0.04, 0.04)) == " <R1> 0.0 <R2> 0.0"
    assert wrap("x", (-0.0,)) == "x <R1> 0.0"
    assert wrap("x", tuple(np.array([2.0, -1.0]))) == "x <R1> 2.0 <R2> -1.0"
    assert unwrap("no rewards") == ("no rewards", ())


@given(scores=SCORES)
@settings(deadline=None, max_examples=30)
def test_numbers_survive_the_tokenizer(random_policy: Callable[..., Policy], scores: list[float]) -> None:
    """The public code reads scores back out of decoded text; here they are exact even where the prompt is cut."""
    policy = random_policy(max_prompt_tokens=100)
    ids = policy.encode_prompt(wrap("Hello there, how are you? " * 20, scores))
    assert len(ids) == 100
    text = policy.tokenizer.decode(ids)
    assert unwrap(text)[1] == tuple(round(s, 1) for s in scores)
    assert wrap("Hello there, how are you? " * 20, scores).endswith(text)


# What is asked for


def test_desired_rewards_by_hand() -> None:
    """low (-1, -2), high (1, 2). w = (1/4, 3/4): l2 norm sqrt(10)/4, s = (1, 3) / sqrt(10) = (.316228, .948683), so
    -1 + 2 x .316228 = -.367544 and -2 + 4 x .948683 = 1.794733; linf s = min(2 w, 1) = (1/2, 1); linear s = w. e_1
    asks for (1, -2). Of three, linf at w = (.2, .3, .5) is (.6, .9, 1)."""
    low, high = np.array([-1.0, -2.0]), np.array([1.0, 2.0])
    w = (0.25, 0.75)
    assert desired(w, low, high, "l2") == pytest.approx([-0.367544, 1.794733], abs=1e-6)
    assert desired(w, low, high, "linf") == pytest.approx([0.0, 2.0])
    assert desired(w, low, high, "linear") == pytest.approx([-0.5, 1.0])
    for mapping in ("l2", "linf", "linear"):
        assert desired((1.0, 0.0), low, high, mapping) == pytest.approx([1.0, -2.0])
    assert desired((0.2, 0.3, 0.5), np.zeros(3), np.ones(3), "linf") == pytest.approx([0.6, 0.9, 1.0])


def test_bounds_of_normal_scores_by_hand() -> None:
    """Four scores 0, 0, 2, 2: mean 1, SD 1; of four normal draws the extreme is the quantile 1 - 1/5, .841621 SDs."""
    low, high = score_bounds(np.array([[0.0, 5.0], [0.0, 7.0], [2.0, 5.0], [2.0, 7.0]]), "normal", 0.5)
    assert low == pytest.approx([1 - 0.841621, 6 - 0.841621], abs=1e-6)
    assert high == pytest.approx([1 + 0.841621, 6 + 0.841621], abs=1e-6)


def test_bounds_of_the_front_by_hand() -> None:
    """(3, 0), (0, 3) and (2, 2) are not dominated; (1, 1) is by (2, 2), (-5, -1) by all.

    Half of five answers are two: the first layer, three answers, suffices. Of 0, 2, 3 the 5 % quantile is .2, a tenth
    of the way from 0 to 2, the 95 % quantile 2.9. All five: of -5, 0, 1, 2, 3 a fifth of the way, -4 and 2.8; of -1, 0,
    1, 2, 3 -.8 and 2.8.
    """
    scores = np.array([[1.0, 1.0], [3.0, 0.0], [-5.0, -1.0], [0.0, 3.0], [2.0, 2.0]])
    low, high = score_bounds(scores, "front", 0.5)
    assert (low, high) == (pytest.approx([0.2, 0.2]), pytest.approx([2.9, 2.9]))
    low, high = score_bounds(scores, "front", 1.0)
    assert (low, high) == (pytest.approx([-4.0, -0.8]), pytest.approx([2.8, 2.8]))


@given(M=st.integers(1, 4), seed=st.integers(0, 2**31))
@settings(deadline=None)
def test_all_objectives_but_one_are_at_their_maximum(M: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    low = rng.normal(size=M)
    high = low + 1 + rng.random(M)
    targets = demanding(200, low, high, rng)
    at_most = targets == high
    assert targets.shape == (200, M)
    assert (at_most.sum(axis=1) == M - 1).all()
    assert ((targets >= low) & (targets <= high)).all()
    for m in range(M):
        spared = targets[~at_most[:, m], m]
        assert len(spared) > 200 / M / 3
        assert spared.mean() == pytest.approx((low + high)[m] / 2, abs=0.8 * (high - low)[m] / len(spared) ** 0.25)


# Which answers are kept


def peel(points: Sequence[Sequence[float]], quota: int) -> list[int]:
    """Layers one after the other, by the definition of dominance, until the quota is reached."""
    taken: list[int] = []
    rest = list(range(len(points)))
    while rest and len(taken) < quota:
        layer = [
            i
            for i in rest
            if not any(
                all(a >= b for a, b in zip(points[j], points[i], strict=True)) and tuple(points[j]) != tuple(points[i])
                for j in rest
            )
        ]
        taken += layer
        rest = [i for i in rest if i not in layer]
    return taken


@given(points=POINTS, share=st.floats(0.01, 1))
@settings(deadline=None)
def test_layers_by_brute_force(points: list[list[int]], share: float) -> None:
    """Same answers, the better layer first; ties and one objective included."""
    quota = max(1, round(share * len(points)))
    assert pareto_layers(np.array(points, dtype=float), quota).tolist() == peel(points, quota)


def test_no_quota_and_no_answers() -> None:
    assert pareto_layers(np.zeros((0, 2)), 3).tolist() == []
    assert len(pareto_layers(np.array([[1.0, 2.0], [0.0, 0.0]]), 99)) == 2


def test_a_quota_of_nothing_takes_nothing() -> None:
    assert pareto_layers(np.array([[1.0, 2.0], [0.0, 0.0]]), 0).tolist() == []


def test_the_quantile_rule_by_hand() -> None:
    """keep_share .25 of five: the .75 quantiles are 3 and 3, so every answer with a 3 or 4 is kept, (0, 3), dominated
    by (1, 4), among them."""
    scores = np.array([[0.0, 3.0], [1.0, 4.0], [2.0, 0.0], [3.0, 1.0], [4.0, 2.0]])
    kept = RiC(keep="quantile", keep_share=0.25)._select(scores, 1)
    assert kept.tolist() == [0, 1, 3, 4]
    assert RiC(keep="pareto")._select(scores, 1).tolist() == [1, 4]


# What it is trained on


def test_every_answer_is_trained_on_under_the_rewards_it_has(
    tiny: Benchmark, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Offline: each of the 96 training answers under its own scores. Online: kept answers under achieved scores, from
    where the stage before ended."""
    calls = spied(monkeypatch)
    method, run = RiC(rounds=2, offline_share=0.5, batch=8), Run(tmp_path, 0)
    method.train(tiny, run)
    assert [name for name, _, _ in calls] == ["offline", "online-1", "online-2"]
    starts = [call[2]["start"] and call[2]["start"].folder for call in calls]
    assert starts == [None, run.stage("offline").folder, run.stage("online-1").folder]
    offline = calls[0][1]
    assert [(unwrap(a.prompt)[0], a.response) for a in offline] == tiny.responses()
    scores = tiny.rewards(*map(list, zip(*tiny.responses(), strict=True)))
    assert [unwrap(a.prompt)[1] for a in offline] == [tuple(round(x, 1) for x in s) for s in scores.tolist()]
    for _, answers, _ in calls[1:]:
        prompts = [unwrap(a.prompt)[0] for a in answers]
        achieved = tiny.rewards(prompts, [a.response for a in answers])
        assert [unwrap(a.prompt)[1] for a in answers] == [tuple(round(x, 1) for x in s) for s in achieved.tolist()]
        assert set(prompts) <= set(tiny.prompts("train"))


def test_a_round_trains_on_the_answers_of_all_rounds_and_as_many_of_the_data_as_it_kept(
    tiny: Benchmark, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rounds that keep a and b answers, with an offline share of 1: the first trains on a + a, the second on the same
    a, b new ones, and b of the data. The public code keeps 10,200 + 10,200 beside 10,000 + 10,000."""
    calls, sizes = spied(monkeypatch), []
    method, run = RiC(rounds=2, batch=8), Run(tmp_path, 0)
    online = RiC._online_answers
    monkeypatch.setattr(RiC, "_online_answers", lambda *a: sizes.append(found := online(*a)) or found)
    monkeypatch.setattr(RiC, "_select", lambda self, rewards, quota: np.arange(quota))  # exactly the quota
    method.train(tiny, run)
    (first, _), (second, _) = sizes
    a, b = len(first), len(second)
    assert min(a, b) > 5

    def plain(answers: Sequence[Answer]) -> list[Answer]:
        return [Answer(unwrap(answer.prompt)[0], answer.response) for answer in answers]

    assert method.offline_share == 1
    assert plain(calls[1][1]) == [*first, *tiny.responses()[:a]]
    assert plain(calls[2][1]) == [*first, *second, *tiny.responses()[:b]]


def test_an_offline_share_of_nothing_mixes_nothing_in(
    tiny: Benchmark, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = spied(monkeypatch)
    RiC(rounds=1, offline_share=0.0, offline_epochs=0.1).train(tiny, Run(tmp_path, 0))
    assert len(calls[1][1]) < 48


def test_weights_become_rewards_in_the_prompt(tiny: Benchmark, tmp_path: Path) -> None:
    """With no online round the offline stage answers; bounds are kept beside it."""
    method, run = RiC(rounds=0, offline_epochs=0.1, mapping="linear"), Run(tmp_path, 0)
    method.train(tiny, run)
    bounds = json.loads((tmp_path / "bounds.json").read_text())
    low, high = bounds["low"], bounds["high"]
    told = method.policy(tiny, run, (0.25, 0.75)).template("Shout 1: what do you say?")
    expected = [low[0] + 0.25 * (high[0] - low[0]), low[1] + 0.75 * (high[1] - low[1])]
    assert told == wrap("Shout 1: what do you say?", expected)
    assert not run.stage("online-1").done


def test_an_interrupted_run_ends_like_a_whole_one(tiny: Benchmark, tmp_path: Path) -> None:
    """Stopped in the second round and gone on with: the same parameters as without the stop."""
    method = RiC(rounds=2, offline_epochs=0.5, batch=8)
    whole, seen = Run(tmp_path / "whole", 3), []
    method.train(tiny, whole)

    def stop(stage: str, *_: object) -> None:
        seen.append(stage)
        if stage == "online-2":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        method.train(tiny, Run(tmp_path / "broken", 3, stop))
    assert seen[-1] == "online-2"
    resumed: list[str] = []
    method.train(tiny, Run(tmp_path / "broken", 3, lambda stage, *_: resumed.append(stage)))
    assert {"online-2"} == set(resumed)  # the answers were kept
    last = Path("policy/online-2/model.safetensors")
    before = Path("policy/online-1/model.safetensors")
    assert (tmp_path / "whole" / last).read_bytes() == (tmp_path / "broken" / last).read_bytes()
    assert (tmp_path / "whole" / last).read_bytes() != (tmp_path / "whole" / before).read_bytes()


def test_lora_goes_on_from_the_stage_before(tiny: Benchmark, tmp_path: Path) -> None:
    """Adapters only are kept, and the second round starts from the first's."""
    from safetensors.torch import load_file

    method = RiC(rounds=1, offline_epochs=0.5, batch=8, online_learning_rate=0.0, lora_rank=2)
    run = Run(tmp_path, 0)
    method.train(tiny, run)
    offline, online = (
        load_file(run.stage(name).folder / "adapter_model.safetensors") for name in ("offline", "online-1")
    )
    assert offline.keys() == online.keys()
    assert all((offline[name] == online[name]).all() for name in offline)
    assert any(value.abs().max() > 0 for name, value in offline.items() if "lora_B" in name)
    assert not (run.stage("online-1").folder / "model.safetensors").exists()


def test_a_round_in_which_no_answer_ends_is_told(
    tiny: Benchmark, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is RiC that says what it needs, and what does without."""
    monkeypatch.setattr(Policy, "ended", lambda *_: False)
    with pytest.raises(BadInput, match="online round 1 of RiC has nothing to learn from: none of 48 answers") as told:
        RiC(rounds=1, offline_epochs=0.1, batch=8).train(tiny, Run(tmp_path, 0))
    assert told.value.fix == "-c sampling.max_new_tokens=16; or -c ric.rounds=0, which does without"


def test_a_round_with_a_single_whole_answer_goes_on(
    tiny: Benchmark, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That one is kept, whatever its share, with as many of the data; no share of the data at all is none, too."""
    calls = spied(monkeypatch)
    online = Policy.finish
    monkeypatch.setattr(Policy, "finish", lambda self, *given: online(self, *given)[:1])
    RiC(rounds=1, offline_epochs=0.1, batch=8).train(tiny, Run(tmp_path / "mixed", 0))
    RiC(rounds=1, offline_epochs=0.1, batch=8, offline_share=0.0).train(tiny, Run(tmp_path / "alone", 0))
    assert len(calls[1][1]) >= 2
    assert len(calls[3][1]) == 1


def test_damaged_bounds_are_refused_with_what_mends_them(tmp_path: Path) -> None:
    """By a command that is about this run: `moa train -m ric` without its benchmark would begin another one."""
    folder = tmp_path / "my runs; ls"
    folder.mkdir()
    (folder / "bounds.json").write_text("{")
    with pytest.raises(BadInput, match="bounds.json") as refusal:
        bounds_of(Run(folder, 0))
    assert refusal.value.fix == f"rm -r '{folder}'; then the command that made it trains it again"
