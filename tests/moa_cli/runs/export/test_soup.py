"""Adapters made elsewhere, merged: the same policy as that of the method which merges."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM

from benchmarks.common.errors import BadInput
from benchmarks.measure.evaluation import evaluate
from methods.contract.run import Run
from moa_cli.runs.export.soup import measured, soup_of
from tests.kit.cli import moa, refused
from tests.moa_cli.runs.export.conftest import Trained

IDS = torch.tensor([[5, 6, 7, 8, 9]])


@pytest.fixture
def adapters(trained: Trained) -> list[Path]:
    """The experts of a run, as they lie there."""
    run = trained("rewarded-soups")
    return [Run(run.folder, 0).stage(name).folder for name in run.benchmark.names]


def test_a_soup_is_that_of_the_method(trained: Trained, adapters: list[Path], tmp_path: Path) -> None:
    """The same logits, in memory and as a folder; with a benchmark the same scores."""
    run, weights = trained("rewarded-soups"), (0.3, 0.7)
    policy_at = partial(run.method.policy, run.benchmark, Run(run.folder, 0))
    typed = "soup", *map(str, adapters), "--weights", ".3,.7", "soup"
    tried = moa(*typed, "--dry-run", cwd=tmp_path)
    assert (tried.returncode, "would write soup" in tried.stderr, [*tmp_path.iterdir()]) == (0, True, [])
    result = moa(*typed, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    _, merged = soup_of(adapters, weights, run.benchmark)
    with torch.no_grad():
        expected = policy_at(weights).model(IDS).logits
        assert torch.equal(merged.model(IDS).logits, expected)
        stored = AutoModelForCausalLM.from_pretrained(tmp_path / "soup")(IDS).logits
    assert torch.allclose(stored, expected, atol=1e-5)
    text = (tmp_path / "soup/README.md").read_text()
    assert "| ah | 0.3 |\n| oh | 0.7 |" in text
    assert str(run.benchmark.home) not in text.replace(" ".join(map(str, adapters)), "")  # but for what was typed
    front = evaluate(run.benchmark, policy_at, [weights], tmp_path / "front", method="m", steering="merge", seed=0,
                     cost={}, config={})  # fmt: skip
    [point] = measured(run.benchmark, merged, weights).points
    assert point.scores == pytest.approx(front.means("scores")[0].tolist())


@pytest.mark.parametrize(
    ("change", "weights", "words"),
    [
        (None, "0.5,0.6", "are no weights for 2 adapters"),
        (None, "1", "are no weights for 2 adapters"),
        ({"base_model_name_or_path": "another"}, "0.5,0.5", "was trained on another"),
        ({"base_model_name_or_path": None}, "0.5,0.5", "names no base_model_name_or_path"),
        ({"use_dora": True}, "0.5,0.5", "has use_dora set"),
        ("gone", "0.5,0.5", "is no adapter"),
        ("[]", "0.5,0.5", "cannot use other/adapter_config.json"),
        ("[" * 5000, "0.5,0.5", "cannot use other/adapter_config.json"),
    ],
)
def test_what_has_no_mean(adapters: list[Path], change: Any, weights: str, words: str, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(adapters[1], other)
    file = other / "adapter_config.json"
    if change == "gone":
        file.unlink()
    elif isinstance(change, str):
        file.write_text(change)
    elif change:
        file.write_text(json.dumps(json.loads(file.read_text()) | change))
    typed = "soup", str(adapters[0]), "other", "--weights", weights, "soup"
    refused(moa(*typed, "--dry-run", cwd=tmp_path), words)
    assert not (tmp_path / "soup").exists()


def test_a_base_that_is_not_there_or_not_the_benchmarks(trained: Trained, adapters: list[Path], tmp_path: Path) -> None:
    benchmark = trained("rewarded-soups").benchmark
    with pytest.raises(BadInput, match="cries starts from"):
        soup_of(adapters, (0.5, 0.5), replace(benchmark, home=tmp_path))
    for name in ("a", "b"):
        shutil.copytree(adapters[0], tmp_path / name)
        file = tmp_path / name / "adapter_config.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | {"base_model_name_or_path": str(tmp_path / "gone")}))
    with pytest.raises(BadInput, match="gone cannot be opened"):
        soup_of([tmp_path / "a", tmp_path / "b"], (0.5, 0.5), None)
