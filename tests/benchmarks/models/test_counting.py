"""What passes through a policy's model is on the ledger, in whoever's loop: 2 operations per parameter and token
forward, 4 backward."""

from __future__ import annotations

import copy
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from threading import Thread

import pytest
import torch
from peft import LoraConfig, get_peft_model

from benchmarks.common.ledger import Cost, charged_to
from benchmarks.models.counting import counted, uncounted
from benchmarks.models.policy import Policy
from benchmarks.models.scratch import scratch_config
from tests.kit.worlds import a_tiny_size

IDS = torch.tensor([[5, 6, 7, 8, 9, 5, 6], [5, 6, 7, 8, 9, 0, 0], [5, 6, 7, 8, 0, 0, 0]])
MASK = torch.tensor([[1] * 7, [1] * 5 + [0] * 2, [1] * 4 + [0] * 3])
TOKENS = 7 + 5 + 4

MakePolicy = Callable[..., Policy]


def loss(model: torch.nn.Module) -> torch.Tensor:
    return model(input_ids=IDS, attention_mask=MASK, labels=IDS).loss


def test_an_own_training_step_is_charged(random_policy: MakePolicy) -> None:
    """16 tokens without padding: 6 operations for each and per parameter."""
    policy, cost = random_policy(), Cost()
    with charged_to(cost):
        loss(policy.model).backward()
    assert cost == Cost(trained_tokens=TOKENS, flops=6.0 * policy.parameters * TOKENS)


def test_weights_in_four_bits_are_counted_one_by_one(
    random_policy: MakePolicy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two of them lie in a number."""
    policy, cost = random_policy(), Cost()
    monkeypatch.setattr(policy.model, "is_quantized", True, raising=False)
    monkeypatch.setattr(policy.model, "num_parameters", lambda: 7_000)
    with charged_to(cost), torch.no_grad():
        policy.model(torch.arange(5)[None])
    assert cost.flops == 2 * 7_000 * 5


def test_what_is_only_read_is_charged_a_third(random_policy: MakePolicy) -> None:
    """And what passes through without its head, or without a mask: all 21 then."""
    policy, cost = random_policy(), Cost()
    with charged_to(cost), torch.no_grad():
        loss(policy.model)
        policy.model.base_model(IDS, MASK)
        policy.model(IDS)
    assert cost == Cost(flops=2.0 * policy.parameters * (2 * TOKENS + 21))


def test_an_own_generation_is_charged_as_it_reads(random_policy: MakePolicy) -> None:
    """A prompt of 5 tokens and 3 new ones, of which the last one is not read."""
    policy, cost = random_policy(), Cost()
    with charged_to(cost), torch.no_grad():
        policy.model.generate(
            IDS[1:2, :5], attention_mask=MASK[1:2, :5], min_new_tokens=3, max_new_tokens=3, do_sample=False
        )
    assert cost.flops == 2.0 * policy.parameters * (5 + 2)


def test_a_policy_is_counted_once_and_its_copies_are_too(random_policy: MakePolicy) -> None:
    """Steered, handed out again, counted again: still one hook. A copy has its own, silent on its own."""
    policy, cost = random_policy(), Cost()
    policy = replace(policy.steered(str.upper))
    counted(policy.model)
    twin = copy.deepcopy(policy.model)
    with charged_to(cost), torch.no_grad():
        loss(policy.model)
        loss(twin)
        with uncounted(policy.model):
            loss(policy.model)
            loss(twin)
    assert cost.flops == 3 * 2.0 * policy.parameters * TOKENS


def test_an_adapter_is_counted_with_its_policy(random_policy: MakePolicy) -> None:
    policy, cost = random_policy(), Cost()
    alone = policy.parameters
    adapted = get_peft_model(policy.model, LoraConfig(r=2, target_modules="all-linear", task_type="CAUSAL_LM"))
    with charged_to(cost):
        loss(adapted).backward()
    assert sum(p.numel() for p in adapted.parameters()) > alone
    assert cost.flops == 6.0 * sum(p.numel() for p in adapted.parameters()) * TOKENS


def test_gradients_are_charged_to_the_ledger_of_their_forward_pass(random_policy: MakePolicy) -> None:
    """On a GPU they come from another thread, which knows of no ledger."""
    policy, cost = random_policy(), Cost()
    with charged_to(cost):
        value = loss(policy.model)
        thread = Thread(target=value.backward)
        thread.start()
        thread.join()
    assert cost.trained_tokens == TOKENS


def test_nothing_is_charged_where_nothing_is_counted(random_policy: MakePolicy) -> None:
    """Without a ledger, in a block that is charged otherwise, and in a model that no policy has."""
    policy, cost = random_policy(), Cost()
    with a_tiny_size():
        other = type(policy.model)(scratch_config("tiny", policy.tokenizer, 600))
    loss(policy.model).backward()
    with charged_to(cost):
        with suppress(KeyError), uncounted(policy.model):
            loss(policy.model)
            raise KeyError
        loss(other).backward()
    assert cost == Cost()
    with charged_to(cost), torch.no_grad():
        loss(policy.model)
    assert cost.flops > 0
