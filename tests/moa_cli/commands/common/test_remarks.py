"""What is said of a benchmark before it is used, once, and only by commands that use it."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.load.load import load_benchmark
from moa_cli.commands.own.init import init
from tests.kit.cli import moa
from tests.kit.worlds import benchmark_in

FEW = "tiny: eval_prompts = 90, but only "
OPEN = "tiny: long, round have no held-out evaluator"


@pytest.fixture
def open_book(tmp_path: Path) -> Path:
    """A benchmark of more test prompts than there are, without evaluators."""
    table = benchmark_in(tmp_path) / "tiny.toml"
    lines = table.read_text().replace("eval_prompts = 6", "eval_prompts = 90").splitlines()
    table.write_text("\n".join(line for line in lines if not line.startswith("evaluator")))
    return tmp_path


@pytest.mark.parametrize("command", ["train -m ric", "compare -m sft,ric --seed 0,1", "tune -m ric", "study kl -m ric"])
def test_what_measures_says_it_once(command: str, open_book: Path) -> None:
    told = moa(*command.split(), "-b", "tiny.toml", "--dry-run", cwd=open_book)
    assert told.returncode == 0, told.stderr
    assert (told.stderr.count(FEW), told.stderr.count(OPEN), told.stderr.count("held-out")) == (1, 1, 1)


def test_what_does_not_measure_says_less(open_book: Path) -> None:
    told = moa("show", "tiny.toml", cwd=open_book)
    assert (told.stderr.count(FEW), told.stderr.count("held-out")) == (1, 0)
    assert "held-out evaluator" not in moa("clean", "--dry-run", cwd=open_book).stderr
    examined = moa("check", "tiny.toml", cwd=open_book)
    assert examined.stdout.count(FEW) == 1


def test_the_default_number_is_asked_by_nobody(tmp_path: Path) -> None:
    table = benchmark_in(tmp_path) / "tiny.toml"
    table.write_text(table.read_text().replace("eval_prompts = 6\n", ""))
    assert "eval_prompts" not in moa("train", "-m", "ric", "-b", "tiny.toml", "--dry-run", cwd=tmp_path).stderr


def test_what_one_starts_from_asks_for_the_prompts_that_it_has(tmp_path: Path) -> None:
    init("benchmark", str(tmp_path / "desk.toml"))
    for file in (tmp_path / "desk.toml", Path(__file__).parents[4] / "examples" / "my_benchmark.toml"):
        benchmark = load_benchmark(str(file))
        assert len(benchmark.data.prompts("test")) == benchmark.eval_prompts
