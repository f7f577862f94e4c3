"""Supervised fine-tuning as a stage of a run."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.common.errors import BadInput
from benchmarks.prepare.benchmark import Benchmark
from methods.contract.run import Run
from methods.engines.sft import train_sft


def test_no_answers_are_told_before_anything_is_loaded(tiny: Benchmark, tmp_path: Path) -> None:
    """A trainer would say "argmax(): Expected reduction dim to be specified for input.numel() == 0"."""
    with pytest.raises(BadInput, match="no answers to train stage online-1 on"):
        train_sft(tiny, [], Run(tmp_path, 0).stage("online-1"), epochs=1, batch=8, learning_rate=1e-4, lora_rank=None)
