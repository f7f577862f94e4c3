"""What a comparison keeps for readers: answers, curves of trainings, intervals of points."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.measure.front import Front
from benchmarks.measure.front_files import FrontRecord, point_file, read_front
from moa_cli.comparisons.comparison import compare
from moa_cli.runs.log import log_curves
from tests.kit.fronts import PROMPTS, changed, make_card, make_front


def stored(name: str, folder: Path, steering: str = "merge") -> Front:
    """A front on disk whose first objective scores prompt n with n at every weight."""
    front = make_front(name, 1.0, steering=steering)
    scores = front.scores.copy()
    scores[:, :, 0], scores[:, :, 1] = np.arange(PROMPTS), 0
    texts = {
        "prompts": tuple(f"p{n}" for n in range(PROMPTS)),
        "responses": tuple(f"{name}{n}" for n in range(PROMPTS)),
    }
    for k, point in enumerate(changed(front, scores=scores).points):
        replace(point, **texts).write(point_file(folder, k), front.card)
    FrontRecord(
        method=name, seed=0, steering=steering, weights=front.weights, card=front.card, cost={}, config={}
    ).complete(folder)
    return read_front(folder)


def test_answers_are_kept_to_prompts_spread_over_the_scores_at_the_weights_looked_at_first(tmp_path: Path) -> None:
    """Of 60 prompts in the order of their scores four evenly spaced: the best, the worst, and 20 and 39 between."""
    fronts = [stored("soup", tmp_path / "a/front"), stored("sft", tmp_path / "b/front", "none")]
    kept = compare(fronts, answers=4).benchmarks[0].answers
    assert kept.numbers == (1, 21, 40, 60)
    assert kept.prompts == ("p0", "p20", "p39", "p59")
    given = [(one.method, one.weights) for one in kept.given]
    assert given == [("soup", (1, 0)), ("soup", (0.5, 0.5)), ("soup", (0, 1)), ("sft", (0.5, 0.5))]
    assert kept.given[0].responses == ("soup0", "soup20", "soup39", "soup59")
    assert [score for score, _ in kept.given[0].scores] == [0, 20, 39, 59]
    whole = compare(fronts, answers=None).benchmarks[0].answers
    assert (len(whole.prompts), len(whole.given)) == (PROMPTS, 11 + 1)
    assert compare(fronts, answers=0).benchmarks[0].answers is None
    assert compare([make_front("soup", 1.0)]).benchmarks[0].answers is None, "nothing is on disk"


def test_curves_come_from_logs_thinned_out_to_means_and_bad_lines_are_passed_over(tmp_path: Path) -> None:
    """Six rows to three spans of two: steps 1.5, 3.5, 5.5 and losses 1, 3, 5 between 0 and 6."""
    front = stored("soup", tmp_path / "front")
    rows = [{"stage": "s", "step": n, "steps": 6, "loss": n - 0.5, "tokens/s": 1.0} for n in range(1, 7)]
    odd = ['{"stage": "s"}', "[1]", '{"bro}', '{"stage": "s", "step": 7, "steps": 6, "loss": NaN}', '{"st']
    (tmp_path / "log.jsonl").write_text("\n".join([*map(json.dumps, rows), *odd]), encoding="utf-8")
    assert log_curves(tmp_path, most=3) == {("s", "loss"): ((1.5, 3.5, 5.5), (1.0, 3.0, 5.0))}
    [curve] = compare([front]).benchmarks[0].curves
    assert (curve.method, curve.stage, curve.measure, len(curve.steps)) == ("soup", "s", "loss", 6)
    assert log_curves(tmp_path / "nowhere") == {}


def test_a_step_that_was_taken_again_counts_once(tmp_path: Path) -> None:
    """Interrupted after step 4, gone on from the checkpoint at step 2."""
    taken = [(1, 9.0), (2, 8.0), (3, 70.0), (4, 60.0), (3, 7.0), (4, 6.0), (5, 5.0)]
    rows = [{"stage": "s", "step": step, "steps": 5, "loss": loss} for step, loss in taken]
    (tmp_path / "log.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    assert log_curves(tmp_path) == {("s", "loss"): ((1, 2, 3, 4, 5), (9, 8, 7, 6, 5))}


def test_points_have_intervals_over_prompts() -> None:
    """Equal scores leave no doubt; of scores with SD s the half width is 1.96 s / sqrt(N), here of N = 60."""
    front = make_front("soup", 1.0, card=make_card())
    scores = np.zeros_like(front.scores)
    scores[:, ::2, 0] = 1.0
    [row] = compare([changed(front, scores=scores)]).benchmarks[0].rows
    (low, high), constant = row.points[0].score_intervals
    assert constant == (0.0, 0.0)
    assert (high - low) / 2 == pytest.approx(1.96 * 0.5 / np.sqrt(PROMPTS), rel=0.1)
    assert low < 0.5 < high
