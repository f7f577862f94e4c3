"""Methods that come with moa are written with what a method of one's own can import."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

import methods
import moa_cli
from tests.kit.files import ROOT
from tests.kit.house import House

OURS = House(ROOT)
METHODS = [
    name for name in OURS.files if name.startswith("methods.") and not OURS.is_door(name) and name.count(".") == 1
]
KIT = (
    "Answer", "PreferencePair", "Stage", "grade", "mix", "soup", "steered", "train_dpo", "train_grader", "train_rl",
    "train_sft",
)  # fmt: skip


def private(house: House, module: str) -> list[str]:
    """What a method imports that is not public: not through the door of `methods`, or not offered by `moa_cli`."""
    return [
        f"{module}:{i.line} imports {i.module}.{i.name}"
        for i in house.imports[module]
        if i.name not in moa_cli.__all__ or (i.module.startswith("methods") and i.module != "methods")
    ]


@pytest.mark.parametrize("module", METHODS)
def test_methods_are_written_with_public_names(module: str) -> None:
    assert private(OURS, module) == []


def test_private_names_are_found(tmp_path: Path) -> None:
    (tmp_path / "methods").mkdir()
    lines = ["from methods.engines import train_rl", "from methods import method_names", "from methods import train_rl"]
    (tmp_path / "methods" / "mine.py").write_text("\n".join(lines))
    assert private(House(tmp_path), "methods.mine") == [
        "methods.mine:1 imports methods.engines.train_rl", "methods.mine:2 imports methods.method_names"
    ]  # fmt: skip


@pytest.mark.parametrize("name", KIT)
def test_the_kit_is_public_and_documented(name: str) -> None:
    """In both doors the same thing, which says what it is."""
    thing = getattr(moa_cli, name)
    assert getattr(methods, name) is thing
    assert inspect.getdoc(thing)
