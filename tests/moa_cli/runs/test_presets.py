"""Presets: what they set exists, applies where it can, and is overridden by what follows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks.common.errors import BadInput
from benchmarks.common.settings import field_types
from benchmarks.load.load import option_names
from methods.contract.find import find_method, method_names
from moa_cli.runs.config import resolve
from moa_cli.runs.items import PRESETS, dotted, preset_names, preset_settings


def settings(*items: str, benchmark: str = "hh-rlhf", data_dir: Path | None = None) -> Any:
    return resolve(items, [benchmark], method_names(), data_dir=data_dir, home=Path("runs"))


def test_those_that_are_named_in_the_documents() -> None:
    assert preset_names() == ["24gb", "7b", "80gb", "laptop"]


@pytest.mark.parametrize("name", preset_names())
def test_all_that_a_preset_sets_is_set(name: str) -> None:
    """Every key is an option or a hyperparameter, and every value fits: for all methods on the hub's benchmark."""
    made = settings(f"preset={name}")
    for key, value in dotted(preset_settings(name)).items():
        owner, _, field = key.rpartition(".")
        if key in option_names():
            assert made.options.get(key, value) == value
        elif owner:
            assert getattr(made.methods[owner], field) == value
        else:
            having = [n for n in method_names() if field in field_types(find_method(n))]
            assert {getattr(made.methods[n], field) for n in having} == {value}


@pytest.mark.parametrize("name", preset_names())
def test_a_preset_says_what_it_needs_and_how_it_is_typed(name: str) -> None:
    head = (PRESETS / f"{name}.toml").read_text().split("policy =")[0]
    assert "moa compare -m sft,ric,rewarded-soups" in head
    assert f"-c preset={name}" in head
    assert "GB" in head


def test_later_items_win_over_a_preset() -> None:
    made = settings("preset=laptop", "eval_prompts=7", "ric.rounds=2", "policy=some/model")
    assert made.benchmarks["hh-rlhf"].eval_prompts == 7
    assert made.benchmarks["hh-rlhf"].policy == "some/model"
    assert made.methods["ric"].rounds == 2
    assert settings("eval_prompts=7", "preset=laptop").benchmarks["hh-rlhf"].eval_prompts == 64


def test_what_a_command_does_not_have_is_left_out(tmp_path: Path) -> None:
    """Rewards that are not trained here, weights for another number of objectives, methods that were not named."""
    trained = settings("preset=laptop", data_dir=tmp_path).options
    assert trained["reward.base"] == "sentence-transformers/all-MiniLM-L6-v2"
    assert {key for key in trained if key.startswith("reward.")} - set(settings("preset=laptop").options)
    five = settings("preset=laptop", benchmark="helpsteer2")
    assert "grid" not in five.options
    assert len(five.benchmarks["helpsteer2"].grid[0]) == 5
    alone = resolve(["preset=laptop"], ["hh-rlhf"], ["sft"], data_dir=None, home=Path("runs"))
    assert list(alone.methods) == ["sft"]


def test_an_unknown_one_is_refused() -> None:
    with pytest.raises(BadInput) as caught:
        settings("preset=labtop")
    assert "there is no such preset (did you mean laptop?); there are: 24gb, 7b, 80gb, laptop" in caught.value.what
