"""What a file of code is known by: what it does."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from benchmarks.common.errors import BadInput
from benchmarks.common.python import class_content, code_content, load_file
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


def test_a_reward_is_known_by_what_it_imports_from_beside_it(tmp_path: Path) -> None:
    """And by what that imports from there; not by other files there, nor by those that have the name of a library's."""
    file = tmp_path / "mine.py"
    file.write_text(f"def more():\n    import pack.words\n{CODE}")
    alone = FunctionReward(function=f"{file}:polite").identity
    assert alone.version == f"1+{code_content(file.read_text())}"
    seen = []
    for name, code in {
        "other.py": "x = 1", "math.py": "x = 1",  # are not imported
        "pack/__init__.py": "", "pack/words.py": "from helper import x", "helper.py": "import mine\nx = 1",
    }.items():  # fmt: skip
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(code)
        seen.append(FunctionReward(function=f"{file}:polite").identity)
    assert seen[:2] == [alone] * 2
    assert len({alone, *seen}) == 4
    (tmp_path / "helper.py").write_text("import mine\nx = 1  # one")
    assert FunctionReward(function=f"{file}:polite").identity == seen[-1]
    (tmp_path / "helper.py").write_text("import mine\nx = 2")
    assert FunctionReward(function=f"{file}:polite").identity not in seen


def test_what_is_no_module_beside_a_reward_does_not_count(tmp_path: Path) -> None:
    """What an editor leaves, a folder, and a pipe, which nobody opens."""
    file, helper = tmp_path / "mine.py", tmp_path / "helper"
    file.write_text(f"import helper\n{CODE}")
    helper.mkdir()
    (helper / "__init__.py").touch()
    before = FunctionReward(function=f"{file}:polite").identity
    (helper / ".#mod.py").symlink_to("me@here.123")
    (helper / "._mod.py").write_text("x = 1")
    (helper / "sub.py").mkdir()
    os.mkfifo(helper / "pipe.py")
    assert FunctionReward(function=f"{file}:polite").identity == before
    (helper / "mod.py").write_text("x = 1")
    assert FunctionReward(function=f"{file}:polite").identity != before


def test_a_reward_is_known_by_its_code(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    told = []
    for code in (CODE, SAME["comments"], OTHER["a number"]):
        file.write_text(code)
        told.append(FunctionReward(function=f"{file}:polite").identity)
    assert told[0] == told[1] != told[2]


def test_a_file_is_run_as_it_is_now(tmp_path: Path) -> None:
    """What Python has compiled is taken for that of any file as long, as old to the second."""
    file = tmp_path / "one.py"
    for number in (1, 2):
        file.write_text(f"number = {number}")
        os.utime(file, (1e9, 1e9))
        assert load_file(file, "a number").number == number


def test_a_class_is_known_by_what_its_file_did_when_it_was_loaded(tmp_path: Path) -> None:
    """It may be edited since, and loaded anew beside it."""
    file = tmp_path / "mine.py"
    file.write_text("class Mine:\n    steps = 1")
    before = load_file(file, "a method").Mine
    file.write_text("class Mine:\n    steps = 2")
    after = load_file(file, "a method").Mine
    assert class_content(before) == code_content("class Mine:\n    steps = 1")
    assert class_content(after) == code_content(file.read_text())


def test_a_class_that_is_in_no_file_has_no_content() -> None:
    """As one that is typed into Python, or read from stdin."""
    space: dict[str, Any] = {"__name__": "typed"}
    exec("class Mine: ...", space)
    with pytest.raises(BadInput, match="Mine is in no file"):
        class_content(space["Mine"])


def test_a_function_whose_file_was_edited_since_it_was_named_is_not_run(tmp_path: Path) -> None:
    """Comments make no other code."""
    file = tmp_path / "rewards.py"
    file.write_text(CODE)
    reward = FunctionReward(function=f"{file}:polite")
    named: Any = reward.identity
    file.write_text(f"# edited\n{CODE}")
    assert reward.scorer(named, "polite")(["a"], ["thanks"]) > 4
    file.write_text(CODE.replace("thanks", "please"))
    assert reward.identity == named
    with pytest.raises(BadInput, match=r"rewards\.py has changed since the benchmark was loaded"):
        reward.scorer(named, "polite")
    assert FunctionReward(function=f"{file}:polite").identity != named
