"""Rows of log.jsonl: when each was written, how long after the start of the training, and how fast it went."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from benchmarks.common.ledger import Cost
from benchmarks.prepare.benchmark import Benchmark
from methods.contract.run import Run
from methods.rewarded_soups import RewardedSoups
from moa_cli.jobs.run import train
from moa_cli.runs.record import read_record


def rows(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def test_a_row_says_when_and_how_fast(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """10 s of an earlier process; 300 tokens in 2 s, 50 of them generated; then none in 1 s."""
    now, cost = 100.0, Cost(seconds=10.0, trained_tokens=1000)
    monkeypatch.setattr(time, "perf_counter", lambda: now)
    heard: list[Any] = []
    run = Run(tmp_path, 0, lambda *what: heard.append(what), cost)
    now, cost.trained_tokens, cost.generated_tokens = 102.0, 1250, 50
    run.log("dpo", 1, 2, {"loss": 0.5})
    now = 103.0
    run.log("dpo", 2, 2, {})
    first, last = rows(tmp_path)
    assert {k: v for k, v in first.items() if k != "time"} == {
        "stage": "dpo", "step": 1, "steps": 2, "seconds": 12.0, "tokens/s": 150.0, "loss": 0.5,
    }  # fmt: skip
    assert (last["seconds"], last["tokens/s"]) == (13.0, 0.0)
    assert heard == [("dpo", 1, 2, {"loss": 0.5}), ("dpo", 2, 2, {})]
    for row in (first, last):
        when = datetime.fromisoformat(row["time"])
        assert when.utcoffset() == timedelta(0)
        assert abs(datetime.now(UTC) - when) < timedelta(minutes=5)


def test_the_log_of_a_training(own_tiny: Benchmark) -> None:
    """Time goes on where the training before left off; tokens flow while something is trained."""
    method = RewardedSoups(epochs=0.25, prompts_per_step=4, samples_per_prompt=2)
    shown: list[dict[str, float]] = []
    run = train(own_tiny, method, log=lambda stage, step, steps, measured: shown.append(measured))
    first = rows(run.dir)
    assert {"time", "seconds", "tokens/s"} <= set.intersection(*(set(row) for row in first))
    assert max(row["tokens/s"] for row in first) > 0
    assert any("tokens/s" in measured for measured in shown)
    ended = read_record(run.dir).cost["seconds"]
    assert 0 < first[-1]["seconds"] <= ended + 1e-3
    again = train(own_tiny, method, seed=0, restart=False)
    assert rows(again.dir) == first
    later = Run(run.dir, 0, cost=again.cost)
    later.log("more", 1, 1, {})
    everything = rows(run.dir)
    seconds, times = ([row[name] for row in everything] for name in ("seconds", "time"))
    assert seconds == sorted(seconds)
    assert times == sorted(times)
    assert everything[-1]["seconds"] >= ended - 1e-3
