"""SFT with goals: the starting policy, told what the weights ask for as a trained policy would be."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.prepare.benchmark import Benchmark
from benchmarks.prepare.make import prepare
from benchmarks.spec.answers import Answer
from methods.contract.run import Run
from methods.moslim import MOSLIM
from methods.sft_goals import SFTGoals
from tests.kit.worlds import WithGrades


def shown(tiny: Benchmark, method: SFTGoals, run: Run, weights: tuple[float, ...]) -> str:
    policy = method.policy(tiny, run, weights)
    return policy.tokenizer.decode(policy.encode_prompt("Call 1:"))


def test_weights_ask_for_the_goals_that_moslim_is_told(tiny: Benchmark, tmp_path: Path) -> None:
    """Five intensities where nothing is graded; the policy that MOSLIM starts from, told the same, answers the same."""
    run, method = Run(tmp_path, 0), SFTGoals()
    assert (method.mapping, method.classes) == (MOSLIM().mapping, MOSLIM().classes)
    for w, text, goals in (
        ((1.0, 0.0), "<ah 5> Call 1:", (5, 0)),
        ((0.5, 0.5), "<ah 3> <oh 3> Call 1:", (3, 3)),
        ((0.25, 0.75), "<ah 2> <oh 4> Call 1:", (2, 4)),
    ):
        assert shown(tiny, method, run, w) == text
        ours, theirs = method.policy(tiny, run, w), MOSLIM().with_goals(tiny, None, goals)
        assert ours.model is tiny.prepared.policy.model
        prompts = tiny.prompts("test")
        assert ours.generate(prompts, tiny.sampling, 0) == theirs.generate(prompts, tiny.sampling, 0)
    method.train(tiny, run)
    assert list(tmp_path.iterdir()) == []


def test_grades_bring_their_number_of_intensities(tiny: Benchmark, tmp_path: Path) -> None:
    """Of seven and three grades, the most are asked for at the corners: 1 + (7 - 1) and 1 + (3 - 1)."""
    grades: Any = {"ah": [(Answer("p", "a"), 7), (Answer("p", "b"), 1)], "oh": [(Answer("p", "b"), 3)]}
    graded = replace(tiny, data=WithGrades(tiny.data, grades))
    method, run = SFTGoals(classes=4), Run(tmp_path, 0)
    assert shown(graded, method, run, (1.0, 0.0)) == "<ah 7> Call 1:"
    assert shown(graded, method, run, (0.0, 1.0)) == "<oh 3> Call 1:"
    assert shown(tiny, method, run, (0.0, 1.0)) == "<oh 4> Call 1:"


@pytest.mark.parametrize("name", ["hh-rlhf-mini"])
def test_its_intensities_are_those_of_the_grader(name: str) -> None:
    """On the embedded worlds, five: what a reward model that learns from the grades has as classes."""
    from benchmarks.load.load import load_benchmark
    from methods.engines.goals import intensities

    benchmark = load_benchmark(name)
    _, labels, classes = MOSLIM()._labelled(benchmark, 0)
    assert intensities(benchmark, 9) == tuple(classes) == (5, 5)
    assert np.unique(labels).tolist() == [0, 1, 2, 3, 4]


def test_a_policy_without_tags_can_be_told_goals(gold_tiny: Benchmark, tmp_path: Path) -> None:
    """It reads them as it reads anything; so MOSLIM, which is told goals in the same words, can train on."""
    bare = prepare(replace(gold_tiny, scratch=replace(gold_tiny.scratch, tags=False))).benchmark
    assert bare.prepared.report.tagged == 0 < gold_tiny.prepared.report.tagged
    policy = SFTGoals().policy(bare, Run(tmp_path, 0), (0.5, 0.5))
    assert policy.decode(policy.encode_prompt("Call 1:"), ()).startswith("<ah 3> <oh 3> Call")
    assert all(bare.prepared.policy.generate(bare.prompts("dev"), bare.sampling, 0))
    assert len(policy.generate(bare.prompts("dev"), bare.sampling, 0)) == 10
