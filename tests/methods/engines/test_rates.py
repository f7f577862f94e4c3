"""Learning rates: scaled by width for policies made here, as published or as set for pretrained ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks.models.policy import Policy
from benchmarks.prepare.benchmark import Benchmark
from methods.contract.find import find_method, method_names
from methods.contract.settings import Adapter
from methods.engines.trained import rate_of, scaled
from tests.kit.tokenizers import tiny_policy_in, tiny_tokenizer

RATES = ("learning_rate", "online_learning_rate", "reward_learning_rate")


@pytest.fixture
def pretrained(tiny: Benchmark, tmp_path: Path) -> Policy:
    """A policy from a folder, 16 wide."""
    return tiny.prepared.load_base(str(tiny_policy_in(tmp_path, tiny_tokenizer("bytes", "<s> $A"))), seed=0)


def used(settings: Any, name: str, policy: Policy) -> float:
    return scaled(rate_of(settings, name, policy), policy)


def test_made_here_by_width(tiny: Benchmark) -> None:
    """1e-5 at width 4096 is .00128 at width 32."""
    assert used(find_method("morlhf")(), "learning_rate", tiny.prepared.policy) == pytest.approx(0.00128)


def test_a_rate_that_is_set_is_the_rate(pretrained: Policy) -> None:
    """For whole policies and adapters alike, whatever the width."""
    for name in method_names():
        method = find_method(name)
        for field in set(RATES) & set(method.__dataclass_fields__):
            for rank in (0, 8):
                made: Any = method(**{field: 3e-5, "lora_rank": rank})
                assert used(made, field, pretrained) == 3e-5


@pytest.mark.parametrize(
    ("name", "field", "whole", "adapters"),
    [
        ("ric", "learning_rate", 2e-5, 1.414e-4),
        ("ric", "online_learning_rate", 2e-6, 1e-5),
        ("morlhf", "learning_rate", 1e-6, 1e-5),
        ("moslim", "learning_rate", 2e-6, 2e-5),
        ("moslim", "reward_learning_rate", 1.5e-5, 1.5e-4),
        ("modpo", "learning_rate", 1e-6, 1e-4),
        ("spo", "learning_rate", 1e-6, 6e-5),
    ],
)
def test_pretrained_ones_have_rates_of_their_own(
    pretrained: Policy, name: str, field: str, whole: float, adapters: float
) -> None:
    method = find_method(name)
    for settings, rate in ({}, whole), ({"lora_rank": 0}, whole), ({"lora_rank": 8}, adapters):
        assert used(method(**settings), field, pretrained) == rate


def test_every_rate_has_one_for_pretrained_policies() -> None:
    """ParetoHqD chooses by itself, without a default."""
    for name in method_names():
        method = find_method(name)
        if issubclass(method, Adapter):
            fields = method.__dataclass_fields__
            rates = {field for field in RATES if field in fields and fields[field].default is not None}
            assert rates == set(method.pretrained_rates), name
