"""The kinds of rewards: each knows its identity, its id, its words and its scorer; another one is one class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Annotated, Self

import numpy as np
import pytest

from benchmarks.common.errors import BadInput
from benchmarks.common.settings import Range
from benchmarks.load.toml import read_benchmark
from benchmarks.prepare.benchmark import Benchmark
from benchmarks.rewards import KINDS
from benchmarks.rewards.function import FunctionReward
from benchmarks.rewards.hub import HubReward, id_in_words
from benchmarks.rewards.trained import TrainedReward
from benchmarks.spec.description import Description, Scorer


@dataclass(frozen=True, kw_only=True)
class LengthReward:
    """As many characters, up to a limit."""

    longest: Annotated[int, Range(1)]

    @property
    def identity(self) -> Self:
        return self

    @property
    def words(self) -> str:
        return f"length up to {self.longest}"

    def id(self, benchmark: Description, objective: str) -> str:
        return f"length-{self.longest}"

    def scorer(self, benchmark: Description, objective: str) -> Scorer:
        def score(prompts: Sequence[str], responses: Sequence[str]) -> np.ndarray:
            return np.minimum([len(r) for r in responses], self.longest).astype(float)

        return score

    def found_in(self, folder: Path) -> Self:
        if self.longest == 13:
            raise ValueError("longest: 13 brings bad luck")
        return self


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A benchmark under a kind of reward that moa does not have."""
    monkeypatch.setattr("benchmarks.load.toml.KINDS", (LengthReward, *KINDS))
    (tmp_path / "rows.csv").write_text("prompt,response\n" + "".join(f"ask {i},answer {i}\n" for i in range(40)))
    path = tmp_path / "mine.toml"
    path.write_text(
        '[data]\npath = "rows.csv"\nformat = "answers"\n[[objectives]]\nname = "long"\nreward = { longest = 9 }\n'
    )
    return path


def test_another_kind_is_one_class(file: Path) -> None:
    """It is found by the field that it requires; identities have it, and it scores."""
    benchmark = read_benchmark(file)
    (objective,) = benchmark.objectives
    assert objective.reward == objective.evaluator == LengthReward(longest=9)
    other = replace(objective, reward=LengthReward(longest=8))
    assert replace(benchmark, objectives=(other,)).training_identity != benchmark.training_identity
    scorer = objective.source("scores").scorer(benchmark, "long")
    assert scorer(["a", "b"], ["12345", "1234567890"]).tolist() == [5, 9]


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("longest = 0", "objectives[1].reward.longest: expected a whole number of at least 1, found 0"),
        ("longest = 13", "objectives[1].reward.longest: 13 brings bad luck"),
        ("longst = 9", "objectives[1].reward.longst: there is no such key (did you mean longest?)"),
        ("longest = 9, steps = 3", "objectives[1].reward.steps: there is no such key; there are: longest"),
    ],
)
def test_mistakes_in_another_kind_are_named(file: Path, typed: str, said: str) -> None:
    file.write_text(file.read_text().replace("longest = 9", typed))
    with pytest.raises(BadInput) as caught:
        read_benchmark(file)
    assert said in caught.value.what


def test_every_kind_says_all_of_its_fields(unprepared: Benchmark) -> None:
    """In its words, which differ wherever the reward does, and in an id that scale cards keep."""
    made = (
        HubReward(model="some/model", label=2, sign=-1.0, inputs="response", revision="abc"),
        FunctionReward(function="math:sqrt", version="3"),
        TrainedReward(base="0.3m", steps=7, batch=5, learning_rate=0.125, seed=11, fold="odd"),
    )
    assert {type(reward) for reward in made} == set(KINDS)
    for reward in made:
        assert all(str(getattr(reward, f.name)).removesuffix(".0") in reward.words for f in fields(reward))
    assert [reward.id(unprepared, "ah") for reward in made[:2]] == ["some/model@abc[-1*2:response]", "math:sqrt@3"]
    told = "some/model, revision abc, label 2, times -1, read as 'response'"
    assert [id_in_words(reward.id(unprepared, "ah")) for reward in made[:2]] == [told, "math:sqrt@3"]
    assert id_in_words(HubReward(model="some/model").id(unprepared, "ah")) == "some/model"
    ids = {made[2].id(unprepared, name) for name in ("ah", "oh")}
    assert {name[:10] for name in ids} == {"reward-ah-", "reward-oh-"}
    assert made[2].id(replace(unprepared, max_prompt_tokens=3), "ah") not in ids


def test_a_reward_in_a_module_goes_by_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without being imported; what comes with moa goes by its version, as do modules that are no Python."""
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "mine").mkdir()
    for name in ("__init__", "rewards"):
        (tmp_path / "mine" / f"{name}.py").write_text("raise RuntimeError\ndef f(prompts, responses): ...\n")
    reward = FunctionReward(function="mine.rewards:f")
    before = reward.identity
    assert before.function == reward.function
    assert before.version.startswith("1+")
    (tmp_path / "mine" / "rewards.py").write_text("def f(prompts, responses): return []\n")
    assert replace(reward).identity != before == reward.identity, "one that was named stays what it was"
    for stays in ("benchmarks.hh_rlhf_mini:gold_helpful", "math:sqrt", "nowhere.at:all"):
        assert FunctionReward(function=stays).identity == FunctionReward(function=stays)


def test_a_reward_in_a_file_goes_by_its_content(tmp_path: Path, unprepared: Benchmark) -> None:
    """Twelve digits of its code, the same wherever the file lies."""
    for folder in ("here", "there"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "f.py").write_text("def f(prompts, responses): ...\n")
    here, there = (FunctionReward(function="f.py:f").found_in(tmp_path / name) for name in ("here", "there"))
    assert here.function == f"{tmp_path}/here/f.py:f"
    assert here != there
    assert here.identity == there.identity == FunctionReward(function="f.py:f", version="1+6fb476054251")
    assert here.id(unprepared, "ah") == "f.py:f@1+6fb476054251"
    with pytest.raises(ValueError, match=r"function: .*f.py defines no g"):
        FunctionReward(function="f.py:g").found_in(tmp_path / "here")
