"""The public kit: what it refuses, its defaults, and weights that are negative."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from benchmarks.common.errors import BadInput
from benchmarks.measure.evaluation import evaluate
from benchmarks.prepare.benchmark import Benchmark
from benchmarks.spec.answers import PreferencePair
from benchmarks.spec.grid import Weights
from methods.contract.run import Run
from methods.contract.settings import Preference, Reinforcement
from methods.engines import dpo
from methods.engines.decoding import best_of, mix
from methods.engines.dpo import log_probs, train_dpo
from methods.engines.pairs import preferences
from methods.engines.prompts import steered
from methods.engines.rl import train_rl
from methods.engines.sft import train_sft
from methods.engines.tasks import Task, judged, tasks_of
from methods.engines.trained import load_trained, save_trained, soup, to_train
from tests.kit.files import EXAMPLES

REWARD = Reinforcement()


def said(act: Callable[[], object]) -> str:
    """The three lines of a refusal."""
    with pytest.raises(BadInput) as refused:
        act()
    lines = str(refused.value)
    assert lines.count("\n") == 2
    return lines


def test_weights_that_are_none(tiny: Benchmark, tmp_path: Path) -> None:
    """A function in their place, too few, both and neither."""
    stage = Run(tmp_path, 0).stage("here")

    def scores(prompts: Any, responses: Any, goals: Any) -> Any:
        raise AssertionError("it is not called")

    told = said(lambda: train_rl(tiny, scores, REWARD, stage))  # type: ignore[arg-type]
    assert "the weights of train_rl are a function, scores" in told
    assert "2 numbers, one for each of ah, oh" in told
    assert "reward=" in told
    assert "(1.0,)" in said(lambda: train_rl(tiny, (1.0,), REWARD, stage))
    assert "None" in said(lambda: train_rl(tiny, None, REWARD, stage))
    for off in ((0.5, 0.6), (2.0, -1.0), (float("nan"), 1.0)):
        assert "none negative, with sum 1" in said(lambda off=off: train_rl(tiny, off, REWARD, stage))  # type: ignore[misc]
    assert "weights and a reward" in said(lambda: train_rl(tiny, (1.0, 0.0), REWARD, stage, reward=scores))


def test_rewards_and_poses_that_return_something_else() -> None:
    values, logged = judged(([1.0, 2.0], {"a": 1.0}), 2)
    assert (values.tolist(), logged) == ([1.0, 2.0], {"a": 1.0})
    for found in (None, [1.0, 2.0], ([1.0], {}), ([1.0, 2.0], [3.0]), ([1.0, 2.0], {"a": None})):
        assert "for 2 answers" in said(lambda found=found: judged(found, 2))  # type: ignore[misc]
    for odd in (np.nan, np.inf, None):
        assert f"is {odd} for 1 of 2 answers" in said(lambda odd=odd: judged(([odd, 2.0], {}), 2))  # type: ignore[misc]
    assert tasks_of([Task("How?")], 1) == [Task("How?")]
    for posed in (None, "How?", [Task("How?")] * 3, [Task("How?", 0.5)] * 2):  # type: ignore[arg-type]
        assert "contrast is 2" in said(lambda posed=posed: tasks_of(posed, 2))  # type: ignore[misc]


def test_a_policy_that_is_none(tiny: Benchmark, tmp_path: Path) -> None:
    told = said(
        lambda: evaluate(
            tiny, lambda _: None, ((0.5, 0.5),), tmp_path, method="mine", steering="none", seed=0, cost={}, config={}
        )  # type: ignore[arg-type, return-value]
    )
    assert "policy of mine returned None for the weights 0.5,0.5, not a Policy" in told


def test_constants_of_another_shape(tiny: Benchmark, tmp_path: Path) -> None:
    stage, pairs = Run(tmp_path, 0).stage("here"), [PreferencePair("Call 1: what do you say?", "ah", "oh")]
    assert "(2,) for 1 pairs" in said(lambda: train_dpo(tiny, pairs, Preference(), stage, margin=np.zeros(2)))
    assert "(1,) for 1 pairs" in said(lambda: train_dpo(tiny, pairs, Preference(), stage, reference=np.zeros(1)))
    assert "no preference pairs" in said(lambda: train_dpo(tiny, [], Preference(), stage))


@pytest.mark.parametrize("odd", [np.nan, np.inf])
def test_constants_that_are_not_finite(odd: float, tiny: Benchmark, tmp_path: Path) -> None:
    """One of them would make all parameters NaN, in a stage that looks whole."""
    stage, pairs = Run(tmp_path, 0).stage("here"), [PreferencePair("Call 1: what do you say?", "ah", "oh")]
    told = said(lambda: train_dpo(tiny, pairs, Preference(), stage, margin=np.full(1, odd)))
    assert "margin of train_dpo: 1 of 1 numbers are not finite" in told
    told = said(lambda: train_dpo(tiny, pairs, Preference(), stage, reference=np.array([[odd, -1.0]])))
    assert "reference of train_dpo: 1 of 2 numbers are not finite" in told


@pytest.mark.parametrize("weights", [(np.nan, 1.0), (1.0, np.nan), (np.inf, -np.inf), (np.inf, 1.0)])
def test_policies_are_not_put_together_by_nan(weights: Weights, tiny: Benchmark, tmp_path: Path) -> None:
    folders = [tmp_path / "one", tmp_path / "two"]
    assert "cannot be averaged" in said(lambda: soup(tiny, folders, weights))
    assert "cannot be mixed" in said(lambda: mix(tiny, folders, weights))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("epochs", 0),
        ("epochs", -1),
        ("epochs", np.nan),
        ("batch", 0),
        ("batch", 2.5),
        ("learning_rate", -1e-4),
        ("lora_rank", -1),
    ],
)
def test_numbers_out_of_range_train_nothing(name: str, value: float, tiny: Benchmark, tmp_path: Path) -> None:
    right = {"epochs": np.float64(1), "batch": np.int64(4), "learning_rate": 0, "lora_rank": None}
    given, stage = right | {name: value}, Run(tmp_path, 0).stage("here")
    assert "no answers" in said(lambda: train_sft(tiny, [], stage, **right))  # type: ignore[arg-type]
    with pytest.raises(BadInput, match=f"arguments of train_sft: 1 mistake\n  {name}: expected a"):
        train_sft(tiny, tiny.responses(), stage, **given)  # type: ignore[arg-type]
    assert not stage.done


def test_what_is_of_another_class_trains_nothing(tiny: Benchmark, tmp_path: Path) -> None:
    """And is named, where attributes would be missing somewhere else."""
    stage, answers, texts = Run(tmp_path, 0).stage("here"), tiny.responses(), ["So."]
    sft: Any = partial(train_sft, epochs=1, batch=4, learning_rate=0, lora_rank=None)
    calls: dict[str, Callable[[], object]] = {
        r"stage: expected Stage, found 'here' \(str\)": lambda: sft(tiny, answers, "here"),
        r"answers: expected Answers, found 'So.' \(str\)": lambda: sft(tiny, texts, stage),
        r"answers: expected Answers, found <list_iterator": lambda: sft(tiny, iter(answers), stage),
        r"settings: expected Reinforcement, found": lambda: train_rl(tiny, tiny.corners[0], Preference(), stage),  # type: ignore[arg-type]
    }
    for words, call in calls.items():
        with pytest.raises(BadInput, match=words):
            call()
    with pytest.raises(TypeError, match="unexpected keyword argument 'epoch'"):
        sft(tiny, answers, stage, epoch=1)
    assert not stage.done


def test_plain_tuples_are_answers(tiny: Benchmark, tmp_path: Path) -> None:
    stage = Run(tmp_path, 0).stage("here")
    plain: Any = [tuple(answer) for answer in tiny.responses()[:8]]
    train_sft(tiny, plain, stage, epochs=1, batch=4, learning_rate=0, lora_rank=None)
    assert stage.done


def test_what_is_no_folder_and_no_objective(tiny: Benchmark, tmp_path: Path) -> None:
    stage = Run(tmp_path, 0).stage("here")
    made: list[Callable[[], object]] = [
        lambda: load_trained(tiny, stage),  # type: ignore[arg-type]
        lambda: soup(tiny, [str(stage.folder)] * 2, (0.5, 0.5)),  # type: ignore[list-item]
        lambda: mix(tiny, [stage] * 2, (0.5, 0.5)),  # type: ignore[list-item]
    ]
    for make in made:
        assert "a policy was asked for from " in said(make)
    for k in ("ah", 2, -1):
        assert f"preferences were asked for objective {k!r}" in said(lambda k=k: preferences(tiny, k, 1.0, 0))  # type: ignore[misc]


def test_numbers_of_numpy_are_numbers(tiny: Benchmark, tmp_path: Path) -> None:
    """Down to the checkpoint, which holds them as JSON."""
    stage = Run(tmp_path, 0).stage("here")
    rates: dict[str, Any] = {"batch": np.int64(4), "learning_rate": np.float32(1e-4), "lora_rank": np.int64(2)}
    train_sft(tiny, tiny.responses()[:8], stage, epochs=np.float64(1), **rates)
    assert stage.done


def test_one_text_is_not_its_letters(tiny: Benchmark) -> None:
    assert "prompts are one text" in said(lambda: tiny.prepared.policy.generate("Why?", tiny.sampling, 0))
    assert "prompts are one text" in said(lambda: tiny.rewards("Why?", "So."))
    assert "responses are one text" in said(lambda: tiny.scores(["Why?"], "S"))


def test_what_is_kept_of_pairs_is_of_these_pairs(tiny: Benchmark, tmp_path: Path) -> None:
    """Under one name, too: those with chosen and rejected exchanged have theirs exchanged."""
    run, pairs = Run(tmp_path, 0), tiny.preference_pairs(tiny.names[0])[:4]
    turned = [PreferencePair(prompt, rejected, chosen) for prompt, chosen, rejected in pairs]
    first = log_probs(tiny, pairs, "mine", run)
    assert np.allclose(log_probs(tiny, turned, "mine", run), first[:, ::-1], atol=1e-5)
    assert np.array_equal(log_probs(tiny, pairs, "mine", run), first)


@pytest.mark.parametrize("beta", [0, -1, np.nan])
def test_a_beta_is_above_zero(beta: float, tiny: Benchmark, tmp_path: Path) -> None:
    pairs = [PreferencePair("Call 1: what do you say?", "ah", "oh")]
    with pytest.raises(BadInput, match="beta: expected a number above 0"):
        train_dpo(tiny, pairs, Preference(), Run(tmp_path, 0).stage("here"), beta=beta)


@pytest.mark.parametrize("candidates", [0, -1, 2.5])
def test_the_best_is_one_of_some(candidates: Any, tiny: Benchmark, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="candidates: expected a whole number of at least 1"):
        best_of(tiny, candidates, (0.5, 0.5), tmp_path)


@pytest.mark.parametrize("weights", [(1.0,), (0.5, 0.3, 0.2), (np.nan, 1.0)])
def test_the_best_is_chosen_by_all_objectives(weights: Weights, tiny: Benchmark, tmp_path: Path) -> None:
    assert "one for each of ah, oh" in said(lambda: best_of(tiny, 2, weights, tmp_path))


def test_what_is_written_into_a_prompt_is_a_text(tiny: Benchmark) -> None:
    silent = steered(tiny.prepared.policy, lambda said: None)  # type: ignore[arg-type, return-value]
    assert "returned None" in said(lambda: silent.encode_prompt("How?"))


def test_a_misspelt_objective_is_no_lack_of_data(unprepared: Benchmark) -> None:
    for ask in (unprepared.preference_pairs, unprepared.graded_labels):
        assert "cries has no objective 'ahh' (did you mean ah?)" in said(lambda ask=ask: ask("ahh"))  # type: ignore[misc]
    assert unprepared.preference_pairs("oh") == unprepared.graded_labels("oh") == []


def test_dpo_by_default(tiny: Benchmark, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without margin, reference and beta it is what it is with those of plain DPO: the same policy, bit for bit."""
    pairs = [PreferencePair(p, "ah ah", "oh") for p in tiny.prompts("train")[:8]]
    settings, run = Preference(batch=4), Run(tmp_path, 0)
    train_dpo(tiny, pairs, settings, run.stage("bare"))
    reference = dpo.log_probs(tiny, pairs, "bare", run)
    train_dpo(tiny, pairs, settings, run.stage("said"), margin=np.zeros(8), reference=reference, beta=settings.beta)
    bare, said_ = ((run.stage(name).folder / "model.safetensors").read_bytes() for name in ("bare", "said"))
    assert bare == said_


