"""What the starting policy answers to training prompts: the scale card is taken on it, under whatever evaluators."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from benchmarks._benchmark import REVISION, Answer, Benchmark, digest
from benchmarks._lock import write_text
from benchmarks._policy import load_policy
from benchmarks._recipes import policy_id, policy_source, root

CARD_PROMPTS = 1000
"""Training prompts on which the scale card is taken (never test prompts: methods train in its units)."""


def card_answers(benchmark: Benchmark) -> list[Answer]:
    """The starting policy's answers to `CARD_PROMPTS` training prompts; generated once and kept beside the card."""
    prompts = benchmark.prompts("train")
    picked = np.random.default_rng(benchmark.seed).permutation(len(prompts))[:CARD_PROMPTS]
    prompts = [prompts[i] for i in picked]
    path = _file(benchmark, prompts)
    if not path.exists():
        policy = load_policy(policy_source(benchmark), benchmark.max_prompt_tokens)
        responses = policy.generate(prompts, benchmark.sampling, seed=benchmark.seed)
        write_text(path, json.dumps(list(zip(prompts, responses, strict=True))))
    return [Answer(*row) for row in json.loads(path.read_text(encoding="utf-8"))]


def _file(benchmark: Benchmark, prompts: list[str]) -> Path:
    """Where the answers lie."""
    recipe = [
        REVISION, policy_id(benchmark), benchmark.max_prompt_tokens, benchmark.sampling, benchmark.seed, prompts,
    ]  # fmt: skip
    return root(benchmark) / f"answers-{digest(recipe)}.json"
