"""The ledger: charges go to the innermost, and can be stored."""

from __future__ import annotations

import json

import pytest

from benchmarks.common.ledger import Cost, charge, charged_to


def test_charges_go_to_the_innermost_ledger() -> None:
    outer, inner = Cost(), Cost(reward_calls=5)

    def fail_inside() -> None:
        with charged_to(inner):
            charge(reward_calls=2, trained_tokens=7)
            raise KeyError

    with charged_to(outer):
        charge(generated_tokens=1, flops=2.0)
        with pytest.raises(KeyError):
            fail_inside()
        charge(generated_tokens=10)
    charge(generated_tokens=100)
    assert outer == Cost(generated_tokens=11, flops=2.0)
    assert inner == Cost(reward_calls=7, trained_tokens=7)


def test_a_ledger_can_be_stored() -> None:
    cost = Cost(seconds=1.5, generated_tokens=2, flops=1e12, used=("reward helpful", "tags"))
    assert Cost.from_json(json.loads(json.dumps(cost.to_json()))) == cost
