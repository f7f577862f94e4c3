"""The small models that are timed: made from an embedded benchmark's text, as for `scratch:1m`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from benchmarks.load.load import load_benchmark
from benchmarks.models.policy import Policy, load_policy
from benchmarks.models.scratch import scratch_classifier, scratch_config, texts, train_tokenizer
from benchmarks.models.training import Training, supervised
from benchmarks.prepare.benchmark import Benchmark
from benchmarks.rewards.classifier import Classifier

TOKENS = 256
"""Longest sequence."""
Sequences = Sequence[tuple[list[int], list[int]]]


def benchmark_and_tokenizer() -> tuple[Benchmark, PreTrainedTokenizerFast]:
    """The benchmark, and a tokenizer trained on its text."""
    benchmark = load_benchmark("hh-rlhf-mini")
    return benchmark, train_tokenizer(texts(benchmark), benchmark.scratch.vocabulary)


def untrained(tokenizer: PreTrainedTokenizerFast) -> Policy:
    """A policy of about a million parameters, always the same."""
    torch.manual_seed(0)
    return Policy(LlamaForCausalLM(scratch_config("1m", tokenizer, TOKENS)), tokenizer)


def demonstrations(benchmark: Benchmark, policy: Policy) -> Sequences:
    """(prompt ids, response ids) of the answers worth imitating."""
    return [policy.encode(answer) for answer in benchmark.demonstrations()]


def short_training(benchmark: Benchmark, steps: int) -> Training:
    """The benchmark's own batch size and learning rate, for fewer steps."""
    return Training(steps=steps, batch=benchmark.scratch.batch, learning_rate=benchmark.scratch.learning_rate)


def trained(benchmark: Benchmark, tokenizer: PreTrainedTokenizerFast, folder: Path) -> Policy:
    """A policy trained for some seconds, so that its answers end as real ones do."""
    policy = untrained(tokenizer)
    training = short_training(benchmark, steps=100)
    supervised(policy, demonstrations(benchmark, policy), training, folder=folder / "checkpoints", seed=0)
    policy.save(folder / "policy")
    asked = benchmark.sampling.max_new_tokens
    return load_policy(folder / "policy", TOKENS - asked, max_new_tokens=asked)


def classifier(tokenizer: PreTrainedTokenizerFast, folder: Path) -> Classifier:
    """An untrained reward model of the size that the embedded benchmarks train: what it says does not matter here."""
    scratch_classifier("1m", tokenizer, TOKENS, labels=1, seed=0).save_pretrained(folder / "reward")
    tokenizer.save_pretrained(folder / "reward")
    return Classifier(folder / "reward")


@contextmanager
def default_precision() -> Iterator[None]:
    """Matrix products as torch does them when nobody asks for anything else."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)
