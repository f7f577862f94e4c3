"""MOD: the product of experts token by token, and that experts which exist already are not trained again."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from rich.console import Console

from benchmarks.common.ledger import Cost, charged_to
from benchmarks.common.sums import read_json
from benchmarks.measure.evaluation import evaluate
from benchmarks.models.policy import Policy, sequence_divergence
from benchmarks.models.sampler import draw_uniforms, invert
from benchmarks.prepare.benchmark import Benchmark
from benchmarks.spec.grid import Weights
from methods.contract.method import Method
from methods.contract.run import Run
from methods.engines import rl
from methods.engines.decoding import MixtureOfModels, mix
from methods.engines.rl import train_rl
from methods.engines.trained import load_trained, save_trained, to_train
from methods.mod import MOD
from methods.morlhf import MORLHF
from methods.rewarded_soups import RewardedSoups
from moa_cli.jobs import pool
from moa_cli.jobs.job import Job, Outcome
from moa_cli.jobs.plan import measuring_jobs
from moa_cli.jobs.pool import Workers, run_jobs
from moa_cli.jobs.progress import Display
from moa_cli.jobs.run import train
from moa_cli.runs.config import Source
from moa_cli.runs.contestant import Contestant
from moa_cli.runs.folders import run_folder
from moa_cli.runs.record import read_record

PROMPTS = [f"{'Shout ' * (i % 3)}{i}: what do you say?" for i in range(9)]


@pytest.fixture(scope="module", params=[0, 4], ids=["models", "adapters"])
def experts(request: pytest.FixtureRequest, tiny: Benchmark, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The method and a run whose experts, whole models or adapters of rank 4, are the starting policy and some
    noise."""
    run = Run(tmp_path_factory.mktemp("experts"), 0)
    for seed, name in enumerate(tiny.names):
        policy, generator = to_train(tiny, request.param, 0), torch.Generator().manual_seed(seed)
        for parameter in policy.model.parameters():
            if parameter.requires_grad:
                parameter.data += 0.1 * torch.randn(parameter.shape, generator=generator)
        with run.stage(name).writing() as folder:
            save_trained(policy, folder)
    return MOD(lora_rank=request.param), run


def ends(tiny: Benchmark, run: Run) -> list[Policy]:
    return [load_trained(tiny, run.stage(name).folder, fresh=True) for name in tiny.names]


def by_hand(policies: list[Policy], w: Weights, ids: list[int]) -> torch.Tensor:
    """Log-probabilities (V,) of the next token after ids: each expert asked alone, without padding or cache."""
    with torch.no_grad():
        each = [torch.softmax(p.model(torch.tensor([ids])).logits[0, -1].double(), -1) for p in policies]
    product = torch.stack([p**wi for p, wi in zip(each, w, strict=True)]).prod(0)
    return (product / product.sum()).log()


# The product


class Constant(torch.nn.Module):
    """An expert that says the same whatever it reads."""

    def __init__(self, probabilities: list[float]):
        super().__init__()
        self.probabilities = torch.nn.Parameter(torch.tensor(probabilities))

    def forward(self, input_ids: torch.Tensor, **_: Any) -> SimpleNamespace:
        return SimpleNamespace(logits=self.probabilities.log().expand(*input_ids.shape, -1) + 7.0)


@pytest.mark.parametrize(("w", "expected"), [((0.5, 0.5), [0.5, 0.5]), ((0.75, 0.25), [2 / 3, 1 / 3])])
def test_two_tokens_by_hand(w: Weights, expected: list[float]) -> None:
    """p_1 = (.8, .2), p_2 = (.2, .8). Equal weights: sqrt(.16) both. (3/4, 1/4): .8^.75 .2^.25 = .5657 and .2^.75
    .8^.25 = .2828, 2 to 1. Logits that are no log-probabilities (7 too high) change nothing."""
    mixed = MixtureOfModels([Constant([0.8, 0.2]), Constant([0.2, 0.8])], w)
    ids = torch.zeros(3, 4, dtype=torch.long)
    assert torch.allclose(mixed(ids, ids, ids).logits.exp(), torch.tensor(expected).expand(3, 4, 2))
    assert mixed.num_parameters() == 4


