"""A pretrained policy that learns the benchmark's demonstrations before any method starts from it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.common.errors import BadInput
from benchmarks.load.load import load_benchmark
from benchmarks.load.toml import read_benchmark
from benchmarks.models.policy import Policy, load_policy, sequence_log_probs
from benchmarks.prepare.benchmark import Benchmark
from benchmarks.prepare.make import missing_parts, prepare_part
from benchmarks.prepare.parts import answers_file
from benchmarks.rewards.classifier import Classifier
from benchmarks.rewards.trained import TrainedReward
from benchmarks.spec.places import policy_id, policy_source
from benchmarks.spec.settings import Finetuning
from tests.kit.tokenizers import CHAT, tiny_policy_in, tiny_tokenizer


@pytest.fixture
def bare(unprepared: Benchmark, tmp_path: Path) -> Benchmark:
    """The tiny world with an untrained chat policy from a folder, and gold rewards."""
    folder = tiny_policy_in(tmp_path / "model", tiny_tokenizer("bytes", "<s> $A </s>", CHAT))
    objectives = tuple(replace(o, reward=o.evaluator) for o in unprepared.objectives)
    return replace(unprepared, policy=str(folder), objectives=objectives, home=tmp_path / "runs", max_prompt_tokens=100)


def learned(benchmark: Benchmark) -> Policy:
    prepare_part(benchmark, "policy")
    return load_policy(policy_source(benchmark), benchmark.max_prompt_tokens)


def nats(policy: Policy, benchmark: Benchmark) -> float:
    """Per demonstration."""
    return -float(sequence_log_probs(policy, [policy.encode(a) for a in benchmark.demonstrations()]).mean())


@pytest.mark.parametrize("rank", [0, 4])
def test_it_learns_the_demonstrations(bare: Benchmark, rank: int) -> None:
    """In its chat template, whole or by adapters, which are merged: what lies there is a plain model."""
    before = nats(load_policy(bare.policy, bare.max_prompt_tokens), bare)
    first = Finetuning(sft=True, steps=30, batch=8, learning_rate=1e-2, lora_rank=rank)
    benchmark = replace(bare, finetuning=first)
    assert missing_parts(benchmark) == ["policy"]
    policy = learned(benchmark)
    assert policy.form == "chat"
    assert nats(policy, bare) < 0.8 * before
    folder = Path(policy_source(benchmark))
    assert not list(folder.glob("adapter*"))
    assert json.loads((folder / "cost.json").read_text())["trained_tokens"] > 0
    assert missing_parts(benchmark) == []


@pytest.mark.parametrize("finetuning", [Finetuning(), Finetuning(sft=True, steps=2, batch=8)])
def test_a_reward_is_trained_from_the_policy(bare: Benchmark, finetuning: Finetuning) -> None:
    """From what it is in its folder, or has become by demonstrations."""
    first, *others = bare.objectives
    reward = TrainedReward(base="policy", steps=2, batch=4, learning_rate=1e-9)
    benchmark = replace(bare, objectives=(replace(first, reward=reward), *others), finetuning=finetuning)
    name = f"reward {first.name}"
    assert missing_parts(benchmark) == [*["policy"] * finetuning.sft, name]
    prepare_part(benchmark, name)
    assert missing_parts(benchmark) == []
    trained = Classifier(reward.folder(benchmark, first.name))
    start, own = load_policy(policy_source(benchmark), 100).model.state_dict(), trained.model.state_dict()
    shared = {name for name in own if name in start}
    assert {name for name in own if name not in shared} == {"score.weight"}
    assert all(own[name].allclose(start[name], atol=1e-6) for name in shared)


def test_one_pass_unless_steps_are_set(bare: Benchmark, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 8 at a time, at 2e-5 for a whole policy and 1.414e-4 for adapters."""
    seen = []
    monkeypatch.setattr("benchmarks.models.finetuning.supervised", lambda *args, **_: seen.append(args[2]))
    for rank in (None, 4):
        learned(replace(bare, finetuning=Finetuning(sft=True, lora_rank=rank)))
    assert [(t.steps, t.batch, t.learning_rate) for t in seen] == [
        (-(-len(bare.demonstrations()) // 8), 8, 2e-5), (-(-len(bare.demonstrations()) // 8), 8, 1.414e-4),
    ]  # fmt: skip


def test_it_is_another_start(bare: Benchmark) -> None:
    """With identities of its own, by the settings and the model's content; without it nothing is other than before."""
    off = replace(bare, finetuning=Finetuning())
    assert off.identity == bare.identity
    assert policy_source(off) == bare.policy
    some = [replace(bare, finetuning=Finetuning(sft=True, steps=n)) for n in (1, 2)]
    assert len({bare.identity, *(b.identity for b in some)}) == 3
    assert len({policy_id(b) for b in (bare, *some)}) == 3


def test_what_it_is_held_in_makes_another_start(bare: Benchmark) -> None:
    """Whose answers have units of their own; a reward that begins as its weights do is the same."""
    held = replace(bare, precision="bfloat16")
    assert policy_source(held) == policy_source(bare)
    assert policy_id(held) != policy_id(bare)
    assert answers_file(held, ["p"]) != answers_file(bare, ["p"])
    assert TrainedReward().folder(held, "ah") == TrainedReward().folder(bare, "ah")


def test_a_policy_in_a_folder_is_its_content(bare: Benchmark, tmp_path: Path) -> None:
    """Wherever it lies; another model under the same name is another start."""
    before, named = bare.identity, policy_id(bare)
    (tmp_path / "other").mkdir()
    moved = replace(bare, policy=str(Path(bare.policy).rename(tmp_path / "other" / "model")))
    assert moved.identity == before
    config = Path(moved.policy) / "config.json"
    config.write_text(config.read_text().replace('"rms_norm_eps": 1e-06', '"rms_norm_eps": 1e-05'))
    changed = replace(moved, finetuning=Finetuning())
    assert changed.identity != before
    assert policy_id(changed) != named


def test_what_makes_no_sense_is_refused(tmp_path: Path) -> None:
    for options, message in (
        ({"policy.sft": True}, "policy.sft: scratch:1m learns the demonstrations when it is made"),
        ({"policy": "some/model", "policy.steps": 5}, "policy.steps: nothing is fine-tuned without policy.sft=true"),
        ({"policy": "some/model", "policy.sft": True, "policy.steps": 0}, "policy.steps: expected"),
    ):
        with pytest.raises(BadInput) as caught:
            load_benchmark("hh-rlhf-mini", options=options)
        assert message in caught.value.what


def test_a_file_says_so_in_a_table(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text('{"prompt": "a", "response": "b"}\n' * 3)
    objective = (
        'objectives = [{name = "one", reward = {function = "math:fabs"}, evaluator = {function = "math:fabs"}}]\n'
    )
    data = '[data]\npath = "rows.jsonl"\nformat = "answers"\n'
    file = tmp_path / "mine.toml"
    file.write_text(f'{objective}policy = {{model = "some/model", sft = true, steps = 7}}\n{data}')
    made = read_benchmark(file)
    assert (made.policy, made.finetuning) == ("some/model", Finetuning(sft=True, steps=7))
    for policy, message in (
        ("{sft = true}", "policy.model is missing"),
        ('{model = "some/model", stft = true}', "policy.stft: there is no such key (did you mean sft?)"),
        ('{model = "some/model", steps = 7}', "policy.steps: nothing is fine-tuned without policy.sft=true"),
    ):
        file.write_text(f"{objective}policy = {policy}\n{data}")
        with pytest.raises(BadInput) as caught:
            read_benchmark(file)
        assert message in caught.value.what
