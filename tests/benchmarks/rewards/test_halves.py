"""Large classifiers keep the 16 bits that their weights came in, and score as in float32."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.models.memory import size_of
from benchmarks.prepare.benchmark import Benchmark
from benchmarks.rewards import memory, opening
from benchmarks.rewards.classifier import Classifier
from benchmarks.rewards.hub import HubReward
from benchmarks.rewards.memory import resident_bytes
from benchmarks.rewards.trained import TrainedReward
from tests.kit.classifiers import KINDS, saved

ANSWERS = ("Yes.", "No, it is not.", "Ask a doctor, or call one tonight.", "a")
PROMPTS = ("How are you?",) * len(ANSWERS)


def stored_in(half: torch.dtype, folder: Path, kind: str) -> Path:
    saved(folder, kind).to(half).save_pretrained(folder)
    return folder


@pytest.mark.parametrize("half", [torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_no_score_moves(kind: str, half: torch.dtype, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To the last bit, call after call; in between, linear layers take half the room."""
    stored_in(half, tmp_path, kind)
    whole = Classifier(tmp_path, inputs="response")
    scores, room = whole(PROMPTS, ANSWERS), whole.model.get_memory_footprint()
    assert len({*scores}) == len(ANSWERS)
    del whole
    monkeypatch.setattr(opening, "SMALL", 0)
    kept = Classifier(tmp_path, inputs="response")
    for _ in range(2):
        assert np.array_equal(kept(PROMPTS, ANSWERS), scores)
        narrow = sum(weight.numel() for weight in kept.model.parameters() if weight.dtype == half)
        assert room - kept.model.get_memory_footprint() == 2 * narrow
        assert narrow > 0.4 * (kept.model.num_parameters() - kept.model.get_input_embeddings().weight.numel())


def test_weights_of_more_bits_keep_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved(tmp_path, "Llama")
    monkeypatch.setattr(opening, "SMALL", 0)
    model = Classifier(tmp_path, inputs="response").model
    assert {weight.dtype for weight in model.parameters()} == {torch.float32}


def test_a_layer_that_fails_is_narrow_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "SMALL", 0)
    model = Classifier(stored_in(torch.bfloat16, tmp_path, "Llama"), inputs="response").model
    with pytest.raises(RuntimeError):
        model.score(torch.zeros(1, 7))
    assert model.score.weight.dtype == torch.bfloat16


def test_what_is_resident(unprepared: Benchmark, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A published model once, whoever reads it; a model for every objective that is learned, and for an evaluator if it
    learns otherwise; 2 bytes a weight where it is large and came in 16 bits."""
    saved(whole := tmp_path / "whole", "Llama")
    half = stored_in(torch.bfloat16, tmp_path / "half", "Llama")
    single, other = (size_of(str(folder))[0].parameters for folder in (half, whole))  # type: ignore[index]
    ah, oh = unprepared.objectives

    def resident(*rewards: HubReward | TrainedReward) -> int:
        pairs = zip((ah, oh), rewards[:2], rewards[2:] or rewards, strict=True)
        objectives = tuple(replace(o, reward=reward, evaluator=evaluator) for o, reward, evaluator in pairs)
        return resident_bytes(replace(unprepared, objectives=objectives))

    published, learned = HubReward(model=str(half)), TrainedReward(base=str(half))
    assert resident(published, published) == 4 * single
    assert resident(learned, learned) == 2 * 4 * single
    assert resident(learned, learned, replace(learned, steps=7), replace(learned, steps=7)) == 4 * 4 * single
    monkeypatch.setattr(memory, "SMALL", 0)
    assert resident(published, published) == 2 * single
    assert resident(published, HubReward(model=str(whole))) == 2 * single + 4 * other
    assert resident(learned, learned) == 2 * 4 * single
