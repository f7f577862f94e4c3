"""The benchmarks that come with moa as TOML files, end to end on rows made in the published format."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.load.fields import TABLES, benchmark_names, benchmark_summary
from benchmarks.load.load import load_benchmark
from tests.kit import published
from tests.kit.cli import moa

TINY = {
    "policy": "scratch:0.3m", "max_prompt_tokens": 32, "scratch.vocabulary": 300, "scratch.pretrain_steps": 1,
    "scratch.sft_steps": 1, "scratch.batch": 2, "reward.base": "0.3m", "reward.steps": 1, "reward.batch": 2,
    "sampling.max_new_tokens": 4, "trained_grid": [[0.5, 0.5]], "grid": [[0.5, 0.5]],
}  # fmt: skip
MAKERS: dict[str, tuple[Callable[[Path], Path], list[str], str, dict[str, object]]] = {
    "pku-saferlhf": (published.pku_saferlhf, ["helpful", "harmless"], "modpo", {}),
    "helpsteer2": (
        published.helpsteer2, ["helpful", "verbose"], "moslim",
        {"epochs": 0.1, "reward_steps": 1, "reward_batch": 2, "calibration_answers": 5},
    ),
    "ultrafeedback": (published.ultrafeedback, ["helpful", "honest"], "spo", {"alphas": [0.5]}),
}  # fmt: skip
"""How a local copy is made; two objectives, and a method that learns from what the data has."""


def test_every_table_that_comes_with_moa_is_tried_here() -> None:
    assert {path.stem for path in TABLES.glob("*.toml")} == {*MAKERS}
    assert {*MAKERS} <= {*benchmark_names()}
    assert all(len(benchmark_summary(name)) > 40 and "#" not in benchmark_summary(name) for name in MAKERS)


def test_the_same_pairs_are_labelled_under_both_objectives(tmp_path: Path) -> None:
    """24 training prompts less 1 for choices; the safer answer is the second, which every other time is the better."""
    data = load_benchmark("pku-saferlhf", data_dir=published.pku_saferlhf(tmp_path)).data
    helpful, harmless = (data.preference_pairs(name, "train") for name in ("helpful", "harmless"))
    assert [p.prompt for p in helpful] == [p.prompt for p in harmless]
    assert len(helpful) == 23
    assert {p.chosen for p in harmless} == {"Ask its owner."}
    assert {p.chosen for p in helpful} == {"Ask its owner.", "Break it at night."}
    assert len(data.prompts("test")) == 4


def test_grades_are_for_graders_and_make_pairs(tmp_path: Path) -> None:
    """HelpSteer2's 0 to 4 are 1 to 5; coherence never differs. UltraFeedback's 10 is a 1, its N/A is no grade."""
    steer = load_benchmark("helpsteer2", data_dir=published.helpsteer2(tmp_path / "a"))
    assert steer.graded
    assert {grade for _, grade in steer.graded_labels("coherent")} == {5}
    assert {grade for _, grade in steer.graded_labels("helpful")} == {1, 2, 3, 5}
    assert [len(steer.preference_pairs(name)) for name in ("helpful", "coherent")] == [23, 0]
    ultra = load_benchmark("ultrafeedback", data_dir=published.ultrafeedback(tmp_path / "b"))
    labels = {name: ultra.graded_labels(name) for name in ultra.names}
    assert {grade for graded in labels.values() for _, grade in graded} == {1, 2, 3, 4, 5}
    assert len(labels["helpful"]) == 4 * len(ultra.prompts("train"))
    assert len(labels["honest"]) < len(labels["helpful"])
    four = [p for p in ultra.preference_pairs("helpful") if p.prompt == ultra.prompts("train")[0]]
    assert len(four) == 6  # four answers, all of another grade


@pytest.mark.parametrize("name", MAKERS)
def test_a_copy_of_what_is_published_is_compared_on(name: str, tmp_path: Path) -> None:
    make, objectives, method, settings = MAKERS[name]
    make(tmp_path / "copy")
    options = TINY | {"objectives": objectives}
    typed = [f"{key}={json.dumps(value)}" for key, value in options.items()]
    typed += [f"{method}.{key}={json.dumps(value)}" for key, value in settings.items()]
    words = [word for item in typed for word in ("-c", item)]
    done = moa("compare", "-m", f"sft,{method}", "-b", name, "--data-dir", "copy", "--jobs", "1", *words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    rows = [line.split()[0] for line in done.stdout.splitlines() if line.startswith(("sft ", f"{method} "))]
    assert rows[:2] == ["sft", method]


@pytest.mark.parametrize("name", MAKERS)
def test_what_a_comparison_would_take_is_told_without_a_network(name: str, tmp_path: Path) -> None:
    """The policy that the table names is on the hub: its size is what its name tells. No method leaves its FLOPs
    unknown."""
    MAKERS[name][0](tmp_path / "copy")
    done = moa("compare", "-m", "all", "-b", name, "--data-dir", "copy", "--dry-run", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads(done.stdout)
    policy = told["models"][0]
    assert (policy["parameters"], policy["about"], policy["place"]) == (135_000_000, True, "on the hub")
    assert told["download_bytes"] == 270_000_000
    assert all(row["flops"] is not None and row["memory"] for row in told["jobs"])
    assert {path.name for path in tmp_path.iterdir()} == {"copy"}
