"""Methods with a policy that reads through a chat template: two views of one prompt, whole small trainings."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.models.policy import Policy
from benchmarks.prepare.benchmark import Benchmark
from benchmarks.prepare.make import prepare
from benchmarks.spec.answers import Answer, PreferencePair
from methods.contract.run import Run
from methods.moslim import MOSLIM
from methods.ric import RiC
from methods.sft_goals import SFTGoals
from tests.kit.tokenizers import CHAT, tiny_policy_in, tiny_tokenizer

ASKED = "\n\nHuman: Call 1: what do you say?\n\nAssistant:"


def dialogue(prompt: str) -> str:
    return f"\n\nHuman: {prompt}\n\nAssistant:"


@dataclass(frozen=True)
class Dialogues:
    """Another world's rows, its prompts written as HH-RLHF writes them."""

    data: Any

    def prompts(self, split: str) -> list[str]:
        return [dialogue(prompt) for prompt in self.data.prompts(split)]

    def demonstrations(self) -> list[Answer]:
        return [Answer(dialogue(prompt), response) for prompt, response in self.data.demonstrations()]

    def responses(self) -> list[Answer]:
        return [Answer(dialogue(prompt), response) for prompt, response in self.data.responses()]

    def preference_pairs(self, objective: str, split: str) -> list[PreferencePair]:
        return []

    def fingerprint(self) -> str:
        return f"dialogues {self.data.fingerprint()}"


@pytest.fixture
def chatty(unprepared: Benchmark, tmp_path: Path) -> Benchmark:
    """Dialogues, gold rewards, and a policy whose tokenizer has a chat template, adds BOS and appends EOS."""
    folder = tiny_policy_in(tmp_path / "chat", tiny_tokenizer("bytes", "<s> $A </s>", CHAT))
    objectives = tuple(
        replace(o, reward=letters(o.evaluator), evaluator=letters(o.evaluator)) for o in unprepared.objectives
    )
    data = Dialogues(unprepared.data)
    benchmark = replace(
        unprepared, data=data, objectives=objectives, policy=str(folder), home=tmp_path / "runs", max_prompt_tokens=200
    )
    return prepare(benchmark).benchmark


def letters(reward: Any) -> Any:
    """A reward that varies over the answers of an untrained policy."""
    file = Path(reward.function.rpartition(":")[0]).with_name("letters.py")
    name = reward.function.rpartition(":")[2]
    file.write_text(
        "seen = []\n"
        "def ahs(p, r):\n    seen.extend(p)\n    return [float(sum(c in 'aeiou' for c in x)) for x in r]\n"
        "def ohs(p, r):\n    seen.extend(p)\n    return [float(len(x)) for x in r]\n"
    )
    return replace(reward, function=f"{file}:{name}")


def reads(policy: Policy) -> str:
    return str(policy.tokenizer.decode(policy.encode_prompt(ASKED)))


def asked(text: str) -> str:
    return f"<s><|turn|>user\n{text}</s>\n<|turn|>assistant\n"


def test_ric_tells_rewards_in_the_users_turn(
    chatty: Benchmark, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In training, in its own answers and where it is steered; the rewards see what was asked."""
    seen: list[str] = []
    sample, rewards = Policy.sample, Benchmark.rewards

    def sampled(self: Policy, prompts: Any, *args: Any) -> Any:
        seen.extend(self.tokenizer.decode(ids) for ids in self.encode_prompts(prompts))
        return sample(self, prompts, *args)

    def rewarded(self: Benchmark, prompts: Any, responses: Any) -> Any:
        assert not [p for p in prompts if "<R1>" in p or "<|turn|>" in p]
        return rewards(self, prompts, responses)

    monkeypatch.setattr(Policy, "sample", sampled)
    monkeypatch.setattr(Policy, "ended", lambda *_: True)  # an untrained policy comes to no end
    monkeypatch.setattr(Benchmark, "rewards", rewarded)
    run, method = Run(tmp_path / "ric", 0), RiC(rounds=1, offline_epochs=0.2, online_prompts=10)
    method.train(chatty, run)
    assert len(seen) == 10
    assert all("<R1>" in text.partition("</s>")[0] and text.endswith("</s>\n<|turn|>assistant\n") for text in seen)
    text = reads(method.policy(chatty, run, (0.5, 0.5)))
    assert text.startswith("<s><|turn|>user\nCall 1: what do you say? <R1> ")
    assert text.endswith("</s>\n<|turn|>assistant\n")
    assert text.count("<s>") == 1


def test_goals_stand_in_the_users_turn(chatty: Benchmark, tmp_path: Path) -> None:
    """Of MOSLIM, whose reward model reads through the template what was asked, and of a policy untrained."""
    assert reads(SFTGoals().policy(chatty, Run(tmp_path / "sft", 0), (1.0, 0.0))) == asked(
        "<ah 5> Call 1: what do you say?"
    )
    method = MOSLIM(
        epochs=0.2, prompts_per_step=3, samples_per_prompt=2, reward_steps=2, reward_batch=4, calibration_answers=6,
        classes=3,
    )  # fmt: skip
    run = Run(tmp_path / "moslim", 0)
    method.train(chatty, run)
    assert reads(method.policy(chatty, run, (0.5, 0.5))) == asked("<ah 2> <oh 2> Call 1: what do you say?")
    from methods.engines import grade

    grader = grade(chatty, run.stage("reward-model").folder)
    ids = grader.encode(Answer(ASKED, "ah"))
    assert grader.reader.tokenizer.decode(ids) == asked("Call 1: what do you say?") + "ah</s>"


def test_long_goals_stay(chatty: Benchmark, tmp_path: Path) -> None:
    """What a dialogue loses is its first turn."""
    policy = chatty.prepared.policy
    long = "\n\nHuman: " + "so " * 160 + "\n\nAssistant: Yes." + ASKED
    told = SFTGoals().policy(chatty, Run(tmp_path, 0), (1.0, 0.0))
    assert policy.reader.lengths([long])[0] > 200
    assert told.encode_prompt(long) == told.encode_prompt(ASKED)


def test_plain_and_own_templates(chatty: Benchmark, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same policy without its template, and in a text of the user's; so it answers for the card, too."""
    shown = []
    generate = Policy.generate
    monkeypatch.setattr(Policy, "generate", lambda self, *a, **k: shown.append(self.form) or generate(self, *a, **k))
    plain = prepare(replace(chatty, template="plain")).benchmark
    assert reads(plain.prepared.policy) == "<s>" + ASKED
    own = prepare(replace(chatty, template="USER: {prompt} ASSISTANT:")).benchmark
    told = SFTGoals().policy(own, Run(tmp_path, 0), (1.0, 0.0))
    assert reads(told) == "<s>USER: <ah 5> Call 1: what do you say? ASSISTANT:"
    assert shown == ["plain", "USER: {prompt} ASSISTANT:"]
    assert len({b.card.hash for b in (chatty, plain, own)}) == 3
