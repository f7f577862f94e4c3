"""What is searched, and what acts only when answering: every method says it at its fields."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import pytest

from benchmarks.common.settings import Answering, Choices, Range, Search
from methods.contract.find import find_method, method_names
from methods.contract.method import Method, answering_config, training_config
from methods.contract.mistakes import mistakes_in
from methods.contract.settings import Preference, Reinforcement
from moa_cli.runs.config import as_config
from moa_cli.runs.tuned import searched_fields
from moa_cli.tuning.space import contains

TRAINING_NOTHING = {"sft", "sft-goals", "best-of-n"}
LENGTH = {"epochs", "offline_epochs", "steps"}


@pytest.mark.parametrize("name", method_names())
def test_whatever_trains_searches_its_rate_length_and_strength(name: str) -> None:
    cls = find_method(name)
    searched = searched_fields(cls)
    if name in TRAINING_NOTHING:
        assert searched == {}
        return
    assert "learning_rate" in searched
    assert LENGTH & set(searched)
    if issubclass(cls, Reinforcement | Preference):
        assert {"kl_coef", "beta"} & set(searched)


@pytest.mark.parametrize("name", method_names())
def test_ranges_hold_the_defaults_unless_these_are_chosen_later(name: str) -> None:
    cls = find_method(name)
    default = as_config(cls())
    for field, space in searched_fields(cls).items():
        assert default[field] is None or contains(space, default[field]), field


@pytest.mark.parametrize("name", method_names())
def test_a_setting_is_of_training_or_of_answering(name: str) -> None:
    method = find_method(name)()
    training, answering = training_config(method), answering_config(method)
    assert training | answering == as_config(method)
    assert not set(training) & set(answering)
    assert not set(answering) & set(searched_fields(type(method))), "a search would train for nothing"


def test_what_acts_only_when_answering() -> None:
    told = {name: set(answering_config(find_method(name)())) for name in method_names()}
    assert {name: fields for name, fields in told.items() if fields} == {
        "ric": {"mapping"},
        "moslim": {"mapping"},
        "sft-goals": {"mapping", "classes"},
        "rewarded-soups": {"average"},
        "best-of-n": {"candidates"},
    }


def test_mistakes_in_what_is_searched() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Wrong(Method):
        steering = "none"
        beyond: Annotated[float, Range(0, 1), Search(0.1, 2.0)] = 0.5
        backward: Annotated[int, Search(9, 1)] = 3
        zero: Annotated[float, Search(0.0, 1.0, log=True)] = 0.5
        other: Annotated[Literal["a", "b"], Choices("a", "c")] = "a"
        fine: Annotated[Literal["a", "b"], Choices("a", "b"), Answering] = "a"
        words: Annotated[float, Search("a", "b")] = 0.5  # type: ignore[arg-type]
        text: Annotated[str, Search("a", "b")] = "a"  # type: ignore[arg-type]
        empty: Annotated[float, Choices()] = 0.5
        lists: Annotated[tuple[float, ...], Choices((0.5,))] = (0.5,)  # type: ignore[arg-type]
        twice: Annotated[float, Search(0.1, 1.0), Choices(0.1, 0.2)] | None = 0.1
        bare: Annotated[float, Search] = 0.1

    told = [line for line in mistakes_in(Wrong) if "searched" in line or "stands" in line]
    assert told == [
        "beyond: it is searched at 2.0, but must be a number from 0 to 1",
        "backward: it is searched from 9 to 1, which is no range",
        "zero: it is searched from 0 to 1, which is no range",
        "other: it is searched at 'c', but must be one of a, b",
        "words: it is searched at 'a', but must be a number",
        "words: it is searched at 'b', but must be a number",
        "text: it is searched in a range, and it is a text: Choices(...) names some",
        "empty: it is searched among no choices",
        "lists: it is searched at (0.5,), and a choice is one value",
        "twice: it is searched in 2 ways: leave one",
        "bare: Search stands there without what it says: Search(...)",
    ]
