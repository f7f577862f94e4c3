"""What acts only when a policy answers trains nothing: fronts of one training lie side by side, each found again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.prepare.benchmark import Benchmark
from benchmarks.prepare.make import prepare
from methods.ric import RiC
from moa_cli.jobs.run import evaluate, train
from moa_cli.runs.folders import fronts_in
from moa_cli.runs.state import is_measured
from tests.kit.runs import spied


def points(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.glob("*.parquet")}


def test_another_mapping_and_fewer_prompts_train_nothing(
    own_tiny: Benchmark, tiny_size: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainings = spied(monkeypatch)
    linear = RiC(rounds=0, offline_epochs=0.2)
    linf, fewer = replace(linear, mapping="linf"), replace(own_tiny, eval_prompts=5)
    prepare(fewer)
    run = train(own_tiny, linear)
    first = evaluate(own_tiny, linear, run)
    assert first.folder is not None
    kept = points(first.folder)
    assert len(trainings) == 1

    assert train(own_tiny, linf).dir == train(fewer, linf).dir == run.dir
    other, few = evaluate(own_tiny, linf, run), evaluate(fewer, linf, run)
    assert len(trainings) == 1
    assert {first.folder, other.folder, few.folder} == set(fronts_in(run.dir))
    assert (other.config["mapping"], first.config["mapping"]) == ("linf", "linear")
    assert (first.card.prompts, few.card.prompts) == (10, 5)
    assert first.card.units_hash == few.card.units_hash
    assert all(is_measured(run.dir, b, m) for b, m in ((own_tiny, linear), (own_tiny, linf), (fewer, linf)))
    assert not is_measured(run.dir, fewer, linear)

    assert evaluate(own_tiny, linear, run).folder == first.folder
    assert points(first.folder) == kept, "going back finds what was measured first"
    assert train(own_tiny, replace(linear, offline_epochs=0.1)).dir != run.dir
    assert len(trainings) == 2