@pytest.mark.parametrize("w", [(0.3, 0.7), (0.9, 0.1)])
def test_answers_are_drawn_from_the_product(tiny: Benchmark, experts: tuple[MOD, Run], w: Weights) -> None:
    """Token by token the same as drawn slowly, one prompt at a time: padding, caches and rows that leave are done
    right."""
    method, run = experts
    policy, policies = method.policy(tiny, run, w), ends(tiny, run)
    # top_p 1: a nucleus is ranked, and ranks of nearly equal probabilities depend on rounding
    sampling = replace(tiny.sampling, max_new_tokens=24, temperature=1.0, top_p=1.0)
    answers = policy.sample(PROMPTS, sampling, 5)
    assert len({len(a) for a in answers}) > 1  # some end before others
    uniforms = torch.tensor(draw_uniforms(PROMPTS, 24, 5), dtype=torch.float32)
    for row, prompt in enumerate(PROMPTS):
        ids, slow = policy.encode_prompt(prompt), list[int]()
        while len(slow) < 24 and policy.tokenizer.eos_token_id not in slow:
            logits = by_hand(policies, w, [*ids, *slow]).float()[None]
            slow.append(int(invert(logits, uniforms[row : row + 1, len(slow)], sampling)[0]))
        assert answers[row] == slow
    assert all(policy.sample(PROMPTS, sampling, 5, batch) == answers for batch in (1, 4))


@pytest.mark.parametrize("w", [(0.3, 0.7), (0.8, 0.2)])
def test_the_divergence_is_that_of_the_product(tiny: Benchmark, experts: tuple[MOD, Run], w: Weights) -> None:
    """KL to the starting policy, summed along each answer, from distributions that were multiplied by hand."""
    method, run = experts
    policy, policies, start = method.policy(tiny, run, w), ends(tiny, run), tiny.prepared.policy
    answers = policy.sample(PROMPTS[:3], tiny.sampling, 0)
    found = policy.divergence(start, PROMPTS[:3], answers).kl
    for row, answer in enumerate(answers):
        ids, expected = policy.encode_prompt(PROMPTS[row]), 0.0
        for t in range(len(answer)):
            ours, theirs = (by_hand(p, v, [*ids, *answer[:t]]) for p, v in ((policies, w), ([start], (1.0,))))
            expected += float((ours.exp() * (ours - theirs)).sum())
        assert found[row] == pytest.approx(expected, rel=1e-3, abs=1e-5)
    assert found.min() > 1e-3


def test_a_corner_is_its_expert(tiny: Benchmark, experts: tuple[MOD, Run]) -> None:
    """Exactly, and at the price of one model; in between it is neither expert, at the price of all."""
    method, run = experts
    for corner, end in zip(tiny.corners, ends(tiny, run), strict=True):
        state = method.policy(tiny, run, corner).model.state_dict()
        assert state.keys() == end.model.state_dict().keys()
        assert all(torch.equal(value, state[name]) for name, value in end.model.state_dict().items())
    middle = method.policy(tiny, run, (0.5, 0.5))
    answers = middle.sample(PROMPTS, tiny.sampling, 0)
    for end in ends(tiny, run):
        assert sequence_divergence(middle, end, PROMPTS, answers).kl.max() > 1e-3
        assert middle.parameters >= 2 * tiny.prepared.policy.parameters
    cost, one = Cost(), Cost()
    with charged_to(cost):
        middle.sample(PROMPTS, tiny.sampling, 0)
    with charged_to(one):
        method.policy(tiny, run, (1.0, 0.0)).sample(PROMPTS, tiny.sampling, 0)
    read = sum(len(middle.encode_prompt(p)) for p in PROMPTS)
    assert cost.flops / (cost.generated_tokens + read) >= 2 * one.flops / (one.generated_tokens + read)


def test_an_expert_of_weight_zero_takes_no_part(tiny: Benchmark, experts: tuple[MOD, Run]) -> None:
    _, run = experts
    folders = [run.stage(name).folder for name in (*tiny.names, "ah")]
    two, three = (mix(tiny, folders[: len(w)], w) for w in ((0.3, 0.7), (0.3, 0.7, 0.0)))
    assert two.parameters == three.parameters
    assert two.sample(PROMPTS, tiny.sampling, 0) == three.sample(PROMPTS, tiny.sampling, 0)


