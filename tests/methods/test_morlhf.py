"""MORLHF: one RL run per weight, and at the corners of the simplex what Rewarded Soups starts from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.models.policy import sequence_divergence
from benchmarks.prepare.benchmark import Benchmark
from methods.contract.run import Run
from methods.engines.rl import train_rl
from methods.morlhf import MORLHF
from methods.rewarded_soups import RewardedSoups

FEW = {"epochs": 0.25, "prompts_per_step": 4}
GRID = ((1.0, 0.0), (0.25, 0.75), (0.0, 1.0))


def whole(run: Run, stage: str) -> bytes:
    return (run.stage(stage).folder / "model.safetensors").read_bytes()


def test_a_corner_is_an_expert_of_the_soup(tiny: Benchmark, tmp_path: Path) -> None:
    """w = e_i with the same seed: the same bits as Rewarded Soups' end point i. In between it is neither."""
    few, ours, soups = replace(tiny, trained_grid=GRID), Run(tmp_path / "ours", 3), Run(tmp_path / "soups", 3)
    MORLHF(**FEW).train(few, ours)
    RewardedSoups(**FEW).train(few, soups)
    for name in tiny.names:
        assert whole(ours, name) == whole(soups, name)
    assert len({whole(ours, name) for name in ("ah", "0.25-0.75", "oh")}) == 3


def test_what_answers_for_a_weight_was_trained_for_it(
    tiny: Benchmark, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One call per weight, all with the same settings; the policy is what the stage of that weight holds."""
    few, run, method = replace(tiny, trained_grid=GRID), Run(tmp_path, 0), MORLHF(**FEW, learning_rate=1e-4)
    calls: list[tuple[Any, ...]] = []
    train = train_rl
    monkeypatch.setattr("methods.engines.rl.train_rl", lambda *given: (calls.append(given), train(*given)))
    method.train(few, run)
    assert [(weights, settings) for _, weights, settings, _ in calls] == [(w, method) for w in GRID]
    prompts = tiny.prompts("test")
    for _, weights, _, stage in calls:
        policy = method.policy(few, run, weights)
        attention = policy.model.config._attn_implementation  # which one depends on the processor
        direct = type(policy.model).from_pretrained(stage.folder, attn_implementation=attention).eval()
        answers = policy.sample(prompts, tiny.sampling, 0)
        assert float(sequence_divergence(policy, replace(policy, model=direct), prompts, answers).kl.max()) < 1e-9


def test_the_grid_is_the_paper_s_or_all(tiny: Benchmark) -> None:
    assert MORLHF().points(tiny) == tiny.trained_grid
    assert MORLHF(weights="all").points(tiny) == tiny.grid
    assert len(set(MORLHF().points(tiny))) == 5
