"""What a file of code is known by: what it does."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.common.python import code_content
from benchmarks.rewards.function import FunctionReward

CODE = """
import math

def polite(prompts, responses):
    return [float("thanks" in text) + math.pi for text in responses]
"""
SAME = {
    "comments": CODE.replace("import math", "import math  # pi"),
    "layout": CODE.replace("(prompts, responses)", "(\n    prompts,\n    responses,\n)").replace('"', "'"),
    "docstrings": CODE.replace("responses):", 'responses):\n    """How polite."""').replace(
        "\nimport", '"""Mine."""\nimport'
    ),
}
OTHER = {
    "a number": CODE.replace("math.pi", "0"),
    "its kind": CODE.replace("math.pi", "0.0"),
    "a text": CODE.replace("thanks", "thanks "),
    "a name": CODE.replace("text", "word"),
    "another function": CODE + "def more():\n    pass\n",
    "no Python": CODE + "def",
}


@pytest.mark.parametrize("code", SAME.values(), ids=SAME)
def test_what_does_the_same_is_the_same(code: str) -> None:
    assert code != CODE
    assert code_content(code) == code_content(CODE)


def test_what_does_something_else_is_another() -> None:
    assert len({code_content(code) for code in (CODE, *OTHER.values())}) == 1 + len(OTHER)


def test_it_is_the_same_in_every_version_of_python() -> None:
    """The hash of a tree by hand: what is empty in it, such as the type parameters of newer versions, is left out."""
    from benchmarks.common.identity import digest

    by_hand = ["Module", {"body": [["Assign", {"targets": [["Name", {"id": "x"}]], "value": ["int", "1"]}]]}]
    assert code_content("x = 1") == digest(by_hand)


def test_a_reward_is_known_by_its_code(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    reward = FunctionReward(function=f"{file}:polite")
    told = []
    for code in (CODE, SAME["comments"], OTHER["a number"]):
        file.write_text(code)
        told.append(reward.identity)
    assert told[0] == told[1] != told[2]
