"""Small trained runs, one training per method, for all tests of what is taken home."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import fields, replace
from functools import cache
from typing import Any

import pytest

from benchmarks.prepare.benchmark import Benchmark
from methods.contract.find import find_method
from moa_cli.jobs.run import train
from moa_cli.runs.config import Source
from moa_cli.runs.contestant import Contestant

SMALL: dict[str, Any] = {
    "batch": 16, "prompts_per_step": 16, "steps": 4, "answers": 16, "learning_rate": 1e-3,
    "reward_steps": 4, "reward_batch": 8, "calibration_answers": 16, "offline_epochs": 1.0, "rounds": 0,
}  # fmt: skip
OTHERWISE: dict[str, dict[str, Any]] = {"rewarded-soups": {"lora_rank": 2}}
"""Adapters of one method: what is merged, and what is exported alone."""
Trained = Callable[[str], Contestant]


@pytest.fixture(scope="session")
def home_tiny(tiny: Benchmark, tmp_path_factory: pytest.TempPathFactory) -> Benchmark:
    """The prepared tiny benchmark in a folder of these tests' own, with three weights to retrain for."""
    home = tmp_path_factory.mktemp("export") / "runs"
    shutil.copytree(tiny.home, home)
    return replace(tiny, home=home, trained_grid=tiny.grid)


@pytest.fixture(scope="session")
def trained(home_tiny: Benchmark) -> Trained:
    """The trained run of a method, trained once."""

    @cache
    def made(name: str) -> Contestant:
        cls = find_method(name)
        settings = {f.name: SMALL[f.name] for f in fields(cls) if f.name in SMALL} | OTHERWISE.get(name, {})
        method = cls(**settings)
        train(home_tiny, method)
        return Contestant.of(Source("cries", home_tiny.home), home_tiny, method, 0)

    return made
