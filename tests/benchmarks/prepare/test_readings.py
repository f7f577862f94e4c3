"""What `moa show` says of how an answer is read."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from benchmarks.prepare.benchmark import Benchmark
from benchmarks.prepare.readings import as_read
from benchmarks.rewards.hub import HubReward
from moa_cli.commands.common.facts import BenchmarkFacts
from moa_cli.commands.common.pages import benchmark_page
from tests.kit import classifiers
from tests.kit.tokenizers import CHAT, tiny_policy_in, tiny_tokenizer


def test_everyone_reads_in_its_own_way(unprepared: Benchmark, tmp_path: Path) -> None:
    """A policy in its chat template; rewards as pair, in their own chat template and in a template; a function is left
    out."""
    policy = tiny_policy_in(tmp_path / "policy", tiny_tokenizer("bytes", "<s> $A </s>", CHAT))
    bert, llama = tmp_path / "bert", tmp_path / "llama"
    classifiers.saved(bert, "Bert")
    words = classifiers.of_kind("Llama")
    words.chat_template = classifiers.CHAT
    classifiers.saved(llama, "Llama", words=words)
    ah, oh = unprepared.objectives
    chosen = (
        replace(ah, reward=HubReward(model=str(bert))),
        replace(oh, reward=HubReward(model=str(llama), inputs="chat"),
                evaluator=HubReward(model=str(llama), inputs="Q: {prompt} A: {response}{eos}")),
    )  # fmt: skip
    prompt, response = unprepared.demonstrations()[0]
    benchmark = replace(unprepared, policy=str(policy), objectives=chosen, home=tmp_path / "runs")
    assert as_read(benchmark) == {
        "policy": f"<s><|turn|>user\n{prompt}</s>\n<|turn|>assistant\n{response}</s>",
        "reward ah": f"[CLS]{prompt}[SEP]{response}[SEP]",
        "reward oh": f"<s>[user] {prompt}</s>[assistant] {response}</s>",
        "evaluator oh": f"<s>Q: {prompt} A: {response}</s>",
    }
    facts = BenchmarkFacts.of(benchmark)
    assert facts.prepared is None
    page = Console(file=(told := io.StringIO()), width=400)
    page.print(benchmark_page(facts, "mine.toml"))
    for line in ("not prepared yet", "by reward oh", "<s>[user] ", "by reward ah"):
        assert line in told.getvalue()
    started = replace(benchmark, policy="scratch:1m")
    assert as_read(started).keys() == {"reward ah", "reward oh", "evaluator oh"}
    assert BenchmarkFacts.of(replace(unprepared, home=tmp_path / "runs")).as_read == {}


def test_what_was_made_here_reads_plainly(tiny: Benchmark) -> None:
    prompt, response = tiny.demonstrations()[0]
    eos = tiny.prepared.policy.tokenizer.eos_token
    assert BenchmarkFacts.of(tiny).as_read == dict.fromkeys(("policy", "reward ah"), f"{prompt} {response}{eos}")
