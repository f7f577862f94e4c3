"""What is said of a field: what was published for it, and whether ours is a choice."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest

from methods.contract.docstrings import Described, declarers, own_fields, unmarked
from methods.contract.find import find_method, method_names

DECLARED = sorted(
    {
        (cls.__name__, field)
        for name in method_names()
        for cls in declarers(find_method(name))
        for field in own_fields(cls)
    },
    key=lambda pair: (pair[0], pair[1].name),
)
"""Every field of every method here, with the class that declares it."""


def numbers(text: str) -> list[float]:
    return [float(found.replace(",", "")) for found in re.findall(r"\d[\d,]*(?:\.\d+)?(?:e-?\d+)?", text)]


def test_what_a_docstring_says_by_hand() -> None:
    """A source and its value stand in brackets with a colon; other brackets are prose, so is a number after a space."""
    field = Described(
        "rate", 0.5, "How fast\nit is [choice] (paper: 0.1; code: .2), see (Yang 2022, muP).\nAs .5 is\nenough."
    )
    assert field.published == ("paper: 0.1; code: .2",)
    assert field.chosen
    assert field.words == "How fast it is, see (Yang 2022, muP). As .5 is enough."
    plain = Described("n", 1, "Answers (MORLHF, Rewarded Soups: 4 or\n5) of all (0: none).")
    assert (plain.published, plain.chosen) == (("MORLHF, Rewarded Soups: 4 or 5",), False)
    assert unmarked("By order [choice]. Then\nall [choice]") == "By order. Then all"


def test_a_class_has_the_fields_that_it_declares() -> None:
    """Those it inherits are its parents', unless it gives them another default."""
    moslim = find_method("moslim")
    assert [cls.__name__ for cls in declarers(moslim)] == ["MOSLIM", "Reinforcement", "Adapter"]
    own = {field.name for field in own_fields(moslim)}
    assert "epochs" in own
    assert "optimizer" not in own
    assert declarers(find_method("sft")) == []


def test_the_fields_of_others_are_not_looked_for() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Elsewhere:
        """None of ours."""

        steps: int = 1

    assert own_fields(Elsewhere) == [Described("steps", 1, "")]


def test_there_are_fields() -> None:
    assert {"RiC", "Reinforcement", "Preference", "Adapter", "MOSLIM", "SPO"} <= {cls for cls, _ in DECLARED}


@pytest.mark.parametrize(("cls", "field"), DECLARED, ids=lambda it: it if isinstance(it, str) else it.name)
def test_a_field_says_what_was_published_or_that_it_is_a_choice(cls: str, field: Described) -> None:
    """And where it is not marked as a choice, its default is the number that was published."""
    assert field.published or field.chosen, f"{cls}.{field.name}: say (paper: VALUE), or [choice] and why"
    published = numbers(field.published[0].partition(":")[2]) if field.published else []
    if not field.chosen and isinstance(field.default, int | float) and published:
        assert published[0] == field.default, f"{cls}.{field.name}: another value than the published one is a [choice]"
