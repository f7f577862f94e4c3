"""A run that nobody made, and what runs ask of the engines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from benchmarks.common.identity import plain
from benchmarks.prepare.benchmark import Benchmark
from benchmarks.spec.answers import Answer
from methods.contract.find import find_method
from methods.engines import sft
from methods.engines.sft import train_sft
from moa_cli.runs.config import as_config
from moa_cli.runs.record import Record, RecordedBenchmark
from moa_cli.runs.tuned import Trial, Tuning

RECORD = Record(
    status="trained", method="sft", steering="none", 
    benchmark=RecordedBenchmark(name="b", version="1", identity="i", source="b", data_dir=None, options={}),
    config={}, seed=3,
    trained_at=((1.0, 0.0),), command="moa train", commit=None, versions={}, device="cpu", threads=1,
)  # fmt: skip


def make_tuning(benchmark: Benchmark, method: str, *, found: dict[str, Any] | None = None, trials: int = 2) -> Tuning:
    """A search whose last trial is the best, and differs from the default as told."""
    cls = find_method(method)
    default = plain(as_config(cls()))
    tried = tuple(
        Trial(
            number=n, config=default | (found or {}) if n else default, run=f"{method}/0-s0", state="fine",
            rewards=float(n), scores=n / 2, kl=1.0, collapse=0.0, flops=1e9, seconds=1.0,
        )
        for n in range(trials)
    )  # fmt: skip
    return Tuning(
        method=method, benchmark=benchmark.name, identity=benchmark.identity, on="rewards", max_kl=None, seed=0,
        prompts=8, asked=trials, budget=2e9, searched={}, trials=tried, best=trials - 1,
    )  # fmt: skip


def record_with(**entries: Any) -> Record:
    """The record with other entries."""
    return RECORD.model_copy(update=entries)


def spied(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[Answer], dict[str, Any]]]:
    """Records every SFT call and lets it happen."""
    calls: list[tuple[str, list[Answer], dict[str, Any]]] = []
    train = train_sft

    def spy(benchmark: Benchmark, answers: Sequence[Answer], stage: Any, **settings: Any) -> None:
        calls.append((stage.name, list(answers), settings))
        train(benchmark, answers, stage, **settings)

    monkeypatch.setattr(sft, "train_sft", spy)
    return calls
