"""Python as good as the command line: settings, folders, progress, and a comparison that shows itself."""

from __future__ import annotations

import json
import subprocess
import sys
import warnings
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import moa_cli
from benchmarks.common.errors import BadInput
from benchmarks.models.device import setup
from benchmarks.prepare.benchmark import Benchmark
from methods.conformance.examined import in_small
from moa_cli.jobs.python import _quieten
from tests.kit.files import EXAMPLES, ROOT


def test_settings_are_checked_as_on_the_command_line() -> None:
    """All mistakes at once, with the nearest name; what fits is taken as the command line takes it."""
    ric = moa_cli.find_method("ric")
    with pytest.raises(BadInput) as refused:
        ric(rounds="two", batch=0, epoch=1)
    told = str(refused.value)
    assert "rounds: expected a whole number of at least 0, found 'two'" in told
    assert "batch: expected a whole number of at least 1, found 0" in told
    assert "epoch: there is no such setting" in told
    assert type(ric(offline_epochs=2).offline_epochs) is float  # type: ignore[attr-defined]
    with pytest.raises(BadInput, match="keep_share"):
        moa_cli.find_method("ric")(keep_share=1.5)


def test_numbers_of_numpy_and_paths_are_taken() -> None:
    ric = moa_cli.find_method("ric")
    assert type(ric(rounds=np.int64(2)).rounds) is int  # type: ignore[attr-defined]
    assert type(ric(learning_rate=np.float32(0.5)).learning_rate) is float  # type: ignore[attr-defined]
    assert moa_cli.load_benchmark("hh-rlhf-mini", options={"eval_prompts": np.int64(3)}, home="here").home == Path(
        "here"
    )
    assert moa_cli.find_method(ROOT / "examples" / "my_method.py")


@pytest.mark.parametrize(("method", "seed", "word"), [
    (moa_cli.find_method("sft"), 0, "is no method"), ("sft", 0, "is no method"),
    *((moa_cli.find_method("sft")(), seed, "is no seed") for seed in (True, -1, "0", 1.5, 2**40, None)),
])  # fmt: skip
def test_what_cannot_be_trained_is_told_before_anything_is_made(
    method: Any, seed: Any, word: str, unprepared: Benchmark, tmp_path: Path
) -> None:
    with pytest.raises(BadInput, match=word):
        moa_cli.train(replace(unprepared, home=tmp_path / "runs"), method, seed=seed)
    assert not (tmp_path / "runs").exists()


def test_a_run_is_measured_by_the_method_that_trained_it(own_tiny: Benchmark) -> None:
    """Another would leave a front in its folder that nobody trained for."""
    run = moa_cli.train(own_tiny, moa_cli.find_method("sft")(), log=lambda *_: None)
    front = moa_cli.evaluate(own_tiny, moa_cli.find_method("sft")(), run, log=lambda *_: None)
    before = {path: path.read_bytes() for path in run.dir.rglob("*") if path.is_file()}
    for name in ("sft-goals", "ric"):
        with pytest.raises(BadInput, match=f"was not trained by this {name}"):
            moa_cli.evaluate(own_tiny, moa_cli.find_method(name)(), run)
    assert {path: path.read_bytes() for path in run.dir.rglob("*") if path.is_file()} == before
    assert moa_cli.compare(one for one in [front]).benchmarks[0].rows[0].method == "sft"


def test_runs_lie_where_the_command_line_has_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("MOA_RUNS", raising=False)
    assert moa_cli.load_benchmark("hh-rlhf-mini").home == Path("runs")
    monkeypatch.setenv("MOA_RUNS", str(tmp_path))
    assert moa_cli.load_benchmark("hh-rlhf-mini").home == tmp_path
    assert moa_cli.load_benchmark("hh-rlhf-mini", home=Path("here")).home == Path("here")
    monkeypatch.setenv("MOA_RUNS", "~/runs")
    assert moa_cli.load_benchmark("hh-rlhf-mini").home == Path.home() / "runs"


def test_the_version_and_the_environment_of_workers() -> None:
    """Set before torch is there; a variable that is set stays."""
    names = ("GOMP_SPINCOUNT", "TRL_EXPERIMENTAL_SILENCE")
    code = f"import os, moa_cli; print(moa_cli.__version__, *(os.environ[name] for name in {names!r}))"
    environment = {"PYTHONPATH": str(Path(moa_cli.__file__).parents[1]), "GOMP_SPINCOUNT": "7"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.split()[1:] == ["7", "1"]
    assert done.stdout[0].isdigit() or done.stdout.startswith("unknown")


@pytest.mark.parametrize("prepare", [setup.__wrapped__, _quieten])
def test_no_training_ends_for_a_warning(prepare: Callable[[], object]) -> None:
    """As PYTHONWARNINGS=error would have it; what is ignored stays so."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message="never mind")
        before = [*warnings.filters]
        prepare()
        warnings.warn("will be renamed one day", FutureWarning, stacklevel=1)
        assert ("ignore", *before[0][1:]) in warnings.filters


def test_the_notebook_runs(own_tiny: Benchmark, tiny_size: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its cells in order, on a benchmark that takes seconds; in the form of a notebook, where that can be told."""
    notebook = json.loads((ROOT / "examples" / "compare.ipynb").read_text(encoding="utf-8"))
    if find_spec("nbformat"):
        import_module("nbformat").validate(notebook)
    monkeypatch.setattr(moa_cli, "load_benchmark", lambda _: own_tiny, raising=False)
    space: dict[str, object] = {}
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            exec("".join(cell["source"]), space)
    assert "best-of-n" in str(space["comparison"])


def test_examples_stand_in_a_comparison_that_shows_itself(
    own_tiny: Benchmark, tiny_size: None, capsys: pytest.CaptureFixture[str]
) -> None:
    """With what they cost, beside sft; as text, in a notebook, drawn, and as a table."""
    fronts = []
    for name in ("sft", *EXAMPLES[1:]):
        method = in_small(moa_cli.find_method(name))
        fronts.append(moa_cli.evaluate(own_tiny, method, moa_cli.train(own_tiny, method)))
    told = capsys.readouterr()
    assert told.out == ""
    assert "conditioned-rloo/cries/s0  policy  " in told.err
    assert "Loading weights" not in told.err
    found = moa_cli.compare(fronts)
    costs = {row.method: row.cost for row in found.benchmarks[0].rows}
    assert {"dpo-on-rewards", "conditioned-rloo", "sft"} == set(costs)
    for name in ("dpo-on-rewards", "conditioned-rloo"):
        assert (costs[name]["trained_tokens"] or 0) > 0
        assert (costs[name]["flops"] or 0) > (costs["sft"]["flops"] or 0)
    lines = str(found).splitlines()
    assert lines[0].startswith("cries@1  ah, oh")
    assert max(map(len, lines)) <= 80
    assert "dpo-on-rewards" in found._repr_html_()
    assert found._repr_html_().startswith("<pre")
    assert len(found.plot().axes) >= 2
    frame = found.to_pandas()
    assert len(frame) == sum(len(front.weights) for front in fronts)
    assert {"method", "weight_ah", "reward_oh", "score_ah", "kl", "hypervolume"} <= set(frame.columns)
    assert '"moa.compare/' in found.to_json()
