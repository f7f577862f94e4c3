"""Evaluation: moa's batched path against one answer at a time, and its sampler against `generate` of transformers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import deepcopy
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from measure import Line, cpu_seconds, interleaved
from models import benchmark_and_tokenizer, classifier, default_precision, trained
from transformers import PreTrainedModel

from benchmarks.models.batching import by_length, pad_left
from benchmarks.models.device import setup
from benchmarks.models.policy import Policy
from benchmarks.rewards.classifier import Classifier
from benchmarks.spec.settings import Sampling

LOOP_PROMPTS = 64
"""Prompts for the slow loop."""
GENERATE_PROMPTS = 256


def generate(
    model: PreTrainedModel, policy: Policy, encoded: Sequence[list[int]], sampling: Sampling
) -> list[list[int]]:
    """Answers to encoded prompts in one batch, by transformers."""
    ids, mask = pad_left(encoded, policy.tokenizer.pad_token_id, model.device)
    output: Any = model.generate(
        input_ids=ids, attention_mask=mask, max_new_tokens=sampling.max_new_tokens, do_sample=True, top_k=0,
        top_p=sampling.top_p, temperature=sampling.temperature, pad_token_id=policy.tokenizer.pad_token_id,
        eos_token_id=policy.tokenizer.eos_token_id,
    )  # fmt: skip
    answers = output[:, ids.shape[1] :].tolist()
    end = policy.tokenizer.eos_token_id
    return [answer[: answer.index(end) + 1] if end in answer else answer for answer in answers]


def rate_one_by_one(
    model: PreTrainedModel, policy: Policy, reward: Classifier, prompts: Sequence[str], sampling: Sampling
) -> float:
    """Tokens per second, generated and scored one answer at a time: as the public code of RiC and RS does it."""
    tokens = 0

    @torch.no_grad()
    def work() -> None:
        nonlocal tokens
        for prompt in prompts:
            answer = generate(model, policy, [policy.encode_prompt(prompt)], sampling)[0]
            ids = torch.tensor(reward.encode([prompt], [policy.decode(answer, ())]))
            reward.model(input_ids=ids.to(reward.model.device)).logits[0, 0].item()
            tokens += len(answer)

    with default_precision():
        took = cpu_seconds(work)
    return tokens / took


def rate_of_moa(policy: Policy, reward: Classifier, prompts: Sequence[str], sampling: Sampling) -> float:
    """Tokens per second, generated and scored as `moa eval` does."""
    tokens = 0

    def work() -> None:
        nonlocal tokens
        answers = policy.sample(prompts, sampling, seed=0)
        reward(prompts, [policy.decode(answer, ()) for answer in answers])
        tokens = sum(map(len, answers))

    took = cpu_seconds(work)
    return tokens / took


def rate_of_sampler(policy: Policy, prompts: Sequence[str], sampling: Sampling, batch: int) -> float:
    """Tokens per second of moa's sampler."""
    answers: list[list[int]] = []
    took = cpu_seconds(lambda: answers.extend(policy.sample(prompts, sampling, seed=0, batch=batch)))
    return sum(map(len, answers)) / took


def rate_of_generate(
    model: PreTrainedModel, policy: Policy, prompts: Sequence[str], sampling: Sampling, batch: int
) -> float:
    """Tokens per second of `generate`, on the same batches of similar length."""
    tokens = 0

    def work() -> None:
        nonlocal tokens
        encoded = [policy.encode_prompt(p) for p in prompts]
        for rows in by_length(encoded, batch):
            tokens += sum(map(len, generate(model, policy, [encoded[i] for i in rows], sampling)))

    took = cpu_seconds(work)
    return tokens / took


def rate_of_default_generate(*arguments: Any) -> float:
    """The same with torch's own matrix products."""
    with default_precision():
        return rate_of_generate(*arguments)


def measure(folder: Path) -> Iterator[Line]:
    """Both comparisons."""
    benchmark, tokenizer = benchmark_and_tokenizer()
    policy, reward = trained(benchmark, tokenizer, folder), classifier(tokenizer, folder)
    default = deepcopy(policy.model)
    default.set_attn_implementation("sdpa")  # what transformers chooses when nobody asks for anything else
    prompts, sampling = benchmark.prompts("test"), benchmark.sampling

    rates = interleaved(
        {
            "moa": partial(rate_of_moa, policy, reward, prompts, sampling),
            "loop": partial(rate_one_by_one, default, policy, reward, prompts[:LOOP_PROMPTS], sampling),
        },
        rounds=3,
    )
    yield Line(
        what="evaluation: moa / one answer at a time",
        value=rates["moa"] / rates["loop"],
        target=10,
        detail=f"generated and scored: {rates['moa']:,.0f} against {rates['loop']:,.0f} tokens/s",
    )
    for batch in (64, 128):
        arguments = (policy, prompts[:GENERATE_PROMPTS], sampling, batch)
        rates = interleaved(
            {
                "moa": partial(rate_of_sampler, *arguments),
                "generate": partial(rate_of_default_generate, default, *arguments),
                "generate, moa's settings": partial(rate_of_generate, policy.model, *arguments),
            },
            rounds=3,
        )
        best = max(rates["generate"], rates["generate, moa's settings"])
        yield Line(
            what=f"sampler: moa / generate, batch {batch}",
            value=rates["moa"] / best,
            target=1,
            detail=f"{rates['moa']:,.0f} against {best:,.0f} tokens/s (generate with the better of two settings)",
        )


if __name__ == "__main__":
    setup(threads=1)
    with TemporaryDirectory() as temporary:
        for line in measure(Path(temporary)):
            line.emit()
