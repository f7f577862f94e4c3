"""Finding benchmarks, and changing their settings with every mistake listed."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.common.errors import BadInput
from benchmarks.data.table import Table
from benchmarks.load.embedded import REWARD
from benchmarks.load.fields import benchmark_names, build
from benchmarks.load.load import load_benchmark, option_names
from benchmarks.rewards.trained import TrainedReward
from benchmarks.spec import SPLITS
from benchmarks.spec.grid import default_grid, simplex_grid
from tests.kit.files import MY_BENCHMARK, ROOT
from tests.kit.worlds import benchmark_in

EXAMPLE = str(MY_BENCHMARK)


def test_names_are_discovered_without_importing() -> None:
    assert {"hh-rlhf", "hh-rlhf-mini", "reddit-summary", "reddit-summary-mini"} <= set(benchmark_names())
    code = (
        "import sys; from benchmarks import benchmark_names; names = benchmark_names(); "
        "print([name for name in names if f'benchmarks.{name}'.replace('-', '_') in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("name", benchmark_names())
def test_every_benchmark_loads_under_its_name(name: str, tmp_path: Path) -> None:
    benchmark = load_benchmark(name, home=tmp_path)
    assert benchmark.name == name
    assert benchmark.home == tmp_path
    assert len(benchmark.objectives) >= 2
    last = benchmark.names[-1]
    assert load_benchmark(name, options={"objectives": [last]}).names == (last,)


def test_an_unknown_benchmark_gets_the_nearest_name() -> None:
    with pytest.raises(BadInput, match="no benchmark 'hh-rlfh' \\(did you mean hh-rlhf\\?\\)"):
        load_benchmark("hh-rlfh")
    with pytest.raises(BadInput, match="cannot be read"):
        load_benchmark("none.toml")


def test_options_arrive() -> None:
    options = {
        "policy": "scratch:1m", "eval_prompts": 5, "seed": 3, "max_prompt_tokens": 64,
        "grid": [[0, 1], [1 / 3, 2 / 3]], "trained_grid": [[1, 0]],
        "sampling.temperature": 2, "sampling.top_p": 0.5, "sampling.max_new_tokens": 4, "scratch.batch": 8,
        "reward.steps": 7, "reward.seed": 9,
    }  # fmt: skip
    benchmark = load_benchmark("hh-rlhf-mini", options=options)
    assert (benchmark.policy, benchmark.eval_prompts, benchmark.seed) == ("scratch:1m", 5, 3)
    assert benchmark.max_prompt_tokens == 64
    assert benchmark.grid == ((0.0, 1.0), (1 / 3, 2 / 3))
    assert benchmark.trained_grid == ((1.0, 0.0),)
    sampling = benchmark.sampling
    assert (sampling.temperature, sampling.top_p, sampling.max_new_tokens) == (2.0, 0.5, 4)
    assert benchmark.scratch.batch == 8
    assert [o.reward for o in benchmark.objectives] == [replace(REWARD, steps=7, seed=9)] * 2
    assert set(options) <= set(option_names())


def test_a_trained_evaluator_stays_held_out(tmp_path: Path) -> None:
    options = {"reward.steps": 7, "reward.fold": "all", "reward.seed": 5}
    for objective in load_benchmark("hh-rlhf", data_dir=tmp_path, options=options).objectives:
        assert objective.reward == TrainedReward(steps=7, fold="all", seed=5)
        assert objective.evaluator == TrainedReward(steps=7, fold="odd", seed=1)


def test_every_wrong_option_is_listed() -> None:
    options = {
        "polcy": "x", "eval_prompts": True, "sampling.temprature": 1, "sampling.top_p": 1.5, "reward.steps": 1.5,
        "trained_grid": [[0.5, 0.5 + 1e-5]], "grid": [[-1, 2]], "objectives": ["helpfull", "harmless"], "policy": 3,
        "seed": -1, "max_prompt_tokens": 0,
    }  # fmt: skip
    with pytest.raises(BadInput) as caught:
        load_benchmark("hh-rlhf", options=options)
    for mistake in (
        "polcy: there is no such option (did you mean policy?)",
        "eval_prompts: expected a whole number of at least 1, found True",
        "sampling.temprature: there is no such option (did you mean sampling.temperature?)",
        "sampling.top_p: expected a number above 0, of at most 1, found 1.5",
        "reward.steps: expected a whole number of at least 1, found 1.5",
        "trained_grid: [0.5, 0.50001] must be non-negative and sum to 1",
        "grid: [-1.0, 2.0] must be non-negative",
        "no objective 'helpfull' (did you mean helpful?)",
        "policy: expected a text that is not empty, found 3",
        "seed: expected a whole number of at least 0, found -1",
        "max_prompt_tokens: expected a whole number from 1 to 1000000, found 0",
    ):
        assert mistake in caught.value.what
    assert "11 mistakes" in caught.value.what


@pytest.mark.parametrize(
    ("options", "mistake"),
    [
        ({"grid": [[1.0]]}, "grid: [1.0] has 1 weights for 2 objectives"),
        (
            {"grid": [[1, 0], [0.5, 0.5], [1, 0], [0.5004, 0.4996]]},
            "2 mistakes\n  grid: [1.0, 0.0] and [1.0, 0.0] are the same weights, to a rounding error"
            "\n  grid: [0.5004, 0.4996] and [0.5, 0.5] are",
        ),
        ({"scratch.seed": 10**26}, f"scratch.seed: expected a whole number of at least 0, found {10**26}; the largest"),
        ({"seed": 2**32}, "seed: expected a whole number of at least 0, found 4294967296; the largest is 2147483647"),
        ({"preparation": 10**7}, "preparation: expected a whole number from 0 to 1000000, found 10000000"),
        ({"sampling.max_new_tokens": 10**7}, "sampling.max_new_tokens: expected a whole number from 1 to 1000000"),
        ({"grid": [0.5, 0.5]}, "grid: expected a list, each item a list, each item a number"),
        ({"objectives": "helpful"}, "objectives: expected a list, each item a text"),
        ({"objectives": ["humor"], "reward.steps": 3}, "reward.steps: no objective of hh-rlhf has a trained reward"),
        ({"objectives": ["humor"], "preparation": 1}, "preparation: of hh-rlhf nothing is drawn or trained before"),
        ({"objectives": []}, "objectives []"),
        ({"policy": "scratch:foo"}, "policy: there is no model 'scratch:foo'; those made here are: scratch:0.3m"),
        ({"policy": ""}, "policy: expected a text that is not empty, found ''"),
        ({"sampling.stop": [""]}, "sampling.stop: expected a list, each item a text that is not empty, found ['']"),
        ({"sampling.stop": ["\n\n", "  "]}, "sampling.stop: expected a list, each item a text that is not empty"),
        ({"policy": "4m"}, "policy: there is no model '4m'; those made here are: scratch:0.3m"),
    ],
)
def test_single_wrong_options(options: dict[str, object], mistake: str) -> None:
    with pytest.raises(BadInput) as caught:
        load_benchmark("hh-rlhf", options=options)
    assert mistake in caught.value.what


def test_another_preparation_draws_anew_what_is_drawn_before_training() -> None:
    """Answers, labels, starting policy and rewards; what is measured by stays."""
    usual, same, other = (
        load_benchmark("hh-rlhf-mini", options=o) for o in ({}, {"preparation": 0}, {"preparation": 2})
    )
    assert same.identity == usual.identity
    assert other.identity != usual.identity
    for split in SPLITS:
        assert other.data.prompts(split) == usual.data.prompts(split)
    assert other.data.demonstrations() != usual.data.demonstrations()
    assert other.data.preference_pairs("helpful", "train") != usual.data.preference_pairs("helpful", "train")
    assert (other.seed, other.scratch.seed) == (2000, 2000)
    for one, another in zip(usual.objectives, other.objectives, strict=True):
        assert another.reward.seed == one.reward.seed + 2000
        assert another.evaluator == one.evaluator


def test_a_reward_that_is_its_own_evaluator_stays_that(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(
        "from dataclasses import replace\nfrom benchmarks import load_benchmark\n"
        "def benchmark(*_):\n"
        "    mini = load_benchmark('hh-rlhf-mini')\n"
        "    return replace(mini, objectives=tuple(replace(o, evaluator=o.reward) for o in mini.objectives))\n"
    )
    other = load_benchmark(str(path), options={"preparation": 1})
    assert all(o.evaluator == o.reward and o.reward.seed == 1000 for o in other.objectives)


def test_options_of_a_toml_file() -> None:
    benchmark = load_benchmark(EXAMPLE, options={"objectives": ["brief"], "sampling.max_new_tokens": 3})
    assert benchmark.names == ("brief",)
    assert benchmark.grid == ((1.0,),)
    assert benchmark.sampling.max_new_tokens == 3


def test_data_dir_moves_the_data_of_a_toml_file(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=str(tmp_path / "my_data.jsonl")):
        load_benchmark(EXAMPLE, data_dir=tmp_path)


def test_a_python_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text("from benchmarks.hh_rlhf_mini import benchmark\n")
    assert load_benchmark(str(path)).name == "hh-rlhf-mini"
    for text, said in (
        ("", "is not a benchmark"),
        ("import nowhere", "cannot be loaded"),
        ("benchmark =", "cannot be loaded"),
        (
            "from dataclasses import replace\nfrom benchmarks import load_benchmark\n"
            "def benchmark(*_): return replace(load_benchmark('hh-rlhf-mini'), name='../out')",
            "'../out' cannot name a folder",
        ),
    ):
        path.write_text(text)
        with pytest.raises(BadInput, match=said):
            load_benchmark(str(path))


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("A", "a"), "objectives: 'A' and 'a' look alike"),
        (("\u00e9", "e\u0301"), "objectives: '\u00e9' and 'e\u0301' look alike"),
        (("a", "b", "a"), "objectives: 'a' is there twice"),
        (("a" * 300, "b"), "name: 'aaaaaaaaaaaaaaaaaaaa'... cannot name a folder: it has 300 bytes, of 100 at most"),
        (("\u00e9" * 51, "b"), "it has 102 bytes"),
    ],
)
def test_names_of_which_no_folder_could_be(tmp_path: Path, names: tuple[str, ...], said: str) -> None:
    path = tmp_path / "mine.py"
    path.write_text(
        "from dataclasses import replace\nfrom benchmarks import load_benchmark\n"
        "def benchmark(*_):\n"
        "    mini = load_benchmark('hh-rlhf-mini')\n"
        f"    return replace(mini, objectives=tuple(replace(mini.objectives[0], name=n) for n in {names!r}))\n"
    )
    with pytest.raises(BadInput) as caught:
        load_benchmark(str(path))
    assert said in caught.value.what


def test_what_is_no_key_is_not_offered_and_tables_are_called_so() -> None:
    """The message has the table as it was written."""
    mistakes: list[str] = []
    build({"xyzzy": 1, "regrade": {"10": 1}}, Table, "data.", mistakes, only=("format", "path", "regrade"))
    assert mistakes == [
        "data.xyzzy: there is no such key; there are: format, path, regrade",
        "data.regrade: expected a table, each value a text, found {'10': 1}",
        "data.format is missing",
    ]


def test_the_package_offers_loading() -> None:
    import benchmarks

    assert benchmarks.load_benchmark is load_benchmark
    assert benchmarks.benchmark_names is benchmark_names


def test_a_refusal_names_a_benchmark_as_it_was_named(tmp_path: Path) -> None:
    """By its file, where that was typed: nothing is found by the name that a file gives it. Identities and comparisons
    do not depend on it."""
    file = benchmark_in(tmp_path).joinpath("tiny.toml").rename(tmp_path / "my shop.toml")
    benchmark = load_benchmark(str(file), home=tmp_path)
    with pytest.raises(BadInput, match="is not prepared") as refusal:
        _ = benchmark.prepared
    assert refusal.value.fix == f"moa prepare -b '{file}'"
    elsewhere = replace(benchmark, source="")
    assert (elsewhere, elsewhere.identity, elsewhere.typed) == (benchmark, benchmark.identity, "'my shop'")


def test_grids_of_many_objectives_are_made_at_once() -> None:
    """Nineteen objectives, as a reward model of many attributes has: 3^19 products were gone through before."""
    grid = default_grid(19)
    assert len(grid) == len(set(grid)) == 19 * 20 // 2 + 1
    assert simplex_grid(3, 2) == (
        (1.0, 0.0, 0.0), (0.5, 0.5, 0.0), (0.5, 0.0, 0.5), (0.0, 1.0, 0.0), (0.0, 0.5, 0.5), (0.0, 0.0, 1.0),
    )  # fmt: skip