@pytest.mark.parametrize("rank", [0, 2])
def test_negative_weights_lead_away(tiny: Benchmark, tmp_path: Path, rank: int) -> None:
    """theta = 1.5 theta_1 - 0.5 theta_2, by hand, of whole models and of adapters, whose updates are averaged."""
    folders, states = [tmp_path / "one", tmp_path / "two"], []
    for seed, folder in enumerate(folders):
        policy = to_train(tiny, rank, 0)
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for parameter in policy.model.parameters():
                if parameter.requires_grad:
                    parameter += 0.1 * torch.randn(parameter.shape, generator=generator)
        save_trained(policy, folder)
        states.append(soup(tiny, [folder], (1.0,)).model.state_dict())
    found = soup(tiny, folders, (1.5, -0.5)).model.state_dict()
    for name, value in found.items():
        assert torch.allclose(value, 1.5 * states[0][name] - 0.5 * states[1][name], atol=1e-5), name
    assert "add up to 1" in said(lambda: soup(tiny, folders, (1.5, 0.5)))
    assert "none of them negative" in said(lambda: mix(tiny, folders, (1.5, -0.5)))


@pytest.mark.parametrize("path", EXAMPLES[1:])
def test_examples_are_short(path: str) -> None:
    assert len(Path(path).read_text().splitlines()) < 60
