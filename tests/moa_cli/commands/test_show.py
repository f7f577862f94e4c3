"""`moa list` and `moa show`: methods, benchmarks, units, points."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from benchmarks.load.load import load_benchmark, option_names
from benchmarks.measure.front_files import read_front
from benchmarks.prepare.benchmark import Benchmark
from benchmarks.prepare.card import StoredCard
from benchmarks.rewards.trained import TrainedReward
from moa_cli.commands.common.facts import BenchmarkFacts, Hyperparameter, MethodFacts, method_facts
from moa_cli.commands.common.pages import benchmark_page, card_table, front_table, method_page
from moa_cli.runs.front import FrontFacts
from tests.kit.cli import moa, refused
from tests.kit.files import ROOT
from tests.kit.fronts import changed
from tests.kit.pages import page


def test_lists_as_json(tmp_path: Path) -> None:
    result = moa("list", "--json", cwd=tmp_path)
    document = json.loads(result.stdout)
    assert {"name", "steering", "summary"} == set(document["methods"][0])
    assert "hh-rlhf-mini" in [b["name"] for b in document["benchmarks"]]
    assert document["runs"] == []


def test_a_method_is_shown_with_inherited_hyperparameters(tmp_path: Path) -> None:
    document = json.loads(moa("show", "ric", "--json", cwd=tmp_path).stdout)
    shown = {h["name"]: h for h in document["hyperparameters"]}
    assert "paper: 1.414e-4" in shown["learning_rate"]["meaning"]
    assert shown["learning_rate"]["default"] == 1.414e-4
    assert shown["lora_rank"]["type"] == "a whole number of at least 0 or none"
    assert "LoRA" in shown["lora_rank"]["meaning"]


@pytest.mark.parametrize(("collapse", "warns"), [(0.05, False), (0.051, True)])
def test_a_collapsed_starting_policy_is_warned_of(
    tiny: Benchmark, monkeypatch: pytest.MonkeyPatch, collapse: float, warns: bool
) -> None:
    report = tiny.prepared.report.model_copy(update={"collapse": collapse})
    stored = StoredCard(card=tiny.card, report=report)
    monkeypatch.setattr("moa_cli.commands.common.pages.stored_card", lambda _: stored)
    shown = io.StringIO()
    Console(file=shown, width=200).print(card_table(tiny))
    assert ("-c policy=... names another" in shown.getvalue()) == warns


def test_a_docstring_is_as_wide_as_the_screen_and_its_formulas_keep_their_lines() -> None:
    one = Hyperparameter(name="h", default=1, type="a number", answering=False, meaning=f"{'long ' * 18}\ndone.")
    method = MethodFacts(
        name="t", title="T", summary=f"{'word ' * 12}\nmore.\n\n    a = b,\n      c\n\nEnd.", steering="none",
        hyperparameters=(one,),
    )  # fmt: skip
    words = page(method_page(method))
    assert f"{'word ' * 12}more.\n\n    a = b,\n      c\n\nEnd.\n" in words
    assert words.endswith(f"h = 1  (a number)\n    {'long ' * 14}long\n    long long long done.")


@pytest.mark.parametrize("name", ["hh-rlhf", "hh-rlhf-mini", str(ROOT / "examples" / "my_benchmark.toml")])
def test_a_benchmark_can_be_read(name: str, tmp_path: Path) -> None:
    """Words and numbers, not the JSON that --json gives; every option of it."""
    words = page(benchmark_page(BenchmarkFacts.of(load_benchmark(name, home=tmp_path)), name))
    assert not set("{}") & set(words)
    assert "kind" not in words
    rewards = name == "hh-rlhf-mini"  # the others train none
    listed = re.findall(r"^(\S+)  ", words.split("\n\n")[1], re.M)
    assert listed == [option for option in option_names() if rewards or not option.startswith("reward.")]
    assert re.sub(r"\s", "", words).endswith(f"notpreparedyet:moaprepare-b{name}")


def test_the_options_of_a_benchmark_have_its_values(unprepared: Benchmark) -> None:
    """Those of rewards are of all that are trained, which may differ."""
    ah, oh = unprepared.objectives
    other = replace(oh, reward=TrainedReward(base="tiny", steps=60))
    benchmark = replace(unprepared, seed=3, objectives=(ah, other))
    words = page(benchmark_page(BenchmarkFacts.of(benchmark), "tiny"))
    said = dict(re.findall(r"^(\S+)  +(.*)$", words, re.M))
    assert said["seed"] == "3"
    assert said["objectives"] == "ah, oh"
    assert said["max_prompt_tokens"] == "64"
    assert said["scratch.pretrain_steps"] == "40"
    assert said["reward.steps"] == "30, 60"
    assert said["reward.base"] == "tiny"
    assert said["sampling.stop"] == "-"


@pytest.mark.parametrize(("name", "chosen"), [("ric", True), ("mod", True), ("sft", False)])
def test_choices_are_explained_where_there_are_any(name: str, chosen: bool) -> None:
    """Before the first hyperparameter."""
    words = page(method_page(method_facts(name)))
    assert words.count("[choice]: ours, not a paper's") == chosen
    assert not chosen or words.index("[choice]: ours") < words.index(" = ")


def test_a_prepared_benchmark_shows_its_card(tiny: Benchmark) -> None:
    words = page(benchmark_page(BenchmarkFacts.of(tiny), "tiny"))
    assert "mean, SD" in words
    assert not re.search(r"\d\.\d{7}", words)


def test_what_is_unknown_is_shown_as_such(contest: Path) -> None:
    """As null in JSON, which has no NaN, and as a dash in the table; what the texts tell is known all the same."""
    front = read_front(next(contest.glob("runs/tiny/ric/*/front-*")))
    unknown = np.full(front.kl.shape, np.nan)
    facts = FrontFacts.of(changed(front, kl=unknown, log_prob=unknown, ended=unknown))
    for point in json.loads(facts.model_dump_json())["points"]:
        assert (point["kl"], point["language"]["ended"], point["language"]["perplexity"]) == (None, None, None)
        assert point["language"]["words"] > 0
    for told, self_bleu in zip(facts.points, (0.5, 0.25, 0.75), strict=True):
        told.language["self_bleu"] = self_bleu
    shown = io.StringIO()
    Console(file=shown, width=100).print(front_table(facts, whole=True))
    assert re.findall(r" (-) +\d+%", shown.getvalue()) == ["-"] * 3
    assert "\nlanguage: perplexity -, self-BLEU 0.25 to 0.75, ended -\n" in shown.getvalue()


def test_a_damaged_run_json_is_named(contest: Path, tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "tiny" / "sft" / "00000000-s0"
    folder.mkdir(parents=True)
    for content in ("{", "[]", '{"schema": "moa.run/9"}', '{"schema": "moa.run/2", "status": "trained"}'):
        (folder / "run.json").write_text(content)
        refused(moa("show", str(folder), cwd=tmp_path), "run.json", "--restart")
        assert "damaged" in moa("list", "runs", cwd=tmp_path).stdout


def test_a_benchmark_as_it_would_be_with_settings(tmp_path: Path) -> None:
    """Of those that a command would be given; of anything else they are refused."""
    shown = moa("show", "hh-rlhf-mini", "-c", "eval_prompts=7", "-c", "policy=scratch:4m", "--json", cwd=tmp_path)
    document = json.loads(shown.stdout)
    assert (document["eval_prompts"], document["policy"]) == (7, "scratch:4m")
    refused(moa("show", "hh-rlhf-mini", "-c", "eval_promts=7", cwd=tmp_path), "did you mean eval_prompts?")
    refused(moa("show", "ric", "-c", "rounds=1", cwd=tmp_path), "-c was given with ric")
    refused(moa("show", "hh-rlhf", "--data-dir", "nowhere", cwd=tmp_path), "nowhere")
