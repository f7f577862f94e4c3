"""Sampling from a model of SmolLM2's shape: moa's sampler against `generate` of transformers in the same precision.

Where the environment variable MOA_SMOLLM2 names a folder with SmolLM2-135M-Instruct, that model answers, else one of
its shape with random weights, whose next tokens are about as uncertain.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from measure import Line, cpu_seconds, interleaved
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM, PreTrainedModel

from benchmarks.models.batching import pad_left
from benchmarks.models.device import setup
from benchmarks.models.sampler import sample_tokens
from benchmarks.spec.settings import Sampling

FOLDER = os.environ.get("MOA_SMOLLM2")
SAMPLING = Sampling(max_new_tokens=10, temperature=1.0, top_p=0.9)
PAD = 2
NAMES = {torch.bfloat16: "bf16", torch.float32: "fp32"}
CASES = ((torch.bfloat16, 16), (torch.bfloat16, 64), (torch.float32, 16))
SHAPE = {
    "vocab_size": 49_152, "hidden_size": 576, "intermediate_size": 1536, "num_hidden_layers": 30,
    "num_attention_heads": 9, "num_key_value_heads": 3, "max_position_embeddings": 8192, "tie_word_embeddings": True,
}  # fmt: skip


def large_model(dtype: torch.dtype) -> PreTrainedModel:
    """SmolLM2, or what stands for it. It never ends an answer, so that all work is known."""
    model: PreTrainedModel
    if FOLDER:
        model = AutoModelForCausalLM.from_pretrained(FOLDER, dtype=dtype, attn_implementation="sdpa")
    else:
        torch.manual_seed(0)
        model = LlamaForCausalLM(LlamaConfig(**SHAPE, attn_implementation="sdpa", pad_token_id=PAD))
        model.get_input_embeddings().weight.data.normal_(std=4 / SHAPE["hidden_size"] ** 0.5)  # logits have an SD of 4
    model.generation_config.eos_token_id = None
    return model.to(dtype).eval()


def by_moa(model: PreTrainedModel, prompts: Sequence[list[int]]) -> None:
    """Answers by moa's sampler."""
    uniforms = np.random.default_rng(0).random((len(prompts), SAMPLING.max_new_tokens))
    tokenizer: Any = SimpleNamespace(pad_token_id=PAD)
    answers = sample_tokens(model, tokenizer, prompts, SAMPLING, uniforms, ends=())
    assert {len(answer) for answer in answers} == {SAMPLING.max_new_tokens}


def by_generate(model: Any, prompts: Sequence[list[int]]) -> None:
    """Answers by transformers."""
    ids, mask = pad_left(prompts, PAD, model.device)
    out = model.generate(
        input_ids=ids, attention_mask=mask, max_new_tokens=SAMPLING.max_new_tokens, do_sample=True, top_k=0,
        top_p=SAMPLING.top_p, temperature=SAMPLING.temperature, pad_token_id=PAD,
    )  # fmt: skip
    assert out.shape[1] == ids.shape[1] + SAMPLING.max_new_tokens


def measure() -> Iterator[Line]:
    """Each case, on prompts of 8 to 24 tokens."""
    generator = np.random.default_rng(0)
    for dtype, batch in CASES:
        model = large_model(dtype)
        lengths = generator.integers(8, 25, size=batch)
        prompts = [generator.integers(10, SHAPE["vocab_size"], size=n).tolist() for n in lengths]
        by_moa(model, prompts[:2])  # the first call is slower
        seconds = interleaved(
            {
                name: partial(cpu_seconds, partial(answer, model, prompts))
                for name, answer in (("moa", by_moa), ("generate", by_generate))
            },
            rounds=2,
        )
        moa, theirs = (batch * SAMPLING.max_new_tokens / seconds[name] for name in ("moa", "generate"))
        yield Line(
            what=f"sampler / generate, SmolLM2, {NAMES[dtype]}, batch {batch}",
            value=moa / theirs,
            target=1,
            detail=f"{moa:.0f} against {theirs:.0f} tokens/s, {'real' if FOLDER else 'random'} weights",
        )


if __name__ == "__main__":
    setup(threads=1)
    for line in measure():
        line.emit()
