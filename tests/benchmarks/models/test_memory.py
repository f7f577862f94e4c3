"""Memory is added up before a job starts, and what does not fit is split."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from benchmarks.common import BadInput
from benchmarks.models import Policy, Training, fitting, named_parameters, planned, size_of, split, supervised
from benchmarks.models import training as training_module
from benchmarks.models.memory import PROCESS, Memory, Size, Split

SIZE = Size(parameters=1000, layers=2, hidden=10, inner=30, heads=2, keys=5)


def test_the_sum_by_hand() -> None:
    """A layer keeps 9 x 10 + 3 x 5 + 4 x 30 = 225 numbers of a token, and eager attention 2 x 7. All of 1,000
    parameters: 4 bytes each, and a reference of 2; 12 more for gradients and AdamW. 3 answers of 7 tokens have keys and
    values of 2 x 2 x 5 numbers each."""
    found = planned(SIZE, rows=4, tokens=7, held=2, eager=True, answers=3, reference=True, rewards=50)
    assert (found.weights, found.gradients, found.optimiser, found.rewards) == (6000, 4000, 8000, 50)
    assert found.activations == 4 * 4 * 7 * 2 * (225 + 14)
    assert found.cache == 3 * 7 * 2 * 2 * 5 * 2
    assert found.total == 6000 + 4000 + 8000 + 50 + found.activations + PROCESS  # the cache is gone by then
    thrifty = planned(SIZE, rows=4, tokens=7, held=2, checkpointing=True)
    assert thrifty.activations == 4 * 4 * 7 * (2 * 10 + 225)


def test_adapters_by_hand() -> None:
    """Rank 3 on q, o (10 + 10), k, v (10 + 5), gate, up, down (10 + 30) of 2 layers: 6 (40 + 30 + 120) = 1,140. The
    weights stay in 2 bytes, without a copy of them as the reference; inputs are kept once more, for dropout."""
    found = planned(SIZE, rows=1, tokens=1, held=2, adapter_rank=3, reference=True)
    assert (found.weights, found.gradients) == (2000 + 4 * 1140, 4 * 1140)
    assert found.activations == 4 * 2 * (225 + 8 * 10 + 30)


@pytest.mark.parametrize("attention", ["eager", "sdpa"])
def test_what_a_model_keeps_is_what_is_counted(attention: str) -> None:
    """To a sixth: tensors saved for the backward pass, those of the weights left out."""
    torch.manual_seed(0)
    model = LlamaForCausalLM(
        LlamaConfig(vocab_size=50, hidden_size=64, intermediate_size=160, num_hidden_layers=3, num_attention_heads=4,
                    num_key_value_heads=2, attn_implementation=attention)
    )  # fmt: skip
    own, kept = {p.untyped_storage().data_ptr() for p in model.parameters()}, dict[int, int]()

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        states = model.model(
            torch.zeros(2, 48, dtype=torch.long), use_cache=False
        )  # alive, so that no address is reused
    size = Size.of(model.config, model.num_parameters())
    counted = planned(size, rows=2, tokens=48, held=4, eager=attention == "eager").activations
    assert counted == pytest.approx(sum(kept.values()), rel=1 / 6)
    del states


def test_a_batch_is_split_evenly_and_then_recomputed() -> None:
    """A row takes 10 bytes, 1 where it is recomputed, and 12 come with them."""

    def memory(rows: int, checkpointing: bool) -> Memory:
        return Memory(activations=rows * (1 if checkpointing else 10), process=12)

    assert [split(12, room, memory)[:2] for room in (132, 131, 40, 22, 21, 13)] == [
        (12, False), (6, False), (2, False), (1, False), (6, True), (1, True),
    ]  # fmt: skip
    assert split(12, 1000, memory, most=5)[:2] == (4, False)
    assert split(12, 5, memory)[:2] == (1, True)  # does not fit


def test_answers_side_by_side_by_hand() -> None:
    """A token's keys and values are 2 x 2 x 5 numbers, 80 bytes in float32; weights take 4,000."""
    assert [fitting(SIZE, 10, 4, PROCESS + 4000 + room, 136) for room in (0, 1599, 2400, 10**9)] == [1, 1, 3, 136]


def test_the_size_of_a_stored_model(random_policy: Callable[..., Policy], tmp_path: Path) -> None:
    policy = random_policy()
    policy.save(tmp_path)
    found = size_of(str(tmp_path))
    assert found is not None
    size, stored = found
    assert size.parameters == pytest.approx(policy.parameters, rel=0.05)  # a file has a header
    assert stored == (tmp_path / "model.safetensors").stat().st_size
    assert size == Size.of(policy.model.config, size.parameters)
    assert size_of("nobody/has-this") is None


def trained(policy: Policy, folder: Path, **kwargs: Any) -> dict[str, torch.Tensor]:
    rows = [([5, 6, 7 + i], [9 + i] * (1 + i % 4)) for i in range(24)]
    settings = Training(steps=3, batch=8, learning_rate=1e-3)
    supervised(policy, rows, settings, folder=folder, seed=0)
    return {name: value.clone() for name, value in policy.model.state_dict().items()}


def test_a_split_batch_has_the_gradient_of_the_whole(
    random_policy: Callable[..., Policy], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of answers of 1 to 4 tokens; hidden states recomputed or not."""
    start = {name: value.clone() for name, value in random_policy(1).model.state_dict().items()}
    whole = trained(random_policy(1), tmp_path / "whole")
    for parts in (Split(2, False, Memory()), Split(1, True, Memory())):
        monkeypatch.setattr(training_module, "split_batch", lambda *_, parts=parts: parts)
        found = trained(random_policy(1), tmp_path / "parts")
        for name, value in whole.items():
            assert torch.allclose(found[name], value, atol=2e-5), name
    assert max((whole[name] - start[name]).abs().max() for name in whole) > 1e-3


def test_what_does_not_fit_is_refused_with_the_sum(
    random_policy: Callable[..., Policy], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = random_policy().model
    monkeypatch.setattr(training_module, "MADE_HERE", 1)
    monkeypatch.setattr(training_module, "room", lambda: 1_001_000_000)
    settings = Training(steps=1, batch=8, learning_rate=1.0, tokens=64)
    assert training_module.split_batch(settings, model).rows < 8
    with pytest.raises(BadInput, match=r"rewards 0\.5"):
        training_module.split_batch(replace(settings, resident=500_000_000), model)
    monkeypatch.setattr(training_module, "room", lambda: 900_000_000)
    with pytest.raises(BadInput, match=r"does not fit in memory: it takes 1.0 GB: process 1.0") as refused:
        training_module.split_batch(settings, model)
    assert "a worker has 0.9 GB" in refused.value.why


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("HuggingFaceTB/SmolLM2-135M-Instruct", 135e6),
        ("Qwen/Qwen2.5-1.5B", 1.5e9),
        ("PKU-Alignment/alpaca-7b-reproduced", 7e9),
        ("EleutherAI/pythia-410m", 410e6),
        ("mistralai/Mixtral-8x7B-v0.1", 56e9),
        ("meta-llama/Llama-3.2-1B/", 1e9),
        ("Ray2333/gpt2-large-helpful-reward_model", 0),
        ("OpenAssistant/reward-model-deberta-v3-large-v2", 0),
        ("some/model-4bit", 0),
        ("org-7b/model", 0),
    ],
)
def test_a_name_tells_the_size(name: str, parameters: float) -> None:
    assert named_parameters(name) == parameters
