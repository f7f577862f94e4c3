"""The score of an answer depends on its text alone: not on what is scored beside it or was scored before."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

from benchmarks.models.batching import ROWS, fixed_shapes
from benchmarks.models.scratch import scratch_classifier
from benchmarks.prepare.benchmark import Benchmark
from benchmarks.rewards.classifier import Classifier
from benchmarks.rewards.hub import HubReward
from methods.contract.run import Run
from methods.contract.settings import Reinforcement
from methods.engines.rl import train_rl

LIMIT = 128
Reader = Callable[..., Classifier]
"""The reward in a folder, given a `cache`."""
WORDS = ("call", "say", "why", "now", "there", "you", "please", "I", "so", "doctor")


def decoder(tokenizer: PreTrainedTokenizerFast, folder: Path) -> Reader:
    """As moa trains them."""
    scratch_classifier("tiny", tokenizer, LIMIT, labels=1, seed=0).save_pretrained(folder)
    return partial(Classifier, folder)


def encoder(tokenizer: PreTrainedTokenizerFast, folder: Path) -> Reader:
    """As hub rewards often are. Its last layers see one vector a row, so few that each may be computed differently."""
    sizes = {"hidden_size": 128, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 512}
    config = BertConfig(vocab_size=len(tokenizer), num_labels=1, max_position_embeddings=LIMIT, **sizes)
    config.initializer_range = 0.2
    torch.manual_seed(0)
    BertForSequenceClassification(config).save_pretrained(folder)
    return partial(Classifier, folder, inputs=HubReward(model=str(folder)).inputs)


def answers(count: int, seed: int = 0) -> list[tuple[str, str]]:
    """Prompts and responses of 1 to about 130 tokens, some cut at the limit."""
    random = np.random.default_rng(seed)
    return [
        (" ".join(random.choice(WORDS, random.integers(1, 40))), " ".join(random.choice(WORDS, random.integers(1, 40))))
        for _ in range(count)
    ]


def scored(classifier: Classifier, asked: Sequence[tuple[str, str]]) -> list[float]:
    return classifier([p for p, _ in asked], [r for _, r in asked]).tolist()


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("kind", [decoder, encoder])
def test_no_bit_depends_on_company_or_order(
    kind: Callable[..., Reader],
    threads: int,
    tokenizer: PreTrainedTokenizerFast,
    tmp_path: Path,
    tiny_size: None,
) -> None:
    """All at once into an empty cache; and with a cache that was filled by other subsets, in other orders."""
    read = kind(tokenizer, tmp_path / "model")
    tokenizer.save_pretrained(tmp_path / "model")
    before, asked, random = torch.get_num_threads(), answers(150), np.random.default_rng(1)
    torch.set_num_threads(threads)
    try:
        wanted = scored(read(cache=tmp_path / "empty.sqlite"), asked)
        assert np.std(wanted) > 0.05
        filled = read(cache=tmp_path / "filled.sqlite")
        strangers = answers(60, seed=2)
        order = random.permutation(len(asked))[:100].tolist()
        while order:
            size = int(random.integers(1, 9))
            part = [asked[i] for i in order[:size]] + [strangers[i] for i in random.integers(0, 60, 5)]
            scored(filled, [part[i] for i in random.permutation(len(part))])
            order = order[size:]
        backwards = random.permutation(len(asked)).tolist()
        found = scored(filled, [asked[i] for i in backwards])
    finally:
        torch.set_num_threads(before)
    assert found == [wanted[i] for i in backwards]


def test_shapes_follow_from_the_length_alone() -> None:
    """Whatever else there is; each index once; no row is too long; a batch has padding in every row, or in none."""
    random = np.random.default_rng(0)
    shape_of: dict[int, tuple[int, int]] = {}
    for _ in range(50):
        lengths = random.integers(1, 301, random.integers(1, 200)).tolist()
        batches = list(fixed_shapes(lengths, 300, 1024))
        assert sorted(i for indices, _, _ in batches for i in indices) == list(range(len(lengths)))
        widths = [width for _, _, width in batches]
        assert widths == sorted(widths, reverse=True), "the first batch shows the memory peak"
        for indices, rows, width in batches:
            assert 1 <= len(indices) <= rows
            assert rows in ROWS
            assert rows * width <= 1024 or rows == 1
            assert len({lengths[i] == width for i in indices}) == 1
            for i in indices:
                assert lengths[i] <= width <= max(lengths[i] * 9 / 8 + 1, lengths[i] + 16, 16)
                assert shape_of.setdefault(lengths[i], (rows, width)) == (rows, width)
    assert list(fixed_shapes([], 300, 1024)) == []


def test_a_policy_does_not_depend_on_what_was_scored_before(
    own_tiny: Benchmark, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same RL with an empty cache, and with one in which most of its answers are, scored in other company."""
    asked: list[tuple[str, str]] = []
    forward = Classifier.forward

    def remembering(
        self: Classifier, prompts: Sequence[str], responses: Sequence[str]
    ) -> tuple[np.ndarray, np.ndarray]:
        asked.extend(zip(prompts, responses, strict=True))
        return forward(self, prompts, responses)

    def trained(name: str, before: Sequence[tuple[str, str]]) -> dict[str, bytes]:
        home = tmp_path / name
        shutil.copytree(own_tiny.home, home)
        shutil.rmtree(home / own_tiny.name / "prepared" / "scores")
        benchmark, random = replace(own_tiny, home=home), np.random.default_rng(3)
        order = random.permutation(len(before)).tolist()
        while order:
            size = int(random.integers(1, 8))
            benchmark.rewards([before[i][0] for i in order[:size]], [before[i][1] for i in order[:size]])
            order = order[size:]
        stage = Run(home / "run", seed=0).stage("ah")
        settings = Reinforcement(epochs=0.5, prompts_per_step=4, samples_per_prompt=4)
        train_rl(benchmark, (1.0, 0.0), settings, stage)
        return {path.name: path.read_bytes() for path in stage.folder.glob("*.safetensors")}

    monkeypatch.setattr(Classifier, "forward", remembering)
    first = trained("empty", [])
    assert len(asked) > 40
    again = trained("filled", asked[: len(asked) * 3 // 4])
    assert first
    assert first == again
