"""The RL engine and Rewarded Soups: what is optimised, that it is reached, that a soup is the mean of its experts."""

from __future__ import annotations

import json
import math
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, Trainer

from benchmarks.common.errors import BadInput
from benchmarks.common.ledger import Cost, charged_to
from benchmarks.models.policy import Policy
from benchmarks.prepare.benchmark import Benchmark
from benchmarks.prepare.make import prepare
from benchmarks.spec.grid import Weights
from benchmarks.spec.places import policy_source
from methods.contract.run import Run
from methods.contract.settings import Reinforcement
from methods.engines import rl
from methods.engines.rl import train_rl
from methods.engines.trained import load_trained, save_trained, soup, to_train
from methods.engines.trainers import Rloo
from methods.rewarded_soups import RewardedSoups

FEW = Reinforcement(epochs=0.5, prompts_per_step=4, samples_per_prompt=4)
"""Half a pass over 48 prompts, 4 at a time: 6 steps."""


def trained(
    benchmark: Benchmark, folder: Path, settings: Reinforcement, weights: Weights = (0.0, 1.0), seed: int = 0
) -> Path:
    """The folder of the policy that an RL run leaves."""
    stage = Run(folder, seed).stage("here")
    train_rl(benchmark, weights, settings, stage)
    return stage.folder


