"""A run that nobody made, and what runs ask of the engines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from benchmarks.prepare.benchmark import Benchmark
from benchmarks.spec.answers import Answer
from methods.engines import sft
from methods.engines.sft import train_sft
from moa_cli.runs.record import Record, RecordedBenchmark

RECORD = Record(
    status="trained", method="sft", steering="none", 
    benchmark=RecordedBenchmark(name="b", version="1", identity="i", source="b", data_dir=None, options={}),
    config={}, seed=3,
    trained_at=((1.0, 0.0),), command="moa train", commit=None, versions={}, device="cpu", threads=1,
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