# Experts that are there already


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The stages that are trained by RL."""
    made: list[str] = []
    original = train_rl

    def spy(benchmark: Benchmark, weights: Weights, settings: Any, stage: Any) -> None:
        made.extend([] if stage.done else [stage.name])
        original(benchmark, weights, settings, stage)

    monkeypatch.setattr(rl, "train_rl", spy)
    return made


def parameters(run: Run, name: str) -> bytes:
    return (run.stage(name).folder / "model.safetensors").read_bytes()


@pytest.mark.parametrize(("cls", "left"), [(MOD, []), (MORLHF, ["0.5-0.5"])])
def test_a_trained_soup_is_built_on(own_tiny: Benchmark, calls: list[str], cls: type[Method], left: list[str]) -> None:
    """Its experts are copied, with what they cost, which is as if they had been trained here; the result is the
    same."""
    grid = replace(own_tiny, trained_grid=((1.0, 0.0), (0.5, 0.5), (0.0, 1.0)))
    few = {"epochs": 0.25, "prompts_per_step": 4}
    alone = Run(own_tiny.home / "alone", 0)
    with charged_to(alone.cost):
        cls(**few).train(grid, alone)
    soups = train(grid, RewardedSoups(**few))
    calls.clear()
    said: list[str] = []
    run = train(grid, cls(**few), log=lambda stage, *_: said.append(stage))
    assert calls == left
    assert said[0] == "taken over from rewarded-soups"
    for name in grid.names:
        assert parameters(run, name) == parameters(soups, name) == parameters(alone, name)
    for spent in ("generated_tokens", "trained_tokens", "reward_calls"):
        assert getattr(run.cost, spent) == getattr(alone.cost, spent)
    assert run.cost.seconds > soups.cost.seconds
    assert read_json(run.dir / "cost.json") == run.cost.to_json()
    record = read_record(run.dir)
    assert (record.cost, record.used) == (run.cost.numbers, soups.cost.used)
    assert record.used == ("reward ah", "reward oh")


def test_another_soup_is_not(own_tiny: Benchmark, calls: list[str]) -> None:
    """Other hyperparameters, another seed, or not trained to its end: experts are trained here."""
    few = {"epochs": 0.25, "prompts_per_step": 4}
    train(own_tiny, RewardedSoups(**few), seed=1)
    train(own_tiny, RewardedSoups(**few, kl_coef=0.1))
    half = run_folder(own_tiny, RewardedSoups(**few), 0)
    train_rl(own_tiny, own_tiny.corners[0], RewardedSoups(**few), Run(half, 0).stage("ah"))
    calls.clear()
    train(own_tiny, MOD(**few))
    assert calls == ["ah", "oh"]


def test_it_waits_for_the_soup_that_is_just_being_trained(own_tiny: Benchmark) -> None:
    """In one command the runs that build on another come after it, and only after that one."""
    source = Source("cries", own_tiny.home)
    methods = [RewardedSoups(), RewardedSoups(epochs=2.0), MOD(), MORLHF(epochs=2.0), MOD(epochs=3.0)]
    runs = [Contestant(source, own_tiny, m, 0, run_folder(own_tiny, m, 0)) for m in methods]
    todo = measuring_jobs(runs, may_train=True)
    assert [job.after for job in todo] == [(), (), (todo[0].key,), (todo[1].key,), ()]
    assert [job.after for job in measuring_jobs(runs[2:], may_train=True)] == [(), (), ()]


def test_the_price_of_an_answer_is_in_the_front(tiny: Benchmark, experts: tuple[MOD, Run], tmp_path: Path) -> None:
    """At the corners one model answers, in between two: over the three points of the grid 4/3 models on average."""
    method, run = experts
    front = evaluate(
        tiny, lambda w: method.policy(tiny, run, w), tiny.grid, tmp_path,
        method="m", steering="decode", seed=0, cost={"seconds": 1.0}, config={},
    )  # fmt: skip
    read = np.mean([len(tiny.prepared.policy.encode_prompt(p)) for p in tiny.prompts("test")])
    each = 2 * tiny.prepared.policy.parameters * (front.tokens.mean(axis=1) + read)
    assert front.cost["seconds"] == 1.0
    assert front.cost["serving_tokens"] == pytest.approx(front.tokens.mean())
    assert front.cost["serving_reward_calls"] == 0
    assert front.cost["serving_flops"] == pytest.approx(np.mean(each * [1, 2, 1]), rel=0.2)
    assert front.cost["serving_flops"] >= (1 - 1e-12) * np.mean(each * [1, 2, 1])  # rounding


def test_it_is_done_where_what_it_builds_on_has_failed() -> None:
    """It waits for that training to end, and then trains all itself."""
    source = Source("hh-rlhf-mini", Path("runs"))
    first = Job(key="rewarded-soups", label="soups", purpose="train", source=source, work=print)
    second = replace(first, key="mod", after=(first.key,))
    third = replace(first, key="morlhf", needs=(first.key,))
    ended: list[str] = []

    def perform(job: Job, listen: object, *, quiet: bool = True) -> Outcome:
        ended.append(job.key)
        return Outcome(job=job, error=("it failed", "why", "fix") if job.key == "rewarded-soups" else None)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pool, "perform", perform)
        done = run_jobs([first, second, third], Workers(1, 1, here=True), Display(Console(file=io.StringIO())))
    assert ended == ["rewarded-soups", "mod"]
    assert [done[job.key].word for job in (first, second, third)] == ["failed", "done", "not started"]