def logged(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


# The RL engine


def test_every_parameter_moves_and_the_start_stays(tiny: Benchmark, tmp_path: Path) -> None:
    folder = trained(tiny, tmp_path, FEW)
    before = load_file(Path(policy_source(tiny)) / "model.safetensors")
    after = load_file(folder / "model.safetensors")
    assert before.keys() == after.keys()
    assert [name for name, value in before.items() if torch.equal(value, after[name])] == []
    kept = tiny.prepared.policy.model.state_dict()
    assert all(torch.equal(kept[name], value) for name, value in before.items())
    rows = logged(tmp_path)
    assert [row["step"] for row in rows] == [1, 2, 3, 4, 5, 6]
    assert all(row["steps"] == 6 and row["stage"] == "here" for row in rows)
    assert not (tmp_path / "checkpoints" / "here").exists()


def test_the_log_has_the_weighted_reward_and_no_kl_at_first(gold_tiny: Benchmark, tmp_path: Path) -> None:
    """reward = .25 r_ah + .75 r_oh of the same answers; before the first update policy and reference are the same."""
    trained(gold_tiny, tmp_path, FEW, weights=(0.25, 0.75))
    for row in logged(tmp_path):
        assert row["reward"] == pytest.approx(0.25 * row["reward/ah"] + 0.75 * row["reward/oh"], abs=1e-4)
    assert logged(tmp_path)[0]["kl"] == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize("corner", [0, 1])
def test_the_reward_rises(gold_tiny: Benchmark, tmp_path: Path, corner: int) -> None:
    """24 steps for saying ah (or oh): the mean over the last four is more than one SD above that over the first
    four."""
    weights = gold_tiny.corners[corner]
    trained(
        gold_tiny, tmp_path, replace(FEW, epochs=2.0, samples_per_prompt=8, learning_rate=5e-5, kl_coef=0.01), weights
    )
    rewards = [row["reward"] for row in logged(tmp_path)]
    assert len(rewards) == 24
    assert np.mean(rewards[-4:]) > np.mean(rewards[:4]) + 1


def test_a_strong_kl_penalty_keeps_the_policy_where_it_was(gold_tiny: Benchmark, tmp_path: Path) -> None:
    settings = replace(FEW, epochs=2.0, samples_per_prompt=8, learning_rate=5e-5)
    ends = {}
    for kl_coef in (1e-6, 5.0):
        trained(gold_tiny, tmp_path / str(kl_coef), replace(settings, kl_coef=kl_coef))
        ends[kl_coef] = np.mean([row["kl"] for row in logged(tmp_path / str(kl_coef))[-4:]])
    assert 0 <= ends[5.0] < 0.5 * ends[1e-6]


def test_without_a_kl_penalty(tiny: Benchmark, tmp_path: Path) -> None:
    """kl_coef = 0 is a right setting: pure reward maximisation."""
    assert trained(tiny, tmp_path, replace(FEW, kl_coef=0.0)).exists()


def test_the_same_seed_gives_the_same_bits(tiny: Benchmark, tmp_path: Path) -> None:
    first, again, other = (
        (trained(tiny, tmp_path / str(i), FEW, seed=seed) / "model.safetensors").read_bytes()
        for i, seed in enumerate((7, 7, 8))
    )
    assert first == again
    assert first != other


@pytest.mark.parametrize(
    "settings",
    [
        Reinforcement(epochs=10 / 48, prompts_per_step=1),
        Reinforcement(epochs=5.0, prompts_per_step=24, samples_per_prompt=2),
    ],
    ids=["first pass", "third pass"],
)
def test_an_interrupted_run_ends_in_the_same_bits(
    tiny: Benchmark, saved_early: None, tmp_path: Path, settings: Reinforcement
) -> None:
    """10 steps, less than one pass over the prompts or five; saved after 5, in the third, stopped after 7."""
    whole = trained(tiny, tmp_path / "whole", settings)

    def stop(stage: str, step: int, *_: object) -> None:
        if step == 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_rl(tiny, (0.0, 1.0), settings, Run(tmp_path / "broken", 0, stop).stage("here"))
    steps: list[int] = []
    stage = Run(tmp_path / "broken", 0, lambda _, step, *__: steps.append(step)).stage("here")
    train_rl(tiny, (0.0, 1.0), settings, stage)
    assert steps == list(range(6, 11))
    assert (stage.folder / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()


@pytest.fixture
def trainers(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Trainers are caught before they train."""
    caught: list[Trainer] = []
    monkeypatch.setattr(rl, "run_trainer", caught.append)
    return caught


def test_one_temperature_for_sampling_and_log_probabilities(
    tiny: Benchmark, tmp_path: Path, trainers: list[Any]
) -> None:
    """Log-probabilities at another temperature than the samples' bias the KL, and make it negative."""
    trained(tiny, tmp_path, replace(FEW, temperature=0.7, kl_coef=0.3))
    [trainer] = trainers
    assert trainer.temperature == trainer.args.temperature == trainer.sampling.temperature == 0.7
    assert trainer.sampling.top_p == trainer.args.top_p == 1.0
    assert trainer.args.top_k in (0, None)
    assert trainer.beta == 0.3
    assert trainer.num_generations == 4
    assert trainer.sampling.max_new_tokens == trainer.max_completion_length == tiny.sampling.max_new_tokens
    ids = torch.tensor([[*trainer.processing_class("Call 1: what do you say?")["input_ids"], 5, 9]])
    got = trainer._get_per_token_logps_and_entropies(trainer.model, ids, torch.ones_like(ids), 2)[0]
    with torch.no_grad():
        expected = torch.log_softmax(trainer.model(ids).logits[0, -3:-1] / 0.7, -1)[[0, 1], [5, 9]]
    assert got[0].tolist() == pytest.approx(expected.tolist(), rel=1e-4)


def test_every_step_draws_anew_and_repeats_when_resumed(tiny: Benchmark, tmp_path: Path, trainers: list[Any]) -> None:
    """The random numbers are a function of seed and step; the four answers to one prompt differ among themselves."""
    trained(tiny, tmp_path, FEW)
    [trainer] = trainers
    prompts = [tiny.prepared.policy.encode_prompt("Call 1: what do you say?")] * 4
    answers = []
    for step in (0, 1, 0):
        trainer.state.global_step = step
        answers.append(trainer._generate_single_turn(prompts, None, {}))
    assert answers[0] == answers[2] != answers[1]
    assert len(set(map(tuple, answers[0]))) > 1
    assert trainer.model.training


def test_prompts_that_would_be_cut_are_left_out(
    tiny: Benchmark, tmp_path: Path, trainers: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prompts with a number of two digits are one token longer than a limit that the others just keep. Of these ten
    half a pass, four at a time, is one step."""
    policy = tiny.prepared.policy
    short, long = (len(policy.encode_prompt(f"Call {i}: what do you say?")) for i in (3, 33))
    assert long == short + 1
    original = to_train
    monkeypatch.setattr(rl, "to_train", lambda *a, **k: replace(original(*a, **k), max_prompt_tokens=short))
    trained(tiny, tmp_path, FEW)
    assert set(trainers[0].train_dataset["prompt"]) <= {f"Call {i}: what do you say?" for i in range(10)}
    assert trainers[0].args.max_steps == 1
    monkeypatch.setattr(rl, "to_train", lambda *a, **k: replace(original(*a, **k), max_prompt_tokens=short - 1))
    with pytest.raises(BadInput, match="raise max_prompt_tokens"):
        trained(tiny, tmp_path / "none", FEW)


@pytest.mark.parametrize(("one_pass", "operations"), [(True, 10.0), (False, 12.0)])
def test_what_it_costs_is_charged(
    gold_tiny: Benchmark, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, one_pass: bool, operations: float
) -> None:
    """6 steps x 16 answers, each scored under two rewards; at most 8 tokens each, and the prompts' are trained through
    too."""
    monkeypatch.setattr(Rloo, "one_pass", one_pass)
    cost = Cost()
    with charged_to(cost):
        trained(gold_tiny, tmp_path, FEW)
    prompt = len(gold_tiny.prepared.policy.encode_prompt("Call 1: what do you say?"))
    assert cost.reward_calls == 6 * 16 * 2
    assert 6 * 16 <= cost.generated_tokens <= 6 * 16 * 8
    assert 6 * 16 * prompt <= cost.trained_tokens - cost.generated_tokens <= 6 * 16 * (prompt + 1)
    assert cost.flops == operations * gold_tiny.prepared.policy.parameters * cost.trained_tokens


# Adapters


@pytest.fixture(scope="module")
def adapters(tiny: Benchmark, tmp_path_factory: pytest.TempPathFactory) -> tuple[RewardedSoups, Run]:
    """Two LoRA experts of rank 4, far enough apart to matter."""
    method = RewardedSoups(epochs=0.5, prompts_per_step=4, lora_rank=4, learning_rate=2e-4, kl_coef=1e-3)
    run = Run(tmp_path_factory.mktemp("adapters"), 0)
    method.train(tiny, run)
    return method, run


@pytest.fixture(scope="module")
def experts(tiny: Benchmark, tmp_path_factory: pytest.TempPathFactory) -> tuple[RewardedSoups, Run]:
    """Two whole models."""
    method, run = RewardedSoups(epochs=0.5, prompts_per_step=4), Run(tmp_path_factory.mktemp("experts"), 0)
    method.train(tiny, run)
    return method, run


def logits(model: Any) -> torch.Tensor:
    with torch.no_grad():
        return model(torch.tensor([[40, 50, 60, 70, 80]])).logits


def state(policy: Policy) -> dict[str, torch.Tensor]:
    return dict(policy.model.state_dict())


def distance(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> float:
    assert a.keys() == b.keys()
    return max(float((a[name] - b[name]).abs().max()) for name in a)


def test_only_the_adapter_is_kept_and_plain_peft_reads_it(tiny: Benchmark, adapters: tuple[RewardedSoups, Run]) -> None:
    """No base weights, no copy of the reference: an A and a B per linear layer, all of them trained."""
    _, run = adapters
    folder = run.stage("ah").folder
    weights = load_file(folder / "adapter_model.safetensors")
    linear = [n for n, m in tiny.prepared.policy.model.model.named_modules() if isinstance(m, torch.nn.Linear)]
    assert len(weights) == 2 * len(linear) == 28
    assert all(("lora_A" in name) != ("lora_B" in name) for name in weights)
    assert {value.shape[0] if "lora_A" in name else value.shape[1] for name, value in weights.items()} == {4}
    assert all(value.abs().max() > 0 for value in weights.values())
    assert sorted(p.name for p in folder.rglob("*.safetensors")) == ["adapter_model.safetensors"]
    plain = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(policy_source(tiny)), folder).eval()
    ours = load_trained(tiny, folder, fresh=True).model
    assert torch.allclose(logits(plain), logits(ours), atol=1e-4)
    assert (logits(ours) - logits(tiny.prepared.policy.model)).abs().max() > 1e-2


def test_experts_share_their_initialisation(tiny: Benchmark) -> None:
    """What can be mixed must begin in the same place: A depends on the seed alone, B is zero."""
    one, same, other = (
        {n: v.clone() for n, v in to_train(tiny, 4, seed).model.state_dict().items() if "lora_" in n}
        for seed in (0, 0, 1)
    )
    assert distance(one, same) == 0
    assert distance(one, other) > 0
    zero = [value for name, value in one.items() if "lora_B" in name]
    assert len(zero) == len(one) / 2
    assert all(value.abs().max() == 0 for value in zero)


@pytest.mark.parametrize("w", [(0.3, 0.7), (0.5, 0.5), (1.0, 0.0), (0.0, 1.0)])
def test_a_soup_of_adapters_adds_weighted_updates(
    tiny: Benchmark, adapters: tuple[RewardedSoups, Run], w: Weights
) -> None:
    """W + sum_i w_i (alpha / r) B_i A_i from the files themselves; A and B averaged apart, on request, differ in
    between."""
    method, run = adapters
    expected = load_file(Path(policy_source(tiny)) / "model.safetensors")
    apart = dict(expected)
    parts = [load_file(run.stage(name).folder / "adapter_model.safetensors") for name in ("ah", "oh")]
    for name in [n for n in parts[0] if "lora_A" in n]:
        target = name.removeprefix("base_model.model.").replace("lora_A.", "")
        factors = [(p[name], p[name.replace("lora_A", "lora_B")]) for p in parts]
        expected[target] = expected[target] + sum(wi * 2.0 * (B @ A) for wi, (A, B) in zip(w, factors, strict=True))
        mean_A, mean_B = (w[0] * factors[0][k] + w[1] * factors[1][k] for k in (0, 1))
        apart[target] = apart[target] + 2.0 * mean_B @ mean_A
    soup = {name: value for name, value in state(method.policy(tiny, run, w)).items() if name in expected}
    assert distance(soup, expected) < 1e-6
    factors = replace(method, average="factors").policy(tiny, run, w)
    assert distance({name: value for name, value in state(factors).items() if name in apart}, apart) < 1e-6
    if max(w) < 1:
        assert distance(apart, expected) > 1e-4
    else:
        end = state(load_trained(tiny, run.stage(("ah", "oh")[w.index(1.0)]).folder, fresh=True))
        assert distance(state(method.policy(tiny, run, w)), end) < 1e-6


def test_whole_models_have_no_factors(tiny: Benchmark, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no factors"):
        RewardedSoups(average="factors").train(tiny, Run(tmp_path, 0))
    assert not list(tmp_path.iterdir())


# Whole models


@pytest.mark.parametrize("w", [(0.3, 0.7), (0.5, 0.5), (1.0, 0.0), (0.0, 1.0)])
def test_a_soup_of_models_is_their_mean(tiny: Benchmark, experts: tuple[RewardedSoups, Run], w: Weights) -> None:
    """The known failure of the public code is that every w evaluates the same policy."""
    method, run = experts
    ends = [load_file(run.stage(name).folder / "model.safetensors") for name in ("ah", "oh")]
    soup = {name: value for name, value in state(method.policy(tiny, run, w)).items() if name in ends[0]}
    mean = {name: (w[0] * ends[0][name].double() + w[1] * ends[1][name].double()).float() for name in ends[0]}
    assert distance(soup, mean) == 0
    assert [distance(soup, end) == 0 for end in ends] == [w[0] == 1, w[1] == 1]
    assert not method.policy(tiny, run, w).model.training


def test_what_has_no_weight_is_not_read(tiny: Benchmark, experts: tuple[RewardedSoups, Run], tmp_path: Path) -> None:
    """All the weight on one is that policy, to the bit; a broken one without weight does no harm."""
    _, run = experts
    whole, broken = run.stage("ah").folder, tmp_path / "broken"
    shutil.copytree(run.stage("oh").folder, broken)
    values = {name: torch.full_like(value, math.inf) for name, value in load_file(broken / "model.safetensors").items()}
    save_file(values, broken / "model.safetensors", metadata={"format": "pt"})
    alone = state(load_trained(tiny, whole, fresh=True))
    assert distance(state(soup(tiny, [whole, broken], (1.0, 0.0))), alone) == 0.0
    shutil.rmtree(broken)
    assert distance(state(soup(tiny, [broken, whole], (0.0, 1.0))), alone) == 0.0


def test_what_has_no_mean_is_refused(
    tiny: Benchmark, experts: tuple[RewardedSoups, Run], adapters: tuple[RewardedSoups, Run], tmp_path: Path
) -> None:
    """Adapters that PEFT adds in another scale, an adapter and a whole model, models of two vocabularies."""
    whole, adapter = experts[1].stage("ah").folder, adapters[1].stage("ah").folder
    for setting in ("use_rslora", "use_dora"):
        odd = tmp_path / setting
        shutil.copytree(adapter, odd)
        settings = json.loads((odd / "adapter_config.json").read_text())
        (odd / "adapter_config.json").write_text(json.dumps(settings | {setting: True}))
        with pytest.raises(BadInput, match=f"has {setting} set"):
            soup(tiny, [adapter, odd], (0.5, 0.5))
    with pytest.raises(BadInput, match="is a whole model, and others are adapters"):
        soup(tiny, [adapter, whole], (0.5, 0.5))
    longer = tmp_path / "longer"
    model = AutoModelForCausalLM.from_pretrained(whole)
    model.resize_token_embeddings(model.config.vocab_size + 3)
    model.save_pretrained(longer)
    with pytest.raises(BadInput, match="longer has .* of shape"):
        soup(tiny, [whole, longer], (0.5, 0.5))


def test_a_soup_leaves_its_experts_and_the_start_alone(tiny: Benchmark, experts: tuple[RewardedSoups, Run]) -> None:
    """Also where several soups are asked for one after the other, the first is still what it was."""
    method, run = experts
    start = {n: v.clone() for n, v in state(tiny.prepared.policy).items()}
    first = method.policy(tiny, run, (0.5, 0.5))
    before = {n: v.clone() for n, v in state(first).items()}
    method.policy(tiny, run, (1.0, 0.0))
    assert distance(state(first), before) == 0
    assert distance(state(tiny.prepared.policy), start) == 0
    assert distance(state(method.policy(tiny, run, (0.5, 0.5))), before) == 0


def test_each_expert_is_morlhf_at_a_corner(tiny: Benchmark, experts: tuple[RewardedSoups, Run], tmp_path: Path) -> None:
    """Expert i is the RL run with weights e_i at the same seed, bit for bit."""
    method, run = experts
    for weights, name in zip(tiny.corners, tiny.names, strict=True):
        alone = trained(tiny, tmp_path / name, method, weights)
        expert = run.stage(name).folder
        assert (alone / "model.safetensors").read_bytes() == (expert / "model.safetensors").read_bytes()


def test_three_experts(own_tiny: Benchmark, tiny_size: None, tmp_path: Path) -> None:
    """With three objectives the soup is the mean of three."""
    objectives = (*own_tiny.objectives, replace(own_tiny.objectives[1], name="uh"))
    three = prepare(replace(own_tiny, objectives=objectives, grid=(), trained_grid=())).benchmark
    method, run = RewardedSoups(epochs=0.2, prompts_per_step=4), Run(tmp_path, 0)
    method.train(three, run)
    ends = [load_file(run.stage(name).folder / "model.safetensors") for name in three.names]
    soup = state(method.policy(three, run, (0.2, 0.3, 0.5)))
    for name in ends[0]:
        mean = 0.2 * ends[0][name].double() + 0.3 * ends[1][name].double() + 0.5 * ends[2][name].double()
        assert torch.allclose(soup[name].double(), mean, atol=1e-7)


def test_a_stage_trained_anew_is_loaded_anew(tiny: Benchmark, tmp_path: Path) -> None:
    """train(..., restart=True) in one process must not answer with the parameters of before."""
    stage = Run(tmp_path, 0).stage("here")
    for factor in (1.0, 2.0):
        policy = tiny.prepared.load_starting_policy()
        policy.model.model.norm.weight.data.fill_(factor)
        with stage.writing() as folder:
            save_trained(policy, folder)
        assert float(load_trained(tiny, stage.folder).model.model.norm.weight.data[0]) == factor
