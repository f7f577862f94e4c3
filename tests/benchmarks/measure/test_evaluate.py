"""The measurement: what a front holds, that it goes on where it stopped, that a seed gives the same numbers."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from benchmarks.common.errors import BadInput
from benchmarks.measure.evaluation import evaluate
from benchmarks.measure.front import Front
from benchmarks.measure.front_files import read_answers, read_front
from benchmarks.measure.rescoring import rescore
from benchmarks.models.policy import Policy, sequence_divergence
from benchmarks.models.tags import tagged
from benchmarks.prepare.benchmark import Benchmark
from benchmarks.prepare.make import prepare
from benchmarks.spec.grid import Weights
from benchmarks.stats.text import collapsed, text_statistics
from moa_cli.comparisons.comparison import compare
from tests.kit.worlds import Cries

GRID = ((1.0, 0.0), (0.5, 0.5), (0.0, 1.0))


class Louder:
    """Policies of the tiny benchmark that read w in the prompt, and remember for which w they were asked."""

    def __init__(self, benchmark: Benchmark):
        self.benchmark = benchmark
        self.asked: list[Weights] = []

    def __call__(self, weights: Weights) -> Policy:
        self.asked.append(weights)
        return self.benchmark.prepared.policy.steered(lambda prompt: prompt + " ah" * int(4 * weights[0]))


def measure(
    benchmark: Benchmark, policy_at: Callable[[Weights], Policy], folder: Path, seed: int = 0, **more: Any
) -> Front:
    facts = {"method": "louder", "steering": "prompt", "cost": {"seconds": 3.0}, "config": {"a": [1, 2]}} | more
    return evaluate(benchmark, policy_at, GRID, folder, seed=seed, **facts)


@pytest.fixture(scope="module")
def folder(tiny: Benchmark, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("front")
    measure(tiny, Louder(tiny), folder)
    return folder


def arrays(front: Front) -> list[np.ndarray]:
    return [front.rewards, front.scores, front.kl, front.log_prob, front.ended, front.tokens, front.collapsed]


def test_a_front_holds_what_its_answers_score(tiny: Benchmark, folder: Path) -> None:
    """Each point, recomputed from the stored answers and the policy: scores, evaluator, KL, lengths, ends, collapse."""
    front = read_front(folder)
    prompts = tiny.prompts("test")
    assert (front.method, front.seed, front.steering, front.config) == ("louder", 0, "prompt", {"a": [1, 2]})
    assert front.weights == GRID
    assert front.labels == ("1,0", "0.5,0.5", "0,1")
    assert front.rewards.shape == (3, 10, 2)
    assert (front.card, front.cost["seconds"]) == (tiny.card, 3.0)
    for k, weights in enumerate(GRID):
        answers = read_answers(folder, k)
        assert [a.prompt for a in answers] == prompts
        responses = [a.response for a in answers]
        policy = Louder(tiny)(weights)
        assert responses == policy.generate(prompts, tiny.sampling, seed=0)
        ids = policy.sample(prompts, tiny.sampling, seed=0)
        assert np.array_equal(front.rewards[k], tiny.rewards(prompts, responses))
        assert np.array_equal(front.scores[k], tiny.scores(prompts, responses))
        assert np.allclose(front.kl[k], sequence_divergence(policy, tiny.prepared.policy, prompts, ids).kl)
        assert front.tokens[k].tolist() == [len(i) for i in ids]
        assert front.ended[k].tolist() == [i[-1] == policy.tokenizer.eos_token_id for i in ids]
        assert front.collapsed[k].tolist() == [collapsed(r) for r in responses]
        assert text_statistics(responses).items() <= front.language[k].items()
    assert front.kl[0].min() > 1e-4
    assert 0 < front.ended.mean() < 1
    assert not np.array_equal(front.scores[0], front.scores[2])


def test_a_front_is_charged_for_what_it_used(own_tiny: Benchmark, tmp_path: Path) -> None:
    """In training, for an answer or for a policy: a trained reward and tags, each once, whoever used it how often; a
    reward that is a function has cost nothing. Nobody is charged for being measured."""
    cost: dict[str, float | None] = {"seconds": 2.0, "trained_tokens": 10, "flops": 1e6}
    costs = own_tiny.prepared.report.costs
    free = measure(own_tiny, Louder(own_tiny), tmp_path / "free", cost=cost)
    assert (free.used, free.charged) == ({}, cost)
    in_training = measure(own_tiny, Louder(own_tiny), tmp_path / "trained", cost=cost, used=("reward ah", "reward oh"))
    assert in_training.used == {"reward ah": costs["reward ah"].numbers}
    assert in_training.cost["flops"] == 1e6
    assert in_training.charged["flops"] == 1e6 + costs["reward ah"].flops
    assert in_training.charged["seconds"] == pytest.approx(2.0 + costs["reward ah"].seconds)

    def answering(weights: Weights) -> Policy:
        own_tiny.rewards(["How?"], ["ah"])
        return own_tiny.prepared.policy.steered(lambda prompt: tagged(prompt, (0, 3), own_tiny.names))

    again = [measure(own_tiny, answering, tmp_path / "asked", cost=cost, used=("tags",)) for _ in range(2)]
    assert set(again[0].used) == {"reward ah", "tags"}
    assert again[1].charged == again[0].charged
    flops, own = again[0].charged["flops"], again[0].cost["flops"]
    assert flops is not None
    assert own is not None
    assert flops == pytest.approx(own + costs["reward ah"].flops + costs["tags"].flops)


@torch.no_grad()
def test_log_probabilities_are_those_of_the_starting_policy(own_tiny: Benchmark, tmp_path: Path) -> None:
    """One unpadded forward per answer, behind the prompt as it is, whatever the policy read, at the temperature that it
    was drawn at. Perplexity is per token of all answers together."""
    hot = replace(own_tiny, sampling=replace(own_tiny.sampling, temperature=1.5))
    prepare(hot)
    front, start, prompts = measure(hot, Louder(hot), tmp_path / "front"), hot.prepared.policy, hot.prompts("test")
    for k, weights in enumerate(GRID):
        answers, expected = Louder(hot)(weights).sample(prompts, hot.sampling, 0), []
        for prompt, ids in zip(prompts, answers, strict=True):
            read = [*start.tokenizer(prompt)["input_ids"], *ids]
            logits = start.model(torch.tensor([read])).logits[0].double()
            log_probs = torch.log_softmax(logits / hot.sampling.temperature, -1)
            expected.append(sum(float(log_probs[t - 1, read[t]]) for t in range(len(read) - len(ids), len(read))))
        assert np.allclose(front.log_prob[k], expected, rtol=1e-5)
        assert front.language[k]["perplexity"] == pytest.approx(np.exp(-sum(expected) / front.tokens[k].sum()))


def test_a_diverged_policy_is_not_taken_for_one_of_unknown_divergence(tiny: Benchmark, tmp_path: Path) -> None:
    broken = copy.deepcopy(tiny.prepared.policy.model)
    next(broken.parameters()).data.fill_(np.nan)
    with pytest.raises(BadInput, match="kl at 1,0 has numbers that are not finite"):
        measure(tiny, lambda _: replace(tiny.prepared.policy, model=broken), tmp_path)


def test_what_an_answer_costs_is_counted(tiny: Benchmark, folder: Path) -> None:
    """Tokens drawn, no reward calls (scoring for the front is not serving), and 2 operations per parameter and token,
    read or drawn; averaged over the points."""
    front, policy = read_front(folder), tiny.prepared.policy
    prompts = tiny.prompts("test")
    read = np.mean([[len(Louder(tiny)(w).encode_prompt(p)) for p in prompts] for w in GRID])
    assert front.cost == {
        "seconds": 3.0,
        "serving_tokens": pytest.approx(front.tokens.mean()),
        "serving_reward_calls": 0.0,
        "serving_flops": pytest.approx(2 * policy.parameters * (front.tokens.mean() + read)),
    }


def test_the_starting_policy_has_no_kl(tiny: Benchmark, folder: Path) -> None:
    """At w = (0, 1) this policy reads the prompt as it is."""
    assert np.array_equal(read_front(folder).kl[2], np.zeros(10))


def test_kl_is_taken_at_the_temperature_of_sampling(own_tiny: Benchmark, tmp_path: Path) -> None:
    hot = replace(own_tiny, sampling=replace(own_tiny.sampling, temperature=1.5))
    prepare(hot)
    front = measure(hot, Louder(hot), tmp_path / "front")
    prompts, policy = hot.prompts("test"), Louder(hot)(GRID[0])
    ids = policy.sample(prompts, hot.sampling, seed=0)
    expected = sequence_divergence(policy, hot.prepared.policy, prompts, ids, temperature=1.5).kl
    assert np.allclose(front.kl[0], expected)
    assert not np.allclose(front.kl[0], sequence_divergence(policy, hot.prepared.policy, prompts, ids).kl)


def test_the_same_seed_gives_the_same_front(tiny: Benchmark, folder: Path, tmp_path: Path) -> None:
    again = measure(tiny, Louder(tiny), tmp_path / "again")
    other = measure(tiny, Louder(tiny), tmp_path / "other", seed=1)
    first = read_front(folder)
    assert all(np.array_equal(a, b) for a, b in zip(arrays(first), arrays(again), strict=True))
    assert not np.array_equal(first.scores, other.scores)


def test_only_what_is_missing_is_measured(tiny: Benchmark, tmp_path: Path) -> None:
    """Stopped after the first point; then one point lost, one damaged."""
    first = Louder(tiny)

    def stop(stage: str, step: int, *_: object) -> None:
        assert (stage, step) == ("1,0", 1)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        measure(tiny, first, tmp_path, log=stop)
    with pytest.raises(BadInput, match="no front"):
        read_front(tmp_path)
    rest = Louder(tiny)
    whole = measure(tiny, rest, tmp_path)
    assert (first.asked, rest.asked) == ([GRID[0]], [GRID[1], GRID[2]])
    (tmp_path / "w-001.parquet").unlink()
    damaged = tmp_path / "w-002.parquet"
    damaged.write_bytes(damaged.read_bytes()[:-20])
    mended = Louder(tiny)
    front = measure(tiny, mended, tmp_path)
    assert mended.asked == [GRID[1], GRID[2]]
    assert all(np.array_equal(a, b) for a, b in zip(arrays(whole), arrays(front), strict=True))
    idle = Louder(tiny)
    measure(tiny, idle, tmp_path)
    assert idle.asked == []


def test_points_of_another_card_are_measured_again(own_tiny: Benchmark, tmp_path: Path) -> None:
    measure(own_tiny, Louder(own_tiny), tmp_path / "front")
    renamed = prepare(replace(own_tiny, version="2")).benchmark
    policies = Louder(renamed)
    front = measure(renamed, policies, tmp_path / "front")
    assert policies.asked == list(GRID)
    assert front.card.version == "2"


def test_a_front_on_dev_prompts_says_so(tiny: Benchmark, folder: Path, tmp_path: Path) -> None:
    """N is 10, `eval_prompts`, of 14 dev prompts; the units are the same. Nothing compares it with a reported front."""
    front = measure(tiny, Louder(tiny), tmp_path / "dev", split="dev")
    assert [a.prompt for a in read_answers(tmp_path / "dev", 1)] == tiny.data.prompts("dev")[:10]
    assert front.card == read_front(tmp_path / "dev").card == tiny.card_on("dev")
    assert front.card.differences(tiny.card) == ["split", "prompts_hash"]
    assert (front.card.split, tiny.card.split, tiny.card_on("test")) == ("dev", "test", tiny.card)
    again = Louder(tiny)
    measure(tiny, again, tmp_path / "dev", split="dev")
    assert again.asked == []
    with pytest.raises(BadInput) as refusal:
        compare([front, read_front(folder)])
    assert str(refusal.value).splitlines() == [
        "the fronts of louder and louder on cries cannot be compared",
        "one was measured on dev prompts and the other on test prompts; settings are chosen on dev prompts, and test "
        "prompts are reported",
        f"measure both on the test prompts: moa eval {tmp_path} --pareto",
    ]


def test_a_dev_front_stays_one_when_it_is_scored_again(own_tiny: Benchmark, tmp_path: Path) -> None:
    measured = measure(own_tiny, Louder(own_tiny), tmp_path / "dev", split="dev")
    renamed = prepare(replace(own_tiny, version="2")).benchmark
    rescore(renamed, tmp_path / "dev", tmp_path / "again")
    again = read_front(tmp_path / "again")
    assert again.card == renamed.card_on("dev")
    np.testing.assert_allclose(again.scores, measured.scores)


def test_a_benchmark_without_dev_prompts_cannot_be_measured_on_them(tiny: Benchmark, tmp_path: Path) -> None:
    class NoDev(Cries):
        def prompts(self, split: str) -> list[str]:
            return [] if split == "dev" else super().prompts(split)

    with pytest.raises(BadInput, match="cries has no dev prompts"):
        measure(replace(tiny, data=NoDev()), Louder(tiny), tmp_path / "front", split="dev")
    assert not (tmp_path / "front").exists()
