"""The scale card: it survives JSON, and every difference is named."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.prepare.card import Card
from benchmarks.spec.settings import Sampling
from tests.kit.fronts import other_card

CARD = Card(
    benchmark="b", version="1", objectives=("x", "y"), policy="p", rewards=("rx", "ry"), evaluators=("ex", "ey"),
    reward_mean=(0.1, -2.0), reward_std=(1.0, 1 / 3), score_mean=(0.0, 0.0), score_std=(1.0, 2.0),
    ref=(-2.0, -2.0), prompts=4, prompts_hash="abc", sampling=Sampling(max_new_tokens=8, stop=("\n\nHuman:",)),
)  # fmt: skip


def test_a_card_survives_json() -> None:
    again = Card.model_validate_json(CARD.model_dump_json())
    assert again == CARD
    assert again.hash == CARD.hash
    assert again.differences(CARD) == []


@pytest.mark.parametrize(
    "change",
    [
        {"version": "2"},
        {"reward_std": (1.0, 1 / 3 + 1e-15)},
        {"evaluators": ("ex", "ez")},
        {"sampling": replace(CARD.sampling, temperature=0.9)},
        {"ref": (-2.0, -2.5)},
        {"prompts_hash": "abd"},
    ],
)
def test_every_difference_is_named_and_changes_the_hash(change: dict) -> None:
    other = other_card(CARD, **change)
    assert other.hash != CARD.hash
    assert CARD.differences(other) == list(change)
