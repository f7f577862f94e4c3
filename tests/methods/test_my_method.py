"""The example of a method of one's own, used as a newcomer would use it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import moa_cli
from benchmarks.prepare.benchmark import Benchmark
from tests.kit.cli import moa
from tests.kit.files import ROOT

QUICK = (
    "policy=scratch:0.3m", "scratch.pretrain_steps=4", "scratch.sft_steps=1", "epochs=0.5", "keep=0.5",
    "trained_grid=[[1,0],[0.5,0.5],[0,1]]",
)  # fmt: skip


def test_it_takes_part_in_a_contest(tmp_path: Path) -> None:
    """Trained, measured and compared on the example benchmark; `moa show` knows its hyperparameters."""
    options = [word for option in QUICK for word in ("-c", option)]
    methods = ("--method", "sft", "--method", "examples/my_method.py")
    result = moa(
        "compare", *methods, "-b", "examples/my_benchmark.toml", *options, "--json", cwd=ROOT, MOA_RUNS=str(tmp_path)
    )
    assert result.returncode == 0, result.stderr
    [benchmark] = json.loads(result.stdout)["benchmarks"]
    rows = {row["method"]: row for row in benchmark["rows"]}
    assert set(rows) == {"sft", "ranked-fine-tuning"}
    ours = rows["ranked-fine-tuning"]
    assert [point["label"] for point in ours["points"]] == ["1,0", "0.5,0.5", "0,1"]
    assert ours["cost"]["generated_tokens"] > 0
    assert ours["config"]["keep"] == 0.5
    assert rows["sft"]["cost"]["trained_tokens"] == 0
    assert "ranked-fine-tuning/my_benchmark/s0" in result.stderr
    shown = moa("show", "examples/my_method.py", cwd=ROOT, MOA_RUNS=str(tmp_path))
    assert shown.returncode == 0, shown.stderr
    assert "keep" in shown.stdout
    assert "Share of the answers that is imitated." in shown.stdout


def test_the_example_in_python_works(
    own_tiny: Benchmark, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """That of docs/methods.md, on a benchmark that takes seconds."""
    [code] = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "methods.md").read_text(), re.S)
    assert moa_cli.load_benchmark("hh-rlhf-mini").name == "hh-rlhf-mini"
    monkeypatch.setattr(moa_cli, "load_benchmark", lambda _: own_tiny, raising=False)
    exec(code, {})
    told = {name: float(volume) for name, volume in map(str.split, capsys.readouterr().out.splitlines())}
    assert set(told) == {"sft", "ric"}
    assert min(told.values()) >= 0


def test_it_has_one_name(tmp_path: Path) -> None:
    """That of its class: what is foreseen, and with it progress, says what tables and folders say."""
    result = moa(
        "train", "-m", "examples/my_method.py", "--seed", "1", "--dry-run", "--json", cwd=ROOT, MOA_RUNS=str(tmp_path)
    )
    assert json.loads(result.stdout)["jobs"][-1]["job"] == "ranked-fine-tuning/hh-rlhf-mini/s1"


def test_it_is_short() -> None:
    assert len((ROOT / "examples" / "my_method.py").read_text().splitlines()) < 100
