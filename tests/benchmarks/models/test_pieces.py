"""Logits in pieces: the same numbers, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import trl.trainer.utils as trl_utils
from transformers import Gemma2Config, Gemma2ForCausalLM, LlamaConfig, LlamaForCausalLM, PreTrainedModel

from benchmarks.models import Training, pieces, trainer_arguments
from benchmarks.models.pieces import next_logits
from benchmarks.models.policy import sequence_divergence, sequence_log_probs
from tests.kit.memory import peak_bytes

SHAPE: dict[str, Any] = {
    "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2,
    "num_key_value_heads": 1, "pad_token_id": 0,
}  # fmt: skip


def llama(vocabulary: int, seed: int = 0) -> PreTrainedModel:
    torch.manual_seed(seed)
    return LlamaForCausalLM(LlamaConfig(vocab_size=vocabulary, **SHAPE, initializer_range=0.5)).eval()


def gemma(vocabulary: int) -> PreTrainedModel:
    """Its logits are not what its head says: they are bent to stay within 3."""
    torch.manual_seed(0)
    config = Gemma2Config(
        vocab_size=vocabulary, head_dim=8, **SHAPE, initializer_range=0.5, final_logit_softcapping=3.0
    )
    return Gemma2ForCausalLM(config).eval()


def policy(model: PreTrainedModel, prompt: tuple[int, ...]) -> Any:
    """Shows every prompt as the same ids."""
    return SimpleNamespace(
        model=model, tokenizer=SimpleNamespace(pad_token_id=0), parameters=model.num_parameters(),
        encode_prompts=lambda prompts: [[*prompt]] * len(prompts),
    )  # fmt: skip


def answers(rows: int, longest: int, vocabulary: int) -> list[list[int]]:
    generator = np.random.default_rng(0)
    return [generator.integers(vocabulary, size=longest - i % 5).tolist() for i in range(rows)]


@pytest.mark.parametrize("make", [llama, gemma])
@torch.no_grad()
def test_pieces_are_the_models_own_logits(make: Callable[[int], PreTrainedModel]) -> None:
    """Of 3 rows and 50 tokens, 300 logits are two positions: 7 positions are 4 pieces. The body computes once."""
    model, calls = make(50), []
    ids = torch.tensor(np.random.default_rng(1).integers(50, size=(3, 12)))
    mask = torch.ones_like(ids)
    mask[0, :4] = 0
    inputs = {"input_ids": ids, "attention_mask": mask, "position_ids": (mask.cumsum(-1) - 1).clamp(min=0)}
    whole = model(**inputs).logits[:, 4:11]
    model.base_model.register_forward_hook(lambda *_: calls.append(1))
    own = model.base_model.layers[0].register_forward_hook(lambda *_: calls.append(2))
    found = list(next_logits(model, inputs, 7, piece=300))
    own.remove()
    assert [(start, *logits.shape) for start, logits in found] == [
        (0, 3, 2, 50),
        (2, 3, 2, 50),
        (4, 3, 2, 50),
        (6, 3, 1, 50),
    ]
    torch.testing.assert_close(torch.cat([logits for _, logits in found], dim=1), whole, rtol=1e-5, atol=1e-5)
    assert calls.count(2) == 1
    assert torch.equal(model(**inputs).logits[:, 4:11], whole)  # as it was before


def test_one_model_can_be_read_twice_at_once() -> None:
    """A policy that is shown other prompts may share its model with the reference."""
    model = llama(50)
    first, second = ({"input_ids": torch.full((2, 9), token)} for token in (3, 4))
    with torch.no_grad():
        both = list(zip(next_logits(model, first, 5, piece=100), next_logits(model, second, 5, piece=100), strict=True))
        for inputs, found in ((first, [a for a, _ in both]), (second, [b for _, b in both])):
            torch.testing.assert_close(torch.cat([x for _, x in found], dim=1), model(**inputs).logits[:, 3:8])


def test_divergence_and_likelihood_are_the_same_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = policy(llama(60, 1), (7, 8, 9)), policy(llama(60, 2), (5,))
    said = answers(6, 9, 60)
    whole = sequence_divergence(ours, theirs, ["x"] * 6, said, 0.7)
    monkeypatch.setattr(pieces.next_logits, "__defaults__", (6 * 60 * 2,))
    found = sequence_divergence(ours, theirs, ["x"] * 6, said, 0.7)
    assert np.allclose(found.kl, whole.kl, rtol=1e-5)
    assert whole.kl.min() > 0.1
    assert np.allclose(found.log_prob, whole.log_prob, rtol=1e-6)
    likely = sequence_log_probs(theirs, [([5], one) for one in said], temperature=0.7)
    assert np.allclose(likely, whole.log_prob, rtol=1e-5)


def test_divergence_at_a_large_vocabulary_takes_bounded_memory() -> None:
    """16 answers of 32 tokens at 150,000 tokens are 77 million logits, 307 MB in fp32, of which nearly five were held
    at a time. A piece is six positions, 58 MB; four are held: ours, and theirs in the making: 231 MB."""
    vocabulary = 150_000
    said = answers(16, 32, vocabulary)
    models = [policy(llama(vocabulary, seed), (5, 6, 7)) for seed in (0, 1)]
    peak = peak_bytes(partial(sequence_divergence, *models, ["x"] * 16, said))
    assert 4 * 16 * 32 * vocabulary > 300e6
    assert peak < 3.5 * 4 * pieces.PIECE


def test_losses_at_a_large_vocabulary_take_bounded_memory(tmp_path: Path) -> None:
    """4 texts of 512 tokens: a tile of all of them and 32,768 of 50,000 logits is 268 MB, of which nine were held."""
    model = llama(50_000)
    trainer_arguments(Training(steps=1, batch=4, learning_rate=1.0), tmp_path, 0, model)
    trl_utils.add_fused_lm_head(model)
    ids = torch.tensor(answers(1, 4 * 512, 50_000)).view(4, 512)
    model(input_ids=ids[:, :9], labels=ids[:, :9], fused_lm_head=True).loss.backward()  # gradients are there
    peak = peak_bytes(lambda: model(input_ids=ids, labels=ids, fused_lm_head=True).loss.backward())
    assert peak < 4.5 * 4 * pieces.PIECE
