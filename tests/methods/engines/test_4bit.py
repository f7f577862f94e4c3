"""A policy held in 4 bits, with an adapter beside it (needs bitsandbytes, which has a build for CPUs)."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from benchmarks.common.errors import BadInput
from benchmarks.models import opening
from benchmarks.models.policy import Policy, load_policy
from benchmarks.spec.answers import Answer
from benchmarks.spec.settings import Lora, Sampling
from methods.contract.run import Run
from methods.engines.sft import train_sft
from methods.engines.trained import load_trained
from tests.kit.tokenizers import tiny_policy_in, tiny_tokenizer

needs_bitsandbytes = pytest.mark.skipif(find_spec("bitsandbytes") is None, reason="bitsandbytes is not installed")
IDS = torch.arange(5, 45).view(2, 20)


def log_probs(model: Any) -> torch.Tensor:
    with torch.no_grad():
        return model(IDS).logits.log_softmax(-1)


def test_without_the_library_it_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tiny_policy_in(tmp_path, tiny_tokenizer("bytes", "<s> $A"))
    monkeypatch.setattr(opening, "find_spec", lambda name: None)
    with pytest.raises(BadInput, match="bitsandbytes is not installed"):
        load_policy(folder, precision="4bit")


@needs_bitsandbytes
def test_adapters_are_trained_beside_it_and_measured_as_trained(tmp_path: Path) -> None:
    """The base stays as it was, the policy that is loaded is the one that was trained, a whole one is refused."""
    folder = tiny_policy_in(tmp_path / "start", tiny_tokenizer("bytes", "<s> $A"), width=64)
    exact = load_policy(folder)
    start = load_policy(folder, precision="4bit")
    assert start.model.is_quantized
    assert start.model.get_memory_footprint() < exact.model.get_memory_footprint()
    assert not torch.equal(log_probs(start.model), log_probs(exact.model))

    def opened(*_: Any, **__: Any) -> Policy:
        return load_policy(folder, precision="4bit")

    prepared = SimpleNamespace(load_base=opened, load_starting_policy=opened)
    benchmark: Any = SimpleNamespace(prepared=prepared, lora=Lora(), sampling=Sampling(max_new_tokens=8))
    answers, stage = [Answer(f"Call {i}: what do you say?", "Oh no.") for i in range(8)], Run(tmp_path, 0).stage("sft")
    train_sft(benchmark, answers, stage, epochs=4, batch=4, learning_rate=1e-2, lora_rank=4)
    trained = load_trained(benchmark, stage.folder, fresh=True)
    assert (log_probs(trained.model) - log_probs(start.model)).abs().max() > 0.1
    with trained.model.disable_adapter():
        assert torch.equal(log_probs(trained.model), log_probs(start.model))
    with pytest.raises(BadInput, match="precision is 4bit, and the whole policy is to be trained"):
        train_sft(
            benchmark, answers, Run(tmp_path / "whole", 0).stage("sft"), epochs=1, batch=4, learning_rate=1e-3,
            lora_rank=0,
        )  # fmt: skip
