"""What is typed: understood, or refused before any work."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.common.errors import BadInput
from benchmarks.prepare.benchmark import Benchmark
from methods.contract.find import find_method
from moa_cli.commands.common.facts import nothing_called
from moa_cli.commands.common.typed import benchmark_list, method_list, seed_in, wish_in
from moa_cli.commands.study import study
from moa_cli.runs.config import Source
from moa_cli.runs.contestant import Contestant
from tests.kit.cli import moa, refused
from tests.kit.files import ROOT


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("train -m rick", ["'rick'", "ric"]),
        ("train -m ric -b hh-rlhf-mimi", ["hh-rlhf-mimi", "hh-rlhf-mini"]),
        ("train", ["-m"]),
        ("train ric", ["moa train -m ric"]),
        ("tune ric sft", ["moa tune -m ric,sft"]),
        ("prepare hh-rlhf-mini", ["moa prepare -b hh-rlhf-mini"]),
        (
            "train -m ric -c ric.runds=1 -c batch=x -c keep=no",
            ["3 mistakes", "ric.rounds", "whole number", "quantile"],
        ),
        ("train -m ric -c scratch.steps=1 -c rounds=x", ["2 mistakes", "scratch.sft_steps", "rounds"]),
        ("train -m sft --data-dir nowhere", ["nowhere", "--data-dir"]),
        ("train -m sft -b hh-rlhf --data-dir . --dry-run", ["helpful-base/test.jsonl.gz", "put it there"]),
        ("prepare -b reddit-summary --data-dir .", ["comparisons/validation.jsonl.gz", "put it there"]),
        ("train -m sft --runs file/runs", ["file/runs", "--runs DIR"]),
        ("train -m missing.py", ["missing.py"]),
        *((f"{typed} {'a' * 300}.toml", ["aaa...", "longer"]) for typed in ("show", "compare", "list --runs", "rm")),
        *((f"{typed} circle.py", ["circle.py", "in a circle"]) for typed in ("train -m", "prepare -b", "list --runs")),
        ("train -m sft --seed 0,x", ["--seed 'x'", "--seed 0,1"]),
        ("compare --seed=-1", ["--seed '-1'", "from 0 to 2147483647"]),
        ("train -m sft --seed 0,4294967296 --dry-run", ["--seed '4294967296'", "from 0 to 2147483647"]),
        ("eval", ["--pareto", "--weights"]),
        ("eval --pareto --weights 1,0", ["exclude"]),
        ("eval --weights a,b", ["a,b"]),
        ("eval --pareto", ["moa train"]),
        ("eval --pareto nowhere", ["nowhere"]),
        ("eval --rescore", ["moa train"]),
        ("eval --rescore nowhere", ["nowhere"]),
        ("eval --pareto --rescore", ["exclude"]),
        ("eval --responses nowhere.jsonl", ["nowhere.jsonl"]),
        ("eval --responses file", ["suffix", ".jsonl"]),
        ("eval --responses a.jsonl --weights 1,0", ["exclude"]),
        ("eval --responses a.jsonl -b hh-rlhf-mini,reddit-summary-mini", ["2 benchmarks"]),
        ("eval runs/a --responses a.jsonl", ["RUN", "--rescore"]),
        ("eval --pareto --name theirs", ["--name", "--responses"]),
        ("eval --rescore --column prompt=x", ["--column", "--responses"]),
        ("eval --pareto -c seed=1", ["--config", "--prompts"]),
        ("compare", ["moa compare -m"]),
        ("compare -o table.xyz", [".xyz", ".md"]),
        ("compare -m sft -o table.xyz", [".xyz", ".md"]),
        *((f"{typed} -o runs/toy/tuned/ric.json", ["moa's own"]) for typed in ("compare", "claims", "study kl")),
        ("compare nowhere", ["nowhere"]),
        ("compare --max-kl 3", ["--max-kl", "--at"]),
        ("compare --at .5,.5 --max-kl inf", ["Invalid value for '--max-kl'", "a finite number"]),
        ("compare --at 1,0 --max-answer-cost twice", ["twice", "2x"]),
        ("compare nowhere.json", ["nowhere.json"]),
        ("compare -c rounds=1", ["-m"]),
        ("show nothing-of-the-kind", ["nothing-of-the-kind"]),
        ("show rci", ["did you mean: moa show ric"]),
        ("show hh-rlhf-mimi", ["did you mean: moa show hh-rlhf-mini"]),
        ("show x/mine.py", ["no file x/mine.py", "as a method or a benchmark"]),
        ("study", ["controllability, reward-model-size, optimizer, retention"]),
        ("list weights", ["weights", "runs"]),
    ],
)
def test_bad_input_is_refused_before_any_work(command: str, words: list[str], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "circle.py").symlink_to("circle.py")
    refused(moa(*command.split(), cwd=tmp_path), *words)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["circle.py", "file"]


def test_a_file_is_named_with_its_suffix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text("")
    with pytest.raises(BadInput) as refusal:
        find_method("mine")
    assert refusal.value.fix == "a method of your own is named by its file: -m mine.py"
    assert nothing_called("mine")[2] == "did you mean: moa show mine.py"


def test_seeds_are_repeated_or_have_commas(tmp_path: Path) -> None:
    result = moa("train", "-m", "sft", "--seed", "0,2", "--seed", "5", "--dry-run", "--json", cwd=tmp_path)
    runs = [row["job"] for row in json.loads(result.stdout)["jobs"] if row["path"]]
    assert [job.rpartition("/")[2] for job in runs] == ["s0", "s2", "s5"]


def test_what_is_written_in_two_ways_is_named_once() -> None:
    """Two jobs would write one run."""
    assert method_list(["spo,ric", "RIC,./a.py", "a.py", "Rewarded_Soups,rewarded-soups"]) == [
        "spo", "ric", "./a.py", "Rewarded_Soups"
    ]  # fmt: skip
    assert benchmark_list(["a.toml", "./a.toml,hh-rlhf-mini,hh-rlhf-mini"]) == [
        str(Path("a.toml").resolve()),
        "hh-rlhf-mini",
    ]


@pytest.mark.parametrize("typed", ["nan,1", "inf,0", "1,x"])
def test_weights_are_numbers(typed: str) -> None:
    with pytest.raises(BadInput, match=f"--at {typed} are no numbers"):
        wish_in(typed, None, None)


def test_a_hyperparameter_is_not_called_as_an_option_of_benchmarks(tmp_path: Path) -> None:
    """-c would set that one, and this one never."""
    (tmp_path / "mine.py").write_text(
        (ROOT / "examples" / "my_method.py")
        .read_text()
        .replace("    steering =", "    eval_prompts: int = 1\n    steering =", 1)
    )
    with pytest.raises(BadInput, match="eval_prompts: rename it; an option of benchmarks is called that"):
        find_method(str(tmp_path / "mine.py"))


def test_answers_from_elsewhere_have_one_seed() -> None:
    assert (seed_in(None), seed_in("3")) == (None, 3)
    with pytest.raises(BadInput, match="names 2 seeds"):
        seed_in("3,4")


def test_verbose_shows_the_traceback(tmp_path: Path) -> None:
    assert "Traceback" in moa("train", "-m", "rick", "-v", cwd=tmp_path).stderr


def test_unknown_options_are_usage_errors(tmp_path: Path) -> None:
    result = moa("train", "--colour", cwd=tmp_path)
    assert result.returncode == 2
    assert "--colour" in result.stderr


def test_over_must_name_a_value(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadInput, match="--over names no value"):
        study("optimizer", over=["", ","])


def test_typed_weights_are_meant_to_a_rounding_error(unprepared: Benchmark, tmp_path: Path) -> None:
    """A third typed as 0.333; where one policy was trained per weight, the nearest trained ones."""
    three = replace(unprepared, objectives=(*unprepared.objectives, replace(unprepared.objectives[0], name="eh")))

    def meant(method: str, *weights: float, points: tuple[tuple[float, ...], ...] = ()) -> tuple[float, ...]:
        base = replace(unprepared if len(weights) == 2 else three, grid=(), trained_grid=points)
        found = find_method(method)()
        return Contestant(Source("x", tmp_path), base, found, 0, tmp_path).meant_weights(weights)

    third = (1 / 3, 2 / 3)
    assert meant("morlhf", 0.3333, 0.6666, points=((0.3339, 0.6661), third)) == third
    assert meant("morlhf", 0.333, 0.333, 0.333) == (1 / 3, 1 / 3, 1 / 3)
    assert meant("ric", 0.25, 0.75) == (0.25, 0.75)
    assert sum(meant("ric", 0.3333, 0.6663)) == pytest.approx(1, abs=1e-12)
    with pytest.raises(BadInput, match="one of: 0.3333,0.6667"):
        meant("morlhf", 0.34, 0.66, points=(third,))
    with pytest.raises(BadInput, match="sum to 1"):
        meant("ric", 0.33, 0.66)


@pytest.mark.parametrize("weights", ["0.5,0.4", "1", "-0.5,1.5", "0.2,0.3,0.5"])
def test_weights_must_be_on_the_simplex(weights: str, contest: Path) -> None:
    refused(moa("eval", f"--weights={weights}", "-b", "tiny.toml", cwd=contest), "sum to 1", "long, round")
